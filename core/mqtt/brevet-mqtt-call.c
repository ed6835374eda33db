/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-mqtt-call.h"

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  BrevetMqttCall *self = user_data;
  g_autoptr(GTask) task = g_steal_pointer (&self->task);

  if (task != NULL)
    g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

BrevetMqttCall *
brevet_mqtt_call_new (GTask *task, BrevetMqttPacketType answer)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  BrevetMqttCall *self = g_new0 (BrevetMqttCall, 1);

  self->answer = answer;
  self->task = g_object_ref (task);
  if (cancellable == NULL)
    return self;
  self->cancelled = g_cancellable_source_new (cancellable);
  g_source_set_callback (self->cancelled, G_SOURCE_FUNC (on_cancelled), self, NULL);
  g_source_attach (self->cancelled, g_task_get_context (task));
  return self;
}

void
brevet_mqtt_call_free (BrevetMqttCall *self)
{
  if (self->cancelled != NULL)
    g_source_destroy (self->cancelled);
  g_clear_pointer (&self->cancelled, g_source_unref);
  g_clear_object (&self->task);
  g_free (self);
}

void
brevet_mqtt_call_end (BrevetMqttCall *self, const GError *error)
{
  g_autoptr(GTask) task = g_steal_pointer (&self->task);

  brevet_mqtt_call_free (self);
  if (task != NULL && error != NULL)
    g_task_return_error (task, g_error_copy (error));
  else if (task != NULL)
    g_task_return_boolean (task, TRUE);
}
