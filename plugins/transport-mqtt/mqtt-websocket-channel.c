/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-websocket-channel.h"

#include "brevet-error.h"

/* Longest message; what is in it has the limits of MQTT. */
#define MAXIMUM_MESSAGE (512 * 1024)

#define MQTT_TYPE_WEBSOCKET_CHANNEL (mqtt_websocket_channel_get_type ())
G_DECLARE_FINAL_TYPE (MqttWebsocketChannel, mqtt_websocket_channel, MQTT, WEBSOCKET_CHANNEL, GObject)

struct _MqttWebsocketChannel
{
  GObject                  parent_instance;

  SoupWebsocketConnection *connection;
  GError                  *trouble;
  gboolean                 closing;
};

static void mqtt_websocket_channel_iface_init (BrevetMqttChannelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (MqttWebsocketChannel, mqtt_websocket_channel, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_MQTT_CHANNEL, mqtt_websocket_channel_iface_init))

static void
on_error (SoupWebsocketConnection *connection, const GError *error, gpointer user_data)
{
  MqttWebsocketChannel *self = user_data;

  if (self->trouble == NULL)
    self->trouble = g_error_copy (error);
}

static void
on_message (SoupWebsocketConnection *connection, SoupWebsocketDataType type, GBytes *message, gpointer user_data)
{
  MqttWebsocketChannel *self = user_data;

  if (self->closing)
    return;
  if (type == SOUP_WEBSOCKET_DATA_BINARY)
    {
      g_signal_emit_by_name (self, "received", message);
      return;
    }
  g_clear_error (&self->trouble);
  self->trouble = g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The peer sends text over its WebSocket, which is not MQTT");
  soup_websocket_connection_close (connection, SOUP_WEBSOCKET_CLOSE_UNSUPPORTED_DATA, NULL);
}

static void
on_closed (SoupWebsocketConnection *connection, gpointer user_data)
{
  g_autoptr(MqttWebsocketChannel) self = g_object_ref (user_data);

  g_signal_handlers_disconnect_by_data (connection, self);
  g_signal_emit_by_name (self, "closed", self->closing ? NULL : self->trouble);
  if (self->closing)
    g_object_unref (self);
}

static void
mqtt_websocket_channel_start (BrevetMqttChannel *channel)
{
}

static gboolean
is_open (MqttWebsocketChannel *self)
{
  return soup_websocket_connection_get_state (self->connection) == SOUP_WEBSOCKET_STATE_OPEN;
}

static void
mqtt_websocket_channel_send (BrevetMqttChannel *channel, GBytes *bytes)
{
  MqttWebsocketChannel *self = MQTT_WEBSOCKET_CHANNEL (channel);
  gsize length;
  gconstpointer data = g_bytes_get_data (bytes, &length);

  if (!self->closing && is_open (self))
    soup_websocket_connection_send_binary (self->connection, data, length);
}

/* From here to the end of the closing handshake, for which libsoup has a time limit, the channel keeps itself. */
static void
mqtt_websocket_channel_close (BrevetMqttChannel *channel)
{
  MqttWebsocketChannel *self = MQTT_WEBSOCKET_CHANNEL (channel);

  if (self->closing || soup_websocket_connection_get_state (self->connection) == SOUP_WEBSOCKET_STATE_CLOSED)
    return;
  self->closing = TRUE;
  g_object_ref (self);
  if (is_open (self))
    soup_websocket_connection_close (self->connection, SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
}

static void
mqtt_websocket_channel_iface_init (BrevetMqttChannelInterface *iface)
{
  iface->start = mqtt_websocket_channel_start;
  iface->send = mqtt_websocket_channel_send;
  iface->close = mqtt_websocket_channel_close;
}

static void
mqtt_websocket_channel_finalize (GObject *object)
{
  MqttWebsocketChannel *self = MQTT_WEBSOCKET_CHANNEL (object);

  g_signal_handlers_disconnect_by_data (self->connection, self);
  g_object_unref (self->connection);
  g_clear_error (&self->trouble);
  G_OBJECT_CLASS (mqtt_websocket_channel_parent_class)->finalize (object);
}

static void
mqtt_websocket_channel_class_init (MqttWebsocketChannelClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = mqtt_websocket_channel_finalize;
}

static void
mqtt_websocket_channel_init (MqttWebsocketChannel *self)
{
}

BrevetMqttChannel *
mqtt_websocket_channel_new (SoupWebsocketConnection *connection)
{
  MqttWebsocketChannel *self = g_object_new (MQTT_TYPE_WEBSOCKET_CHANNEL, NULL);

  self->connection = g_object_ref (connection);
  soup_websocket_connection_set_max_incoming_payload_size (connection, MAXIMUM_MESSAGE);
  g_signal_connect (connection, "message", G_CALLBACK (on_message), self);
  g_signal_connect (connection, "error", G_CALLBACK (on_error), self);
  g_signal_connect (connection, "closed", G_CALLBACK (on_closed), self);
  return BREVET_MQTT_CHANNEL (self);
}
