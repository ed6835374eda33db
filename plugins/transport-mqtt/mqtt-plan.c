/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-plan.h"

/* Seconds for one whole exchange, as over HTTPS. */
#define DEFAULT_TIMEOUT 90

/* Seconds for one way: a firewall that drops packets should leave time for the others. */
#define DEFAULT_CONNECT_TIMEOUT 10
#define MAXIMUM_CONNECT_TIMEOUT 3600

MqttPlan *
mqtt_plan_read (BrevetSettings *settings, GError **error)
{
  g_autoptr(MqttPlan) self = g_atomic_rc_box_new0 (MqttPlan);
  gint64 timeout;

  self->peer = brevet_network_peer_read (settings, 0, DEFAULT_TIMEOUT, error);
  if (self->peer == NULL ||
      !brevet_settings_get_duration (settings, "connect-timeout", DEFAULT_CONNECT_TIMEOUT, 1, MAXIMUM_CONNECT_TIMEOUT, &timeout,
                                     error))
    return NULL;
  self->timeout = (guint) timeout;
  self->ways = mqtt_ways_read (settings, error);
  return self->ways != NULL ? g_steal_pointer (&self) : NULL;
}

MqttPlan *
mqtt_plan_ref (MqttPlan *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
plan_clear (gpointer data)
{
  MqttPlan *self = data;

  g_clear_pointer (&self->peer, brevet_network_peer_free);
  g_clear_pointer (&self->ways, g_ptr_array_unref);
}

void
mqtt_plan_unref (MqttPlan *self)
{
  g_atomic_rc_box_release_full (self, plan_clear);
}
