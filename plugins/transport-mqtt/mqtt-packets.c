/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mqtt-connection-private.h"

#include "brevet-identifier.h"
#include "brevet-sas-token.h"
#include "brevet-secret.h"
#include "mqtt-request.h"
#include "mqtt-sessions.h"

#include <string.h>

static void
answer_connect (MqttConnection *self, BrevetMqttConnectCode code)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_CONNACK);

  /* No session outlives its connection, so none is ever present. */
  packet->code = code;
  mqtt_connection_answer (self, packet);
}

static void
refuse_connect (MqttConnection *self, BrevetMqttConnectCode code, const char *message)
{
  answer_connect (self, code);
  mqtt_connection_refuse (self, message);
}

static BrevetMqttConnectCode
code_of_status (guint status)
{
  return status == 429 || status >= 500 ? BREVET_MQTT_UNAVAILABLE : BREVET_MQTT_NOT_AUTHORIZED;
}

static void
accept_device (MqttConnection *self)
{
  g_autofree char *scope = brevet_identifier_fold (self->user->id_scope);
  g_autofree char *id = brevet_identifier_fold (self->user->registration_id);

  self->phase = MQTT_PHASE_OPEN;
  self->device = g_strdup_printf ("%s/%s", scope, id);
  mqtt_sessions_enter (self->device, self->connection);
  brevet_mqtt_reader_set_limit (&self->reader, self->service->packet_limit);
  answer_connect (self, BREVET_MQTT_ACCEPTED);
  mqtt_connection_flush (self);
  mqtt_connection_update (self);
}

static void
on_admitted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(MqttConnection) self = user_data;
  g_autoptr(BrevetReply) reply = brevet_handler_admit_finish (BREVET_HANDLER (source), result);

  if (self->connection == NULL)
    return;
  if (reply == NULL)
    {
      accept_device (self);
      return;
    }

  /* The service has told the operator why. */
  answer_connect (self, code_of_status (brevet_reply_get_status (reply)));
  mqtt_connection_close (self);
}

/* Whether the device may speak at all is what the service says to a registration, of which only the head is shown to it. */
static void
begin_admission (MqttConnection *self)
{
  g_autoptr(BrevetRequest) request = mqtt_request_new (self->user, self->claims, NULL, 0);

  self->phase = MQTT_PHASE_ADMITTING;
  brevet_handler_admit_async (self->service->handler, request, self->cancellable, on_admitted, mqtt_connection_ref (self));
  /* What the client has sent beyond its CONNECT waits until it is known whether it may. */
  mqtt_connection_update (self);
}

/* A device with a certificate has no password, or an empty one.
 * Returns: FALSE if there is one that is no token */
static gboolean
take_password (MqttConnection *self, GBytes *password)
{
  gsize length = 0;
  const char *data = password != NULL ? g_bytes_get_data (password, &length) : NULL;
  g_autoptr(BrevetSasToken) token = NULL;
  char *text;

  if (length == 0)
    return TRUE;
  if (memchr (data, '\0', length) != NULL)
    return FALSE;

  text = g_strndup (data, length);
  token = brevet_sas_token_parse (text, NULL);
  brevet_claims_set_token (self->claims, text);
  brevet_secret_free_text (text);
  return token != NULL;
}

static void
take_claims (MqttConnection *self)
{
  self->claims = brevet_claims_new ();
  brevet_claims_set_chain (self->claims, brevet_gate_connection_get_peer_chain (self->connection));
  brevet_claims_set_remote_address (self->claims, brevet_gate_connection_get_remote_address (self->connection));
}

static void
take_keep_alive (MqttConnection *self, guint seconds)
{
  self->is_idle_limited = seconds == 0;
  if (seconds == 0)
    self->keep_alive = self->service->idle_timeout;
  else
    self->keep_alive = MIN (seconds, self->service->maximum_keep_alive) * 1500;
}

/* A will is nobody's business here, as there is nobody to publish it to; clean session or not makes no difference. */
static void
take_connect (MqttConnection *self, BrevetMqttPacket *packet)
{
  g_autoptr(GError) error = NULL;

  if (packet->level != BREVET_MQTT_LEVEL)
    {
      refuse_connect (self, BREVET_MQTT_UNACCEPTABLE_PROTOCOL, "The client does not speak MQTT 3.1.1");
      return;
    }
  if (packet->user_name == NULL)
    {
      refuse_connect (self, BREVET_MQTT_BAD_CREDENTIALS, "The MQTT client gives no user name");
      return;
    }
  self->user = brevet_mqtt_user_parse (packet->user_name, &error);
  if (self->user == NULL)
    {
      refuse_connect (self, BREVET_MQTT_BAD_CREDENTIALS, error->message);
      return;
    }
  if (!brevet_identifier_equal (packet->client_id, self->user->registration_id))
    {
      refuse_connect (self, BREVET_MQTT_IDENTIFIER_REJECTED, "The MQTT client id is not the registration id of the user name");
      return;
    }
  take_claims (self);
  if (!take_password (self, packet->password))
    {
      refuse_connect (self, BREVET_MQTT_BAD_CREDENTIALS, "The MQTT password is not a shared access signature");
      return;
    }
  take_keep_alive (self, packet->keep_alive);
  begin_admission (self);
}

/* One question that waits for its reply. */
typedef struct
{
  MqttConnection *connection;
  char           *rid;
} Pending;

static void
pending_free (Pending *pending)
{
  mqtt_connection_unref (pending->connection);
  g_free (pending->rid);
  g_free (pending);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Pending, pending_free)

static void
on_replied (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Pending) pending = user_data;
  MqttConnection *self = pending->connection;
  g_autoptr(BrevetReply) reply = mqtt_request_ask_finish (result);

  self->questions--;
  mqtt_connection_send_reply (self, reply, pending->rid);
  mqtt_connection_update (self);
}

static void
ask (MqttConnection *self, const BrevetMqttQuestion *question, GBytes *payload)
{
  g_autoptr(BrevetRequest) request = mqtt_request_new (self->user, self->claims, question, self->service->wait);
  Pending *pending = g_new0 (Pending, 1);

  self->questions++;
  pending->connection = mqtt_connection_ref (self);
  pending->rid = g_strdup (question->rid);
  mqtt_request_ask_async (self->service->handler, request, payload, self->cancellable, on_replied, pending);
  mqtt_connection_update (self);
}

/* The acknowledgement goes first, whatever the reply is: some clients insist on this order. */
static void
take_publish (MqttConnection *self, BrevetMqttPacket *packet)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetMqttQuestion) question = brevet_mqtt_question_parse (packet->topic, &error);

  if (question == NULL)
    {
      mqtt_connection_refuse (self, error->message);
      return;
    }
  if (packet->qos > 0)
    {
      g_autoptr(BrevetMqttPacket) answer = brevet_mqtt_packet_new (BREVET_MQTT_PUBACK);

      answer->packet_id = packet->packet_id;
      mqtt_connection_answer (self, answer);
    }
  ask (self, question, packet->payload);
}

static void
take_subscribe (MqttConnection *self, BrevetMqttPacket *packet)
{
  g_autoptr(BrevetMqttPacket) answer = brevet_mqtt_packet_new (BREVET_MQTT_SUBACK);
  g_autoptr(GByteArray) granted = g_byte_array_new ();

  for (guint i = 0; i < packet->subscriptions->len; i++)
    {
      const BrevetMqttSubscription *subscription = packet->subscriptions->pdata[i];
      guint8 qos = BREVET_MQTT_SUBSCRIPTION_REFUSED;

      if (strcmp (subscription->filter, BREVET_MQTT_RESPONSE_FILTER) == 0)
        {
          qos = MIN (subscription->qos, 1);
          self->subscribed = TRUE;
          self->qos = qos;
        }
      g_byte_array_append (granted, &qos, 1);
    }
  answer->packet_id = packet->packet_id;
  answer->granted = g_byte_array_free_to_bytes (g_steal_pointer (&granted));
  mqtt_connection_answer (self, answer);
}

static void
take_unsubscribe (MqttConnection *self, BrevetMqttPacket *packet)
{
  g_autoptr(BrevetMqttPacket) answer = brevet_mqtt_packet_new (BREVET_MQTT_UNSUBACK);

  for (guint i = 0; i < packet->subscriptions->len; i++)
    {
      const BrevetMqttSubscription *subscription = packet->subscriptions->pdata[i];

      if (strcmp (subscription->filter, BREVET_MQTT_RESPONSE_FILTER) == 0)
        self->subscribed = FALSE;
    }
  answer->packet_id = packet->packet_id;
  mqtt_connection_answer (self, answer);
}

static gpointer
print_pong (gpointer data)
{
  g_autoptr(BrevetMqttPacket) answer = brevet_mqtt_packet_new (BREVET_MQTT_PINGRESP);

  return brevet_mqtt_packet_print (answer);
}

/* Two bytes that ask for two: what costs a peer least must not cost us most. */
static void
take_ping (MqttConnection *self)
{
  static GOnce pong = G_ONCE_INIT;

  mqtt_connection_answer_bytes (self, g_once (&pong, print_pong, NULL));
}

void
mqtt_connection_take_packet (MqttConnection *self, BrevetMqttPacket *packet)
{
  if ((self->phase == MQTT_PHASE_CONNECTING) != (packet->type == BREVET_MQTT_CONNECT))
    {
      mqtt_connection_refuse (self, self->phase == MQTT_PHASE_CONNECTING ? "The first MQTT packet is not CONNECT"
                                                                         : "The MQTT client sends a second CONNECT");
      return;
    }

  switch (packet->type)
    {
    case BREVET_MQTT_CONNECT:
      take_connect (self, packet);
      break;
    case BREVET_MQTT_PUBLISH:
      take_publish (self, packet);
      break;
    case BREVET_MQTT_SUBSCRIBE:
      take_subscribe (self, packet);
      break;
    case BREVET_MQTT_UNSUBSCRIBE:
      take_unsubscribe (self, packet);
      break;
    case BREVET_MQTT_PINGREQ:
      take_ping (self);
      break;
    case BREVET_MQTT_DISCONNECT:
      mqtt_connection_close (self);
      break;
    case BREVET_MQTT_PUBACK:
      /* Nothing is sent twice, so whether a client acknowledges what it was sent makes no difference. */
      break;
    case BREVET_MQTT_CONNACK:
    case BREVET_MQTT_SUBACK:
    case BREVET_MQTT_UNSUBACK:
    case BREVET_MQTT_PINGRESP:
    default:
      mqtt_connection_refuse (self, "The MQTT client sends a packet that only a server may send");
      break;
    }
}
