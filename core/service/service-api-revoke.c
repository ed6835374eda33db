/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An operator revokes a certificate that was issued (docs/service-api-extensions.md). */

#include "service-api-issued.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-revocation-reason.h"
#include "brevet-wire-json.h"
#include "crl-publisher.h"
#include "records-ca.h"
#include "records-devices.h"
#include "revocation-worker.h"

#define MAXIMUM_ATTEMPTS 3
#define MAXIMUM_COMMENT 500

/* What an operator wants; the document of the call. One block, so that g_free() is enough. */
typedef struct {
  gboolean has_reason;
  BrevetRevocationReason reason;
  gboolean has_comment;
  char comment[4 * MAXIMUM_COMMENT + 1];
} Wish;

static gboolean
take_reason (Wish *wish, const char *text, GError **error)
{
  if (!brevet_revocation_reason_parse (text, &wish->reason, error))
    return FALSE;
  wish->has_reason = TRUE;
  if (wish->reason != BREVET_REVOCATION_CA_COMPROMISE && wish->reason != BREVET_REVOCATION_AA_COMPROMISE)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The reason %s is for the certificates of authorities, not of devices",
               brevet_revocation_reason_get_name (wish->reason));
  return FALSE;
}

static gboolean
take_comment (Wish *wish, const char *text, GError **error)
{
  g_autofree char *line = g_strdelimit (g_strdup (text), "\r\n\t", ' ');

  if (g_utf8_strlen (line, -1) > MAXIMUM_COMMENT)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The comment has more than %d characters", MAXIMUM_COMMENT);
      return FALSE;
    }
  g_strlcpy (wish->comment, g_strstrip (line), sizeof wish->comment);
  wish->has_comment = *wish->comment != '\0';
  return TRUE;
}

static Wish *
read_wish (BrevetServiceCall *call, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (brevet_request_get_body (call->request), "the request", error);
  g_autofree Wish *wish = g_new0 (Wish, 1);
  const char *reason = NULL;
  const char *comment = NULL;

  if (object == NULL || !brevet_wire_get_string (object, "reason", &reason, error) ||
      !brevet_wire_get_string (object, "comment", &comment, error))
    return NULL;
  if ((reason != NULL && !take_reason (wish, reason, error)) || (comment != NULL && !take_comment (wish, comment, error)))
    return NULL;
  return g_steal_pointer (&wish);
}

static gboolean
is_held (const BrevetInventoryEntry *entry)
{
  return g_str_equal (entry->status, BREVET_INVENTORY_REVOKED) &&
         entry->revocation_reason == BREVET_REVOCATION_CERTIFICATE_HOLD;
}

/* Whether it was revoked as is wished, so that there is nothing to do. */
static gboolean
is_done (const BrevetInventoryEntry *entry, const Wish *wish)
{
  return g_str_equal (entry->status, BREVET_INVENTORY_REVOKED) &&
         (!wish->has_reason || wish->reason == entry->revocation_reason);
}

/* Answers the task and returns FALSE if what is wished cannot be. */
static gboolean
check_wish (GTask *task, const BrevetInventoryEntry *entry, const Wish *wish)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  gboolean lifts = wish->has_reason && wish->reason == BREVET_REVOCATION_REMOVE_FROM_CRL;

  if (g_str_equal (entry->status, BREVET_INVENTORY_REFUSED))
    brevet_service_call_refuse (task, 409, 0, "The certificate “%s” was refused by this service and never handed out; it is "
                                "revoked already", call->route->id);
  else if (lifts && !is_held (entry))
    brevet_service_call_refuse (task, 409, 0, "The certificate “%s” is not revoked with the reason certificateHold; nothing else "
                                "can be taken back", call->route->id);
  else if (g_str_equal (entry->status, BREVET_INVENTORY_REVOKED) && !is_held (entry))
    brevet_service_call_refuse (task, 409, 0, "The certificate “%s” is revoked already, with the reason %s", call->route->id,
                                brevet_revocation_reason_get_name (entry->revocation_reason));
  else if (brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain)) < brevet_clock_now_seconds ())
    brevet_service_call_refuse (task, 409, 0, "The certificate “%s” has expired, so nobody accepts it any more", call->route->id);
  else
    return TRUE;
  return FALSE;
}

static void
log_revocation (BrevetServiceCall *call, const BrevetInventoryEntry *entry)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (entry->chain);
  gboolean revoked = g_str_equal (entry->status, BREVET_INVENTORY_REVOKED);
  const char *reason = brevet_revocation_reason_get_name (entry->revocation_reason);
  g_autofree char *message = revoked ? g_strdup_printf ("An operator has revoked a certificate of %s (%s)", entry->registration_id,
                                                        reason)
                                     : g_strdup_printf ("An operator has released a certificate of %s", entry->registration_id);

  brevet_service_call_log_change (call, revoked ? "Revoked" : "Released");
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_CERTIFICATE_REVOKED, message, "BREVET_REGISTRATION", entry->registration_id,
                    "BREVET_CA", entry->authority, "BREVET_SERIAL", brevet_certificate_get_serial (leaf), "BREVET_SHA256",
                    brevet_certificate_get_sha256 (leaf), "BREVET_TRACKING_ID", brevet_request_get_tracking_id (call->request),
                    NULL);
}

static void begin_revoke (GTask *task);

typedef struct {
  GTask *task;
  BrevetInventoryEntry *entry; /* as it becomes */
} Revoke;

static void
revoke_free (Revoke *self)
{
  g_object_unref (self->task);
  brevet_inventory_entry_free (self->entry);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Revoke, revoke_free)

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Revoke) revoke = user_data;
  BrevetServiceCall *call = g_task_get_task_data (revoke->task);
  g_autoptr(GError) error = NULL;
  const BrevetChange *change;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      change = g_ptr_array_index (brevet_batch_get_changes (call->batch), 0);
      log_revocation (call, revoke->entry);
      brevet_service_chores_poke (call->context->chores, BREVET_CHORE_REVOCATIONS);
      brevet_service_chores_poke (call->context->chores, BREVET_CHORE_REVOCATION_LISTS);
      brevet_service_call_show (revoke->task, brevet_service_issued_show (revoke->entry, change->etag), change->etag);
    }
  else if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    brevet_service_call_fail (revoke->task, error);
  else if (call->attempt < MAXIMUM_ATTEMPTS)
    begin_revoke (revoke->task);
  else
    brevet_service_call_refuse (revoke->task, 409, 0, "The issued certificate “%s” is being changed by others; try again",
                                call->route->id);
}

/* The entry of the inventory, and what its CA is to be told, together. Takes @entry over. */
static void
commit_revoke (GTask *task, BrevetInventoryEntry *entry)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  BrevetPendingRevocation revocation = {
    .certificate_key = call->key,
    .authority = entry->authority,
    .identity = entry->identity,
    .reason = entry->revocation_reason,
    .not_after = brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain)),
  };
  g_autofree char *pending_key = brevet_identifier_fold (call->key);
  Revoke *revoke = g_new0 (Revoke, 1);

  revoke->task = g_object_ref (task);
  revoke->entry = entry;
  call->batch = brevet_batch_new ();
  brevet_records_replace_certificate (call->batch, entry, brevet_record_get_etag (call->record));
  if (g_str_equal (entry->status, BREVET_INVENTORY_REVOKED))
    brevet_records_put_pending_revocation (call->batch, &revocation, NULL);
  else
    brevet_batch_delete (call->batch, BREVET_COLLECTION_REVOCATIONS, pending_key, NULL);
  /* The device counts as one of this CA no more; one that is held comes back. */
  if (g_str_equal (entry->status, BREVET_INVENTORY_REVOKED) && !is_held (entry))
    brevet_records_delete_device_certificate (call->batch, entry->registration_id, call->key);
  /* Not cancelled: an operator who goes away now wants it all the same. */
  brevet_store_commit_async (call->context->store, call->batch, NULL, on_committed, revoke);
}

static void
revoke_entry (GTask *task, BrevetInventoryEntry *entry, const Wish *wish)
{
  /* One that was held before has been unusable since then. */
  if (!is_held (entry))
    entry->revoked_at = brevet_clock_now_seconds ();
  entry->revocation_reason = wish->has_reason ? wish->reason : BREVET_REVOCATION_UNSPECIFIED;
  g_free (entry->status);
  entry->status = g_strdup (BREVET_INVENTORY_REVOKED);
  if (wish->has_comment || entry->reason == NULL)
    {
      g_free (entry->reason);
      entry->reason = wish->has_comment ? g_strdup (wish->comment) : NULL;
    }
  commit_revoke (task, entry);
}

static void
lift (GTask *task, BrevetInventoryEntry *entry)
{
  g_free (entry->status);
  entry->status = g_strdup (BREVET_INVENTORY_ISSUED);
  entry->revoked_at = 0;
  entry->revocation_reason = BREVET_REVOCATION_UNSPECIFIED;
  g_clear_pointer (&entry->reason, g_free);
  commit_revoke (task, entry);
}

/* A CA that keeps its own list would have to take the certificate off that, for which there is no verb: then hubs and service would
 * disagree. One whose list is made of the inventory follows it. */
static void
on_resolved_to_lift (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthority) authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &error);
  BrevetInventoryEntry *entry;

  if (authority == NULL)
    brevet_service_call_refuse (task, 409, 0, "The hold of the certificate “%s” cannot be lifted, because its certificate "
                                "authority cannot be used: %s", call->route->id, error->message);
  else if (brevet_ca_backend_get_capabilities (authority->backend) & BREVET_CA_CAPABILITY_REVOKE)
    brevet_service_call_refuse (task, 409, 0, "The hold of the certificate “%s” cannot be lifted here, because its certificate "
                                "authority “%s” keeps a revocation list of its own; have the device register for a new "
                                "certificate", call->route->id, authority->name);
  else if ((entry = brevet_records_read_certificate (call->record, &error)) == NULL)
    brevet_service_call_fail (task, error);
  else
    lift (task, entry);
}

static void
decide (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  const Wish *wish = call->document;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (call->record, &error);

  if (entry == NULL)
    brevet_service_call_fail (task, error);
  else if (is_done (entry, wish))
    brevet_service_call_show (task, brevet_service_issued_show (entry, brevet_record_get_etag (call->record)),
                              brevet_record_get_etag (call->record));
  else if (!check_wish (task, entry, wish))
    return;
  else if (wish->has_reason && wish->reason == BREVET_REVOCATION_REMOVE_FROM_CRL)
    brevet_authority_pool_resolve_async (call->context->authorities, entry->authority, entry->identity, NULL, on_resolved_to_lift,
                                         g_object_ref (task));
  else
    revoke_entry (task, g_steal_pointer (&entry), wish);
}

static void
on_read_to_revoke (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  call->record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    brevet_service_call_refuse_missing (task);
  else if (call->record == NULL)
    brevet_service_call_fail (task, error);
  else if (call->wanted_etag != NULL && !g_str_equal (call->wanted_etag, "*") &&
           !g_str_equal (call->wanted_etag, brevet_record_get_etag (call->record)))
    brevet_service_call_refuse (task, 412, 0, "The issued certificate “%s” is not of the version that If-Match names; read "
                                "it again", call->route->id);
  else
    decide (task);
}

static void
begin_revoke (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  call->attempt++;
  g_clear_pointer (&call->record, brevet_record_unref);
  g_clear_pointer (&call->batch, brevet_batch_unref);
  brevet_store_get_async (call->context->store, BREVET_COLLECTION_CERTIFICATES, call->key, g_task_get_cancellable (task),
                          on_read_to_revoke, g_object_ref (task));
}

void
brevet_service_call_revoke (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  call->document = read_wish (call, &error);
  if (call->document == NULL)
    brevet_service_call_fail (task, error);
  else
    begin_revoke (task);
}
