/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "revocation-worker.h"

#include "backlog.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "brevet-revocation-reason.h"
#include "records-ca.h"

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

/* After its end nobody accepts the certificate, whatever its CA says. */
static gboolean
is_over (gpointer item, const GError *error)
{
  BrevetPendingRevocation *revocation = item;

  if (brevet_clock_now_seconds () <= revocation->not_after)
    return FALSE;
  g_warning ("The certificate %s has expired before “%s” could be told to revoke it: %s", revocation->certificate_key,
             revocation->authority, error->message);
  return TRUE;
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

static gboolean
is_worthwhile (BrevetBacklogQuestion *question, const BrevetInventoryEntry *entry)
{
  gboolean has_expired = brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain)) < brevet_clock_now_seconds ();

  return !has_expired && (brevet_ca_backend_get_capabilities (question->authority->backend) & BREVET_CA_CAPABILITY_REVOKE) != 0;
}

/* Whose it is, if somebody has it. */
static void
on_owner_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetBacklogQuestion *question = g_task_get_task_data (task);
  BrevetPendingRevocation *revocation = question->item;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record != NULL)
    g_warning ("The certificate authority “%s” has answered a request with a certificate that was issued to somebody before; that "
               "one stays valid, and %s is not revoked", question->authority->name, revocation->certificate_key);
  if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_boolean (task, record == NULL);
}

static void
on_entry_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetBacklogQuestion *question = g_task_get_task_data (task);
  BrevetPendingRevocation *revocation = question->item;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  BrevetInventoryEntry *entry = record != NULL ? brevet_records_read_certificate (record, &error) : NULL;
  gboolean worthwhile = entry != NULL && is_worthwhile (question, entry);
  g_autofree char *key = NULL;

  question->state = entry;
  if (entry == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  if (entry == NULL)
    g_warning ("The certificate %s, which is to be revoked, is not in the inventory any more; nobody is told",
               revocation->certificate_key);
  if (!worthwhile || g_strcmp0 (entry->status, BREVET_INVENTORY_REFUSED) != 0)
    {
      g_task_return_boolean (task, worthwhile);
      return;
    }
  /* What a CA has answered the wrong request with may be in use. */
  key = brevet_records_certificate_key (brevet_chain_get_leaf (entry->chain));
  brevet_store_get_async (BREVET_STORE (source), BREVET_COLLECTION_CERTIFICATES, key, g_task_get_cancellable (task), on_owner_read,
                          g_object_ref (task));
}

static void
prepare_async (BrevetBacklogQuestion *question, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetPendingRevocation *revocation = question->item;
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, prepare_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, question, NULL);
  brevet_store_get_async (question->context->store, BREVET_COLLECTION_CERTIFICATES, revocation->certificate_key, cancellable,
                          on_entry_read, g_object_ref (task));
}

static gboolean
prepare_finish (BrevetBacklogQuestion *question, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
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
  .is_over = is_over,
  .prepare_async = prepare_async,
  .prepare_finish = prepare_finish,
  .ask_async = ask_async,
  .ask_finish = ask_finish,
  .free_state = (GDestroyNotify) brevet_inventory_entry_free,
};

void
brevet_revocation_worker_add (BrevetServiceChores *chores)
{
  brevet_backlog_add (chores, BREVET_CHORE_REVOCATIONS, &kind);
}
