/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "revocation-worker.h"

#include "backlog.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "brevet-revocation-reason.h"
#include "records-ca.h"

#define INTERVAL 300

static gpointer
read_revocation (BrevetRecord *record, GError **error)
{
  return brevet_records_read_pending_revocation (record, error);
}

static BrevetBacklogFields
get_fields (gpointer item)
{
  BrevetPendingRevocation *revocation = item;

  return (BrevetBacklogFields) {
    .authority = revocation->authority,
    .identity = revocation->identity,
    .not_before = &revocation->not_before,
    .tries = &revocation->tries,
    .problem = &revocation->problem,
    .etag = &revocation->etag,
  };
}

static void
put_revocation (BrevetBatch *batch, gpointer item, const char *condition)
{
  brevet_records_put_pending_revocation (batch, item, condition);
}

static char *
describe (gpointer item)
{
  BrevetPendingRevocation *revocation = item;

  return g_strdup_printf ("The revocation of the certificate %s at “%s”", revocation->certificate_key, revocation->authority);
}

static void
log_revoked (BrevetBacklogQuestion *question)
{
  BrevetPendingRevocation *revocation = question->item;
  BrevetInventoryEntry *entry = question->state;
  BrevetCertificate *leaf = brevet_chain_get_leaf (entry->chain);
  const char *reason = brevet_revocation_reason_get_name (revocation->reason);
  g_autofree char *message = g_strdup_printf ("The certificate authority “%s” has revoked a certificate of %s (%s)",
                                              question->authority->name, entry->registration_id, reason);

  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_CERTIFICATE_REVOKED, message, "BREVET_CA", question->authority->name,
                    "BREVET_REGISTRATION", entry->registration_id, "BREVET_SERIAL", brevet_certificate_get_serial (leaf),
                    "BREVET_SHA256", brevet_certificate_get_sha256 (leaf), "BREVET_OPERATION", entry->operation_id, NULL);
}

static void
prepare_async (BrevetBacklogQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetPendingRevocation *revocation = question->item;

  brevet_store_get_async (question->context->store, BREVET_COLLECTION_CERTIFICATES, revocation->certificate_key, cancellable,
                          callback, user_data);
}

static gboolean
is_worthwhile (BrevetBacklogQuestion *question, const BrevetInventoryEntry *entry)
{
  gboolean has_expired = brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain)) < brevet_clock_now_seconds ();

  return !has_expired && (brevet_ca_backend_get_capabilities (question->authority->backend) & BREVET_CA_CAPABILITY_REVOKE) != 0;
}

static gboolean
prepare_finish (BrevetBacklogQuestion *question, GAsyncResult *result, GError **error)
{
  BrevetPendingRevocation *revocation = question->item;
  g_autoptr(GError) cause = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (question->context->store, result, &cause);
  BrevetInventoryEntry *entry = record != NULL ? brevet_records_read_certificate (record, &cause) : NULL;

  question->state = entry;
  if (g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_warning ("The certificate %s, which is to be revoked, is not in the inventory any more; nobody is told",
               revocation->certificate_key);
  else if (cause != NULL)
    g_propagate_error (error, g_steal_pointer (&cause));
  return entry != NULL && is_worthwhile (question, entry);
}

static void
ask_async (BrevetBacklogQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetPendingRevocation *revocation = question->item;
  BrevetInventoryEntry *entry = question->state;

  brevet_ca_backend_revoke_async (question->authority->backend, brevet_chain_get_leaf (entry->chain), entry->backend_reference,
                                  revocation->reason, cancellable, callback, user_data);
}

static gboolean
ask_finish (BrevetBacklogQuestion *question, GAsyncResult *result, GError **error)
{
  BrevetPendingRevocation *revocation = question->item;
  g_autoptr(GError) cause = NULL;

  if (brevet_ca_backend_revoke_finish (question->authority->backend, result, &cause))
    {
      log_revoked (question);
      return TRUE;
    }
  if (g_error_matches (cause, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND))
    g_warning ("The certificate authority “%s” does not know the certificate %s, so it cannot revoke it",
               question->authority->name, revocation->certificate_key);
  else if (!g_error_matches (cause, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED))
    {
      g_propagate_error (error, g_steal_pointer (&cause));
      return FALSE;
    }
  return TRUE;
}

static const BrevetBacklogKind kind = {
  .collection = BREVET_COLLECTION_REVOCATIONS,
  .message_id = BREVET_MESSAGE_REVOCATION_PROBLEM,
  .read = read_revocation,
  .free = (GDestroyNotify) brevet_pending_revocation_free,
  .get_fields = get_fields,
  .put = put_revocation,
  .describe = describe,
  .prepare_async = prepare_async,
  .prepare_finish = prepare_finish,
  .ask_async = ask_async,
  .ask_finish = ask_finish,
  .free_state = (GDestroyNotify) brevet_inventory_entry_free,
};

static void
run_async (gpointer data, BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  brevet_backlog_run_async (&kind, context, cancellable, callback, user_data);
}

static gboolean
run_finish (gpointer data, GAsyncResult *result, guint *pause, GError **error)
{
  return brevet_backlog_run_finish (result, pause, error);
}

void
brevet_revocation_worker_add (BrevetServiceChores *chores)
{
  static const BrevetChore chore = {
    .name = BREVET_CHORE_REVOCATIONS,
    .interval = INTERVAL,
    .run_async = run_async,
    .run_finish = run_finish,
  };

  brevet_service_chores_add (chores, &chore, NULL, NULL);
}
