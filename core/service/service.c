/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "brevet-registry.h"
#include "brevet-route.h"
#include "brevet-wire-error.h"
#include "configured-records.h"
#include "device-api.h"
#include "recovery.h"
#include "reply.h"
#include "service-api.h"
#include "service-context.h"
#include "service-limits.h"
#include "waiters.h"

#define OVERLOAD_REPORT_PAUSE (10 * G_USEC_PER_SEC)
#define OVERLOAD_RETRY_AFTER 5

struct _BrevetService
{
  GObject               parent_instance;
  BrevetRegistry       *registry;
  BrevetStore          *store;
  BrevetLimits         *limits;
  BrevetWaiters        *waiters;
  BrevetDeviceApi      *device_api;
  gboolean              embedded;             /* spoken to by its owner alone */
  GPtrArray            *listeners;
  GMutex                lock;
  BrevetServiceContext *context;              /* under the lock: replaced by a reload */
  gint64                next_overload_report; /* under the lock: monotonic microseconds */
  guint                 stopping;
};

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

static BrevetServiceContext *
ref_context (BrevetService *self)
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
  route = brevet_route_parse (brevet_request_get_method (request), brevet_request_get_path (request),
                              brevet_request_get_query (request), &status, &error);
  if (route == NULL)
    {
      brevet_limits_end_request (self->limits);
      return brevet_reply_with_error (request, status, 0, error->message);
    }
  admission = g_new0 (Admission, 1);
  admission->service = g_object_ref (self);
  admission->context = ref_context (self);
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

  g_clear_pointer (&self->listeners, g_ptr_array_unref);
  g_clear_pointer (&self->device_api, brevet_device_api_free);
  g_clear_pointer (&self->context, brevet_service_context_unref);
  g_clear_object (&self->store);
  g_clear_pointer (&self->waiters, brevet_waiters_unref);
  g_clear_pointer (&self->limits, brevet_limits_unref);
  g_clear_object (&self->registry);
  g_mutex_clear (&self->lock);
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
  self->registry = brevet_registry_new ();
  self->waiters = brevet_waiters_new ();
  self->listeners = g_ptr_array_new_with_free_func (g_object_unref);
}

static gboolean
make_store (BrevetService *self, BrevetConfig *config, GError **error)
{
  BrevetSettings *service = brevet_config_ensure_group (config, "service", NULL);
  const char *name = brevet_settings_get_string (service, "store", "main");
  BrevetSettings *settings = brevet_config_get_group (config, "store", name);

  if (settings == NULL)
    {
      g_propagate_error (error, brevet_settings_error (service, "store", "there is no group [store %s]; add one", name));
      return FALSE;
    }
  self->store = (BrevetStore *) brevet_registry_create_from_group (self->registry, BREVET_TYPE_STORE, "store", settings, error);
  return self->store != NULL;
}

static gboolean
make_listeners (BrevetService *self, BrevetConfig *config, GError **error)
{
  g_autoptr(GPtrArray) groups = NULL;

  if (self->embedded)
    return TRUE;
  groups = brevet_config_list_groups (config, "listener");
  for (guint i = 0; i < groups->len; i++)
    {
      BrevetPlugin *listener = brevet_registry_create_from_group (self->registry, BREVET_TYPE_LISTENER, "transport",
                                                                  g_ptr_array_index (groups, i), error);

      if (listener == NULL)
        return FALSE;
      g_ptr_array_add (self->listeners, listener);
    }
  if (self->listeners->len > 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "The configuration has no group [listener NAME], so nobody could reach the service");
  return FALSE;
}

void
brevet_service_report_unused (BrevetConfig *config)
{
  g_autoptr(GPtrArray) unused = brevet_config_list_unused (config);

  for (guint i = 0; i < unused->len; i++)
    {
      g_autofree char *message = g_strdup_printf ("%s is not known and has no effect", (char *) g_ptr_array_index (unused, i));

      brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CONFIGURATION_PROBLEM, message, NULL);
    }
}

static BrevetService *
service_new (BrevetConfig *config, gboolean embedded, GError **error)
{
  g_autoptr(BrevetService) self = g_object_new (BREVET_TYPE_SERVICE, NULL);
  g_autoptr(BrevetConfiguredRecords) records = NULL;

  self->embedded = embedded;
  self->limits = brevet_limits_new (config, error);
  if (self->limits == NULL || !make_store (self, config, error) || !brevet_store_open (self->store, error))
    return NULL;
  self->device_api = brevet_device_api_new (self->limits, self->waiters);
  self->context = brevet_service_context_new (config, self->registry, self->store, error);
  if (self->context == NULL || !make_listeners (self, config, error))
    return NULL;
  records = brevet_configured_records_new (config, self->context, error);
  if (records == NULL || !brevet_configured_records_commit (records, error))
    return NULL;
  if (brevet_recovery_run (self->context, self->limits, self->waiters, error) < 0)
    return NULL;
  return g_steal_pointer (&self);
}

BrevetService *
brevet_service_new (BrevetConfig *config, GError **error)
{
  return service_new (config, FALSE, error);
}

BrevetService *
brevet_service_new_embedded (BrevetConfig *config, GError **error)
{
  return service_new (config, TRUE, error);
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

/* Store, listeners and limits are set up once. A mistake there would be found by the next start, when nobody thinks of it any more,
 * so it is found now. */
static gboolean
check_what_stays (BrevetService *self, BrevetConfig *config, GError **error)
{
  g_autoptr(BrevetService) other = g_object_new (BREVET_TYPE_SERVICE, NULL);

  g_set_object (&other->registry, self->registry);
  other->embedded = self->embedded;
  other->limits = brevet_limits_new (config, error);
  return other->limits != NULL && make_store (other, config, error) && make_listeners (other, config, error);
}

gboolean
brevet_service_reload (BrevetService *self, BrevetConfig *config, GError **error)
{
  g_autoptr(BrevetServiceContext) context = brevet_service_context_new (config, self->registry, self->store, error);
  g_autoptr(BrevetConfiguredRecords) records = NULL;
  BrevetServiceContext *former;

  if (context == NULL || !check_what_stays (self, config, error))
    return FALSE;
  records = brevet_configured_records_new (config, context, error);
  if (records == NULL)
    return FALSE;
  for (guint i = 0; i < self->listeners->len; i++)
    if (!brevet_listener_reload (g_ptr_array_index (self->listeners, i), error))
      return FALSE;
  if (!brevet_configured_records_commit (records, error))
    return FALSE;
  g_mutex_lock (&self->lock);
  former = self->context;
  self->context = g_steal_pointer (&context);
  g_mutex_unlock (&self->lock);
  /* The workers need the lock for every request, and the former plugins may take their time to go. */
  brevet_service_context_unref (former);
  return TRUE;
}

static void
on_listener_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetService *self = g_task_get_source_object (task);
  g_autoptr(GError) error = NULL;

  if (!brevet_listener_stop_finish (BREVET_LISTENER (source), result, &error))
    g_warning ("A listener did not stop cleanly: %s", error->message);
  if (--self->stopping == 0)
    g_task_return_boolean (task, TRUE);
}

void
brevet_service_stop_async (BrevetService *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, NULL, callback, user_data);

  self->stopping = self->listeners->len;
  for (guint i = 0; i < self->listeners->len; i++)
    brevet_listener_stop_async (g_ptr_array_index (self->listeners, i), NULL, on_listener_stopped, g_object_ref (task));
  if (self->stopping == 0)
    g_task_return_boolean (task, TRUE);
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
  return brevet_limits_is_busy (self->limits);
}
