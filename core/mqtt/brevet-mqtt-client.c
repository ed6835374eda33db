/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-mqtt-client.h"

#include "brevet-error.h"
#include "brevet-mqtt-call.h"
#include "brevet-mqtt-reader.h"

#include <string.h>

/* Longest packet that is taken from a broker, without its fixed header. */
#define MAXIMUM_PACKET (256 * 1024)

typedef enum {
  CLIENT_NEW,          /* nothing was sent */
  CLIENT_CONNECTING,   /* CONNECT was sent */
  CLIENT_CONNECTED,
  CLIENT_LEAVING,      /* DISCONNECT was sent */
  CLIENT_ENDED,
} ClientState;

struct _BrevetMqttClient
{
  GObject            parent_instance;

  BrevetMqttChannel *channel;
  BrevetMqttReader   reader;
  GMainContext      *context;
  ClientState        state;
  BrevetMqttCall    *connecting;
  GHashTable        *calls;        /* packet identifier → BrevetMqttCall */
  guint16            last_id;
  GSource           *heartbeat;
  gint64             interval;     /* microseconds between two looks */
  gint64             last_sent;
  gboolean           pinged;       /* and nothing has come since */
};

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

/* The connection has ended, or is of no use any more. Called from the main loop alone; its callers hold a reference. */
static void
end (BrevetMqttClient *self, const GError *error)
{
  g_autoptr(GHashTable) calls = NULL;
  g_autoptr(GError) lost = g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The connection to the broker was ended");
  GHashTableIter iter;
  gpointer call;

  if (self->state == CLIENT_ENDED)
    return;
  self->state = CLIENT_ENDED;
  g_signal_handlers_disconnect_by_data (self->channel, self);
  brevet_mqtt_channel_close (self->channel);
  if (self->heartbeat != NULL)
    g_source_destroy (self->heartbeat);
  if (self->connecting != NULL)
    brevet_mqtt_call_end (g_steal_pointer (&self->connecting), error != NULL ? error : lost);
  calls = g_steal_pointer (&self->calls);
  g_hash_table_iter_init (&iter, calls);
  while (g_hash_table_iter_next (&iter, NULL, &call))
    {
      g_hash_table_iter_steal (&iter);
      brevet_mqtt_call_end (call, error != NULL ? error : lost);
    }
  g_signal_emit (self, signals[CLOSED], 0, error);
}

static void
end_with_text (BrevetMqttClient *self, const char *text)
{
  g_autoptr(GError) error = g_error_new_literal (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, text);

  end (self, error);
}

static void
send_bytes (BrevetMqttClient *self, GBytes *bytes)
{
  self->last_sent = g_get_monotonic_time ();
  brevet_mqtt_channel_send (self->channel, bytes);
}

static void
send_packet (BrevetMqttClient *self, const BrevetMqttPacket *packet)
{
  g_autoptr(GBytes) bytes = brevet_mqtt_packet_print (packet);

  send_bytes (self, bytes);
}

static void
send_empty (BrevetMqttClient *self, BrevetMqttPacketType type)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (type);

  send_packet (self, packet);
}

/* Twice in each keep-alive, so that no two packets are further apart than that. */
static gboolean
on_heartbeat (gpointer user_data)
{
  g_autoptr(BrevetMqttClient) self = g_object_ref (BREVET_MQTT_CLIENT (user_data));

  if (self->pinged)
    {
      end_with_text (self, "The broker does not answer any more");
      return G_SOURCE_REMOVE;
    }
  if (g_get_monotonic_time () - self->last_sent < self->interval)
    return G_SOURCE_CONTINUE;
  self->pinged = TRUE;
  send_empty (self, BREVET_MQTT_PINGREQ);
  return G_SOURCE_CONTINUE;
}

static void
start_heartbeat (BrevetMqttClient *self)
{
  if (self->interval == 0)
    return;
  self->heartbeat = g_timeout_source_new ((guint) (self->interval / 1000));
  g_source_set_callback (self->heartbeat, on_heartbeat, self, NULL);
  g_source_attach (self->heartbeat, self->context);
}

static gboolean
take_connack (BrevetMqttClient *self, const BrevetMqttPacket *packet)
{
  g_autoptr(GError) error = NULL;

  if (self->connecting == NULL)
    return FALSE;
  if (packet->code == BREVET_MQTT_ACCEPTED)
    {
      self->state = CLIENT_CONNECTED;
      start_heartbeat (self);
      brevet_mqtt_call_end (g_steal_pointer (&self->connecting), NULL);
      return TRUE;
    }
  if (self->connecting->task != NULL)
    g_task_set_task_data (self->connecting->task, GUINT_TO_POINTER (packet->code), NULL);
  error = g_error_new (BREVET_ERROR, BREVET_ERROR_REJECTED, "The broker refuses the connection: %s",
                       brevet_mqtt_connect_code_to_string (packet->code));
  end (self, error);
  return TRUE;
}

static gboolean
take_answer (BrevetMqttClient *self, const BrevetMqttPacket *packet)
{
  BrevetMqttCall *call = g_hash_table_lookup (self->calls, GUINT_TO_POINTER ((guint) packet->packet_id));
  const guint8 *granted = packet->granted != NULL ? g_bytes_get_data (packet->granted, NULL) : NULL;
  g_autoptr(GError) error = NULL;

  if (call == NULL || call->answer != packet->type)
    return FALSE;
  if (granted != NULL && granted[0] == BREVET_MQTT_SUBSCRIPTION_REFUSED)
    error = g_error_new (BREVET_ERROR, BREVET_ERROR_REJECTED, "The broker refuses the subscription");
  g_hash_table_steal (self->calls, GUINT_TO_POINTER ((guint) packet->packet_id));
  brevet_mqtt_call_end (call, error);
  return TRUE;
}

static gboolean
take_message (BrevetMqttClient *self, const BrevetMqttPacket *packet)
{
  if (packet->qos > 0)
    {
      g_autoptr(BrevetMqttPacket) answer = brevet_mqtt_packet_new (BREVET_MQTT_PUBACK);

      answer->packet_id = packet->packet_id;
      send_packet (self, answer);
    }
  g_signal_emit (self, signals[MESSAGE], 0, packet->topic, packet->payload);
  return TRUE;
}

/* Returns FALSE for a packet that has no place here. */
static gboolean
take (BrevetMqttClient *self, const BrevetMqttPacket *packet)
{
  if (packet->type == BREVET_MQTT_CONNACK)
    return take_connack (self, packet);
  if (self->state != CLIENT_CONNECTED)
    return FALSE;
  switch ((int) packet->type)
    {
    case BREVET_MQTT_PUBLISH:
      return take_message (self, packet);
    case BREVET_MQTT_PUBACK:
    case BREVET_MQTT_SUBACK:
      return take_answer (self, packet);
    case BREVET_MQTT_PINGRESP:
      return TRUE;
    default:
      return FALSE;
    }
}

static void
on_received (BrevetMqttChannel *channel, GBytes *bytes, gpointer user_data)
{
  g_autoptr(BrevetMqttClient) self = g_object_ref (BREVET_MQTT_CLIENT (user_data));
  gsize length, used;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  self->pinged = FALSE;
  for (; length > 0 && self->state < CLIENT_LEAVING; data += used, length -= used)
    {
      g_autoptr(BrevetMqttPacket) packet = NULL;
      g_autoptr(GError) error = NULL;

      if (!brevet_mqtt_reader_read (&self->reader, data, length, &used, &packet, &error))
        {
          g_prefix_error (&error, "The broker does not keep to MQTT: ");
          error->code = BREVET_ERROR_UNREACHABLE;
          end (self, error);
          return;
        }
      if (packet != NULL && !take (self, packet))
        {
          end_with_text (self, "The broker does not keep to MQTT: it sends what nobody has asked for");
          return;
        }
    }
}

static void
on_channel_closed (BrevetMqttChannel *channel, const GError *cause, gpointer user_data)
{
  g_autoptr(BrevetMqttClient) self = g_object_ref (BREVET_MQTT_CLIENT (user_data));
  g_autoptr(GError) error = NULL;

  if (self->state == CLIENT_LEAVING)
    end (self, NULL);
  else if (cause == NULL)
    end_with_text (self, "The broker has closed the connection");
  else if (cause->domain == BREVET_ERROR)
    end (self, cause);
  else
    {
      error = g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The connection to the broker broke: %s", cause->message);
      end (self, error);
    }
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
    send_packet (self, packet);
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
  send_packet (self, packet);
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
    send_empty (self, BREVET_MQTT_DISCONNECT);
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
  g_signal_connect (channel, "received", G_CALLBACK (on_received), self);
  g_signal_connect (channel, "closed", G_CALLBACK (on_channel_closed), self);
  return self;
}
