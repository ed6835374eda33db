/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The trust bundle by conditional request: brevet's own extension of the device API (docs/device-api-extensions.md). A device that
 * asks every hour costs its attestation and one read here, and no registration, no CA and, as long as the bundle stays the same, no
 * write. */

#include "device-api-private.h"

#include "brevet-error.h"
#include "brevet-etag.h"
#include "brevet-identifier.h"
#include "reply.h"

#include <string.h>

/* Somebody to whom a bundle is being sent. */
typedef struct {
  BrevetBundleHolders *holders;
  char *registration_id;
  char *bundle_id;
  char *etag;
} Delivery;

static void
delivery_free (gpointer data)
{
  Delivery *delivery = data;

  brevet_bundle_holders_unref (delivery->holders);
  g_free (delivery->registration_id);
  g_free (delivery->bundle_id);
  g_free (delivery->etag);
  g_free (delivery);
}

static void
on_delivered (gpointer user_data)
{
  Delivery *delivery = user_data;

  brevet_bundle_holders_note (delivery->holders, delivery->registration_id, delivery->bundle_id, delivery->etag);
}

/* Also of a bundle that the device says it has: it may have come to it by another service, or by a reply that was not noted. */
static void
note_when_delivered (BrevetDeviceCall *call, BrevetReply *reply, BrevetRecord *record)
{
  Delivery *delivery = g_new0 (Delivery, 1);

  delivery->holders = brevet_bundle_holders_ref (call->context->holders);
  delivery->registration_id = g_strdup (call->route->id);
  delivery->bundle_id = g_strdup (call->attested->enrollment->trust_bundle_id);
  delivery->etag = g_strdup (brevet_record_get_etag (record));
  brevet_reply_set_delivered_callback (reply, on_delivered, delivery, delivery_free);
}

/* `*` says that the device has some bundle, and not which. */
static gboolean
names_version (const char *known)
{
  return known == NULL || strchr (known, '*') == NULL;
}

static BrevetReply *
make_reply (BrevetDeviceCall *call, BrevetRecord *record, GError **error)
{
  const char *known = brevet_request_get_header (call->request, "if-none-match");
  g_autofree char *etag = brevet_etag_quote (brevet_record_get_etag (record));
  BrevetReply *reply;

  if (known != NULL && brevet_etag_is_listed (known, brevet_record_get_etag (record)))
    reply = brevet_reply_without_body (call->request, 304);
  else
    {
      JsonObject *bundle = brevet_records_read_trust_bundle_json (record, error);

      if (bundle == NULL)
        return NULL;
      reply = brevet_reply_with_json (call->request, 200, bundle);
    }
  brevet_reply_set_header (reply, "etag", etag);
  if (names_version (known))
    note_when_delivered (call, reply, record);
  return reply;
}

static void
on_bundle_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  BrevetEnrollment *enrollment = call->attested->enrollment;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  BrevetReply *reply = record != NULL ? make_reply (call, record, &error) : NULL;

  if (reply == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      /* As a register reply has it: what is not there cannot be handed out. */
      g_warning ("The trust bundle “%s” of the enrollment “%s” cannot be handed out, so %s gets none: %s",
                 enrollment->trust_bundle_id, enrollment->id, call->route->id, error->message);
      reply = brevet_reply_without_body (call->request, 204);
    }
  brevet_device_call_return (task, reply != NULL ? reply : brevet_reply_from_error (call->request, error));
}

void
brevet_device_call_look_up_trust_bundle (GTask *task)
{
  BrevetDeviceCall *call = g_task_get_task_data (task);
  const char *id = call->attested->enrollment->trust_bundle_id;
  g_autofree char *key = id != NULL ? brevet_identifier_fold (id) : NULL;

  if (key == NULL)
    brevet_device_call_return (task, brevet_reply_without_body (call->request, 204));
  else
    brevet_store_get_async (call->context->store, BREVET_COLLECTION_TRUST_BUNDLES, key, NULL, on_bundle_loaded,
                            g_object_ref (task));
}
