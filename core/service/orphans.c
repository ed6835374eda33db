/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "orphans.h"

#include "backlog.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "crl-publisher.h"
#include "intent-request.h"
#include "known-certificates.h"
#include "records-aside.h"
#include "records-ca.h"
#include "revocation-worker.h"

/* A CA that has just issued may need some time until it finds what it has issued. */
#define LOOKS 2
#define LOOK_PAUSE 120

#define SHORTEST_POLL 60
#define LONGEST_POLL 3600
#define LONGEST_PENDING (7 * 24 * 3600)

/* A CA that cannot be asked for so long will not be. */
#define LONGEST_SEARCH (30 * 24 * 3600)

#define ANSWER_MICROSECONDS (60 * G_USEC_PER_SEC)

/* What is needed for one look. */
typedef struct {
  BrevetCsr *csr;
  BrevetCaRequest *request;
  gboolean asks_anew; /* by the question itself, which has the same answer each time */
} Look;

static void
look_free (gpointer data)
{
  Look *look = data;

  g_clear_pointer (&look->csr, brevet_csr_unref);
  g_clear_pointer (&look->request, brevet_ca_request_unref);
  g_free (look);
}

static gpointer
read_orphan (BrevetRecord *record, GError **error)
{
  return brevet_records_read_orphan (record, error);
}

static BrevetBacklogFields
get_fields (gpointer item)
{
  BrevetOrphan *orphan = item;

  return (BrevetBacklogFields) {
    .authority = orphan->intent->authority,
    .identity = orphan->intent->identity,
    .not_before = &orphan->not_before,
    .tries = &orphan->tries,
    .problem = &orphan->problem,
    .etag = &orphan->etag,
  };
}

static void
put_orphan (BrevetBatch *batch, gpointer item, const char *condition)
{
  brevet_records_put_orphan (batch, item, condition);
}

static char *
describe (gpointer item)
{
  BrevetOrphan *orphan = item;

  return g_strdup_printf ("Looking for a certificate of %s at “%s” (operation %s, attempt %u)", orphan->intent->registration_id,
                          orphan->intent->authority, orphan->intent->operation_id, orphan->intent->attempt);
}

static void
log_orphan (GLogLevelFlags level, const char *message_id, const BrevetIntent *intent, const char *serial, const char *message)
{
  brevet_log_event (level, message_id, message, "BREVET_CA", intent->authority, "BREVET_REGISTRATION", intent->registration_id,
                    "BREVET_OPERATION", intent->operation_id, "BREVET_SERIAL", serial, NULL);
}

/* There is no way to find out. An operator at the CA can. */
static void
log_lost (const BrevetIntent *intent, const char *why)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc (intent->requested_at);
  g_autofree char *date = time != NULL ? g_date_time_format_iso8601 (time) : NULL;
  g_autofree char *message = g_strdup_printf ("The certificate authority “%s” may have issued a certificate for %s at %s that was "
                                              "never handed out, and nobody can find out: %s", intent->authority,
                                              intent->registration_id, date, why);

  log_orphan (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_ORPHAN_LOST, intent, NULL, message);
}

static gboolean
is_over (gpointer item, const GError *error)
{
  BrevetOrphan *orphan = item;

  if (brevet_clock_now_seconds () < orphan->intent->requested_at + LONGEST_SEARCH)
    return FALSE;
  log_lost (orphan->intent, error->message);
  return TRUE;
}

static gboolean
prepare (BrevetBacklogQuestion *question)
{
  BrevetOrphan *orphan = question->item;
  BrevetCaCapabilities capabilities = brevet_ca_backend_get_capabilities (question->authority->backend);
  g_autoptr(GError) error = NULL;
  Look *look = g_new0 (Look, 1);

  question->state = look;
  look->asks_anew = (capabilities & BREVET_CA_CAPABILITY_FIND) == 0;
  if (look->asks_anew && (capabilities & BREVET_CA_CAPABILITY_IDEMPOTENT) == 0)
    {
      log_lost (orphan->intent, "it has no search, and would issue another one if it were asked again");
      return FALSE;
    }
  look->csr = brevet_intent_read_csr (orphan->intent, &error);
  if (look->csr == NULL)
    {
      log_lost (orphan->intent, error->message);
      return FALSE;
    }
  look->request = brevet_intent_make_request (orphan->intent, look->csr, brevet_clock_monotonic () + ANSWER_MICROSECONDS);
  return TRUE;
}

static void
on_known (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetBacklogQuestion *question = g_task_get_task_data (task);
  Look *look = question->state;
  GError *error = NULL;
  g_autoptr(GPtrArray) known = brevet_known_certificates_finish (result, &error);

  for (guint i = 0; known != NULL && i < known->len; i++)
    brevet_ca_request_add_known (look->request, g_ptr_array_index (known, i));
  if (known == NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
}

/* Whatever the device has for its key already is not what is looked for. */
static void
prepare_async (BrevetBacklogQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  BrevetOrphan *orphan = question->item;
  Look *look;

  g_task_set_source_tag (task, prepare_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, question, NULL);
  if (!prepare (question))
    {
      g_task_return_boolean (task, FALSE);
      return;
    }
  look = question->state;
  if (look->asks_anew)
    g_task_return_boolean (task, TRUE);
  else
    brevet_known_certificates_async (question->context->store, orphan->intent->registration_id,
                                     brevet_csr_get_spki_sha256 (look->csr), cancellable, on_known, g_object_ref (task));
}

static gboolean
prepare_finish (BrevetBacklogQuestion *question, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* A CA that finds something else than what was asked for: that may be anybody's. */
static gboolean
check_key (BrevetBacklogQuestion *question, BrevetCertificate *leaf, GError **error)
{
  Look *look = question->state;

  if (g_str_equal (brevet_certificate_get_spki_sha256 (leaf), brevet_csr_get_spki_sha256 (look->csr)))
    return TRUE;
  g_set_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL,
               "The certificate authority “%s” has found a certificate with another key than that of the request",
               question->authority->name);
  return FALSE;
}

static void
adopt (BrevetBacklogQuestion *question, BrevetCaOutcome *outcome)
{
  BrevetOrphan *orphan = question->item;
  BrevetCertificate *leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome));
  BrevetInventoryEntry entry = {
    .registration_id = orphan->intent->registration_id,
    .operation_id = orphan->intent->operation_id,
    .authority = orphan->intent->authority,
    .identity = question->authority->identity,
    .backend_reference = (char *) brevet_ca_outcome_get_backend_reference (outcome),
    .chain = brevet_ca_outcome_get_chain (outcome),
    .status = (char *) BREVET_INVENTORY_REFUSED,
    .reason = (char *) "Nobody waited for it any more",
  };
  g_autofree char *key = brevet_records_put_certificate (question->batch, &entry);
  BrevetPendingRevocation revocation = {
    .certificate_key = key,
    .authority = entry.authority,
    .identity = entry.identity,
    .reason = BREVET_REVOCATION_SUPERSEDED,
    .not_after = brevet_certificate_get_not_after (leaf),
  };
  g_autofree char *message = g_strdup_printf ("The certificate authority “%s” had issued a certificate for %s whose attempt was "
                                              "given up; it is revoked", question->authority->name, entry.registration_id);

  brevet_records_put_pending_revocation (question->batch, &revocation, NULL);
  log_orphan (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_ORPHAN_FOUND, orphan->intent, brevet_certificate_get_serial (leaf), message);
}

typedef struct {
  BrevetBacklogQuestion *question;
  BrevetCaOutcome *outcome;
  gboolean looks_aside;
} Ask;

static void
ask_free (gpointer data)
{
  Ask *ask = data;

  g_clear_pointer (&ask->outcome, brevet_ca_outcome_unref);
  g_free (ask);
}

static void search_inventory (GTask *task);

/* What the device has got after all, by registering again, is in the inventory and stays; but one that has come there only just now
 * hides what is looked for. What an operator has put aside because nobody can read it stays as well. */
static void
on_inventory_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Ask *ask = g_task_get_task_data (task);
  Look *look = ask->question->state;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  if (record == NULL && !ask->looks_aside)
    {
      ask->looks_aside = TRUE;
      search_inventory (task);
      return;
    }
  if (record == NULL)
    adopt (ask->question, ask->outcome);
  else if (!look->asks_anew && !ask->looks_aside && brevet_known_certificates_lacked (look->request, record))
    ask->question->again_at = brevet_clock_now_seconds () + LOOK_PAUSE;
  g_task_return_boolean (task, TRUE);
}

static void
search_inventory (GTask *task)
{
  Ask *ask = g_task_get_task_data (task);
  g_autofree char *key = brevet_records_certificate_key (brevet_chain_get_leaf (brevet_ca_outcome_get_chain (ask->outcome)));
  g_autofree char *aside = brevet_records_aside (BREVET_COLLECTION_CERTIFICATES);

  brevet_store_get_async (ask->question->context->store, ask->looks_aside ? aside : BREVET_COLLECTION_CERTIFICATES, key, NULL,
                          on_inventory_searched, g_object_ref (task));
}

static void
on_journal_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Ask *ask = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) entries = brevet_store_list_finish (BREVET_STORE (source), result, &error);

  if (entries == NULL)
    g_task_return_error (task, error);
  else if (entries->len == 0)
    search_inventory (task);
  else
    {
      ask->question->again_at = brevet_clock_now_seconds () + LOOK_PAUSE;
      g_task_return_boolean (task, TRUE);
    }
}

/* A search goes by public key, and a device may renew with the one it has: what was found may be what an operation under way is
 * just about to write. The journal comes first: whatever has left it is in the inventory. */
static void
handle_issued (GTask *task)
{
  Ask *ask = g_task_get_task_data (task);
  Look *look = ask->question->state;
  BrevetOrphan *orphan = ask->question->item;
  BrevetCertificate *leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (ask->outcome));
  g_autofree char *device = NULL;
  GError *error = NULL;

  if (!check_key (ask->question, leaf, &error))
    g_task_return_error (task, error);
  else if (look->asks_anew)
    search_inventory (task);
  else
    {
      device = brevet_identifier_fold (orphan->intent->registration_id);
      brevet_store_list_async (ask->question->context->store, BREVET_COLLECTION_JOURNAL, device, NULL, 1, NULL,
                               on_journal_searched, g_object_ref (task));
    }
}

/* Somebody has still to decide about it there. */
static void
handle_pending (GTask *task)
{
  Ask *ask = g_task_get_task_data (task);
  BrevetOrphan *orphan = ask->question->item;
  gint64 now = brevet_clock_now_seconds ();
  gint64 end = orphan->intent->requested_at + LONGEST_PENDING;
  gint64 expires_at = brevet_ca_outcome_get_expires_at (ask->outcome);

  if (expires_at > 0)
    end = MIN (end, expires_at);
  if (now < end)
    ask->question->again_at = now + CLAMP (brevet_ca_outcome_get_poll_after (ask->outcome), SHORTEST_POLL, LONGEST_POLL);
  else
    log_lost (orphan->intent, "it was still being decided about when its time was over");
  g_task_return_boolean (task, TRUE);
}

/* Once is not enough: it may have come a moment too early. */
static void
handle_nothing (BrevetBacklogQuestion *question)
{
  BrevetOrphan *orphan = question->item;

  if (++orphan->misses < LOOKS)
    question->again_at = brevet_clock_now_seconds () + LOOK_PAUSE;
  else
    g_message ("The certificate authority “%s” had issued nothing for %s when its attempt was given up (operation %s)",
               question->authority->name, orphan->intent->registration_id, orphan->intent->operation_id);
}

/* One that refuses the question for good has issued nothing. */
static gboolean
has_issued_nothing (BrevetBacklogQuestion *question, const GError *error)
{
  Look *look = question->state;

  if (error->domain != BREVET_CA_ERROR)
    return FALSE;
  if (!look->asks_anew)
    return error->code == BREVET_CA_ERROR_NOT_FOUND;
  return brevet_ca_error_classify (error) == BREVET_CA_ERROR_CLASS_PERMANENT && error->code != BREVET_CA_ERROR_INTERNAL &&
         error->code != BREVET_CA_ERROR_CONFLICT;
}

static void
on_asked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Ask *ask = g_task_get_task_data (task);
  Look *look = ask->question->state;
  BrevetCaBackend *backend = BREVET_CA_BACKEND (source);
  g_autoptr(GError) error = NULL;

  ask->outcome = look->asks_anew ? brevet_ca_backend_issue_finish (backend, result, &error)
                                 : brevet_ca_backend_find_finish (backend, result, &error);
  if (ask->outcome != NULL && brevet_ca_outcome_is_issued (ask->outcome))
    handle_issued (task);
  else if (ask->outcome != NULL)
    handle_pending (task);
  else if (has_issued_nothing (ask->question, error))
    {
      handle_nothing (ask->question);
      g_task_return_boolean (task, TRUE);
    }
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
ask_async (BrevetBacklogQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Look *look = question->state;
  Ask *ask = g_new0 (Ask, 1);

  g_task_set_source_tag (task, ask_async);
  g_task_set_check_cancellable (task, FALSE);
  ask->question = question;
  g_task_set_task_data (task, ask, ask_free);
  if (look->asks_anew)
    brevet_ca_backend_issue_async (question->authority->backend, look->request, cancellable, on_asked, task);
  else
    brevet_ca_backend_find_async (question->authority->backend, look->request, cancellable, on_asked, task);
}

static gboolean
ask_finish (BrevetBacklogQuestion *question, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* What was found is to be revoked, and listed. */
static void
note_changes (BrevetServiceContext *context)
{
  brevet_service_chores_poke (context->chores, BREVET_CHORE_REVOCATIONS);
  brevet_service_chores_poke (context->chores, BREVET_CHORE_REVOCATION_LISTS);
}

static const BrevetBacklogKind kind = {
  .collection = BREVET_COLLECTION_ORPHANS,
  .message_id = BREVET_MESSAGE_ORPHAN_PROBLEM,
  .read = read_orphan,
  .free = (GDestroyNotify) brevet_orphan_free,
  .get_fields = get_fields,
  .put = put_orphan,
  .describe = describe,
  .is_over = is_over,
  .prepare_async = prepare_async,
  .prepare_finish = prepare_finish,
  .ask_async = ask_async,
  .ask_finish = ask_finish,
  .note_changes = note_changes,
  .free_state = look_free,
};

void
brevet_orphans_add (BrevetServiceChores *chores)
{
  brevet_backlog_add (chores, BREVET_CHORE_ORPHANS, &kind);
}
