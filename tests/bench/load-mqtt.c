/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "load-protocol.h"

#include "brevet-mqtt-dialog.h"
#include "brevet-mqtt-packet.h"
#include "brevet-mqtt-reader.h"

#include <string.h>

#define KEEP_ALIVE 3600
#define LONGEST_HEADER 8

struct _LoadDialog {
  const LoadPlan *plan;
  LoadConnection *connection;
  gboolean websocket;
  GByteArray *frames;  /* WebSocket: has come and is not unwrapped */
  GByteArray *packets; /* has come and is not read */
  BrevetMqttReader reader;
  guint16 packet_id;
};

static gboolean
send_bytes (LoadDialog *self, const BrevetMqttPacket *packet)
{
  g_autoptr(GBytes) bytes = brevet_mqtt_packet_print (packet);
  g_autoptr(GByteArray) frame = NULL;
  /* Final and binary; a mask of zeros is one too, and costs nothing (RFC 6455 §5.2). */
  guint8 header[LONGEST_HEADER] = { 0x82 };
  gsize length;
  const guint8 *data = g_bytes_get_data (bytes, &length);

  if (!self->websocket)
    return load_connection_send (self->connection, data, length);
  frame = g_byte_array_new ();
  header[1] = 0x80 | (length < 126 ? length : 126);
  header[2] = length < 126 ? 0 : length >> 8;
  header[3] = length < 126 ? 0 : length & 0xff;
  g_byte_array_append (frame, header, length < 126 ? 6 : 8);
  g_byte_array_append (frame, data, length);
  return load_connection_send (self->connection, frame->data, frame->len);
}

/* Moves the content of complete frames to the packets. The service sends nothing but short binary messages here. */
static void
unwrap_frames (LoadDialog *self)
{
  while (self->frames->len >= 4)
    {
      const guint8 *data = self->frames->data;
      guint header = data[1] < 126 ? 2 : 4;
      guint length = data[1] < 126 ? data[1] : data[2] << 8 | data[3];

      if (self->frames->len < header + length)
        return;
      g_byte_array_append (self->packets, data + header, length);
      g_byte_array_remove_range (self->frames, 0, header + length);
    }
}

static gboolean
receive (LoadDialog *self)
{
  guint8 buffer[16384];
  gssize got = load_connection_receive (self->connection, buffer, sizeof buffer);

  if (got <= 0)
    return FALSE;
  g_byte_array_append (self->websocket ? self->frames : self->packets, buffer, got);
  unwrap_frames (self);
  return TRUE;
}

static BrevetMqttPacket *
read_packet (LoadDialog *self)
{
  BrevetMqttPacket *packet = NULL;

  while (packet == NULL)
    {
      g_autoptr(GError) error = NULL;
      gsize used;

      if (self->packets->len == 0 && !receive (self))
        return NULL;
      if (!brevet_mqtt_reader_read (&self->reader, self->packets->data, self->packets->len, &used, &packet, &error))
        {
          g_printerr ("unreadable: %s\n", error->message);
          return NULL;
        }
      g_byte_array_remove_range (self->packets, 0, used);
    }
  return packet;
}

static BrevetMqttPacket *
expect_packet (LoadDialog *self, BrevetMqttPacketType type)
{
  g_autoptr(BrevetMqttPacket) packet = read_packet (self);

  if (packet != NULL && packet->type == type)
    return g_steal_pointer (&packet);
  g_printerr ("packet %d came instead of %d\n", packet != NULL ? (int) packet->type : -1, type);
  return NULL;
}

static gboolean
upgrade (LoadDialog *self)
{
  g_autofree char *request =
    g_strdup_printf ("GET /$iothub/websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n"
                     "Sec-WebSocket-Protocol: mqtt\r\n\r\n",
                     self->plan->target.host);
  char reply[1024];
  gssize got;

  if (!load_connection_send (self->connection, request, strlen (request)))
    return FALSE;
  /* One record: nobody speaks before the client does. */
  got = load_connection_receive (self->connection, reply, sizeof reply - 1);
  if (got >= 12 && memcmp (reply, "HTTP/1.1 101", 12) == 0)
    return TRUE;
  g_printerr ("no WebSocket: %.*s\n", (int) MAX (got, 0), reply);
  return FALSE;
}

static gboolean
greet (LoadDialog *self, const LoadDevice *device)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_CONNECT);
  g_autoptr(BrevetMqttPacket) answer = NULL;

  packet->level = BREVET_MQTT_LEVEL;
  packet->clean_session = TRUE;
  packet->keep_alive = KEEP_ALIVE;
  packet->client_id = g_strdup (device->id);
  packet->user_name = brevet_mqtt_user_print (device->id_scope, device->id, "2021-11-01-preview", NULL);
  if (device->token != NULL)
    packet->password = g_bytes_new (device->token, strlen (device->token));
  if (!send_bytes (self, packet) || (answer = expect_packet (self, BREVET_MQTT_CONNACK)) == NULL)
    return FALSE;
  if (answer->code != BREVET_MQTT_ACCEPTED)
    g_printerr ("CONNACK %u\n", answer->code);
  return answer->code == BREVET_MQTT_ACCEPTED;
}

static gboolean
subscribe (LoadDialog *self)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_SUBSCRIBE);
  g_autoptr(BrevetMqttPacket) answer = NULL;

  packet->packet_id = ++self->packet_id;
  brevet_mqtt_packet_add_subscription (packet, BREVET_MQTT_RESPONSE_FILTER, 1);
  return send_bytes (self, packet) && (answer = expect_packet (self, BREVET_MQTT_SUBACK)) != NULL;
}

static void
close_dialog (LoadDialog *self)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_DISCONNECT);

  send_bytes (self, packet);
  brevet_mqtt_reader_clear (&self->reader);
  g_byte_array_unref (self->frames);
  g_byte_array_unref (self->packets);
  g_free (self);
}

static LoadDialog *
open_dialog (const LoadPlan *plan, LoadConnection *connection, const LoadDevice *device, gboolean websocket)
{
  LoadDialog *self = g_new0 (LoadDialog, 1);

  self->plan = plan;
  self->connection = connection;
  self->websocket = websocket;
  self->frames = g_byte_array_new ();
  self->packets = g_byte_array_new ();
  brevet_mqtt_reader_init (&self->reader, 65536);
  if ((websocket && !upgrade (self)) || !greet (self, device) ||
      (plan->task == LOAD_REGISTER && !subscribe (self)))
    g_clear_pointer (&self, close_dialog);
  return self;
}

static LoadDialog *
open_plain (const LoadPlan *plan, LoadConnection *connection, const LoadDevice *device)
{
  return open_dialog (plan, connection, device, FALSE);
}

static LoadDialog *
open_websocket (const LoadPlan *plan, LoadConnection *connection, const LoadDevice *device)
{
  return open_dialog (plan, connection, device, TRUE);
}

static gboolean
acknowledge (LoadDialog *self, guint16 packet_id)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_PUBACK);

  packet->packet_id = packet_id;
  return send_bytes (self, packet);
}

/* Publishes a question as the SDKs do: acknowledged first, then answered with a message that is to be acknowledged.
 * Returns: (nullable): the answer */
static BrevetMqttPacket *
ask (LoadDialog *self, const char *operation_id, GBytes *payload, guint *status)
{
  g_autoptr(BrevetMqttPacket) packet = brevet_mqtt_packet_new (BREVET_MQTT_PUBLISH);
  g_autoptr(BrevetMqttPacket) acknowledgement = NULL;
  g_autoptr(BrevetMqttPacket) reply = NULL;
  g_autoptr(BrevetMqttAnswer) answer = NULL;
  g_autofree char *rid = NULL;
  BrevetMqttQuestion question = { .is_register = operation_id == NULL, .operation_id = (char *) operation_id };

  packet->packet_id = ++self->packet_id != 0 ? self->packet_id : ++self->packet_id;
  question.rid = rid = g_strdup_printf ("%u", packet->packet_id);
  packet->topic = brevet_mqtt_question_print (&question);
  packet->payload = g_bytes_ref (payload);
  packet->qos = 1;
  if (!send_bytes (self, packet) || (acknowledgement = expect_packet (self, BREVET_MQTT_PUBACK)) == NULL ||
      (reply = expect_packet (self, BREVET_MQTT_PUBLISH)) == NULL || !acknowledge (self, reply->packet_id))
    return NULL;
  answer = brevet_mqtt_answer_parse (reply->topic, NULL);
  if (answer == NULL || strcmp (answer->rid, rid) != 0)
    {
      g_printerr ("this is no answer: %s\n", reply->topic);
      return NULL;
    }
  *status = answer->status;
  return g_steal_pointer (&reply);
}

static gboolean
exchange (LoadDialog *self, const LoadDevice *device)
{
  g_autoptr(GBytes) space = g_bytes_new_static (" ", 1);
  g_autoptr(BrevetMqttPacket) reply = NULL;
  const char *text = NULL;
  gsize length = 0;
  guint status = 0;

  if (self->plan->task == LOAD_CONNECT)
    return TRUE;
  reply = ask (self, NULL, device->body, &status);
  while (reply != NULL)
    {
      g_autofree char *operation = NULL;

      text = g_bytes_get_data (reply->payload, &length);
      if (status != 202)
        break;
      operation = load_find_member (text, length, "operationId");
      g_clear_pointer (&reply, brevet_mqtt_packet_free);
      reply = operation != NULL ? ask (self, operation, space, &status) : NULL;
    }
  if (reply != NULL && status == 200 && memmem (text, length, "\"issuedClientCertificate\"", 25) != NULL)
    return TRUE;
  g_printerr ("registration ended with %u\n", status);
  return FALSE;
}

const LoadProtocol load_mqtt = { TRUE, open_plain, exchange, close_dialog };
const LoadProtocol load_mqtt_websocket = { TRUE, open_websocket, exchange, close_dialog };
