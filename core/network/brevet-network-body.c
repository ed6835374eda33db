/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-network-body.h"

#define CHUNK 16384

typedef struct {
  GByteArray *body;
  gsize maximum;
} Reading;

static void
reading_free (gpointer data)
{
  Reading *self = data;

  g_clear_pointer (&self->body, g_byte_array_unref);
  g_free (self);
}

static void read_more (GTask *task);

static void
on_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Reading *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GBytes) chunk = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  gsize length = chunk != NULL ? g_bytes_get_size (chunk) : 0;

  if (chunk == NULL)
    g_task_return_error (task, error);
  else if (length == 0)
    g_task_return_pointer (task, g_steal_pointer (&self->body), (GDestroyNotify) g_byte_array_unref);
  else if (self->body->len + length > self->maximum)
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE,
                             "the answer is longer than %" G_GSIZE_FORMAT " bytes", self->maximum);
  else
    {
      g_byte_array_append (self->body, g_bytes_get_data (chunk, NULL), (guint) length);
      read_more (task);
    }
}

static void
read_more (GTask *task)
{
  g_input_stream_read_bytes_async (g_task_get_source_object (task), CHUNK, g_task_get_priority (task),
                                   g_task_get_cancellable (task), on_read, g_object_ref (task));
}

void
brevet_network_read_body_async (GInputStream *stream, gsize maximum, int priority, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (stream, cancellable, callback, user_data);
  Reading *self = g_new0 (Reading, 1);

  g_task_set_source_tag (task, brevet_network_read_body_async);
  g_task_set_priority (task, priority);
  /* What was read to its end is there, however late it is. */
  g_task_set_check_cancellable (task, FALSE);
  self->body = g_byte_array_new ();
  self->maximum = maximum;
  g_task_set_task_data (task, self, reading_free);
  read_more (task);
}

GByteArray *
brevet_network_read_body_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
