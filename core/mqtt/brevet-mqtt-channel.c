/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-mqtt-channel.h"

enum { RECEIVED, CLOSED, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_INTERFACE (BrevetMqttChannel, brevet_mqtt_channel, G_TYPE_OBJECT)

static void
brevet_mqtt_channel_default_init (BrevetMqttChannelInterface *iface)
{
  signals[RECEIVED] = g_signal_new ("received", BREVET_TYPE_MQTT_CHANNEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                    G_TYPE_BYTES);
  signals[CLOSED] = g_signal_new ("closed", BREVET_TYPE_MQTT_CHANNEL, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                  G_TYPE_ERROR);
}

void
brevet_mqtt_channel_start (BrevetMqttChannel *self)
{
  g_return_if_fail (BREVET_IS_MQTT_CHANNEL (self));
  BREVET_MQTT_CHANNEL_GET_IFACE (self)->start (self);
}

void
brevet_mqtt_channel_send (BrevetMqttChannel *self, GBytes *bytes)
{
  g_return_if_fail (BREVET_IS_MQTT_CHANNEL (self) && bytes != NULL);
  BREVET_MQTT_CHANNEL_GET_IFACE (self)->send (self, bytes);
}

void
brevet_mqtt_channel_close (BrevetMqttChannel *self)
{
  g_return_if_fail (BREVET_IS_MQTT_CHANNEL (self));
  BREVET_MQTT_CHANNEL_GET_IFACE (self)->close (self);
}
