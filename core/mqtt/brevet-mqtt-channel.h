/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * BrevetMqttChannel:
 *
 * Bytes to and from a broker, over whatever carries them: a TLS connection, or the messages of a WebSocket. Everything happens on
 * the thread-default main context of its making.
 *
 * Signals: `received` with #GBytes; `closed` once, with a #GError (nullable: the peer ended it in order), after which nothing is
 * sent or received.
 */
#define BREVET_TYPE_MQTT_CHANNEL (brevet_mqtt_channel_get_type ())
BREVET_API
G_DECLARE_INTERFACE (BrevetMqttChannel, brevet_mqtt_channel, BREVET, MQTT_CHANNEL, GObject)

struct _BrevetMqttChannelInterface
{
  GTypeInterface parent_iface;

  void (*start) (BrevetMqttChannel *self);
  void (*send) (BrevetMqttChannel *self, GBytes *bytes);
  void (*close) (BrevetMqttChannel *self);
};

/**
 * brevet_mqtt_channel_start:
 *
 * Begins to read.
 */
BREVET_API
void brevet_mqtt_channel_start (BrevetMqttChannel *self);

/**
 * brevet_mqtt_channel_send:
 * @bytes: what to send, in the order of the calls; never blocks. A peer that leaves megabytes of it waiting loses the connection
 */
BREVET_API
void brevet_mqtt_channel_send (BrevetMqttChannel *self, GBytes *bytes);

/**
 * brevet_mqtt_channel_close:
 *
 * Ends the connection after what was sent; what arrives from now on is dropped. `closed` comes from the main loop, if it has not
 * come yet. A channel that nobody holds any more stays until then; for a peer that does not take what was sent it waits a few
 * seconds.
 */
BREVET_API
void brevet_mqtt_channel_close (BrevetMqttChannel *self);

/**
 * brevet_mqtt_channel_new_for_stream:
 * @stream: an open connection, such as that of brevet_network_connect_finish()
 *
 * Returns: (transfer full): a channel over @stream
 */
BREVET_API
BrevetMqttChannel *brevet_mqtt_channel_new_for_stream (GIOStream *stream);

G_END_DECLS
