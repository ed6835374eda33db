/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "device-api-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-wire-error.h"
#include "reply.h"

#include <string.h>

#define MAXIMUM_REASON_SIZE 2000

static void
call_free (gpointer data)
{
  BrevetDeviceCall *call = data;

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
  BrevetDeviceCall *call = g_new0 (BrevetDeviceCall, 1);

  /* A reply is made for every request, also when its peer has gone. */
  g_task_set_check_cancellable (task, FALSE);
  call->api = self;
  call->context = brevet_service_context_ref (context);
  call->route = route;
  call->request = brevet_request_ref (request);
  g_task_set_task_data (task, call, call_free);
  return task;
}

void
brevet_device_call_return (GTask *task, BrevetReply *reply)
{
  g_task_return_pointer (task, reply, (GDestroyNotify) brevet_reply_unref);
}

/* What the peer presented, in words: never the thing itself. */
static char *
describe_claims (BrevetClaims *claims)
{
  JsonObject *parameters = brevet_claims_get_parameters (claims);
  g_autoptr(GList) members = parameters != NULL ? json_object_get_members (parameters) : NULL;
  g_autoptr(GString) words = g_string_new (NULL);

  if (brevet_claims_get_token (claims) != NULL)
    g_string_append (words, "token, ");
  if (brevet_claims_get_chain (claims) != NULL)
    g_string_append (words, "certificate, ");
  for (GList *member = members; member != NULL; member = member->next)
    g_string_append_printf (words, "%s, ", (const char *) member->data);
  g_string_truncate (words, words->len >= 2 ? words->len - 2 : 0);
  return words->len > 0 ? g_string_free (g_steal_pointer (&words), FALSE) : g_strdup ("nothing");
}

/* What does not only lie, but cannot even be read, was refused as well. */
static gboolean
is_refusal (const GError *error)
{
  return g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED) ||
         g_error_matches (error, BREVET_ERROR, BREVET_ERROR_INVALID);
}

/* Reasons quote names out of certificates, which a stranger makes as long as he likes. */
static char *
make_reason (const GError *error)
{
  return g_utf8_make_valid (error->message, (gssize) MIN (strlen (error->message), MAXIMUM_REASON_SIZE));
}

/* Who, what and why, for the operator. @refusing: (nullable): which enrollment said so */
static void
log_refusal (BrevetDeviceCall *call, const BrevetEnrollment *refusing, const GError *error)
{
  BrevetClaims *claims = brevet_request_get_claims (call->request);
  BrevetChain *chain = brevet_claims_get_chain (claims);
  g_autofree char *presented = describe_claims (claims);
  g_autofree char *reason = make_reason (error);

  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_ATTESTATION_REFUSED, reason, "BREVET_REGISTRATION",
                    brevet_claims_get_registration_id (claims), "BREVET_ENROLLMENT", refusing != NULL ? refusing->id : NULL,
                    "BREVET_MECHANISM", refusing != NULL ? brevet_attestation_get_mechanism (refusing->attestation) : NULL,
                    "BREVET_CREDENTIAL", presented, "BREVET_CERTIFICATE",
                    chain != NULL ? brevet_certificate_get_sha256 (brevet_chain_get_leaf (chain)) : NULL, "BREVET_ADDRESS",
                    brevet_claims_get_remote_address (claims), "BREVET_TRACKING_ID",
                    brevet_request_get_tracking_id (call->request), NULL);
}

/* A stranger learns nothing but that it was refused; the operator's log says why. */
static BrevetReply *
refuse (BrevetDeviceCall *call, const BrevetEnrollment *refusing, const GError *error)
{
  if (is_refusal (error))
    log_refusal (call, refusing, error);
  if (!g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED))
    return brevet_reply_from_error (call->request, error);
  return brevet_reply_with_error (call->request, 401, BREVET_WIRE_CODE_UNAUTHORIZED, "Unauthorized");
}

/* The members of a challenge are the verifier's; the device finds them in the body of a 401 (protocol/dps.md §6.2). */
static BrevetReply *
challenge (BrevetDeviceCall *call, BrevetVerdict *verdict)
{
  return brevet_wire_challenge_reply (brevet_request_get_tracking_id (call->request), brevet_verdict_get_parameters (verdict),
                                      brevet_clock_now ());
}

/* Limits apply to devices that have proved who they are, so that nobody can use up another's share. A request that was admitted
 * has been counted. */
static BrevetReply *
check_attested (BrevetDeviceCall *call, BrevetAttested *attested)
{
  g_autofree char *key = brevet_identifier_fold (call->route->id);
  guint wait;

  if (!brevet_verdict_is_accepted (attested->verdict))
    return challenge (call, attested->verdict);
  if (call->attested != NULL)
    return NULL;
  wait = brevet_limits_take_device (call->api->limits, key, brevet_clock_monotonic ());
  if (wait == 0)
    return NULL;
  return brevet_reply_throttled (call->request, "This device sends too many requests. Try again later.", wait);
}

static void
on_attested (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autoptr(BrevetEnrollment) refusing = NULL;
  g_autoptr(GError) error = NULL;

  call->own_attested = brevet_attest_finish (result, &refusing, &error);
  brevet_device_call_return (task, call->own_attested != NULL ? check_attested (call, call->own_attested)
                                                              : refuse (call, refusing, error));
}

/* Who announces that no body will come has shown all there is. */
static gboolean
has_no_body (BrevetRequest *request)
{
  return g_strcmp0 (brevet_request_get_header (request, "content-length"), "0") == 0;
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
      brevet_device_call_return (task, brevet_reply_with_error (request, 404, 0,
                                                                "This service does not serve the id scope of the request."));
      return;
    }
  brevet_claims_set_device (claims, context->id_scope, route->id);
  if (brevet_attest_needs_body (context, claims) && !has_no_body (request))
    brevet_device_call_return (task, NULL);
  else
    brevet_attest_async (context, claims, cancellable, on_attested, g_steal_pointer (&task));
}

BrevetReply *
brevet_device_api_admit_finish (GAsyncResult *result, BrevetAttested **attested)
{
  BrevetDeviceCall *call = g_task_get_task_data (G_TASK (result));

  *attested = g_steal_pointer (&call->own_attested);
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

static gboolean
parse_body (BrevetDeviceCall *call, GError **error)
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
  return TRUE;
}

/* To verify a CSR costs more than all else: nobody makes the service do it who has not proved who he is. */
static gboolean
verify_csr (BrevetDeviceCall *call, GError **error)
{
  if (call->route->kind != BREVET_ROUTE_REGISTER || call->body->csr == NULL)
    return TRUE;
  call->csr = brevet_csr_new (call->body->csr, call->context->key_policy, error);
  return call->csr != NULL;
}

static void
handle_attested (GTask *task)
{
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!verify_csr (call, &error))
    brevet_device_call_return (task, brevet_reply_with_error (call->request, 400, 0, error->message));
  else if (call->route->kind == BREVET_ROUTE_REGISTER)
    brevet_device_call_register (task);
  else if (call->route->kind == BREVET_ROUTE_OPERATION)
    brevet_device_call_look_up_operation (task);
  else if (call->route->kind == BREVET_ROUTE_DEVICE_TRUST_BUNDLE)
    brevet_device_call_look_up_trust_bundle (task);
  else
    brevet_device_call_look_up_registration (task);
}

static void
on_attested_with_body (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autoptr(BrevetEnrollment) refusing = NULL;
  g_autoptr(GError) error = NULL;
  BrevetReply *refusal;

  call->own_attested = brevet_attest_finish (result, &refusing, &error);
  refusal = call->own_attested != NULL ? check_attested (call, call->own_attested) : refuse (call, refusing, error);
  call->attested = call->own_attested;
  if (refusal != NULL)
    brevet_device_call_return (task, refusal);
  else
    handle_attested (task);
}

/* A token lets a device in before its body is read. What the body adds to the proof is judged then, together with the token: the
 * keys of a TPM, which say for whom the answer is to be made. */
static gboolean
shows_more (BrevetDeviceCall *call)
{
  return call->body != NULL && call->body->attestation != NULL;
}

void
brevet_device_api_handle_async (BrevetDeviceApi *self, BrevetServiceContext *context, const BrevetRoute *route,
                                BrevetRequest *request, BrevetAttested *attested, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = make_task (self, context, route, request, cancellable, callback, user_data);
  BrevetDeviceCall *call = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  g_task_set_source_tag (task, brevet_device_api_handle_async);
  call->attested = attested;
  /* Bodies of GET are ignored (protocol/dps.md §1.4). */
  if (route->verb != BREVET_VERB_GET && !parse_body (call, &error))
    {
      brevet_device_call_return (task, brevet_reply_with_error (request, 400, 0, error->message));
      return;
    }
  if (attested != NULL && !shows_more (call))
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
