/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "mqtt-connection-private.h"

#include "brevet-log.h"
#include "mqtt-request.h"
#include "mqtt-sessions.h"

/* A stranger is not read more of: names, and a token of at most 4 KiB. */
#define CONNECT_LIMIT (16 * 1024)

MqttConnection *
mqtt_connection_ref (MqttConnection *self)
{
  g_ref_count_inc (&self->references);
  return self;
}

void
mqtt_connection_unref (MqttConnection *self)
{
  if (!g_ref_count_dec (&self->references))
    return;

  brevet_mqtt_reader_clear (&self->reader);
  g_clear_pointer (&self->user, brevet_mqtt_user_free);
  g_clear_pointer (&self->claims, brevet_claims_unref);
  g_clear_pointer (&self->output, g_byte_array_unref);
  g_clear_pointer (&self->undelivered, g_ptr_array_unref);
  g_clear_object (&self->cancellable);
  g_free (self->device);
  g_free (self);
}

static gint64
after (guint milliseconds)
{
  return g_get_monotonic_time () + (gint64) milliseconds * 1000;
}

/* The gate has one deadline for each connection: it gets the nearest of ours. */
static void
arm_deadline (MqttConnection *self)
{
  const gint64 deadlines[] = { self->silence_deadline, self->packet_deadline, self->output_deadline };
  gint64 next = G_MAXINT64;

  for (guint i = 0; i < G_N_ELEMENTS (deadlines); i++)
    if (deadlines[i] != 0)
      next = MIN (next, deadlines[i]);

  if (next == G_MAXINT64)
    brevet_gate_connection_set_deadline (self->connection, 0);
  else
    brevet_gate_connection_set_deadline (self->connection, MAX (1, (next - g_get_monotonic_time ()) / 1000 + 1));
}

/* Nobody is silent who is not listened to, nor, without keep-alive, who waits for a reply. */
static void
update_silence (MqttConnection *self)
{
  gboolean runs = self->phase == MQTT_PHASE_OPEN && self->reading && !(self->is_idle_limited && self->questions > 0);

  if (!runs)
    self->silence_deadline = 0;
  else if (self->silence_deadline == 0)
    self->silence_deadline = after (self->keep_alive);
}

static void
update_packet (MqttConnection *self)
{
  if (self->phase != MQTT_PHASE_OPEN || !self->reading || brevet_mqtt_reader_is_idle (&self->reader))
    self->packet_deadline = 0;
  else if (self->packet_deadline == 0)
    self->packet_deadline = after (self->service->packet_timeout);
}

static gboolean
wants_to_read (MqttConnection *self)
{
  if (self->phase == MQTT_PHASE_CONNECTING)
    return TRUE;
  return self->phase == MQTT_PHASE_OPEN && !self->writing && self->questions < self->service->request_limit
         && !brevet_gate_connection_is_stopping (self->connection);
}

/* The time for a CONNECT runs from the start and is not ours to change. */
static void
update_deadlines (MqttConnection *self)
{
  if (self->phase != MQTT_PHASE_CONNECTING)
    {
      update_silence (self);
      update_packet (self);
    }
  arm_deadline (self);
}

void
mqtt_connection_update (MqttConnection *self)
{
  gboolean busy = self->phase == MQTT_PHASE_ADMITTING || self->questions > 0 || self->undelivered->len > 0;
  gboolean reading;

  if (self->connection == NULL || self->phase == MQTT_PHASE_CLOSING)
    return;

  brevet_gate_connection_set_busy (self->connection, busy);
  if (!busy && brevet_gate_connection_is_stopping (self->connection))
    {
      mqtt_connection_close (self);
      return;
    }

  reading = wants_to_read (self);
  if (reading == self->reading)
    {
      update_deadlines (self);
      return;
    }
  self->reading = reading;
  update_deadlines (self);
  brevet_gate_connection_set_reading (self->connection, reading);
}

/* May close. */
static void
write_bytes (MqttConnection *self, GBytes *bytes)
{
  if (!self->writing)
    self->output_deadline = after (self->service->packet_timeout);
  self->writing = TRUE;
  brevet_gate_connection_write (self->connection, bytes);
}

void
mqtt_connection_answer (MqttConnection *self, const BrevetMqttPacket *packet)
{
  g_autoptr(GBytes) bytes = brevet_mqtt_packet_print (packet);

  mqtt_connection_answer_bytes (self, bytes);
}

void
mqtt_connection_answer_bytes (MqttConnection *self, GBytes *bytes)
{
  if (self->output == NULL)
    self->output = g_byte_array_new ();
  g_byte_array_append (self->output, g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
}

void
mqtt_connection_flush (MqttConnection *self)
{
  g_autoptr(GBytes) bytes = NULL;

  if (self->output == NULL || self->connection == NULL)
    return;

  bytes = g_byte_array_free_to_bytes (g_steal_pointer (&self->output));
  write_bytes (self, bytes);
}

static guint16
next_packet_id (MqttConnection *self)
{
  self->last_packet_id = self->last_packet_id == G_MAXUINT16 ? 1 : self->last_packet_id + 1;
  return self->last_packet_id;
}

void
mqtt_connection_send_reply (MqttConnection *self, BrevetReply *reply, const char *rid)
{
  g_autoptr(GBytes) bytes = NULL;

  if (self->connection == NULL || self->phase != MQTT_PHASE_OPEN || !self->subscribed)
    return;

  bytes = mqtt_request_print_reply (reply, rid, self->qos > 0 ? next_packet_id (self) : 0);
  g_ptr_array_add (self->undelivered, brevet_reply_ref (reply));
  write_bytes (self, bytes);
}

void
mqtt_connection_close (MqttConnection *self)
{
  if (self->connection == NULL || self->phase == MQTT_PHASE_CLOSING)
    return;

  self->phase = MQTT_PHASE_CLOSING;
  self->silence_deadline = self->packet_deadline = 0;
  mqtt_connection_flush (self);
  if (self->connection == NULL)
    return;

  arm_deadline (self);
  brevet_gate_connection_close (self->connection);
}

void
mqtt_connection_refuse (MqttConnection *self, const char *message)
{
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_REQUEST_REFUSED, message, "BREVET_REGISTRATION",
                    self->user != NULL ? self->user->registration_id : NULL, "BREVET_ADDRESS",
                    brevet_gate_connection_get_remote_address (self->connection), NULL);
  mqtt_connection_close (self);
}

static void
opened (BrevetGateConnection *connection, gpointer user_data)
{
  MqttConnection *self = g_new0 (MqttConnection, 1);

  g_ref_count_init (&self->references);
  self->connection = connection;
  self->service = user_data;
  self->reading = TRUE;
  self->undelivered = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_reply_unref);
  self->cancellable = g_cancellable_new ();
  brevet_mqtt_reader_init (&self->reader, CONNECT_LIMIT);
  brevet_gate_connection_set_state (connection, self);
  self->silence_deadline = after (self->service->connect_timeout);
  arm_deadline (self);
}

/* Returns how many bytes were read; @complete: (out): whether a packet was */
static gsize
read_packets (MqttConnection *self, const guint8 *data, gsize length, gboolean *complete)
{
  gsize used = 0;

  *complete = FALSE;
  while (self->connection != NULL && self->reading && self->phase != MQTT_PHASE_CLOSING && used < length)
    {
      g_autoptr(BrevetMqttPacket) packet = NULL;
      g_autoptr(GError) error = NULL;
      gsize count;

      if (!brevet_mqtt_reader_read (&self->reader, data + used, length - used, &count, &packet, &error))
        {
          mqtt_connection_refuse (self, error->message);
          return length;
        }
      used += count;
      if (packet != NULL)
        {
          *complete = TRUE;
          mqtt_connection_take_packet (self, packet);
        }
    }
  return used;
}

static gsize
received (BrevetGateConnection *connection, const guint8 *data, gsize length)
{
  g_autoptr(MqttConnection) self = mqtt_connection_ref (brevet_gate_connection_get_state (connection));
  gboolean complete;
  gsize used;

  /* What is in flight is finished, nothing is begun. */
  if (brevet_gate_connection_is_stopping (connection))
    {
      mqtt_connection_update (self);
      return 0;
    }

  used = read_packets (self, data, length, &complete);
  if (complete)
    self->silence_deadline = self->packet_deadline = 0;
  mqtt_connection_flush (self);
  mqtt_connection_update (self);
  return used;
}

static void
drained (BrevetGateConnection *connection)
{
  g_autoptr(MqttConnection) self = mqtt_connection_ref (brevet_gate_connection_get_state (connection));
  g_autoptr(GPtrArray) delivered = g_steal_pointer (&self->undelivered);

  self->undelivered = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_reply_unref);
  self->writing = FALSE;
  self->output_deadline = 0;
  for (guint i = 0; i < delivered->len; i++)
    brevet_reply_delivered (g_ptr_array_index (delivered, i));
  mqtt_connection_update (self);
}

static gboolean
has_passed (gint64 deadline)
{
  return deadline != 0 && deadline <= g_get_monotonic_time ();
}

static void
expired (BrevetGateConnection *connection)
{
  g_autoptr(MqttConnection) self = mqtt_connection_ref (brevet_gate_connection_get_state (connection));

  if (has_passed (self->output_deadline) || self->phase == MQTT_PHASE_CLOSING)
    brevet_gate_connection_abort (connection);
  else if (has_passed (self->packet_deadline)
           || (self->phase == MQTT_PHASE_CONNECTING && !brevet_mqtt_reader_is_idle (&self->reader)))
    mqtt_connection_refuse (self, "An MQTT packet did not arrive in time");
  else
    mqtt_connection_close (self);
}

static void
closed (BrevetGateConnection *connection)
{
  g_autoptr(MqttConnection) self = brevet_gate_connection_get_state (connection);

  if (self->device != NULL)
    mqtt_sessions_leave (self->device, connection);
  /* Our reference to the service is the connection's to the protocol, which ends now. */
  self->connection = NULL;
  self->service = NULL;
  g_cancellable_cancel (self->cancellable);
}

const BrevetGateProtocol mqtt_connection_protocol = {
  .opened = opened,
  .received = received,
  .drained = drained,
  .expired = expired,
  .closed = closed,
};
