/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-mqtt-client-private.h"

#include "brevet-error.h"

#include <string.h>

/* Longest packet that is taken from a broker, without its fixed header. */
#define MAXIMUM_PACKET (256 * 1024)

G_DEFINE_FINAL_TYPE (BrevetMqttClient, brevet_mqtt_client, G_TYPE_OBJECT)

enum { MESSAGE, CLOSED, N_SIGNALS };

static guint signals[N_SIGNALS];

const char *
brevet_mqtt_connect_code_to_string (guint code)
{
  static const char *const words[] = {
    "accepted (0)", "unacceptable protocol version (1)", "client identifier rejected (2)", "service unavailable (3)",
    "bad user name or password (4)", "not authorized (5)",
  };

  return code < G_N_ELEMENTS (words) ? words[code] : "a code that MQTT does not know";
}

void
brevet_mqtt_client_emit_message (BrevetMqttClient *self, const char *topic, GBytes *payload)
{
  g_signal_emit (self, signals[MESSAGE], 0, topic, payload);
}

void
brevet_mqtt_client_emit_closed (BrevetMqttClient *self, const GError *error)
{
  g_signal_emit (self, signals[CLOSED], 0, error);
}

static void
send_bytes (BrevetMqttClient *self, GBytes *bytes)
{
  self->last_sent = g_get_monotonic_time ();
  brevet_mqtt_channel_send (self->channel, bytes);
}

void
brevet_mqtt_client_send (BrevetMqttClient *self, const BrevetMqttPacket *packet)
{
  g_autoptr(GBytes) bytes = brevet_mqtt_packet_print (packet);

  send_bytes (self, bytes);
}

void
brevet_mqtt_client_send_empty (BrevetMqttClient *self, BrevetMqttPacketType type)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (type);

  brevet_mqtt_client_send (self, packet);
}

static void
wipe (gpointer data)
{
  GByteArray *secret = data;

  explicit_bzero (secret->data, secret->len);
  g_byte_array_unref (secret);
}

/* Sends what holds a password, and wipes it when it was sent. */
static void
send_connect (BrevetMqttClient *self, BrevetMqttPacket *packet)
{
  gsize length;
  gpointer data = g_bytes_unref_to_data (brevet_mqtt_packet_print (packet), &length);
  GByteArray *secret = g_byte_array_new_take (data, length);
  g_autoptr(GBytes) bytes = g_bytes_new_with_free_func (secret->data, length, wipe, secret);

  send_bytes (self, bytes);
}

void
brevet_mqtt_client_connect_async (BrevetMqttClient *self, const char *client_id, const char *user_name, const char *password,
                                  guint16 keep_alive, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(BrevetMqttPacket) packet = NULL;

  g_return_if_fail (BREVET_IS_MQTT_CLIENT (self) && client_id != NULL && self->state == CLIENT_NEW);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, brevet_mqtt_client_connect_async);
  packet = brevet_mqtt_packet_new (BREVET_MQTT_CONNECT);
  packet->level = BREVET_MQTT_LEVEL;
  packet->clean_session = TRUE;
  packet->keep_alive = keep_alive;
  packet->client_id = g_strdup (client_id);
  packet->user_name = g_strdup (user_name);
  if (password != NULL)
    packet->password = g_bytes_new (password, strlen (password));
  self->interval = (gint64) keep_alive * G_TIME_SPAN_SECOND / 2;
  self->state = CLIENT_CONNECTING;
  self->connecting = brevet_mqtt_call_new (task, BREVET_MQTT_CONNACK);
  brevet_mqtt_channel_start (self->channel);
  send_connect (self, packet);
}

gboolean
brevet_mqtt_client_connect_finish (BrevetMqttClient *self, GAsyncResult *result, BrevetMqttConnectCode *code, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_mqtt_client_connect_async), FALSE);

  if (code != NULL)
    *code = GPOINTER_TO_UINT (g_task_get_task_data (G_TASK (result)));
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Returns 0, and answers @task, if nothing can be sent. */
static guint16
await (BrevetMqttClient *self, GTask *task, BrevetMqttPacketType answer)
{
  if (self->state != CLIENT_CONNECTED || g_hash_table_size (self->calls) == G_MAXUINT16)
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "There is no connection to the broker");
      return 0;
    }
  do
    self->last_id++;
  while (self->last_id == 0 || g_hash_table_contains (self->calls, GUINT_TO_POINTER ((guint) self->last_id)));
  g_hash_table_insert (self->calls, GUINT_TO_POINTER ((guint) self->last_id), brevet_mqtt_call_new (task, answer));
  return self->last_id;
}

void
brevet_mqtt_client_subscribe_async (BrevetMqttClient *self, const char *filter, guint8 qos, GCancellable *cancellable,
                                    GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(BrevetMqttPacket) packet = NULL;

  g_return_if_fail (BREVET_IS_MQTT_CLIENT (self) && filter != NULL && qos <= 1);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, brevet_mqtt_client_subscribe_async);
  packet = brevet_mqtt_packet_new (BREVET_MQTT_SUBSCRIBE);
  brevet_mqtt_packet_add_subscription (packet, filter, qos);
  packet->packet_id = await (self, task, BREVET_MQTT_SUBACK);
  if (packet->packet_id != 0)
    brevet_mqtt_client_send (self, packet);
}

gboolean
brevet_mqtt_client_subscribe_finish (BrevetMqttClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_mqtt_client_subscribe_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
brevet_mqtt_client_publish_async (BrevetMqttClient *self, const char *topic, GBytes *payload, guint8 qos, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = NULL;
  g_autoptr(BrevetMqttPacket) packet = NULL;

  g_return_if_fail (BREVET_IS_MQTT_CLIENT (self) && topic != NULL && payload != NULL && qos <= 1);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, brevet_mqtt_client_publish_async);
  packet = brevet_mqtt_packet_new (BREVET_MQTT_PUBLISH);
  packet->topic = g_strdup (topic);
  packet->payload = g_bytes_ref (payload);
  packet->qos = qos;
  if (qos > 0)
    packet->packet_id = await (self, task, BREVET_MQTT_PUBACK);
  if (qos > 0 && packet->packet_id == 0)
    return;
  if (qos == 0 && self->state != CLIENT_CONNECTED)
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "There is no connection to the broker");
      return;
    }
  brevet_mqtt_client_send (self, packet);
  if (qos == 0)
    g_task_return_boolean (task, TRUE);
}

gboolean
brevet_mqtt_client_publish_finish (BrevetMqttClient *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_mqtt_client_publish_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
brevet_mqtt_client_disconnect (BrevetMqttClient *self)
{
  g_return_if_fail (BREVET_IS_MQTT_CLIENT (self));

  if (self->state >= CLIENT_LEAVING)
    return;
  if (self->state == CLIENT_CONNECTED)
    brevet_mqtt_client_send_empty (self, BREVET_MQTT_DISCONNECT);
  self->state = CLIENT_LEAVING;
  if (self->heartbeat != NULL)
    g_source_destroy (self->heartbeat);
  brevet_mqtt_channel_close (self->channel);
}

static void
brevet_mqtt_client_dispose (GObject *object)
{
  BrevetMqttClient *self = BREVET_MQTT_CLIENT (object);

  if (self->channel != NULL)
    {
      g_signal_handlers_disconnect_by_data (self->channel, self);
      brevet_mqtt_client_disconnect (self);
    }
  g_clear_object (&self->channel);
  G_OBJECT_CLASS (brevet_mqtt_client_parent_class)->dispose (object);
}

static void
brevet_mqtt_client_finalize (GObject *object)
{
  BrevetMqttClient *self = BREVET_MQTT_CLIENT (object);

  g_clear_pointer (&self->heartbeat, g_source_unref);
  g_clear_pointer (&self->connecting, brevet_mqtt_call_free);
  g_clear_pointer (&self->calls, g_hash_table_unref);
  brevet_mqtt_reader_clear (&self->reader);
  g_main_context_unref (self->context);
  G_OBJECT_CLASS (brevet_mqtt_client_parent_class)->finalize (object);
}

static void
brevet_mqtt_client_class_init (BrevetMqttClientClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = brevet_mqtt_client_dispose;
  object_class->finalize = brevet_mqtt_client_finalize;

  signals[MESSAGE] = g_signal_new ("message", BREVET_TYPE_MQTT_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                                   G_TYPE_STRING, G_TYPE_BYTES);
  signals[CLOSED] = g_signal_new ("closed", BREVET_TYPE_MQTT_CLIENT, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                  G_TYPE_ERROR);
}

static void
brevet_mqtt_client_init (BrevetMqttClient *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->calls = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) brevet_mqtt_call_free);
  brevet_mqtt_reader_init (&self->reader, MAXIMUM_PACKET);
}

BrevetMqttClient *
brevet_mqtt_client_new (BrevetMqttChannel *channel)
{
  BrevetMqttClient *self;

  g_return_val_if_fail (BREVET_IS_MQTT_CHANNEL (channel), NULL);

  self = g_object_new (BREVET_TYPE_MQTT_CLIENT, NULL);
  self->channel = g_object_ref (channel);
  brevet_mqtt_client_listen (self);
  return self;
}
