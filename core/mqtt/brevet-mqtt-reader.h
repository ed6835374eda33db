/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-packet.h"

G_BEGIN_DECLS

/**
 * BrevetMqttReader:
 *
 * Cuts a stream of bytes into control packets (§2.2). Keeps at most one packet that is not complete, and of that no more than has
 * come. Plain data, to be embedded; clear it with brevet_mqtt_reader_clear().
 */
typedef struct {
  /*< private >*/
  gsize next_limit;
  gsize limit;           /* for the packet that has begun */
  GByteArray *body;
  gsize remaining;       /* length of the body, once the header is complete */
  guint8 first;
  guint8 header_bytes;
  gboolean has_header;
} BrevetMqttReader;

/**
 * brevet_mqtt_reader_init:
 * @limit: longest remaining length that is accepted, at most %BREVET_MQTT_MAXIMUM_LENGTH
 */
void brevet_mqtt_reader_init (BrevetMqttReader *self, gsize limit);

void brevet_mqtt_reader_clear (BrevetMqttReader *self);

/**
 * brevet_mqtt_reader_set_limit:
 *
 * For the packets that begin from now on.
 */
void brevet_mqtt_reader_set_limit (BrevetMqttReader *self, gsize limit);

/**
 * brevet_mqtt_reader_is_idle:
 *
 * Returns: %TRUE if no packet has begun
 */
gboolean brevet_mqtt_reader_is_idle (const BrevetMqttReader *self);

/**
 * brevet_mqtt_reader_read:
 * @data: bytes that have come
 * @length: how many
 * @used: (out): how many of them belong to the packet that is returned or begun; the rest is to be given to the next call
 * @packet: (out) (transfer full) (nullable): a packet that is complete now; %NULL if bytes are missing
 *
 * Reads until one packet is complete, or @data is used up. A remaining length beyond the limit is an error as soon as it is known,
 * and so is one of more than four bytes; nothing is allocated for it. After an error the stream cannot be read on.
 *
 * Returns: %FALSE with an error of brevet_mqtt_packet_parse(), or %BREVET_ERROR_INVALID
 */
gboolean brevet_mqtt_reader_read (BrevetMqttReader *self, const guint8 *data, gsize length, gsize *used, BrevetMqttPacket **packet,
                                  GError **error);

G_END_DECLS
