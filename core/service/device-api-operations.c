/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "device-api-private.h"

#include "brevet-error.h"
#include "brevet-etag.h"
#include "brevet-identifier.h"
#include "brevet-wire-error.h"
#include "brevet-wire-json.h"
#include "operation-reply.h"
#include "reply.h"

/* `Prefer: wait=N` (RFC 7240 §4.3): the client wants the final result if it is ready within N seconds. */
static guint
get_wait (BrevetDeviceCall *call)
{
  const char *prefer = brevet_request_get_header (call->request, "prefer");
  g_auto(GStrv) preferences = prefer != NULL ? g_strsplit_set (prefer, ",;", -1) : NULL;

  for (guint i = 0; preferences != NULL && preferences[i] != NULL; i++)
    {
      const char *preference = g_strstrip (preferences[i]);
      guint64 seconds;

      if (g_ascii_strncasecmp (preference, "wait=", 5) == 0 &&
          g_ascii_string_to_unsigned (preference + 5, 10, 0, G_MAXUINT, &seconds, NULL))
        return MIN (seconds, call->context->maximum_wait);
    }
  return 0;
}

/* The header `location` of a register reply names the request itself (protocol/dps.md §3.1). */
static void
set_location (BrevetDeviceCall *call, BrevetReply *reply)
{
  const char *host = brevet_request_get_header (call->request, "host");
  g_autofree char *location = NULL;

  if (call->route->kind != BREVET_ROUTE_REGISTER || brevet_reply_get_status (reply) != 202 || host == NULL)
    return;
  location = g_strconcat ("https://", host, brevet_request_get_path (call->request), NULL);
  brevet_reply_set_header (reply, "location", location);
}

static void
on_reply_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  BrevetReply *reply = brevet_operation_reply_finish (result, &error);
  guint wait = get_wait (call);

  if (reply != NULL)
    set_location (call, reply);
  if (reply != NULL && wait > 0)
    {
      g_autofree char *applied = g_strdup_printf ("wait=%u", wait);

      brevet_reply_set_header (reply, "preference-applied", applied);
    }
  brevet_device_call_return (task, reply != NULL ? reply : brevet_reply_from_error (call->request, error));
}

static void
reply_with_operation (GTask *task, BrevetOperation *operation)
{
  BrevetDeviceCall *call = g_task_get_task_data (task);

  brevet_operation_reply_async (call->context, call->request, operation, call->route->dialect, NULL, on_reply_made,
                                g_object_ref (task));
}

static void
on_waited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  BrevetOperation *finished = brevet_waiter_wait_finish (result);

  reply_with_operation (task, finished != NULL ? finished : g_steal_pointer (&call->operation));
}

/* Takes @operation and @waiter over. */
static void
wait_or_reply (GTask *task, BrevetOperation *operation, BrevetWaiter *waiter)
{
  BrevetDeviceCall *call = g_task_get_task_data (task);
  guint seconds = get_wait (call);

  call->waiter = waiter;
  if (operation->state->status != BREVET_REGISTRATION_ASSIGNING || seconds == 0)
    {
      reply_with_operation (task, operation);
      return;
    }
  call->operation = operation;
  brevet_waiter_wait_async (waiter, seconds, g_task_get_cancellable (task), on_waited, g_object_ref (task));
}

/* Stock clients of register understand nothing but 202 and assigning (protocol/dps.md §3.1); one that prefers to wait gets the
 * result. */
static void
reply_to_register (GTask *task, BrevetOperation *operation, BrevetWaiter *waiter)
{
  BrevetDeviceCall *call = g_task_get_task_data (task);

  if (get_wait (call) == 0 && operation->state->status != BREVET_REGISTRATION_ASSIGNING)
    {
      BrevetRegistrationState *shown =
        brevet_registration_state_new (operation->registration_id, BREVET_REGISTRATION_ASSIGNING);

      brevet_registration_state_free (operation->state);
      operation->state = shown;
    }
  wait_or_reply (task, operation, waiter);
}

static void
on_registered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  BrevetWaiter *waiter = NULL;
  BrevetOperation *operation = brevet_registrar_register_finish (result, &waiter, &error);

  if (operation != NULL)
    reply_to_register (task, operation, waiter);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED))
    brevet_device_call_return (task, brevet_reply_with_error (call->request, 400, 0, error->message));
  else
    brevet_device_call_return (task, brevet_reply_from_error (call->request, error));
}

void
brevet_device_call_register (GTask *task)
{
  BrevetDeviceCall *call = g_task_get_task_data (task);
  BrevetClaims *claims = brevet_request_get_claims (call->request);
  BrevetEnrollment *enrollment = call->attested->enrollment;
  g_autoptr(JsonObject) attestation = NULL;
  BrevetRegistrarCall registrar_call = { 0 };

  attestation = brevet_wire_copy_object (brevet_verdict_get_parameters (call->attested->verdict));
  if (enrollment->is_group)
    json_object_set_string_member (attestation, "enrollmentGroupId", enrollment->id);
  registrar_call.enrollment = enrollment;
  registrar_call.registration_id = call->route->id;
  registrar_call.mechanism = brevet_attestation_get_mechanism (enrollment->attestation);
  registrar_call.credential = brevet_verdict_get_credential (call->attested->verdict);
  registrar_call.attestation = attestation;
  registrar_call.recipient = brevet_verdict_get_recipient (call->attested->verdict);
  registrar_call.csr = call->csr;
  registrar_call.payload = call->body->payload;
  registrar_call.remote_address = brevet_claims_get_remote_address (claims);
  registrar_call.tracking_id = brevet_request_get_tracking_id (call->request);
  brevet_registrar_register_async (call->api->registrar, call->context, &registrar_call, on_registered, g_object_ref (task));
}

static gboolean
belongs_to_device (BrevetDeviceCall *call, const BrevetOperation *operation)
{
  return brevet_identifier_equal (operation->registration_id, call->route->id);
}

static void
on_operation_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  BrevetOperation *operation = record != NULL ? brevet_records_read_operation (record, &error) : NULL;

  if (operation != NULL && belongs_to_device (call, operation))
    {
      wait_or_reply (task, operation, g_steal_pointer (&call->waiter));
      return;
    }
  g_clear_pointer (&operation, brevet_operation_free);
  if (error == NULL || g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    brevet_device_call_return (task, brevet_reply_with_error (call->request, 404, BREVET_WIRE_CODE_NOT_FOUND,
                                                 "This device has no such operation. Register again."));
  else
    brevet_device_call_return (task, brevet_reply_from_error (call->request, error));
}

void
brevet_device_call_look_up_operation (GTask *task)
{
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autofree char *key = brevet_identifier_fold (call->route->operation_id);

  call->waiter = brevet_waiters_add (call->api->waiters, call->route->operation_id);
  brevet_store_get_async (call->context->store, BREVET_COLLECTION_OPERATIONS, key, NULL, on_operation_loaded,
                          g_object_ref (task));
}

static void
on_registration_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetRegistration) registration = record != NULL ? brevet_records_read_registration (record, &error) : NULL;

  if (registration != NULL)
    {
      g_free (registration->state->etag);
      registration->state->etag = brevet_etag_encode (registration->etag);
      brevet_device_call_return (task, brevet_reply_with_json (call->request, 200,
                                                  brevet_registration_state_to_json (registration->state, call->route->dialect)));
    }
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    brevet_device_call_return (task, brevet_reply_with_error (call->request, 404, BREVET_WIRE_CODE_NOT_FOUND,
                                                 "This device has never registered."));
  else
    brevet_device_call_return (task, brevet_reply_from_error (call->request, error));
}

void
brevet_device_call_look_up_registration (GTask *task)
{
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autofree char *key = brevet_identifier_fold (call->route->id);

  if (call->body->csr != NULL)
    brevet_device_call_return (task, brevet_reply_with_error (call->request, 400, 0, "A registration status lookup takes no CSR."));
  else
    brevet_store_get_async (call->context->store, BREVET_COLLECTION_REGISTRATIONS, key, NULL, on_registration_loaded,
                            g_object_ref (task));
}
