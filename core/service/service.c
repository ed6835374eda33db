/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "brevet-route.h"
#include "brevet-wire-error.h"
#include "reply.h"
#include "service-api.h"

#define OVERLOAD_REPORT_PAUSE (10 * G_USEC_PER_SEC)
#define OVERLOAD_RETRY_AFTER 5

/* How long a service that stops goes on waiting for results; less than a listener gives its connections. */
#define STOP_PATIENCE_SECONDS 3

static void brevet_service_handler_init (BrevetHandlerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetService, brevet_service, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_HANDLER, brevet_service_handler_init))

/* What is found out when a request is admitted, and needed when it is handled. */
typedef struct {
  BrevetService *service;
  BrevetServiceContext *context;
  BrevetRoute *route;
  BrevetAttested *attested;
} Admission;

static void
admission_free (gpointer data)
{
  Admission *admission = data;

  brevet_limits_end_request (admission->service->limits);
  g_clear_pointer (&admission->context, brevet_service_context_unref);
  g_clear_pointer (&admission->route, brevet_route_free);
  g_clear_pointer (&admission->attested, brevet_attested_free);
  g_object_unref (admission->service);
  g_free (admission);
}

BrevetServiceContext *
brevet_service_ref_context (BrevetService *self)
{
  BrevetServiceContext *context;

  g_mutex_lock (&self->lock);
  context = brevet_service_context_ref (self->context);
  g_mutex_unlock (&self->lock);
  return context;
}

static BrevetReply *
brevet_service_describe_error (BrevetHandler *handler, BrevetRequest *request, guint status, const char *message)
{
  g_autofree char *tracking_id = NULL;

  if (request != NULL)
    return brevet_reply_with_error (request, status, 0, message);
  tracking_id = g_uuid_string_random ();
  return brevet_wire_error_reply (status, 0, tracking_id, message, brevet_clock_now (), status == 429 || status == 503 ? 5 : 0);
}

static void
return_reply (GTask *task, BrevetReply *reply)
{
  g_task_return_pointer (task, reply, (GDestroyNotify) brevet_reply_unref);
}

static void
on_device_admitted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Admission *admission = brevet_request_get_admission (g_task_get_task_data (task));

  return_reply (task, brevet_device_api_admit_finish (result, &admission->attested));
}

/* An attack would fill the log otherwise. */
static gboolean
is_overload_report_due (BrevetService *self)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);
  gint64 now = brevet_clock_monotonic ();

  if (now < self->next_overload_report)
    return FALSE;
  self->next_overload_report = now + OVERLOAD_REPORT_PAUSE;
  return TRUE;
}

static void
report_overload (BrevetService *self, BrevetRequest *request)
{
  if (!is_overload_report_due (self))
    return;
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_OVERLOADED, "Too many requests are being handled; refusing more",
                    "BREVET_TRACKING_ID", brevet_request_get_tracking_id (request), NULL);
}

/* A listener that is there for what is public answers nothing else, whatever the peer can prove. */
static BrevetRoute *
find_route (BrevetRequest *request, guint *status, GError **error)
{
  BrevetClaims *claims = brevet_request_get_claims (request);
  gboolean is_limited = claims != NULL && brevet_claims_get_public_only (claims);
  g_autoptr(BrevetRoute) route = brevet_route_parse (brevet_request_get_method (request), brevet_request_get_path (request),
                                                     brevet_request_get_query (request), status, error);

  if (!is_limited || (route != NULL && brevet_route_is_public (route)))
    return g_steal_pointer (&route);
  g_clear_error (error);
  *status = 404;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "There is nothing at this path");
  return NULL;
}

/* Returns a refusal, or NULL with the admission attached to the request. */
static BrevetReply *
begin_admission (BrevetService *self, BrevetRequest *request)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRoute) route = NULL;
  Admission *admission;
  guint status = 400;

  if (!brevet_limits_begin_request (self->limits))
    {
      report_overload (self, request);
      return brevet_wire_error_reply (429, 0, brevet_request_get_tracking_id (request), "The service is busy. Try again later.",
                                      brevet_clock_now (), OVERLOAD_RETRY_AFTER);
    }
  route = find_route (request, &status, &error);
  if (route == NULL)
    {
      brevet_limits_end_request (self->limits);
      return brevet_reply_with_error (request, status, 0, error->message);
    }
  admission = g_new0 (Admission, 1);
  admission->service = g_object_ref (self);
  admission->context = brevet_service_ref_context (self);
  admission->route = g_steal_pointer (&route);
  brevet_request_set_admission (request, admission, admission_free);
  return NULL;
}

static void
brevet_service_admit_async (BrevetHandler *handler, BrevetRequest *request, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetService *self = BREVET_SERVICE (handler);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  BrevetReply *refusal = begin_admission (self, request);
  Admission *admission = brevet_request_get_admission (request);

  g_task_set_source_tag (task, brevet_service_admit_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, brevet_request_ref (request), (GDestroyNotify) brevet_request_unref);
  if (refusal != NULL)
    return_reply (task, refusal);
  else if (brevet_route_is_public (admission->route))
    return_reply (task, brevet_crl_publisher_answer (self->crls, admission->route->id, request, self->chores));
  else if (brevet_route_is_device_api (admission->route))
    brevet_device_api_admit_async (self->device_api, admission->context, admission->route, request, cancellable,
                                   on_device_admitted, g_steal_pointer (&task));
  else
    return_reply (task, brevet_service_api_admit (admission->context, admission->route, request));
}

static BrevetReply *
brevet_service_admit_finish (BrevetHandler *handler, GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

static void
on_device_handled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);

  return_reply (task, brevet_device_api_handle_finish (result));
}

static void
on_operator_handled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);

  return_reply (task, brevet_service_api_handle_finish (result));
}

static void
brevet_service_handle_async (BrevetHandler *handler, BrevetRequest *request, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetService *self = BREVET_SERVICE (handler);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  Admission *admission = brevet_request_get_admission (request);

  g_task_set_source_tag (task, brevet_service_handle_async);
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, brevet_request_ref (request), (GDestroyNotify) brevet_request_unref);
  if (brevet_route_is_device_api (admission->route))
    brevet_device_api_handle_async (self->device_api, admission->context, admission->route, request, admission->attested,
                                    cancellable, on_device_handled, g_steal_pointer (&task));
  else
    brevet_service_api_handle_async (admission->context, admission->route, request, cancellable, on_operator_handled,
                                     g_steal_pointer (&task));
}

static BrevetReply *
brevet_service_handle_finish (BrevetHandler *handler, GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

static void
brevet_service_handler_init (BrevetHandlerInterface *iface)
{
  iface->admit_async = brevet_service_admit_async;
  iface->admit_finish = brevet_service_admit_finish;
  iface->handle_async = brevet_service_handle_async;
  iface->handle_finish = brevet_service_handle_finish;
  iface->describe_error = brevet_service_describe_error;
}

static void
brevet_service_finalize (GObject *object)
{
  BrevetService *self = BREVET_SERVICE (object);

  if (self->chores != NULL)
    brevet_service_chores_stop (self->chores);
  g_clear_pointer (&self->chores, brevet_service_chores_unref);
  g_clear_pointer (&self->listeners, g_ptr_array_unref);
  g_clear_pointer (&self->device_api, brevet_device_api_free);
  g_clear_pointer (&self->context, brevet_service_context_unref);
  g_clear_object (&self->store);
  g_clear_pointer (&self->waiters, brevet_waiters_unref);
  g_clear_pointer (&self->limits, brevet_limits_unref);
  g_clear_object (&self->registry);
  g_clear_pointer (&self->traffics, brevet_authority_traffics_unref);
  g_clear_pointer (&self->crls, brevet_crl_publisher_unref);
  g_mutex_clear (&self->lock);
  g_mutex_clear (&self->applying);
  G_OBJECT_CLASS (brevet_service_parent_class)->finalize (object);
}

static void
brevet_service_class_init (BrevetServiceClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_service_finalize;
}

static void
brevet_service_init (BrevetService *self)
{
  g_mutex_init (&self->lock);
  g_mutex_init (&self->applying);
  self->registry = brevet_registry_new ();
  self->traffics = brevet_authority_traffics_new ();
  self->crls = brevet_crl_publisher_new ();
  self->waiters = brevet_waiters_new ();
  self->listeners = g_ptr_array_new_with_free_func (g_object_unref);
}

gboolean
brevet_service_start (BrevetService *self, GError **error)
{
  for (guint i = 0; i < self->listeners->len; i++)
    {
      BrevetListener *listener = g_ptr_array_index (self->listeners, i);

      if (!brevet_listener_start (listener, BREVET_HANDLER (self), error))
        return FALSE;
    }
  return TRUE;
}

static void
note_stopped (GTask *task)
{
  BrevetService *self = g_task_get_source_object (task);

  if (--self->stopping > 0)
    return;
  g_clear_handle_id (&self->patience, g_source_remove);
  g_task_return_boolean (task, TRUE);
}

static void
on_listener_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;

  if (!brevet_listener_stop_finish (BREVET_LISTENER (source), result, &error))
    g_warning ("A listener did not stop cleanly: %s", error->message);
  note_stopped (task);
}

static void
on_chores_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);

  brevet_service_chores_stop_finish (result);
  note_stopped (task);
}

static gboolean
on_patience_ended (gpointer user_data)
{
  BrevetService *self = user_data;

  self->patience = 0;
  brevet_waiters_release (self->waiters);
  return G_SOURCE_REMOVE;
}

void
brevet_service_stop_async (BrevetService *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, NULL, callback, user_data);

  self->stopping = self->listeners->len + 1;
  brevet_service_chores_stop_async (self->chores, on_chores_stopped, g_object_ref (task));
  for (guint i = 0; i < self->listeners->len; i++)
    brevet_listener_stop_async (g_ptr_array_index (self->listeners, i), NULL, on_listener_stopped, g_object_ref (task));
  /* Held by the task. Listeners cut off after some time whoever has no answer then. */
  self->patience = g_timeout_add_seconds (STOP_PATIENCE_SECONDS, on_patience_ended, self);
}

void
brevet_service_stop_finish (BrevetService *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

GPtrArray *
brevet_service_get_listeners (BrevetService *self)
{
  return self->listeners;
}

gboolean
brevet_service_is_busy (BrevetService *self)
{
  return brevet_limits_is_busy (self->limits) || brevet_service_chores_is_running (self->chores);
}
