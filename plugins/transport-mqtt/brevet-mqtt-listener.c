/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-listener.h"

#include "brevet-error.h"
#include "brevet-gate.h"
#include "mqtt-connection.h"

#define DEFAULT_PORT 8883

/* Clients of MQTT give up on a question after half a minute. */
#define LONGEST_WAIT 20

/* Under this name a listener of HTTPS hands connections over that were upgraded to WebSocket. */
#define WEBSOCKET_PROTOCOL "websocket/mqtt"

struct _BrevetMqttListener
{
  BrevetPlugin parent_instance;

  BrevetGate  *gate;
  MqttService  limits;             /* as configured; its handler stays NULL */
  gboolean     websocket;
  char        *protocol;           /* name under which connections of this listener are known to the gate */
  gboolean     serves_websocket;
};

static void listener_iface_init (BrevetListenerInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetMqttListener, brevet_mqtt_listener, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_LISTENER, listener_iface_init))

static gboolean
read_times (BrevetMqttListener *self, BrevetSettings *settings, GError **error)
{
  gint64 connect, idle, keep_alive, packet, wait;

  if (!brevet_settings_get_duration (settings, "connect-timeout", 10, 1, 3600, &connect, error)
      || !brevet_settings_get_duration (settings, "idle-timeout", 60, 1, 86400, &idle, error)
      || !brevet_settings_get_duration (settings, "maximum-keep-alive", 600, 1, G_MAXUINT16, &keep_alive, error)
      || !brevet_settings_get_duration (settings, "packet-timeout", 30, 1, 3600, &packet, error)
      || !brevet_settings_get_duration (settings, "wait", 10, 0, LONGEST_WAIT, &wait, error))
    return FALSE;

  self->limits.connect_timeout = connect * 1000;
  self->limits.idle_timeout = idle * 1000;
  self->limits.maximum_keep_alive = keep_alive;
  self->limits.packet_timeout = packet * 1000;
  self->limits.wait = wait;
  return TRUE;
}

static gboolean
read_sizes (BrevetMqttListener *self, BrevetSettings *settings, GError **error)
{
  gint64 packet, requests;

  if (!brevet_settings_get_int (settings, "maximum-packet-size", 96 * 1024, 1024, 64 * 1024 * 1024, &packet, error)
      || !brevet_settings_get_int (settings, "maximum-requests-in-flight", 8, 1, 1000, &requests, error))
    return FALSE;

  self->limits.packet_limit = packet;
  self->limits.request_limit = requests;
  return TRUE;
}

static gboolean
brevet_mqtt_listener_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetMqttListener *self = BREVET_MQTT_LISTENER (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  if (!read_times (self, settings, error) || !read_sizes (self, settings, error)
      || !brevet_settings_get_boolean (settings, "websocket", TRUE, &self->websocket, error))
    return FALSE;
  if (brevet_settings_require_string (settings, "certificate", error) == NULL
      || brevet_settings_require_string (settings, "key", error) == NULL)
    return FALSE;

  self->gate = brevet_gate_new (settings, DEFAULT_PORT, error);
  return self->gate != NULL;
}

static void
service_clear (gpointer data)
{
  MqttService *service = data;

  g_object_unref (service->handler);
}

static void
service_unref (gpointer data)
{
  g_atomic_rc_box_release_full (data, service_clear);
}

static gboolean
register_protocol (const char *name, MqttService *service, GError **error)
{
  if (brevet_gate_register_protocol (name, &mqtt_connection_protocol, g_atomic_rc_box_acquire (service), service_unref, error))
    return TRUE;
  service_unref (service);
  return FALSE;
}

static gboolean
register_websocket (BrevetMqttListener *self, MqttService *service, GError **error)
{
  g_autoptr(GError) problem = NULL;

  if (!self->websocket)
    return TRUE;
  self->serves_websocket = register_protocol (WEBSOCKET_PROTOCOL, service, &problem);
  if (!self->serves_websocket)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 "[listener %s] websocket: another listener serves MQTT over WebSocket already; say websocket=false in one",
                 brevet_plugin_get_name (BREVET_PLUGIN (self)));
  return self->serves_websocket;
}

static void
unregister (BrevetMqttListener *self)
{
  if (self->serves_websocket)
    brevet_gate_unregister_protocol (WEBSOCKET_PROTOCOL);
  self->serves_websocket = FALSE;
  if (self->protocol != NULL)
    brevet_gate_unregister_protocol (self->protocol);
  g_clear_pointer (&self->protocol, g_free);
}

static gboolean
brevet_mqtt_listener_start (BrevetListener *listener, BrevetHandler *handler, GError **error)
{
  BrevetMqttListener *self = BREVET_MQTT_LISTENER (listener);
  g_autofree char *protocol = g_strdup_printf ("mqtt %s", brevet_plugin_get_name (BREVET_PLUGIN (self)));
  MqttService *service;
  gboolean registered;

  g_return_val_if_fail (self->gate != NULL && self->protocol == NULL, FALSE);

  service = g_atomic_rc_box_dup (sizeof self->limits, &self->limits);
  service->handler = g_object_ref (handler);
  registered = register_protocol (protocol, service, error);
  if (registered)
    self->protocol = g_steal_pointer (&protocol);
  registered = registered && register_websocket (self, service, error);
  service_unref (service);
  if (registered && brevet_gate_start (self->gate, self->protocol, error))
    return TRUE;

  unregister (self);
  return FALSE;
}

static gboolean
brevet_mqtt_listener_reload (BrevetListener *listener, GError **error)
{
  BrevetMqttListener *self = BREVET_MQTT_LISTENER (listener);

  return brevet_gate_reload (self->gate, error);
}

static void
on_gate_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;

  unregister (g_task_get_source_object (task));
  if (brevet_gate_stop_finish (BREVET_GATE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
brevet_mqtt_listener_stop_async (BrevetListener *listener, GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  BrevetMqttListener *self = BREVET_MQTT_LISTENER (listener);
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_mqtt_listener_stop_async);
  g_task_set_check_cancellable (task, FALSE);
  brevet_gate_stop_async (self->gate, cancellable, on_gate_stopped, g_steal_pointer (&task));
}

static gboolean
brevet_mqtt_listener_stop_finish (BrevetListener *listener, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static guint16
brevet_mqtt_listener_get_port (BrevetListener *listener)
{
  BrevetMqttListener *self = BREVET_MQTT_LISTENER (listener);

  return self->gate == NULL ? 0 : brevet_gate_get_port (self->gate);
}

static void
brevet_mqtt_listener_finalize (GObject *object)
{
  BrevetMqttListener *self = BREVET_MQTT_LISTENER (object);

  g_clear_object (&self->gate);
  g_free (self->protocol);
  G_OBJECT_CLASS (brevet_mqtt_listener_parent_class)->finalize (object);
}

static void
listener_iface_init (BrevetListenerInterface *iface)
{
  iface->start = brevet_mqtt_listener_start;
  iface->reload = brevet_mqtt_listener_reload;
  iface->stop_async = brevet_mqtt_listener_stop_async;
  iface->stop_finish = brevet_mqtt_listener_stop_finish;
  iface->get_port = brevet_mqtt_listener_get_port;
}

static void
brevet_mqtt_listener_class_init (BrevetMqttListenerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_mqtt_listener_finalize;
  BREVET_PLUGIN_CLASS (class)->configure = brevet_mqtt_listener_configure;
}

static void
brevet_mqtt_listener_init (BrevetMqttListener *self)
{
}
