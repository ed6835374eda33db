/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issue-private.h"

#include "brevet-clock.h"
#include "brevet-log.h"

#define LONGEST_RETRY 300
#define JOURNAL_PAUSE 5000

static gboolean
on_pause_over (gpointer user_data)
{
  brevet_issue_take_step (G_TASK (user_data));
  return G_SOURCE_REMOVE;
}

void
brevet_issue_step_after (GTask *task, guint milliseconds)
{
  g_autoptr(GSource) source = g_timeout_source_new (milliseconds);

  g_source_set_callback (source, on_pause_over, g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

static void
on_journal_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      issue->unwritten = FALSE;
      g_clear_pointer (&issue->refused, brevet_inventory_entry_free);
      if (issue->pause > 0)
        brevet_issue_step_after (task, issue->pause);
      else
        brevet_issue_take_step (task);
      return;
    }
  g_warning ("The journal of operation %s cannot be written, trying again in %d s: %s", issue->intent->operation_id,
             JOURNAL_PAUSE / 1000, error->message);
  if (issue->step == STEP_POLL || brevet_clock_monotonic () < issue->deadline)
    brevet_issue_step_after (task, JOURNAL_PAUSE);
  else
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE, "The journal cannot be written: %s",
                             error->message);
}

void
brevet_issue_write_journal (GTask *task)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  issue->unwritten = TRUE;
  brevet_records_put_intent (batch, issue->intent);
  if (issue->refused != NULL)
    g_free (brevet_records_put_certificate (batch, issue->refused));
  brevet_store_commit_async (issue->context->store, batch, NULL, on_journal_written, g_object_ref (task));
}

void
brevet_issue_make_request (BrevetIssue *issue)
{
  BrevetIntent *intent = issue->intent;

  g_clear_pointer (&issue->request, brevet_ca_request_unref);
  issue->request = brevet_ca_request_new (intent->operation_id, intent->registration_id, issue->csr, intent->idempotency_key,
                                          intent->requested_at);
  brevet_ca_request_set_common_name (issue->request, intent->common_name);
  brevet_ca_request_set_uri (issue->request, intent->uri);
  brevet_ca_request_set_validity (issue->request, intent->validity);
  brevet_ca_request_set_deadline (issue->request, issue->deadline);
}

void
brevet_issue_begin_new_attempt (GTask *task, guint pause)
{
  BrevetIssue *issue = g_task_get_task_data (task);

  brevet_intent_renew_key (issue->intent);
  issue->intent->attempt++;
  issue->intent->requested_at = brevet_clock_now_seconds ();
  g_clear_pointer (&issue->intent->ticket, g_free);
  issue->step = STEP_ASK;
  issue->pause = pause;
  issue->finds = 0;
  brevet_issue_make_request (issue);
  brevet_issue_write_journal (task);
}

void
brevet_issue_settle_ambiguity (GTask *task, guint pause)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetCaCapabilities capabilities = brevet_ca_backend_get_capabilities (issue->authority->backend);

  if (capabilities & BREVET_CA_CAPABILITY_IDEMPOTENT)
    {
      issue->step = STEP_ASK;
      brevet_issue_step_after (task, pause);
    }
  else if (capabilities & BREVET_CA_CAPABILITY_FIND)
    {
      issue->step = STEP_FIND;
      brevet_issue_take_step (task);
    }
  else
    {
      g_warning ("The certificate authority “%s” may have issued a certificate for %s that never arrived (operation %s, attempt "
                 "%u); it can be asked for neither, so a new one is requested", issue->authority->name,
                 issue->intent->registration_id, issue->intent->operation_id, issue->intent->attempt);
      brevet_issue_begin_new_attempt (task, pause);
    }
}

/* Exponential pauses with full jitter, never shorter than the CA asked for. Returns 0 if the deadline would pass. */
static guint
choose_pause (BrevetIssue *issue, const GError *error)
{
  guint ceiling = MIN (LONGEST_RETRY, 1u << MIN (issue->retries, 16));
  gint64 pause = g_random_int_range (1, (gint32) ceiling * 1000 + 1);

  pause = MAX (pause, (gint64) brevet_ca_error_get_retry_after (error) * 1000);
  if (brevet_clock_monotonic () + pause * 1000 > issue->deadline)
    return 0;
  issue->retries++;
  return (guint) pause;
}

gboolean
brevet_issue_retry_later (GTask *task, const GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetCaErrorClass class = brevet_ca_error_classify (error);
  guint pause = 0;

  if (class == BREVET_CA_ERROR_CLASS_RETRYABLE || class == BREVET_CA_ERROR_CLASS_AMBIGUOUS)
    pause = choose_pause (issue, error);
  if (pause == 0)
    return FALSE;
  /* Once for each operation: a CA may be away for hours. */
  if (issue->retries == 1)
    g_message ("The certificate for %s has to wait, its certificate authority “%s” is asked again until it answers (operation "
               "%s): %s", issue->intent->registration_id, issue->intent->authority, issue->intent->operation_id, error->message);
  brevet_issue_step_after (task, pause);
  return TRUE;
}

/* Once is an accident, twice is a CA that an operator must look at. */
static gboolean
is_misread_again (BrevetIssue *issue, const GError *error)
{
  gboolean again = issue->misread_once;

  if (!g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL))
    return FALSE;
  issue->misread_once = TRUE;
  return again;
}

void
brevet_issue_handle_error (GTask *task, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  g_autoptr(GError) owned = error;
  guint pause;

  if (brevet_ca_error_classify (error) == BREVET_CA_ERROR_CLASS_AMBIGUOUS)
    {
      pause = choose_pause (issue, error);
      if (pause > 0)
        {
          brevet_issue_settle_ambiguity (task, pause);
          return;
        }
    }
  else if (!is_misread_again (issue, error) && brevet_issue_retry_later (task, error))
    return;
  g_task_return_error (task, g_steal_pointer (&owned));
}

BrevetInventoryEntry *
brevet_issue_make_entry (BrevetIssue *issue, BrevetChain *chain, const char *status)
{
  BrevetInventoryEntry *entry = g_new0 (BrevetInventoryEntry, 1);

  entry->registration_id = g_strdup (issue->intent->registration_id);
  entry->operation_id = g_strdup (issue->intent->operation_id);
  entry->authority = g_strdup (issue->authority->name);
  entry->backend_reference = g_strdup (brevet_ca_outcome_get_backend_reference (issue->outcome));
  entry->chain = brevet_chain_ref (chain);
  entry->status = g_strdup (status);
  return entry;
}

typedef struct {
  BrevetCertificate *certificate;
  char *authority;
} Revocation;

static void
on_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Revocation *revocation = user_data;
  g_autoptr(GError) error = NULL;

  if (!brevet_ca_backend_revoke_finish (BREVET_CA_BACKEND (source), result, &error))
    g_warning ("The refused certificate %s of %s could not be revoked: %s", brevet_certificate_get_serial (revocation->certificate),
               revocation->authority, error->message);
  brevet_certificate_unref (revocation->certificate);
  g_free (revocation->authority);
  g_free (revocation);
}

static void
revoke_certificate (BrevetIssue *issue, BrevetCertificate *certificate)
{
  Revocation *revocation;

  if (!(brevet_ca_backend_get_capabilities (issue->authority->backend) & BREVET_CA_CAPABILITY_REVOKE))
    return;
  revocation = g_new0 (Revocation, 1);
  revocation->certificate = brevet_certificate_ref (certificate);
  revocation->authority = g_strdup (issue->authority->name);
  brevet_ca_backend_revoke_async (issue->authority->backend, certificate, brevet_ca_outcome_get_backend_reference (issue->outcome),
                                  BREVET_REVOCATION_SUPERSEDED, NULL, on_revoked, revocation);
}

/* Never handed out, but remembered and revoked: the CA did sign it. */
void
brevet_issue_refuse (GTask *task, const char *reason, GError *error)
{
  BrevetIssue *issue = g_task_get_task_data (task);
  BrevetChain *chain = brevet_ca_outcome_get_chain (issue->outcome);
  BrevetCertificate *leaf = brevet_chain_get_leaf (chain);

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CERTIFICATE_REFUSED, reason, "BREVET_CA", issue->authority->name,
                    "BREVET_REGISTRATION", issue->intent->registration_id, "BREVET_OPERATION", issue->intent->operation_id,
                    "BREVET_SERIAL", brevet_certificate_get_serial (leaf), NULL);
  issue->refused = brevet_issue_make_entry (issue, chain, BREVET_INVENTORY_REFUSED);
  issue->refused->reason = g_strdup (reason);
  revoke_certificate (issue, leaf);
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  issue->error = error;
  if (issue->error == NULL && issue->refused_once)
    issue->error = g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL,
                                "The certificate authority “%s” twice issued a certificate that must not be used",
                                issue->authority->name);
  issue->refused_once = TRUE;
  if (issue->error == NULL)
    {
      brevet_issue_begin_new_attempt (task, 0);
      return;
    }
  issue->step = STEP_GIVE_UP;
  issue->pause = 0;
  brevet_issue_write_journal (task);
}
