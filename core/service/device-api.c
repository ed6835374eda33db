/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "device-api.h"

#include "attest.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-etag.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-registration-request.h"
#include "brevet-wire-error.h"
#include "brevet-wire-json.h"
#include "operation-reply.h"
#include "reply.h"

struct _BrevetDeviceApi
{
  BrevetLimits    *limits;
  BrevetWaiters   *waiters;
  BrevetRegistrar *registrar;
};

typedef struct {
  BrevetDeviceApi *api;
  BrevetServiceContext *context;
  const BrevetRoute *route;
  BrevetRequest *request;
  BrevetAttested *attested;       /* borrowed from the admission, or own_attested */
  BrevetAttested *own_attested;
  BrevetRegistrationRequest *body;
  BrevetCsr *csr;
  BrevetOperation *operation;     /* assigning, while its end is awaited */
  BrevetWaiter *waiter;
} Call;

static void
call_free (gpointer data)
{
  Call *call = data;

  g_clear_pointer (&call->waiter, brevet_waiter_free);
  brevet_service_context_unref (call->context);
  brevet_request_unref (call->request);
  g_clear_pointer (&call->own_attested, brevet_attested_free);
  g_clear_pointer (&call->body, brevet_registration_request_free);
  g_clear_pointer (&call->csr, brevet_csr_unref);
  g_clear_pointer (&call->operation, brevet_operation_free);
  g_free (call);
}

static GTask *
make_task (BrevetDeviceApi *self, BrevetServiceContext *context, const BrevetRoute *route, BrevetRequest *request,
           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Call *call = g_new0 (Call, 1);

  /* A reply is made for every request, also when its peer has gone. */
  g_task_set_check_cancellable (task, FALSE);
  call->api = self;
  call->context = brevet_service_context_ref (context);
  call->route = route;
  call->request = brevet_request_ref (request);
  g_task_set_task_data (task, call, call_free);
  return task;
}

static void
return_reply (GTask *task, BrevetReply *reply)
{
  g_task_return_pointer (task, reply, (GDestroyNotify) brevet_reply_unref);
}

/* A stranger learns nothing but that it was refused; the operator's log says why. */
static BrevetReply *
refuse (Call *call, const GError *error)
{
  BrevetClaims *claims = brevet_request_get_claims (call->request);

  if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED))
    return brevet_reply_from_error (call->request, error);
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_ATTESTATION_REFUSED, error->message, "BREVET_REGISTRATION",
                    brevet_claims_get_registration_id (claims), "BREVET_ADDRESS", brevet_claims_get_remote_address (claims),
                    "BREVET_TRACKING_ID", brevet_request_get_tracking_id (call->request), NULL);
  return brevet_reply_with_error (call->request, 401, BREVET_WIRE_CODE_UNAUTHORIZED, "Unauthorized");
}

/* The members of a challenge are the verifier's; the device finds them in the body of a 401 (protocol/dps.md §6.2). */
static BrevetReply *
challenge (Call *call, BrevetVerdict *verdict)
{
  g_autoptr(JsonObject) object = json_object_new ();
  JsonObject *parameters = brevet_verdict_get_parameters (verdict);
  g_autoptr(GList) members = json_object_get_members (parameters);
  g_autoptr(GBytes) body = NULL;
  BrevetReply *reply;

  json_object_set_string_member (object, "message", "Authorization required.");
  for (GList *member = members; member != NULL; member = member->next)
    json_object_set_member (object, member->data, json_node_copy (json_object_get_member (parameters, member->data)));
  body = brevet_wire_print_object (object);
  reply = brevet_reply_new (401, body);
  brevet_reply_set_header (reply, "x-ms-request-id", brevet_request_get_tracking_id (call->request));
  return reply;
}

/* Limits apply to devices that have proved who they are, so that nobody can use up another's share. */
static BrevetReply *
check_attested (Call *call, BrevetAttested *attested)
{
  g_autofree char *key = brevet_identifier_fold (call->route->id);
  guint wait;

  if (!brevet_verdict_is_accepted (attested->verdict))
    return challenge (call, attested->verdict);
  wait = brevet_limits_take_device (call->api->limits, key, brevet_clock_monotonic ());
  if (wait == 0)
    return NULL;
  return brevet_wire_error_reply (429, 0, brevet_request_get_tracking_id (call->request),
                                  "This device sends too many requests. Try again later.", brevet_clock_now (), wait);
}

static void
on_attested (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Call *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  call->own_attested = brevet_attest_finish (result, &error);
  return_reply (task, call->own_attested != NULL ? check_attested (call, call->own_attested) : refuse (call, error));
}

void
brevet_device_api_admit_async (BrevetDeviceApi *self, BrevetServiceContext *context, const BrevetRoute *route,
                               BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data)
{
  g_autoptr(GTask) task = make_task (self, context, route, request, cancellable, callback, user_data);
  BrevetClaims *claims = brevet_request_get_claims (request);

  g_task_set_source_tag (task, brevet_device_api_admit_async);
  if (!brevet_identifier_equal (route->id_scope, context->id_scope))
    {
      return_reply (task, brevet_reply_with_error (request, 404, 0, "This service does not serve the id scope of the request."));
      return;
    }
  brevet_claims_set_device (claims, context->id_scope, route->id);
  if (brevet_attest_needs_body (context, claims))
    return_reply (task, NULL);
  else
    brevet_attest_async (context, claims, cancellable, on_attested, g_steal_pointer (&task));
}

BrevetReply *
brevet_device_api_admit_finish (GAsyncResult *result, gpointer *attested)
{
  Call *call = g_task_get_task_data (G_TASK (result));

  *attested = g_steal_pointer (&call->own_attested);
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

/* `Prefer: wait=N` (RFC 7240 §4.3): the client wants the final result if it is ready within N seconds. */
static guint
get_wait (Call *call)
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
set_location (Call *call, BrevetReply *reply)
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
  Call *call = g_task_get_task_data (task);
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
  return_reply (task, reply != NULL ? reply : brevet_reply_from_error (call->request, error));
}

static void
reply_with_operation (GTask *task, BrevetOperation *operation)
{
  Call *call = g_task_get_task_data (task);

  brevet_operation_reply_async (call->context, call->request, operation, call->route->dialect, NULL, on_reply_made,
                                g_object_ref (task));
}

static void
on_waited (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Call *call = g_task_get_task_data (task);
  BrevetOperation *finished = brevet_waiter_wait_finish (result);

  reply_with_operation (task, finished != NULL ? finished : g_steal_pointer (&call->operation));
}

/* Takes @operation and @waiter over. */
static void
wait_or_reply (GTask *task, BrevetOperation *operation, BrevetWaiter *waiter)
{
  Call *call = g_task_get_task_data (task);
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

/* Stock clients of register understand nothing but 202 and assigning (protocol/dps.md §3.1); one that prefers to wait gets the result. */
static void
reply_to_register (GTask *task, BrevetOperation *operation, BrevetWaiter *waiter)
{
  Call *call = g_task_get_task_data (task);

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
  Call *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  BrevetWaiter *waiter = NULL;
  BrevetOperation *operation = brevet_registrar_register_finish (result, &waiter, &error);

  if (operation != NULL)
    reply_to_register (task, operation, waiter);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED))
    return_reply (task, brevet_reply_with_error (call->request, 400, 0, error->message));
  else
    return_reply (task, brevet_reply_from_error (call->request, error));
}

static void
register_device (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  BrevetClaims *claims = brevet_request_get_claims (call->request);
  BrevetEnrollment *enrollment = call->attested->enrollment;
  g_autoptr(JsonObject) attestation = NULL;
  BrevetRegistrarCall registrar_call = { 0 };

  if (enrollment->is_group)
    {
      attestation = json_object_new ();
      json_object_set_string_member (attestation, "enrollmentGroupId", enrollment->id);
    }
  else
    attestation = json_object_ref (brevet_verdict_get_parameters (call->attested->verdict));
  registrar_call.enrollment = enrollment;
  registrar_call.registration_id = call->route->id;
  registrar_call.mechanism = brevet_attestation_get_mechanism (enrollment->attestation);
  registrar_call.attestation = attestation;
  registrar_call.csr = call->csr;
  registrar_call.payload = call->body->payload;
  registrar_call.remote_address = brevet_claims_get_remote_address (claims);
  registrar_call.tracking_id = brevet_request_get_tracking_id (call->request);
  brevet_registrar_register_async (call->api->registrar, call->context, &registrar_call, on_registered, g_object_ref (task));
}

static gboolean
belongs_to_device (Call *call, const BrevetOperation *operation)
{
  return brevet_identifier_equal (operation->registration_id, call->route->id);
}

static void
on_operation_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Call *call = g_task_get_task_data (task);
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
    return_reply (task, brevet_reply_with_error (call->request, 404, BREVET_WIRE_CODE_NOT_FOUND,
                                                 "This device has no such operation. Register again."));
  else
    return_reply (task, brevet_reply_from_error (call->request, error));
}

static void
look_up_operation (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  g_autofree char *key = brevet_identifier_fold (call->route->operation_id);

  call->waiter = brevet_waiters_add (call->api->waiters, call->route->operation_id);
  brevet_store_get_async (call->context->store, BREVET_COLLECTION_OPERATIONS, key, NULL, on_operation_loaded,
                          g_object_ref (task));
}

static void
on_registration_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Call *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetRegistration) registration = record != NULL ? brevet_records_read_registration (record, &error) : NULL;

  if (registration != NULL)
    {
      g_free (registration->state->etag);
      registration->state->etag = brevet_etag_encode (registration->etag);
      return_reply (task, brevet_reply_with_json (call->request, 200,
                                                  brevet_registration_state_to_json (registration->state, call->route->dialect)));
    }
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    return_reply (task, brevet_reply_with_error (call->request, 404, BREVET_WIRE_CODE_NOT_FOUND,
                                                 "This device has never registered."));
  else
    return_reply (task, brevet_reply_from_error (call->request, error));
}

static void
look_up_registration (GTask *task)
{
  Call *call = g_task_get_task_data (task);
  g_autofree char *key = brevet_identifier_fold (call->route->id);

  if (call->body->csr != NULL)
    return_reply (task, brevet_reply_with_error (call->request, 400, 0, "A registration status lookup takes no CSR."));
  else
    brevet_store_get_async (call->context->store, BREVET_COLLECTION_REGISTRATIONS, key, NULL, on_registration_loaded,
                            g_object_ref (task));
}

static gboolean
parse_body (Call *call, GError **error)
{
  call->body = brevet_registration_request_parse (brevet_request_get_body (call->request), call->route->dialect, error);
  if (call->body == NULL)
    return FALSE;
  if (call->body->registration_id != NULL && !brevet_identifier_equal (call->body->registration_id, call->route->id))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                   "The member registrationId does not name the device “%s” of the path", call->route->id);
      return FALSE;
    }
  if (call->route->kind != BREVET_ROUTE_REGISTER || call->body->csr == NULL)
    return TRUE;
  call->csr = brevet_csr_new (call->body->csr, call->context->key_policy, error);
  return call->csr != NULL;
}

static void
handle_attested (GTask *task)
{
  Call *call = g_task_get_task_data (task);

  if (call->route->kind == BREVET_ROUTE_REGISTER)
    register_device (task);
  else if (call->route->kind == BREVET_ROUTE_OPERATION)
    look_up_operation (task);
  else
    look_up_registration (task);
}

static void
on_attested_with_body (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Call *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  BrevetReply *refusal;

  call->own_attested = brevet_attest_finish (result, &error);
  call->attested = call->own_attested;
  refusal = call->attested != NULL ? check_attested (call, call->attested) : refuse (call, error);
  if (refusal != NULL)
    return_reply (task, refusal);
  else
    handle_attested (task);
}

void
brevet_device_api_handle_async (BrevetDeviceApi *self, BrevetServiceContext *context, const BrevetRoute *route,
                                BrevetRequest *request, gpointer attested, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = make_task (self, context, route, request, cancellable, callback, user_data);
  Call *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  g_task_set_source_tag (task, brevet_device_api_handle_async);
  call->attested = attested;
  /* Bodies of GET are ignored (protocol/dps.md §1.4). */
  if (route->kind != BREVET_ROUTE_OPERATION && !parse_body (call, &error))
    {
      return_reply (task, brevet_reply_with_error (request, 400, 0, error->message));
      return;
    }
  if (attested != NULL)
    {
      handle_attested (task);
      return;
    }
  if (call->body != NULL)
    brevet_claims_set_parameters (brevet_request_get_claims (request), call->body->attestation);
  brevet_attest_async (context, brevet_request_get_claims (request), cancellable, on_attested_with_body,
                       g_steal_pointer (&task));
}

BrevetReply *
brevet_device_api_handle_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

BrevetDeviceApi *
brevet_device_api_new (BrevetLimits *limits, BrevetWaiters *waiters)
{
  BrevetDeviceApi *self = g_new0 (BrevetDeviceApi, 1);

  self->limits = limits;
  self->waiters = waiters;
  self->registrar = brevet_registrar_new (limits, waiters);
  return self;
}

void
brevet_device_api_free (BrevetDeviceApi *self)
{
  brevet_registrar_free (self->registrar);
  g_free (self);
}
