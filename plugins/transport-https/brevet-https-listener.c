/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-https-listener.h"

#include "brevet-gate.h"
#include "http-connection.h"

#define DEFAULT_PORT 443

struct _BrevetHttpsListener
{
  BrevetPlugin parent_instance;

  BrevetGate  *gate;
  HttpService  limits;     /* as configured; its handler stays NULL */
  char        *protocol;   /* name under which connections of this listener are known to the gate */
};

static void listener_iface_init (BrevetListenerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetHttpsListener, brevet_https_listener, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_LISTENER, listener_iface_init))

static gboolean
read_timeouts (BrevetHttpsListener *self, BrevetSettings *settings, GError **error)
{
  gint64 header, body, idle;

  if (!brevet_settings_get_duration (settings, "header-timeout", 10, 1, 3600, &header, error)
      || !brevet_settings_get_duration (settings, "body-timeout", 30, 1, 3600, &body, error)
      || !brevet_settings_get_duration (settings, "idle-timeout", 60, 1, 86400, &idle, error))
    return FALSE;

  self->limits.header_timeout = header * 1000;
  self->limits.body_timeout = body * 1000;
  self->limits.idle_timeout = idle * 1000;
  return TRUE;
}

static gboolean
read_sizes (BrevetHttpsListener *self, BrevetSettings *settings, GError **error)
{
  gint64 header, body, requests;

  if (!brevet_settings_get_int (settings, "maximum-header-size", 16 * 1024, 1024, 1024 * 1024, &header, error)
      || !brevet_settings_get_int (settings, "maximum-body-size", 64 * 1024, 1024, 64 * 1024 * 1024, &body, error)
      || !brevet_settings_get_int (settings, "maximum-requests-per-connection", 1000, 1, G_MAXINT32, &requests, error))
    return FALSE;

  self->limits.header_limit = header;
  self->limits.body_limit = body;
  self->limits.request_limit = requests;
  return TRUE;
}

static gboolean
brevet_https_listener_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetHttpsListener *self = BREVET_HTTPS_LISTENER (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  if (!read_timeouts (self, settings, error) || !read_sizes (self, settings, error))
    return FALSE;
  if (brevet_settings_require_string (settings, "certificate", error) == NULL
      || brevet_settings_require_string (settings, "key", error) == NULL)
    return FALSE;

  self->gate = brevet_gate_new (settings, DEFAULT_PORT, error);
  return self->gate != NULL;
}

static void
service_free (gpointer data)
{
  HttpService *service = data;

  g_object_unref (service->handler);
  g_free (service);
}

static gboolean
brevet_https_listener_start (BrevetListener *listener, BrevetHandler *handler, GError **error)
{
  BrevetHttpsListener *self = BREVET_HTTPS_LISTENER (listener);
  HttpService *service;

  g_return_val_if_fail (self->gate != NULL && self->protocol == NULL, FALSE);

  self->protocol = g_strdup_printf ("https %s", brevet_plugin_get_name (BREVET_PLUGIN (self)));
  service = g_memdup2 (&self->limits, sizeof self->limits);
  service->handler = g_object_ref (handler);
  if (!brevet_gate_register_protocol (self->protocol, &http_connection_protocol, service, service_free, error))
    {
      service_free (service);
      g_clear_pointer (&self->protocol, g_free);
      return FALSE;
    }

  if (brevet_gate_start (self->gate, self->protocol, error))
    return TRUE;
  brevet_gate_unregister_protocol (self->protocol);
  g_clear_pointer (&self->protocol, g_free);
  return FALSE;
}

static gboolean
brevet_https_listener_reload (BrevetListener *listener, GError **error)
{
  BrevetHttpsListener *self = BREVET_HTTPS_LISTENER (listener);

  return brevet_gate_reload (self->gate, error);
}

static void
on_gate_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = user_data;
  BrevetHttpsListener *self = g_task_get_source_object (task);
  g_autoptr(GError) error = NULL;

  if (self->protocol != NULL)
    brevet_gate_unregister_protocol (self->protocol);
  g_clear_pointer (&self->protocol, g_free);
  if (brevet_gate_stop_finish (BREVET_GATE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
brevet_https_listener_stop_async (BrevetListener *listener, GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer user_data)
{
  BrevetHttpsListener *self = BREVET_HTTPS_LISTENER (listener);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_https_listener_stop_async);
  g_task_set_check_cancellable (task, FALSE);
  brevet_gate_stop_async (self->gate, cancellable, on_gate_stopped, g_steal_pointer (&task));
}

static gboolean
brevet_https_listener_stop_finish (BrevetListener *listener, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static guint16
brevet_https_listener_get_port (BrevetListener *listener)
{
  BrevetHttpsListener *self = BREVET_HTTPS_LISTENER (listener);

  return self->gate == NULL ? 0 : brevet_gate_get_port (self->gate);
}

static void
brevet_https_listener_finalize (GObject *object)
{
  BrevetHttpsListener *self = BREVET_HTTPS_LISTENER (object);

  g_clear_object (&self->gate);
  g_free (self->protocol);
  G_OBJECT_CLASS (brevet_https_listener_parent_class)->finalize (object);
}

static void
listener_iface_init (BrevetListenerInterface *iface)
{
  iface->start = brevet_https_listener_start;
  iface->reload = brevet_https_listener_reload;
  iface->stop_async = brevet_https_listener_stop_async;
  iface->stop_finish = brevet_https_listener_stop_finish;
  iface->get_port = brevet_https_listener_get_port;
}

static void
brevet_https_listener_class_init (BrevetHttpsListenerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_https_listener_finalize;
  BREVET_PLUGIN_CLASS (class)->configure = brevet_https_listener_configure;
}

static void
brevet_https_listener_init (BrevetHttpsListener *self)
{
}
