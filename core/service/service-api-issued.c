/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates that were issued (docs/service-api-extensions.md). */

#include "service-api-issued.h"

#include "brevet-error.h"
#include "brevet-etag.h"
#include "brevet-identifier.h"
#include "brevet-revocation-reason.h"
#include "record-damage.h"
#include "record-json.h"
#include "records-ca.h"
#include "reply.h"

#define BODY_LIMIT (8 * 1024)
#define DEFAULT_PAGE 100
#define LARGEST_PAGE 1000
#define PAGE_SIZE_FIELD "x-ms-max-item-count"
#define CONTINUATION_FIELD "x-ms-continuation"

const BrevetServiceResource brevet_service_issued = {
  .noun = "issued certificate",
  .collection = BREVET_COLLECTION_CERTIFICATES,
  .body_limit = BODY_LIMIT,
  .read_right = BREVET_RIGHT_REGISTRATION_STATUS_READ,
  .write_right = BREVET_RIGHT_REGISTRATION_STATUS_WRITE,
  .free_document = g_free,
};

static void
set_time (JsonObject *object, const char *member, gint64 seconds)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc (seconds);
  g_autofree char *text = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  if (text != NULL)
    json_object_set_string_member (object, member, text);
}

static void
show_status (JsonObject *object, const BrevetInventoryEntry *entry)
{
  JsonObject *revocation;

  json_object_set_string_member (object, "status", entry->status);
  if (g_str_equal (entry->status, BREVET_INVENTORY_REFUSED))
    brevet_record_json_set_string (object, "reason", entry->reason);
  if (!g_str_equal (entry->status, BREVET_INVENTORY_REVOKED))
    return;
  revocation = json_object_new ();
  json_object_set_string_member (revocation, "reason", brevet_revocation_reason_get_name (entry->revocation_reason));
  set_time (revocation, "time", entry->revoked_at);
  brevet_record_json_set_string (revocation, "comment", entry->reason);
  json_object_set_object_member (object, "revocation", revocation);
}

JsonObject *
brevet_service_issued_show (const BrevetInventoryEntry *entry, const char *etag)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (entry->chain);
  g_autofree char *key = brevet_records_inventory_key (entry);
  g_autofree char *quoted = brevet_etag_quote (etag);
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "id", key);
  json_object_set_string_member (object, "registrationId", entry->registration_id);
  json_object_set_string_member (object, "certificateAuthorityName", entry->authority);
  json_object_set_string_member (object, "subject", brevet_certificate_get_subject (leaf));
  json_object_set_string_member (object, "issuer", brevet_certificate_get_issuer (leaf));
  json_object_set_string_member (object, "serialNumber", brevet_certificate_get_serial (leaf));
  json_object_set_string_member (object, "sha256Thumbprint", brevet_certificate_get_sha256 (leaf));
  set_time (object, "notBefore", brevet_certificate_get_not_before (leaf));
  set_time (object, "notAfter", brevet_certificate_get_not_after (leaf));
  show_status (object, entry);
  json_object_set_string_member (object, "etag", quoted);
  return object;
}

static JsonObject *
show_record (BrevetRecord *record, gboolean whole, GError **error)
{
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, error);
  g_autofree char *pem = NULL;
  JsonObject *object;

  if (entry == NULL)
    return NULL;
  object = brevet_service_issued_show (entry, brevet_record_get_etag (record));
  if (!whole)
    return object;
  pem = brevet_chain_to_pem (entry->chain);
  json_object_set_string_member (object, "certificateChain", pem);
  return object;
}

/* What the CA has not been told yet. */
static void
show_pending (JsonObject *object, const BrevetPendingRevocation *revocation)
{
  JsonObject *pending = json_object_new ();

  json_object_set_string_member (pending, "reason", brevet_revocation_reason_get_name (revocation->reason));
  json_object_set_int_member (pending, "tries", revocation->tries);
  brevet_record_json_set_string (pending, "problem", revocation->problem);
  if (revocation->not_before > 0)
    set_time (pending, "nextTry", revocation->not_before);
  json_object_set_object_member (object, "pendingRevocation", pending);
}

static void
on_pending_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetPendingRevocation) revocation = NULL;
  JsonObject *object = NULL;

  if (record != NULL)
    revocation = brevet_records_read_pending_revocation (record, &error);
  if (error == NULL || record != NULL || g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_clear_error (&error);
      object = show_record (call->record, TRUE, &error);
    }
  if (object == NULL)
    {
      brevet_service_call_fail (task, error);
      return;
    }
  if (revocation != NULL)
    show_pending (object, revocation);
  brevet_service_call_show (task, object, brevet_record_get_etag (call->record));
}

static void
on_read_to_show (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autofree char *key = brevet_identifier_fold (call->key);
  g_autoptr(GError) error = NULL;

  call->record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  if (call->record != NULL)
    brevet_store_get_async (call->context->store, BREVET_COLLECTION_REVOCATIONS, key, g_task_get_cancellable (task),
                            on_pending_read, g_object_ref (task));
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    brevet_service_call_refuse_missing (task);
  else
    brevet_service_call_fail (task, error);
}

/* Only as many as a page may hold: an inventory is larger than any answer. */
static gboolean
read_page_size (BrevetServiceCall *call, guint *size, GError **error)
{
  const char *text = brevet_request_get_header (call->request, PAGE_SIZE_FIELD);
  guint64 number = DEFAULT_PAGE;

  if (text != NULL && !g_ascii_string_to_unsigned (text, 10, 1, LARGEST_PAGE, &number, NULL))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The header field " PAGE_SIZE_FIELD " is a number from 1 to %d",
                   LARGEST_PAGE);
      return FALSE;
    }
  *size = (guint) number;
  return TRUE;
}

/* One that cannot be read does not hide the others. */
static JsonArray *
show_page (BrevetServiceCall *call, GPtrArray *records)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < records->len; i++)
    {
      g_autoptr(GError) damage = NULL;
      JsonObject *object = show_record (g_ptr_array_index (records, i), FALSE, &damage);

      if (object != NULL)
        json_array_add_object_element (array, object);
      else
        {
          brevet_record_damage_report (g_ptr_array_index (records, i), damage, "lists are shown without it");
          call->unreadable++;
        }
    }
  return array;
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (BREVET_STORE (source), result, &error);
  BrevetReply *reply;
  guint size;

  if (records == NULL || !read_page_size (call, &size, &error))
    {
      brevet_service_call_fail (task, error);
      return;
    }
  reply = brevet_reply_with_array (call->request, 200, show_page (call, records));
  brevet_service_call_note_unreadable (call, reply);
  if (records->len == size)
    brevet_reply_set_header (reply, CONTINUATION_FIELD, brevet_record_get_key (g_ptr_array_index (records, records->len - 1)));
  brevet_service_call_answer (task, reply);
}

static void
list_issued (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  const char *after = brevet_request_get_header (call->request, CONTINUATION_FIELD);
  g_autofree char *parent = NULL;
  g_autofree char *key = NULL;
  g_autoptr(GError) error = NULL;
  guint size;

  if (after != NULL && !brevet_identifier_check (BREVET_IDENTIFIER_ISSUED_CERTIFICATE, after, NULL))
    {
      brevet_service_call_refuse (task, 400, 0, "The header field " CONTINUATION_FIELD " is not one that this service has sent");
      return;
    }
  if (!read_page_size (call, &size, &error))
    {
      brevet_service_call_fail (task, error);
      return;
    }
  parent = call->route->registration_id != NULL ? brevet_identifier_fold (call->route->registration_id) : NULL;
  key = after != NULL ? brevet_records_normalise_inventory_key (after) : NULL;
  brevet_store_list_async (call->context->store, BREVET_COLLECTION_CERTIFICATES, parent, key, size, g_task_get_cancellable (task),
                           on_listed, g_object_ref (task));
}

void
brevet_service_call_issued (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  if (call->route->kind == BREVET_ROUTE_ISSUED_LIST)
    {
      list_issued (task);
      return;
    }
  g_free (call->key);
  call->key = brevet_records_normalise_inventory_key (call->route->id);
  if (call->route->kind == BREVET_ROUTE_ISSUED_REVOKE)
    brevet_service_call_revoke (task);
  else
    brevet_store_get_async (call->context->store, BREVET_COLLECTION_CERTIFICATES, call->key, g_task_get_cancellable (task),
                            on_read_to_show, g_object_ref (task));
}
