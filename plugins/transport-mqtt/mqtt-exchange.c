/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "mqtt-exchange.h"

#include "brevet-clock.h"
#include "brevet-wire-error.h"

static void
clear_source (GSource **source)
{
  if (*source != NULL)
    g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

void
mqtt_exchange_free (MqttExchange *self)
{
  clear_source (&self->deadline);
  clear_source (&self->cancelled);
  g_clear_object (&self->task);
  g_free (self->rid);
  g_free (self->topic);
  g_bytes_unref (self->payload);
  g_free (self);
}

MqttExchange *
mqtt_exchange_new (GTask *task, BrevetMqttQuestion *question, GBytes *payload)
{
  MqttExchange *self = g_new0 (MqttExchange, 1);

  self->task = g_object_ref (task);
  self->rid = g_uuid_string_random ();
  question->rid = g_strdup (self->rid);
  self->topic = brevet_mqtt_question_print (question);
  self->payload = payload != NULL ? g_bytes_ref (payload) : g_bytes_new_static (" ", 1);
  return self;
}

static gboolean
on_deadline (gpointer user_data)
{
  MqttExchange *self = user_data;

  self->on_over (self, TRUE, self->user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  MqttExchange *self = user_data;

  self->on_over (self, FALSE, self->user_data);
  return G_SOURCE_REMOVE;
}

void
mqtt_exchange_watch (MqttExchange *self, GMainContext *context, guint seconds, MqttExchangeOver on_over, gpointer user_data)
{
  GCancellable *cancellable = g_task_get_cancellable (self->task);

  self->on_over = on_over;
  self->user_data = user_data;
  self->deadline = g_timeout_source_new_seconds (seconds);
  g_source_set_callback (self->deadline, on_deadline, self, NULL);
  g_source_attach (self->deadline, context);
  if (cancellable == NULL)
    return;
  self->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (self->cancelled, G_SOURCE_FUNC (on_cancelled), self, NULL);
  g_source_attach (self->cancelled, context);
}

void
mqtt_exchange_fail (MqttExchange *self, guint status, const GError *error)
{
  g_autoptr(GTask) task = g_steal_pointer (&self->task);
  BrevetReply *reply;

  if (status == 0)
    {
      g_task_return_error (task, g_error_copy (error));
      return;
    }
  /* The service has not heard of the request's own id, so nobody would find it there. */
  reply = brevet_wire_error_reply (status, 0, NULL, error->message, brevet_clock_now (), 0);
  g_task_return_pointer (task, reply, (GDestroyNotify) brevet_reply_unref);
}

BrevetReply *
mqtt_exchange_make_reply (const BrevetMqttAnswer *answer, GBytes *payload)
{
  BrevetReply *reply = brevet_reply_new (answer->status, g_bytes_get_size (payload) > 0 ? payload : NULL);

  if (answer->retry_after >= 0)
    {
      g_autofree char *seconds = g_strdup_printf ("%d", answer->retry_after);

      brevet_reply_set_header (reply, "retry-after", seconds);
    }
  return reply;
}
