/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-mqtt-client-private.h"

#include "brevet-error.h"

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
  brevet_mqtt_client_emit_closed (self, error);
}

static void
end_with_text (BrevetMqttClient *self, const char *text)
{
  g_autoptr(GError) error = g_error_new_literal (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, text);

  end (self, error);
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
  brevet_mqtt_client_send_empty (self, BREVET_MQTT_PINGREQ);
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
      brevet_mqtt_client_send (self, answer);
    }
  brevet_mqtt_client_emit_message (self, packet->topic, packet->payload);
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

void
brevet_mqtt_client_listen (BrevetMqttClient *self)
{
  g_signal_connect (self->channel, "received", G_CALLBACK (on_received), self);
  g_signal_connect (self->channel, "closed", G_CALLBACK (on_channel_closed), self);
}
