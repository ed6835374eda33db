/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-listener.h"

#include "brevet-error.h"
#include "mqtt-connection.h"

#define DEFAULT_PORT 8883

/* Clients of MQTT give up on a question after half a minute. */
#define LONGEST_WAIT 20

/* Under this name a listener of HTTPS hands connections over that were upgraded to WebSocket. */
#define WEBSOCKET_PROTOCOL "websocket/mqtt"

struct _BrevetMqttListener
{
  BrevetGateListener parent_instance;

  MqttService        limits;      /* as configured; its handler stays NULL */
  gboolean           websocket;
};

G_DEFINE_FINAL_TYPE (BrevetMqttListener, brevet_mqtt_listener, BREVET_TYPE_GATE_LISTENER)

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
  return BREVET_PLUGIN_CLASS (brevet_mqtt_listener_parent_class)->configure (plugin, error);
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
  if (!self->websocket || register_protocol (WEBSOCKET_PROTOCOL, service, NULL))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "[listener %s] websocket: another listener serves MQTT over WebSocket already; say websocket=false in one",
               brevet_plugin_get_name (BREVET_PLUGIN (self)));
  return FALSE;
}

static gboolean
brevet_mqtt_listener_register_protocols (BrevetGateListener *listener, const char *name, BrevetHandler *handler, GError **error)
{
  BrevetMqttListener *self = BREVET_MQTT_LISTENER (listener);
  MqttService *service = g_atomic_rc_box_dup (sizeof self->limits, &self->limits);
  gboolean registered;

  service->handler = g_object_ref (handler);
  registered = register_protocol (name, service, error);
  if (registered && !register_websocket (self, service, error))
    {
      brevet_gate_unregister_protocol (name);
      registered = FALSE;
    }
  service_unref (service);
  return registered;
}

static void
brevet_mqtt_listener_unregister_protocols (BrevetGateListener *listener)
{
  if (BREVET_MQTT_LISTENER (listener)->websocket)
    brevet_gate_unregister_protocol (WEBSOCKET_PROTOCOL);
}

static void
brevet_mqtt_listener_class_init (BrevetMqttListenerClass *class)
{
  BrevetGateListenerClass *listener_class = BREVET_GATE_LISTENER_CLASS (class);

  BREVET_PLUGIN_CLASS (class)->configure = brevet_mqtt_listener_configure;
  listener_class->protocol = "mqtt";
  listener_class->default_port = DEFAULT_PORT;
  listener_class->register_protocols = brevet_mqtt_listener_register_protocols;
  listener_class->unregister_protocols = brevet_mqtt_listener_unregister_protocols;
}

static void
brevet_mqtt_listener_init (BrevetMqttListener *self)
{
}
