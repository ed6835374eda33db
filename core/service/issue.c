/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issue.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"

#include <gnutls/crypto.h>

#define SHORTEST_POLL   5
#define LONGEST_POLL    3600
#define LONGEST_RETRY   300
#define LONGEST_PENDING (7 * 24 * 3600)
#define FIND_PAUSE      5
#define FIND_TRIES      2

/* What the next step of an issuance is. */
typedef enum {
  STEP_ASK,  /* issue */
  STEP_POLL, /* ask for a pending request */
  STEP_FIND, /* look whether the CA has issued already */
} Step;

typedef struct {
  BrevetServiceContext *context;
  BrevetIntent *intent;
  BrevetCsr *csr;
  BrevetAuthority *authority;
  BrevetCaRequest *request;
  BrevetCaOutcome *outcome; /* issued, waiting for the CA's trust */
  Step step;
  gint64 deadline; /* monotonic microseconds; not for pending requests */
  guint retries;
  guint finds;
  guint poll_interval;
  gboolean refused_once;
  gboolean resumed;
} Issue;

static void
issue_free (gpointer data)
{
  Issue *issue = data;

  brevet_service_context_unref (issue->context);
  brevet_intent_free (issue->intent);
  brevet_csr_unref (issue->csr);
  g_clear_pointer (&issue->authority, brevet_authority_unref);
  g_clear_pointer (&issue->request, brevet_ca_request_unref);
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  g_free (issue);
}

static void take_step (GTask *task);

static gboolean
on_pause_over (gpointer user_data)
{
  take_step (G_TASK (user_data));
  return G_SOURCE_REMOVE;
}

static void
step_after (GTask *task, guint milliseconds)
{
  g_autoptr(GSource) source = g_timeout_source_new (milliseconds);

  g_source_set_callback (source, on_pause_over, g_object_ref (task), g_object_unref);
  g_source_attach (source, g_task_get_context (task));
}

static void
on_journal_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Issue *issue = g_task_get_task_data (task);
  GError *error = NULL;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_INTERNAL, "The journal cannot be written: %s",
                               error->message);
      g_error_free (error);
      return;
    }
  if (issue->step == STEP_POLL)
    step_after (task, issue->poll_interval * 1000);
  else
    take_step (task);
}

/* The journal comes first, the CA second: whatever happens to this process, the next one knows what may have been asked. */
static void
write_journal (GTask *task)
{
  Issue *issue = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  brevet_records_put_intent (batch, issue->intent);
  brevet_store_commit_async (issue->context->store, batch, NULL, on_journal_written, g_object_ref (task));
}

static void
make_request (Issue *issue)
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

/* A new attempt is a new question to the CA; a certificate that the old one may have yielded is an orphan that nobody can use. */
static void
begin_new_attempt (GTask *task)
{
  Issue *issue = g_task_get_task_data (task);

  if (gnutls_rnd (GNUTLS_RND_KEY, issue->intent->idempotency_key, sizeof issue->intent->idempotency_key) < 0)
    g_error ("The random source of this system fails");
  issue->intent->attempt++;
  issue->intent->requested_at = brevet_clock_now_seconds ();
  g_clear_pointer (&issue->intent->ticket, g_free);
  issue->step = STEP_ASK;
  issue->finds = 0;
  make_request (issue);
  write_journal (task);
}

static void
settle_ambiguity (GTask *task)
{
  Issue *issue = g_task_get_task_data (task);
  BrevetCaCapabilities capabilities = brevet_ca_backend_get_capabilities (issue->authority->backend);

  if (capabilities & BREVET_CA_CAPABILITY_IDEMPOTENT)
    {
      issue->step = STEP_ASK;
      take_step (task);
    }
  else if (capabilities & BREVET_CA_CAPABILITY_FIND)
    {
      issue->step = STEP_FIND;
      take_step (task);
    }
  else
    begin_new_attempt (task);
}

/* Exponential pauses with full jitter, never shorter than the CA asked for. Returns FALSE if the deadline would pass. */
static gboolean
retry_later (GTask *task, const GError *error)
{
  Issue *issue = g_task_get_task_data (task);
  guint ceiling = MIN (LONGEST_RETRY, 1u << MIN (issue->retries, 16));
  int wanted = brevet_ca_error_get_retry_after (error);
  guint pause = g_random_int_range (1, ceiling * 1000 + 1);

  if (wanted > 0)
    pause = MAX (pause, (guint) wanted * 1000);
  if (brevet_clock_monotonic () + (gint64) pause * 1000 > issue->deadline)
    return FALSE;
  issue->retries++;
  step_after (task, pause);
  return TRUE;
}

static void
handle_error (GTask *task, GError *error)
{
  Issue *issue = g_task_get_task_data (task);
  BrevetCaErrorClass class = brevet_ca_error_classify (error);

  if (class == BREVET_CA_ERROR_CLASS_AMBIGUOUS && brevet_clock_monotonic () < issue->deadline)
    {
      g_error_free (error);
      settle_ambiguity (task);
    }
  else if (class == BREVET_CA_ERROR_CLASS_RETRYABLE && retry_later (task, error))
    g_error_free (error);
  else
    g_task_return_error (task, error);
}

static void
on_revoked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(BrevetInventoryEntry) entry = user_data;
  g_autoptr(GError) error = NULL;

  if (!brevet_ca_backend_revoke_finish (BREVET_CA_BACKEND (source), result, &error))
    g_warning ("The refused certificate %s of %s could not be revoked: %s",
               brevet_certificate_get_serial (brevet_chain_get_leaf (entry->chain)), entry->authority, error->message);
}

static BrevetInventoryEntry *
make_entry (Issue *issue, BrevetChain *chain, const char *status)
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

static void
on_refusal_recorded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Issue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    g_warning ("A refused certificate could not be entered into the inventory: %s", error->message);
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  if (issue->refused_once)
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL,
                               "The certificate authority “%s” twice issued a certificate that must not be used",
                               issue->authority->name);
      return;
    }
  issue->refused_once = TRUE;
  begin_new_attempt (task);
}

/* Never handed out, but remembered and revoked: the CA did sign it. */
static void
refuse_certificate (GTask *task, const char *reason)
{
  Issue *issue = g_task_get_task_data (task);
  BrevetChain *chain = brevet_ca_outcome_get_chain (issue->outcome);
  BrevetInventoryEntry *entry = make_entry (issue, chain, BREVET_INVENTORY_REFUSED);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autofree char *key = NULL;

  entry->reason = g_strdup (reason);
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CERTIFICATE_REFUSED, reason, "BREVET_CA", issue->authority->name,
                    "BREVET_REGISTRATION", issue->intent->registration_id, "BREVET_OPERATION", issue->intent->operation_id, "BREVET_SERIAL",
                    brevet_certificate_get_serial (brevet_chain_get_leaf (chain)), NULL);
  key = brevet_records_put_certificate (batch, entry);
  brevet_store_commit_async (issue->context->store, batch, NULL, on_refusal_recorded, g_object_ref (task));
  if (brevet_ca_backend_get_capabilities (issue->authority->backend) & BREVET_CA_CAPABILITY_REVOKE)
    brevet_ca_backend_revoke_async (issue->authority->backend, brevet_chain_get_leaf (chain), entry->backend_reference,
                                    BREVET_REVOCATION_SUPERSEDED, NULL, on_revoked, entry);
  else
    brevet_inventory_entry_free (entry);
}

static void
on_trust (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Issue *issue = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(BrevetTrustBundle) trust = brevet_ca_backend_get_trust_finish (BREVET_CA_BACKEND (source), result, &error);
  g_autoptr(BrevetChain) chain = NULL;

  if (trust == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  chain = brevet_issuance_check_run (issue->authority->check, issue->request, issue->outcome, trust, brevet_clock_now_seconds (),
                                     &error);
  if (chain == NULL)
    {
      refuse_certificate (task, error->message);
      g_error_free (error);
      return;
    }
  g_task_return_pointer (task, make_entry (issue, chain, BREVET_INVENTORY_ISSUED),
                         (GDestroyNotify) brevet_inventory_entry_free);
}

static void
handle_pending (GTask *task)
{
  Issue *issue = g_task_get_task_data (task);
  gint64 now = brevet_clock_now_seconds ();
  gint64 end = issue->intent->requested_at + LONGEST_PENDING;

  if (brevet_ca_outcome_get_expires_at (issue->outcome) > 0)
    end = MIN (end, brevet_ca_outcome_get_expires_at (issue->outcome));
  if (now >= end)
    {
      g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_TICKET_EXPIRED,
                               "The certificate authority “%s” did not decide in time", issue->authority->name);
      return;
    }
  g_free (issue->intent->ticket);
  issue->intent->ticket = g_strdup (brevet_ca_outcome_get_ticket (issue->outcome));
  issue->intent->expires_at = brevet_ca_outcome_get_expires_at (issue->outcome);
  issue->poll_interval = CLAMP (MAX (brevet_ca_outcome_get_poll_after (issue->outcome), issue->poll_interval * 3 / 2),
                                SHORTEST_POLL, LONGEST_POLL);
  issue->step = STEP_POLL;
  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  write_journal (task);
}

static void
handle_outcome (GTask *task, BrevetCaOutcome *outcome)
{
  Issue *issue = g_task_get_task_data (task);

  g_clear_pointer (&issue->outcome, brevet_ca_outcome_unref);
  issue->outcome = outcome;
  if (brevet_ca_outcome_is_issued (outcome))
    brevet_ca_backend_get_trust_async (issue->authority->backend, NULL, on_trust, g_object_ref (task));
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
    handle_error (task, error);
}

static void
on_polled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Issue *issue = g_task_get_task_data (task);
  GError *error = NULL;
  BrevetCaOutcome *outcome = brevet_ca_backend_poll_finish (BREVET_CA_BACKEND (source), result, &error);

  if (outcome != NULL)
    handle_outcome (task, outcome);
  else if (brevet_ca_error_classify (error) == BREVET_CA_ERROR_CLASS_AMBIGUOUS)
    {
      /* Asking for a ticket twice does no harm. */
      g_error_free (error);
      step_after (task, MAX (issue->poll_interval, SHORTEST_POLL) * 1000);
    }
  else
    handle_error (task, error);
}

static void
on_found (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Issue *issue = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  BrevetCaOutcome *outcome = brevet_ca_backend_find_finish (BREVET_CA_BACKEND (source), result, &error);

  if (outcome != NULL)
    handle_outcome (task, outcome);
  else if (g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND))
    {
      if (++issue->finds < FIND_TRIES)
        step_after (task, FIND_PAUSE * 1000);
      else
        begin_new_attempt (task);
    }
  else if (brevet_ca_error_classify (error) == BREVET_CA_ERROR_CLASS_AMBIGUOUS)
    step_after (task, FIND_PAUSE * 1000);
  else
    handle_error (task, g_steal_pointer (&error));
}

static void
take_step (GTask *task)
{
  Issue *issue = g_task_get_task_data (task);
  BrevetCaBackend *backend = issue->authority->backend;

  if (issue->step == STEP_POLL)
    brevet_ca_backend_poll_async (backend, issue->intent->ticket, issue->request, NULL, on_polled, g_object_ref (task));
  else if (issue->step == STEP_FIND)
    brevet_ca_backend_find_async (backend, issue->request, NULL, on_found, g_object_ref (task));
  else
    brevet_ca_backend_issue_async (backend, issue->request, NULL, on_issued, g_object_ref (task));
}

static void
on_authority_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Issue *issue = g_task_get_task_data (task);
  GError *error = NULL;

  issue->authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  if (issue->authority == NULL)
    {
      if (error->domain != BREVET_CA_ERROR)
        {
          g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "%s", error->message);
          g_error_free (error);
        }
      else
        g_task_return_error (task, error);
      return;
    }
  make_request (issue);
  if (issue->intent->ticket != NULL)
    {
      issue->step = STEP_POLL;
      take_step (task);
    }
  else if (issue->resumed)
    settle_ambiguity (task);
  else
    take_step (task);
}

void
brevet_issue_async (BrevetServiceContext *context, BrevetIntent *intent, BrevetCsr *csr, gboolean resumed,
                    GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, NULL, callback, user_data);
  Issue *issue = g_new0 (Issue, 1);

  g_task_set_source_tag (task, brevet_issue_async);
  issue->context = brevet_service_context_ref (context);
  issue->intent = intent;
  issue->csr = brevet_csr_ref (csr);
  issue->deadline = brevet_clock_monotonic () + (gint64) context->issuance_timeout * G_USEC_PER_SEC;
  issue->resumed = resumed;
  g_task_set_task_data (task, issue, issue_free);
  brevet_authority_pool_resolve_async (context->authorities, intent->authority, NULL, on_authority_resolved,
                                       g_object_ref (task));
}

BrevetInventoryEntry *
brevet_issue_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
