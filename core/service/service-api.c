/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-api.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-etag.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-sas-token.h"
#include "reply.h"
#include "service-api-issued.h"
#include "service-api-private.h"
#include "service-api-status.h"

static const BrevetServiceResource *
find_resource (const BrevetRoute *route)
{
  switch (route->kind)
    {
    case BREVET_ROUTE_ENROLLMENT:
    case BREVET_ROUTE_ENROLLMENT_ATTESTATION:
      return &brevet_service_enrollments;
    case BREVET_ROUTE_GROUP:
    case BREVET_ROUTE_GROUP_ATTESTATION:
      return &brevet_service_groups;
    case BREVET_ROUTE_AUTHORITY:
    case BREVET_ROUTE_AUTHORITIES:
      return &brevet_service_authorities;
    case BREVET_ROUTE_TRUST_BUNDLE:
    case BREVET_ROUTE_TRUST_BUNDLES:
      return &brevet_service_trust_bundles;
    case BREVET_ROUTE_CERTIFICATE:
    case BREVET_ROUTE_CERTIFICATE_CODE:
    case BREVET_ROUTE_CERTIFICATE_PROOF:
    case BREVET_ROUTE_CERTIFICATES:
      return &brevet_service_certificates;
    case BREVET_ROUTE_AUTHORITY_STATUS:
    case BREVET_ROUTE_AUTHORITY_STATUSES:
    case BREVET_ROUTE_AUTHORITY_CHECK:
      return &brevet_service_authority_status;
    case BREVET_ROUTE_TRUST_BUNDLE_STATUS:
      return &brevet_service_bundle_status;
    case BREVET_ROUTE_ISSUED:
    case BREVET_ROUTE_ISSUED_REVOKE:
    case BREVET_ROUTE_ISSUED_LIST:
      return &brevet_service_issued;
    case BREVET_ROUTE_REGISTER:
    case BREVET_ROUTE_OPERATION:
    case BREVET_ROUTE_REGISTRATION:
    case BREVET_ROUTE_DEVICE_TRUST_BUNDLE:
    case BREVET_ROUTE_CRL:
    default:
      g_return_val_if_reached (NULL);
    }
}

static BrevetReply *
refuse_operator (BrevetRequest *request, const char *policy_name, const GError *reason)
{
  gboolean is_known = g_error_matches (reason, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED);
  BrevetClaims *claims = brevet_request_get_claims (request);

  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_OPERATOR_REFUSED, reason->message,
                    "BREVET_POLICY", policy_name,
                    "BREVET_METHOD", brevet_request_get_method (request),
                    "BREVET_PATH", brevet_request_get_path (request),
                    "BREVET_ADDRESS", claims != NULL ? brevet_claims_get_remote_address (claims) : NULL,
                    "BREVET_TRACKING_ID", brevet_request_get_tracking_id (request), NULL);
  return is_known ? brevet_reply_with_error (request, 403, 0, reason->message) : brevet_reply_from_error (request, reason);
}

BrevetReply *
brevet_service_api_admit (BrevetServiceContext *context, const BrevetRoute *route, BrevetRequest *request)
{
  const BrevetServiceResource *resource = find_resource (route);
  BrevetRights needed = route->verb == BREVET_VERB_GET ? resource->read_right : resource->write_right;
  BrevetClaims *claims = brevet_request_get_claims (request);
  g_autofree char *policy_name = NULL;
  g_autoptr(GError) error = NULL;

  brevet_request_set_body_limit (request, resource->body_limit);
  if (brevet_access_policies_authorise (context->policies, claims != NULL ? brevet_claims_get_token (claims) : NULL,
                                        brevet_request_get_path (request), needed, brevet_clock_now_seconds (), &policy_name,
                                        &error))
    return NULL;
  return refuse_operator (request, policy_name, error);
}

static void
call_free (BrevetServiceCall *call)
{
  if (call->document != NULL)
    call->resource->free_document (call->document);
  g_clear_pointer (&call->record, brevet_record_unref);
  g_clear_pointer (&call->batch, brevet_batch_unref);
  g_clear_pointer (&call->listed, g_tree_unref);
  g_clear_pointer (&call->context, brevet_service_context_unref);
  g_clear_pointer (&call->request, brevet_request_unref);
  g_free (call->key);
  g_free (call->wanted_etag);
  g_free (call);
}

void
brevet_service_call_answer (GTask *task, BrevetReply *reply)
{
  g_task_return_pointer (task, reply, (GDestroyNotify) brevet_reply_unref);
}

void
brevet_service_call_fail (GTask *task, const GError *error)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  /* Whoever may operate the service may know what is wrong with its store, and has to mend it. */
  if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CORRUPT))
    {
      g_warning ("%s", error->message);
      brevet_service_call_refuse (task, 500, 0, "%s; “brevet-dps store check” lists what cannot be read", error->message);
    }
  else
    brevet_service_call_answer (task, brevet_reply_from_error (call->request, error));
}

void
brevet_service_call_refuse (GTask *task, guint status, guint code, const char *format, ...)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  message = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  brevet_service_call_answer (task, brevet_reply_with_error (call->request, status, code, message));
}

void
brevet_service_call_refuse_missing (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  brevet_service_call_refuse (task, 404, call->resource->not_found_code, "There is no %s “%s”", call->resource->noun,
                              call->route->id);
}

void
brevet_service_call_show (GTask *task, JsonObject *object, const char *etag)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  BrevetReply *reply = brevet_reply_with_json (call->request, 200, object);

  if (etag != NULL)
    {
      g_autofree char *quoted = brevet_etag_quote (etag);

      brevet_reply_set_header (reply, "etag", quoted);
    }
  brevet_service_call_answer (task, reply);
}

gboolean
brevet_service_call_is_configured (BrevetServiceCall *call)
{
  g_autoptr(JsonObject) object = NULL;

  if (call->resource->show_configured != NULL)
    object = call->resource->show_configured (call->context, call->route->id);
  return object != NULL;
}

void
brevet_service_call_log_change (BrevetServiceCall *call, const char *what)
{
  BrevetClaims *claims = brevet_request_get_claims (call->request);
  const char *text = claims != NULL ? brevet_claims_get_token (claims) : NULL;
  /* The request was admitted, so the name that its token gives was proved. */
  g_autoptr(BrevetSasToken) token = text != NULL ? brevet_sas_token_parse (text, NULL) : NULL;
  g_autofree char *message = g_strdup_printf ("%s %s %s", what, call->resource->noun, call->route->id);

  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_OPERATOR_CHANGE, message,
                    "BREVET_POLICY", token != NULL ? token->key_name : NULL,
                    "BREVET_ADDRESS", claims != NULL ? brevet_claims_get_remote_address (claims) : NULL,
                    "BREVET_TRACKING_ID", brevet_request_get_tracking_id (call->request), NULL);
}

static void
show_configured (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  JsonObject *object = NULL;

  if (call->resource->show_configured != NULL)
    object = call->resource->show_configured (call->context, call->route->id);
  if (object != NULL)
    brevet_service_call_show (task, object, NULL);
  else
    brevet_service_call_refuse_missing (task);
}

/* The attestation lookup is a POST that changes nothing. */
static gboolean
is_lookup (const BrevetRoute *route)
{
  return route->kind == BREVET_ROUTE_ENROLLMENT_ATTESTATION || route->kind == BREVET_ROUTE_GROUP_ATTESTATION;
}

static void
on_read_to_show (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  gboolean shows_attestation = is_lookup (call->route);
  g_autoptr(GError) error = NULL;
  JsonObject *object = NULL;

  call->record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  if (call->record == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      show_configured (task);
      return;
    }
  if (call->record != NULL && shows_attestation)
    object = call->resource->show_attestation (call, call->record, &error);
  else if (call->record != NULL)
    object = call->resource->show (call, call->record, &error);

  if (object != NULL)
    brevet_service_call_show (task, object, shows_attestation ? NULL : brevet_record_get_etag (call->record));
  else
    brevet_service_call_fail (task, error);
}

static void
read_to_show (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  brevet_store_get_async (call->context->store, call->resource->collection, call->key, g_task_get_cancellable (task),
                          on_read_to_show, g_object_ref (task));
}

static BrevetServiceCall *
make_call (BrevetServiceContext *context, const BrevetRoute *route, BrevetRequest *request)
{
  BrevetServiceCall *call = g_new0 (BrevetServiceCall, 1);
  const char *if_match = brevet_request_get_header (request, "if-match");

  call->context = brevet_service_context_ref (context);
  call->resource = find_resource (route);
  call->route = route;
  call->request = brevet_request_ref (request);
  call->key = route->id != NULL ? brevet_identifier_fold (route->id) : NULL;
  call->wanted_etag = if_match != NULL ? brevet_etag_normalise (if_match) : NULL;
  return call;
}

void
brevet_service_api_handle_async (BrevetServiceContext *context, const BrevetRoute *route, BrevetRequest *request,
                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_service_api_handle_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, make_call (context, route, request), (GDestroyNotify) call_free);
  if (find_resource (route) == &brevet_service_authority_status)
    {
      brevet_service_call_status (task);
      return;
    }
  if (find_resource (route) == &brevet_service_bundle_status)
    {
      brevet_service_call_bundle_status (task);
      return;
    }
  if (find_resource (route) == &brevet_service_issued)
    {
      brevet_service_call_issued (task);
      return;
    }
  switch (route->verb)
    {
    case BREVET_VERB_PUT:
      brevet_service_call_put (task);
      break;
    case BREVET_VERB_DELETE:
      brevet_service_call_delete (task);
      break;
    case BREVET_VERB_POST:
      if (is_lookup (route))
        read_to_show (task);
      else
        brevet_service_call_put (task);
      break;
    case BREVET_VERB_GET:
    default:
      if (route->id == NULL)
        brevet_service_call_list (task);
      else
        read_to_show (task);
      break;
    }
}

BrevetReply *
brevet_service_api_handle_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}
