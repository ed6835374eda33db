/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-packet.h"

#include <string.h>

/* A fixed header is at most this long; the body is written behind that much room. */
#define HEADER_MAX_SIZE 5

static gsize
text_size (const char *text)
{
  return text != NULL ? strlen (text) : 0;
}

static gsize
bytes_size (GBytes *bytes)
{
  return bytes != NULL ? g_bytes_get_size (bytes) : 0;
}

static void
put_byte (GByteArray *array, guint byte)
{
  guint8 value = (guint8) byte;

  g_byte_array_append (array, &value, 1);
}

static void
put_number (GByteArray *array, guint16 number)
{
  put_byte (array, number >> 8);
  put_byte (array, number & 0xff);
}

static void
put_counted (GByteArray *array, gconstpointer data, gsize length)
{
  g_return_if_fail (length <= G_MAXUINT16);

  put_number (array, (guint16) length);
  if (length > 0)
    g_byte_array_append (array, data, (guint) length);
}

static void
put_text (GByteArray *array, const char *text)
{
  put_counted (array, text, strlen (text));
}

static void
put_bytes (GByteArray *array, GBytes *bytes)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);

  if (size > 0)
    g_byte_array_append (array, data, (guint) size);
}

static void
put_counted_bytes (GByteArray *array, GBytes *bytes)
{
  put_counted (array, bytes != NULL ? g_bytes_get_data (bytes, NULL) : NULL, bytes_size (bytes));
}

static guint
connect_flags (const BrevetMqttPacket *self)
{
  guint flags = self->clean_session ? 0x02 : 0;

  if (self->will_topic != NULL)
    flags |= 0x04 | (guint) self->will_qos << 3 | (self->will_retain ? 0x20 : 0);
  if (self->password != NULL)
    flags |= 0x40;
  if (self->user_name != NULL)
    flags |= 0x80;
  return flags;
}

static void
put_connect (GByteArray *array, const BrevetMqttPacket *self)
{
  put_text (array, "MQTT");
  put_byte (array, self->level);
  put_byte (array, connect_flags (self));
  put_number (array, self->keep_alive);
  put_text (array, self->client_id != NULL ? self->client_id : "");
  if (self->will_topic != NULL)
    {
      put_text (array, self->will_topic);
      put_counted_bytes (array, self->will);
    }
  if (self->user_name != NULL)
    put_text (array, self->user_name);
  if (self->password != NULL)
    put_counted_bytes (array, self->password);
}

static void
put_publish (GByteArray *array, const BrevetMqttPacket *self)
{
  put_text (array, self->topic);
  if (self->qos > 0)
    put_number (array, self->packet_id);
  if (self->payload != NULL)
    put_bytes (array, self->payload);
}

static void
put_subscriptions (GByteArray *array, const BrevetMqttPacket *self)
{
  put_number (array, self->packet_id);
  for (guint i = 0; self->subscriptions != NULL && i < self->subscriptions->len; i++)
    {
      const BrevetMqttSubscription *subscription = g_ptr_array_index (self->subscriptions, i);

      put_text (array, subscription->filter);
      if (self->type == BREVET_MQTT_SUBSCRIBE)
        put_byte (array, subscription->qos);
    }
}

static void
put_body (GByteArray *array, const BrevetMqttPacket *self)
{
  switch (self->type)
    {
    case BREVET_MQTT_CONNECT:
      put_connect (array, self);
      break;
    case BREVET_MQTT_CONNACK:
      put_byte (array, self->session_present ? 1 : 0);
      put_byte (array, self->code);
      break;
    case BREVET_MQTT_PUBLISH:
      put_publish (array, self);
      break;
    case BREVET_MQTT_PUBACK:
    case BREVET_MQTT_UNSUBACK:
      put_number (array, self->packet_id);
      break;
    case BREVET_MQTT_SUBSCRIBE:
    case BREVET_MQTT_UNSUBSCRIBE:
      put_subscriptions (array, self);
      break;
    case BREVET_MQTT_SUBACK:
      put_number (array, self->packet_id);
      put_bytes (array, self->granted);
      break;
    case BREVET_MQTT_PINGREQ:
    case BREVET_MQTT_PINGRESP:
    case BREVET_MQTT_DISCONNECT:
      break;
    }
}

static guint8
first_byte (const BrevetMqttPacket *self)
{
  guint first = (guint) self->type << 4;

  if (self->type == BREVET_MQTT_PUBLISH)
    first |= (self->duplicate ? 8 : 0) | (guint) self->qos << 1 | (self->retain ? 1 : 0);
  else if (self->type == BREVET_MQTT_SUBSCRIBE || self->type == BREVET_MQTT_UNSUBSCRIBE)
    first |= 2;
  return (guint8) first;
}

/* Returns: how many bytes of @header were written */
static gsize
write_header (guint8 *header, guint8 first, gsize length)
{
  gsize size = 0;

  header[size++] = first;
  do
    {
      header[size++] = (guint8) ((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
      length >>= 7;
    }
  while (length > 0);
  return size;
}

/* Room for everything but a SUBSCRIBE's texts, which are short. What holds a password must never grow: each growth would leave a
 * copy behind. */
static guint
guess_size (const BrevetMqttPacket *self)
{
  return (guint) (HEADER_MAX_SIZE + 64 + text_size (self->topic) + bytes_size (self->payload) + text_size (self->client_id)
                  + text_size (self->will_topic) + bytes_size (self->will) + text_size (self->user_name)
                  + bytes_size (self->password));
}

GBytes *
brevet_mqtt_packet_print (const BrevetMqttPacket *self)
{
  static const guint8 room[HEADER_MAX_SIZE];
  g_autoptr(GByteArray) array = g_byte_array_sized_new (guess_size (self));
  guint8 header[HEADER_MAX_SIZE];
  gsize length, header_size, spare;

  g_byte_array_append (array, room, sizeof room);
  put_body (array, self);
  length = array->len - HEADER_MAX_SIZE;
  g_return_val_if_fail (length <= BREVET_MQTT_MAXIMUM_LENGTH, NULL);

  header_size = write_header (header, first_byte (self), length);
  spare = HEADER_MAX_SIZE - header_size;
  memcpy (array->data + spare, header, header_size);
  /* Not a part of larger bytes: who wants to wipe what is returned could not reach the rest. */
  memmove (array->data, array->data + spare, header_size + length);
  explicit_bzero (array->data + header_size + length, spare);
  g_byte_array_set_size (array, (guint) (header_size + length));
  return g_byte_array_free_to_bytes (g_steal_pointer (&array));
}
