/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-reader.h"

#include "brevet-error.h"
#include "brevet-mqtt-private.h"

#include <string.h>

/* The first byte, and the longest remaining length. */
#define HEADER_MAX_BYTES 5

void
brevet_mqtt_reader_init (BrevetMqttReader *self, gsize limit)
{
  memset (self, 0, sizeof *self);
  brevet_mqtt_reader_set_limit (self, limit);
}

/* What has come of a CONNECT may hold half of a password. */
static void
forget_packet (BrevetMqttReader *self)
{
  if (self->body != NULL && self->body->len > 0)
    explicit_bzero (self->body->data, self->body->len);
  g_clear_pointer (&self->body, g_byte_array_unref);
  self->remaining = 0;
  self->header_bytes = 0;
  self->has_header = FALSE;
}

void
brevet_mqtt_reader_clear (BrevetMqttReader *self)
{
  forget_packet (self);
}

void
brevet_mqtt_reader_set_limit (BrevetMqttReader *self, gsize limit)
{
  self->next_limit = MIN (limit, BREVET_MQTT_MAXIMUM_LENGTH);
}

gboolean
brevet_mqtt_reader_is_idle (const BrevetMqttReader *self)
{
  return self->header_bytes == 0;
}

static gboolean
begin_packet (BrevetMqttReader *self, guint8 first, GError **error)
{
  if (!brevet_mqtt_check_first (first, error))
    return FALSE;
  self->first = first;
  self->header_bytes = 1;
  self->limit = self->next_limit;
  return TRUE;
}

/* Seven bits in each byte, the lowest ones first (§2.2.3). */
static gboolean
read_length_byte (BrevetMqttReader *self, guint8 byte, GError **error)
{
  gboolean more = (byte & 0x80) != 0;

  self->remaining |= (gsize) (byte & 0x7f) << (7 * (self->header_bytes - 1));
  self->header_bytes++;
  if (more && self->header_bytes == HEADER_MAX_BYTES)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "The MQTT packet is malformed: its remaining length has more than four bytes (2.2.3)");
      return FALSE;
    }
  if (self->remaining > self->limit)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                   "The MQTT packet is too long: at most %" G_GSIZE_FORMAT " bytes are read here", self->limit);
      return FALSE;
    }
  self->has_header = !more;
  return TRUE;
}

static gboolean
read_header (BrevetMqttReader *self, const guint8 *data, gsize length, gsize *used, GError **error)
{
  while (*used < length && !self->has_header)
    {
      guint8 byte = data[(*used)++];

      if (self->header_bytes == 0 ? !begin_packet (self, byte, error) : !read_length_byte (self, byte, error))
        return FALSE;
    }
  return TRUE;
}

/* Returns: the whole body, if it has come; a body that comes in one piece is not copied */
static const guint8 *
collect_body (BrevetMqttReader *self, const guint8 *data, gsize length, gsize *used)
{
  gsize collected = self->body != NULL ? self->body->len : 0;
  gsize take = MIN (self->remaining - collected, length - *used);
  const guint8 *piece = data + *used;

  *used += take;
  if (collected == 0 && take == self->remaining)
    return piece;
  if (self->body == NULL)
    self->body = g_byte_array_new ();
  if (take > 0)
    g_byte_array_append (self->body, piece, (guint) take);
  return self->body->len == self->remaining ? self->body->data : NULL;
}

gboolean
brevet_mqtt_reader_read (BrevetMqttReader *self, const guint8 *data, gsize length, gsize *used, BrevetMqttPacket **packet,
                         GError **error)
{
  const guint8 *body;

  *used = 0;
  *packet = NULL;
  if (length == 0)
    return TRUE;
  if (!read_header (self, data, length, used, error))
    return FALSE;
  if (!self->has_header)
    return TRUE;
  body = collect_body (self, data, length, used);
  if (body == NULL)
    return TRUE;

  *packet = brevet_mqtt_packet_parse (self->first, body, self->remaining, error);
  forget_packet (self);
  return *packet != NULL;
}
