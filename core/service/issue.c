/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issue-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"

#define SHORTEST_POLL   5
#define LONGEST_POLL    3600
#define LONGEST_PENDING (7 * 24 * 3600)
#define FIND_PAUSE      5000
#define FIND_TRIES      2

static void
issue_free (gpointer data)
{
  BrevetIssue *issue = data;

  brevet_service_context_unref (issue->context);
  brevet_intent_free (issue->intent);
  brevet_csr_unref (issue->csr);
  g_clear_pointer (&issue->authority, brevet_authority_unref);
  g_clear_pointer (&issue->request, brevet_ca_request_unref);
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  g_clear_pointer (&issue->refused, brevet_inventory_entry_free);
  g_clear_error (&issue->error);
  g_free (issue);
}

/* A certificate that cannot be checked now is not thrown away; one that cannot be checked at all must not be used. */
static void
on_trust (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetTrustBundle) trust = brevet_ca_backend_get_trust_finish (BREVET_CA_BACKEND (source), result, &error);
  g_autoptr(BrevetChain) chain = NULL;

  if (trust == NULL)
    {
      if (!brevet_issue_retry_later (task, error))
        brevet_issue_refuse (task, "The certificate cannot be checked, because its authority does not say what is to be trusted",
                             g_steal_pointer (&error));
      return;
    }
  chain = brevet_issuance_check_run (issue->authority->check, issue->request, issue->outcome, trust, brevet_clock_now_seconds (),
                                     &error);
  if (chain == NULL)
    brevet_issue_refuse (task, error->message, NULL);
  else
    g_task_return_pointer (task, brevet_issue_make_entry (issue, chain, BREVET_INVENTORY_ISSUED),
                           (GDestroyNotify) brevet_inventory_entry_free);
}

static void
poll_after (GTask *task, guint seconds)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  gint64 end = issue->intent->requested_at + LONGEST_PENDING;

  if (issue->intent->expires_at > 0)
    end = MIN (end, issue->intent->expires_at);
  issue->step = STEP_POLL;
  issue->poll_interval = CLAMP (MAX (seconds, issue->poll_interval * 3 / 2), SHORTEST_POLL, LONGEST_POLL);
  issue->pause = issue->poll_interval * 1000;
  if (brevet_clock_now_seconds () >= end)
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_TICKET_EXPIRED,
                             "The certificate authority “%s” did not decide in time", issue->authority->name);
  else if (issue->unwritten)
    brevet_issue_write_journal (task);
  else
    brevet_issue_step_after (task, issue->pause);
}

static void
handle_pending (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetIntent *intent = issue->intent;
  guint seconds = brevet_ca_outcome_get_poll_after (issue->outcome);

  issue->unwritten = g_strcmp0 (intent->ticket, brevet_ca_outcome_get_ticket (issue->outcome)) != 0 ||
                     intent->expires_at != brevet_ca_outcome_get_expires_at (issue->outcome);
  g_free (intent->ticket);
  intent->ticket = g_strdup (brevet_ca_outcome_get_ticket (issue->outcome));
  intent->expires_at = brevet_ca_outcome_get_expires_at (issue->outcome);
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  poll_after (task, seconds);
}

static void
handle_outcome (GTask *task, BrevetCaOutcome *outcome)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  issue->outcome = outcome;
  if (brevet_ca_outcome_is_issued (outcome))
    {
      issue->step = STEP_TRUST;
      brevet_issue_take_step (task);
    }
  else
    handle_pending (task);
}

static void
on_issued (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  BrevetCaOutcome *outcome = brevet_ca_backend_issue_finish (BREVET_CA_BACKEND (source), result, &error);

  if (outcome != NULL)
    handle_outcome (task, outcome);
  else
    brevet_issue_handle_error (task, error);
}

/* Asking for a ticket twice does no harm, and a human may take days to decide: trouble on the way is no reason to give up. */
static void
on_polled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;
  BrevetCaOutcome *outcome = brevet_ca_backend_poll_finish (BREVET_CA_BACKEND (source), result, &error);
  BrevetCaErrorClass class;

  if (outcome != NULL)
    {
      handle_outcome (task, outcome);
      return;
    }
  class = brevet_ca_error_classify (error);
  if (class == BREVET_CA_ERROR_CLASS_RETRYABLE || class == BREVET_CA_ERROR_CLASS_AMBIGUOUS)
    poll_after (task, (guint) MAX (brevet_ca_error_get_retry_after (error), 0));
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
handle_nothing_found (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  if (++issue->finds < FIND_TRIES)
    brevet_issue_step_after (task, FIND_PAUSE);
  else
    brevet_issue_begin_new_attempt (task, 0);
}

/* A CA is asked for a public key, and a device may renew with the one it has: what is in the inventory already answers an earlier
 * question. */
static void
on_inventory_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    handle_outcome (task, g_steal_pointer (&issue->outcome));
  else if (record != NULL)
    handle_nothing_found (task);
  else
    brevet_issue_step_after (task, FIND_PAUSE);
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;

  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  issue->outcome = brevet_ca_backend_find_finish (BREVET_CA_BACKEND (source), result, &error);
  if (issue->outcome != NULL && brevet_ca_outcome_is_issued (issue->outcome))
    {
      key = brevet_records_certificate_key (brevet_chain_get_leaf (brevet_ca_outcome_get_chain (issue->outcome)));
      brevet_store_get_async (issue->context->store, BREVET_COLLECTION_CERTIFICATES, key, NULL, on_inventory_searched,
                              g_object_ref (task));
    }
  else if (issue->outcome != NULL)
    handle_pending (task);
  else if (g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND))
    handle_nothing_found (task);
  else if (!brevet_issue_retry_later (task, error))
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
on_authority_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  issue->authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  if (issue->authority == NULL)
    {
      /* Of other domains are errors of the store, and one that has something else to do just now is not gone. */
      if (error->domain != BREVET_CA_ERROR)
        {
          gboolean passes = !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND) &&
                            !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
          GError *translated = g_error_new (BREVET_CA_ERROR, passes ? BREVET_CA_ERROR_UNAVAILABLE : BREVET_CA_ERROR_CONFIG, "%s",
                                            error->message);

          g_clear_error (&error);
          error = translated;
        }
      if (!brevet_issue_retry_later (task, error))
        g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  brevet_issue_make_request (issue);
  issue->step = issue->intent->ticket != NULL ? STEP_POLL : STEP_ASK;
  if (issue->resumed && issue->intent->ticket == NULL)
    brevet_issue_settle_ambiguity (task, 0);
  else
    brevet_issue_take_step (task);
}

void
brevet_issue_take_step (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetCaBackend *backend = issue->authority != NULL ? issue->authority->backend : NULL;

  if (issue->unwritten)
    {
      brevet_issue_write_journal (task);
      return;
    }
  switch (issue->step)
    {
    case STEP_RESOLVE:
      brevet_authority_pool_resolve_async (issue->context->authorities, issue->intent->authority, NULL, on_authority_resolved,
                                           g_object_ref (task));
      break;
    case STEP_ASK:
      brevet_ca_backend_issue_async (backend, issue->request, NULL, on_issued, g_object_ref (task));
      break;
    case STEP_POLL:
      brevet_ca_backend_poll_async (backend, issue->intent->ticket, issue->request, NULL, on_polled, g_object_ref (task));
      break;
    case STEP_FIND:
      brevet_ca_backend_find_async (backend, issue->request, NULL, on_found, g_object_ref (task));
      break;
    case STEP_TRUST:
      brevet_ca_backend_get_trust_async (backend, NULL, on_trust, g_object_ref (task));
      break;
    case STEP_GIVE_UP:
    default:
      g_task_return_error (task, g_steal_pointer (&issue->error));
      break;
    }
}

void
brevet_issue_async (BrevetServiceContext *context, BrevetIntent *intent, BrevetCsr *csr, gboolean resumed,
                    GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, NULL, callback, user_data);
  BrevetIssue *issue = g_new0 (BrevetIssue, 1);

  g_task_set_source_tag (task, brevet_issue_async);
  issue->context = brevet_service_context_ref (context);
  issue->intent = intent;
  issue->csr = brevet_csr_ref (csr);
  issue->step = STEP_RESOLVE;
  issue->deadline = brevet_clock_monotonic () + (gint64) context->issuance_timeout * G_USEC_PER_SEC;
  issue->resumed = resumed;
  g_task_set_task_data (task, issue, issue_free);
  brevet_issue_take_step (task);
}

BrevetInventoryEntry *
brevet_issue_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
