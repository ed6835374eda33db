/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-mqtt-packet.h"

#include <string.h>

static void
subscription_free (gpointer data)
{
  BrevetMqttSubscription *subscription = data;

  g_free (subscription->filter);
  g_free (subscription);
}

BrevetMqttPacket *
brevet_mqtt_packet_new (BrevetMqttPacketType type)
{
  BrevetMqttPacket *self = g_new0 (BrevetMqttPacket, 1);

  self->type = type;
  if (type == BREVET_MQTT_CONNECT)
    self->level = BREVET_MQTT_LEVEL;
  return self;
}

/* If others hold the bytes, what comes back is a copy, and theirs stay as they are. */
static void
free_secret (GBytes *bytes)
{
  gsize size;
  guint8 *data = g_bytes_unref_to_data (bytes, &size);

  if (size > 0)
    explicit_bzero (data, size);
  g_free (data);
}

void
brevet_mqtt_packet_free (BrevetMqttPacket *self)
{
  g_free (self->client_id);
  g_free (self->user_name);
  g_clear_pointer (&self->password, free_secret);
  g_free (self->will_topic);
  g_clear_pointer (&self->will, g_bytes_unref);
  g_free (self->topic);
  g_clear_pointer (&self->payload, g_bytes_unref);
  g_clear_pointer (&self->subscriptions, g_ptr_array_unref);
  g_clear_pointer (&self->granted, g_bytes_unref);
  g_free (self);
}

void
brevet_mqtt_packet_add_subscription (BrevetMqttPacket *self, const char *filter, guint8 qos)
{
  BrevetMqttSubscription *subscription = g_new0 (BrevetMqttSubscription, 1);

  subscription->filter = g_strdup (filter);
  subscription->qos = self->type == BREVET_MQTT_SUBSCRIBE ? qos : 0;
  if (self->subscriptions == NULL)
    self->subscriptions = g_ptr_array_new_with_free_func (subscription_free);
  g_ptr_array_add (self->subscriptions, subscription);
}
