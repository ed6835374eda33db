/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-in-process-transport.h"

#include "brevet-error.h"
#include "brevet-in-process-exchange.h"
#include "brevet-shared-service.h"

struct _BrevetInProcessTransport
{
  BrevetPlugin parent_instance;

  BrevetSharedService *shared;
  BrevetServiceChange *change; /* what our configuration changes in it, if anything */
};

static void brevet_in_process_transport_iface_init (BrevetTransportInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetInProcessTransport, brevet_in_process_transport, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_TRANSPORT, brevet_in_process_transport_iface_init))

/* A file of the service's own belongs to nobody else, so what nobody asked for in it is told here. */
static gboolean
use_file (BrevetInProcessTransport *self, const char *path, GError **error)
{
  BrevetSettings *settings = brevet_plugin_get_settings (BREVET_PLUGIN (self));
  g_autoptr(GError) cause = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_load (path, &cause);

  if (config == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "configuration", "%s", cause->message));
      return FALSE;
    }
  self->shared = brevet_shared_service_acquire (config, &self->change, error);
  if (self->shared == NULL)
    return FALSE;
  brevet_service_report_unused (config);
  return TRUE;
}

static gboolean
use_own (BrevetInProcessTransport *self, GError **error)
{
  BrevetSettings *settings = brevet_plugin_get_settings (BREVET_PLUGIN (self));
  g_autoptr(BrevetConfig) config = brevet_settings_get_config (settings);

  if (config == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "configuration",
                                                       "this key is missing; name the configuration file of the service"));
      return FALSE;
    }
  self->shared = brevet_shared_service_acquire (config, &self->change, error);
  return self->shared != NULL;
}

static gboolean
brevet_in_process_transport_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetInProcessTransport *self = BREVET_IN_PROCESS_TRANSPORT (plugin);
  g_autofree char *path = brevet_settings_get_path (brevet_plugin_get_settings (plugin), "configuration");

  return path != NULL ? use_file (self, path, error) : use_own (self, error);
}

static void
run (BrevetInProcessTransport *self, GTask *task)
{
  BrevetService *service = brevet_shared_service_get_service (self->shared);

  brevet_in_process_exchange_run (task, BREVET_HANDLER (service), g_task_get_task_data (task));
}

static void
apply_thread (GTask *applying, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BrevetInProcessTransport *self = source;
  GError *error = NULL;

  if (brevet_service_apply (brevet_shared_service_get_service (self->shared), self->change, &error))
    g_task_return_boolean (applying, TRUE);
  else
    g_task_return_error (applying, error);
}

static void
on_applied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    run (BREVET_IN_PROCESS_TRANSPORT (source), task);
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    g_task_return_error (task, g_steal_pointer (&error));
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The service could not take its configuration over: %s",
                             error->message);
}

/* On a thread of its own, as it waits for the store. Who cancels does not wait. */
static void
apply (BrevetInProcessTransport *self, GTask *task)
{
  g_autoptr(GTask) applying = g_task_new (self, g_task_get_cancellable (task), on_applied, g_object_ref (task));

  g_task_set_source_tag (applying, apply);
  g_task_set_return_on_cancel (applying, TRUE);
  g_task_run_in_thread (applying, apply_thread);
}

/* A configuration takes effect when it is made use of: one that was refused for another reason than the service's never does. */
static void
brevet_in_process_transport_exchange_async (BrevetTransport *transport, BrevetRequest *request, GCancellable *cancellable,
                                            GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetInProcessTransport *self = BREVET_IN_PROCESS_TRANSPORT (transport);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_in_process_transport_exchange_async);
  g_task_set_task_data (task, brevet_request_ref (request), (GDestroyNotify) brevet_request_unref);
  if (self->change == NULL || brevet_service_has_applied (brevet_shared_service_get_service (self->shared), self->change))
    run (self, task);
  else
    apply (self, task);
}

/* Only what its caller takes is delivered. A reply that comes too late for a caller that has cancelled is not, so that the
 * certificate in it is handed out again. */
static BrevetReply *
brevet_in_process_transport_exchange_finish (BrevetTransport *transport, GAsyncResult *result, GError **error)
{
  BrevetReply *reply;

  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_in_process_transport_exchange_async), NULL);

  reply = g_task_propagate_pointer (G_TASK (result), error);
  if (reply != NULL)
    brevet_reply_delivered (reply);
  return reply;
}

static void
brevet_in_process_transport_iface_init (BrevetTransportInterface *iface)
{
  iface->exchange_async = brevet_in_process_transport_exchange_async;
  iface->exchange_finish = brevet_in_process_transport_exchange_finish;
}

static void
brevet_in_process_transport_finalize (GObject *object)
{
  BrevetInProcessTransport *self = BREVET_IN_PROCESS_TRANSPORT (object);

  g_clear_pointer (&self->change, brevet_service_change_unref);
  g_clear_pointer (&self->shared, brevet_shared_service_release);
  G_OBJECT_CLASS (brevet_in_process_transport_parent_class)->finalize (object);
}

static void
brevet_in_process_transport_class_init (BrevetInProcessTransportClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = brevet_in_process_transport_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_in_process_transport_configure;
}

static void
brevet_in_process_transport_init (BrevetInProcessTransport *self)
{
}
