/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "operation-reply.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-etag.h"
#include "brevet-identifier.h"
#include "records-devices.h"

/* A device that waits is told to look again after this part of the time that it has waited. */
#define WAITING_SHARE 10

/* Some give up after a minute of silence (protocol/dps.md §3.1). */
#define LONGEST_RETRY_AFTER 30

typedef struct {
  BrevetServiceContext *context;
  BrevetRequest *request;
  BrevetOperation *operation;
  BrevetDialect dialect;
} Build;

static void
build_free (gpointer data)
{
  Build *build = data;

  brevet_service_context_unref (build->context);
  brevet_request_unref (build->request);
  g_clear_pointer (&build->operation, brevet_operation_free);
  g_free (build);
}

/* What is needed to remember, after the reply has gone out, what the device has now. */
typedef struct {
  BrevetServiceContext *context; /* NULL if the reply does not hold the certificate for the first time */
  BrevetBundleHolders *holders;
  BrevetOperation *operation;
  char *bundle_version; /* NULL if the reply holds no trust bundle */
} Delivery;

static void
delivery_free (gpointer data)
{
  Delivery *delivery = data;

  g_clear_pointer (&delivery->context, brevet_service_context_unref);
  brevet_bundle_holders_unref (delivery->holders);
  brevet_operation_free (delivery->operation);
  g_free (delivery->bundle_version);
  g_free (delivery);
}

static void
on_delivery_recorded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error) &&
      !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    g_warning ("A delivered certificate could not be marked as delivered; it may be handed out once more: %s", error->message);
}

static void
note_certificate (Delivery *delivery)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  delivery->operation->delivered = TRUE;
  brevet_records_put_operation (batch, delivery->operation, BREVET_IF_PRESENT);
  if (delivery->operation->certificate_key != NULL)
    brevet_records_put_delivered_certificate (batch, delivery->operation->registration_id, delivery->operation->certificate_key);
  brevet_store_commit_async (delivery->context->store, batch, NULL, on_delivery_recorded, NULL);
}

static void
on_delivered (gpointer user_data)
{
  Delivery *delivery = user_data;

  if (delivery->context != NULL)
    note_certificate (delivery);
  if (delivery->bundle_version != NULL)
    brevet_bundle_holders_note (delivery->holders, delivery->operation->registration_id,
                                delivery->operation->trust_bundle_id, delivery->bundle_version);
}

/* The first preview's is the only dialect that has a trust bundle in its replies. */
static char *
dup_bundle_version (Build *build)
{
  JsonObject *bundle = build->operation->state->trust_bundle;

  if (bundle == NULL || build->dialect != BREVET_DIALECT_2021_11_01_PREVIEW)
    return NULL;
  return g_strdup (json_object_get_string_member_with_default (bundle, "etag", NULL));
}

/* The record of an operation holds no certificate: that lies in the inventory. Only a reply that holds the certificate delivers it:
 * older dialects have no place for one. NULL if there is nothing to remember. */
static Delivery *
make_delivery (Build *build)
{
  gboolean delivers_certificate = build->operation->state->certificate_pem != NULL && build->dialect != BREVET_DIALECT_STABLE &&
                                  !build->operation->delivered;
  char *bundle_version = dup_bundle_version (build);
  Delivery *delivery;

  if (!delivers_certificate && bundle_version == NULL)
    return NULL;
  delivery = g_new0 (Delivery, 1);
  delivery->bundle_version = bundle_version;
  delivery->context = delivers_certificate ? brevet_service_context_ref (build->context) : NULL;
  delivery->holders = brevet_bundle_holders_ref (build->context->holders);
  delivery->operation = brevet_operation_copy (build->operation);
  g_clear_pointer (&delivery->operation->state->certificate_pem, g_free);
  g_clear_pointer (&delivery->operation->state->trust_bundle, json_object_unref);
  return delivery;
}

static void
encode_etag (BrevetRegistrationState *state)
{
  char *encoded = state->etag != NULL ? brevet_etag_encode (state->etag) : NULL;

  g_free (state->etag);
  state->etag = encoded;
}

/* Whoever has waited for long need not ask often. */
static guint
choose_retry_after (Build *build)
{
  gint64 began = build->operation->state->updated;
  gint64 age = began > 0 ? (brevet_clock_now () - began) / G_USEC_PER_SEC : 0;

  return MAX (build->context->retry_after, (guint) CLAMP (age / WAITING_SHARE, 0, LONGEST_RETRY_AFTER));
}

static void
return_reply (GTask *task)
{
  Build *build = g_task_get_task_data (task);
  BrevetOperation *operation = build->operation;
  Delivery *delivery = make_delivery (build);
  BrevetReply *reply;

  encode_etag (operation->state);
  reply = brevet_operation_reply (operation->id, operation->state, build->dialect, choose_retry_after (build));
  brevet_reply_set_header (reply, "x-ms-request-id", brevet_request_get_tracking_id (build->request));
  if (delivery != NULL)
    brevet_reply_set_delivered_callback (reply, on_delivered, delivery, delivery_free);
  g_task_return_pointer (task, reply, (GDestroyNotify) brevet_reply_unref);
}

static void
on_trust_bundle_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Build *build = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record != NULL)
    build->operation->state->trust_bundle = brevet_records_read_trust_bundle_json (record, &error);
  if (build->operation->state->trust_bundle != NULL)
    return_reply (task);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_warning ("The trust bundle “%s” of the enrollment “%s” cannot be handed out, so %s gets none: %s",
                 build->operation->trust_bundle_id, build->operation->enrollment_id, build->operation->registration_id,
                 error->message);
      return_reply (task);
    }
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
load_trust_bundle (GTask *task)
{
  Build *build = g_task_get_task_data (task);
  g_autofree char *key = NULL;

  if (build->operation->trust_bundle_id == NULL)
    {
      return_reply (task);
      return;
    }
  key = brevet_identifier_fold (build->operation->trust_bundle_id);
  brevet_store_get_async (build->context->store, BREVET_COLLECTION_TRUST_BUNDLES, key, g_task_get_cancellable (task),
                          on_trust_bundle_loaded, g_object_ref (task));
}

static void
on_withdrawn (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error) &&
      !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    return_reply (task);
}

/* What was revoked before the device got it is not handed out. The operation has failed then, so that the device's next call begins
 * a new one and does not join this. */
static void
withdraw (GTask *task)
{
  Build *build = g_task_get_task_data (task);
  BrevetRegistrationState *state = build->operation->state;
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  g_clear_pointer (&state->certificate_pem, g_free);
  g_clear_pointer (&state->assigned_hub, g_free);
  g_clear_pointer (&state->device_id, g_free);
  g_clear_pointer (&state->substatus, g_free);
  g_free (state->error_message);
  state->status = BREVET_REGISTRATION_FAILED;
  state->error_code = 500000;
  state->error_message = g_strdup ("The certificate was revoked. Register again.");
  state->updated = brevet_clock_now ();
  brevet_records_put_operation (batch, build->operation, build->operation->etag);
  brevet_store_commit_async (build->context->store, batch, NULL, on_withdrawn, g_object_ref (task));
}

static void
on_certificate_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Build *build = g_task_get_task_data (task);
  gboolean is_revoked = FALSE;
  GError *error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record != NULL)
    build->operation->state->certificate_pem = brevet_records_read_certificate_pem (record, &is_revoked, &error);
  if (build->operation->state->certificate_pem == NULL)
    g_task_return_error (task, error);
  else if (is_revoked)
    withdraw (task);
  else
    load_trust_bundle (task);
}

void
brevet_operation_reply_async (BrevetServiceContext *context, BrevetRequest *request, BrevetOperation *operation,
                              BrevetDialect dialect, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Build *build = g_new0 (Build, 1);

  g_task_set_source_tag (task, brevet_operation_reply_async);
  build->context = brevet_service_context_ref (context);
  build->request = brevet_request_ref (request);
  build->operation = operation;
  build->dialect = dialect;
  g_task_set_task_data (task, build, build_free);
  if (operation->state->status != BREVET_REGISTRATION_ASSIGNED || dialect == BREVET_DIALECT_STABLE)
    return_reply (task);
  else if (operation->certificate_key != NULL && operation->state->certificate_pem == NULL)
    brevet_store_get_async (context->store, BREVET_COLLECTION_CERTIFICATES, operation->certificate_key, cancellable,
                            on_certificate_loaded, g_object_ref (task));
  else
    load_trust_bundle (task);
}

BrevetReply *
brevet_operation_reply_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
