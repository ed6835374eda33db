/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-state.h"

#include <unistd.h>

void
brevet_file_job_free (BrevetFileJob *self)
{
  g_free (self->collection);
  g_free (self->key);
  g_free (self->parent);
  g_clear_pointer (&self->batch, brevet_batch_unref);
  g_clear_pointer (&self->record, brevet_record_unref);
  g_clear_pointer (&self->records, g_ptr_array_unref);
  g_clear_error (&self->error);
  g_free (self);
}

static gboolean
on_answer (gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetFileJob *self = g_task_get_task_data (task);

  if (self->error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else if (self->batch != NULL)
    g_task_return_boolean (task, TRUE);
  else if (self->limit > 0)
    g_task_return_pointer (task, g_steal_pointer (&self->records), (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_pointer (task, g_steal_pointer (&self->record), (GDestroyNotify) brevet_record_unref);
  return G_SOURCE_REMOVE;
}

void
brevet_file_job_answer (GTask *task)
{
  /* The caller may be done with its context before this thread has let go of the source, which touches the context when it does. */
  g_autoptr(GMainContext) context = g_main_context_ref (g_task_get_context (task));
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, on_answer, task, g_object_unref);
  g_source_set_static_name (source, "brevet store-file answer");
  g_source_attach (source, context);
}

BrevetFileState *
brevet_file_state_new (const char *directory, int lock, guint maximum_queued, BrevetFileIndex *index)
{
  BrevetFileState *self = g_new0 (BrevetFileState, 1);

  self->directory = g_strdup (directory);
  self->lock = lock;
  self->maximum_queued = maximum_queued;
  self->reads = g_async_queue_new ();
  self->writes = g_async_queue_new ();
  g_rw_lock_init (&self->guard);
  self->index = index;
  return self;
}

void
brevet_file_state_free (BrevetFileState *self)
{
  close (self->lock);
  g_async_queue_unref (self->reads);
  g_async_queue_unref (self->writes);
  g_rw_lock_clear (&self->guard);
  brevet_file_index_unref (self->index);
  g_free (self->directory);
  g_free (self);
}

gboolean
brevet_file_state_push (BrevetFileState *self, GAsyncQueue *queue, GTask *task)
{
  gboolean accepted;

  g_async_queue_lock (queue);
  accepted = g_async_queue_length_unlocked (queue) < (gint64) self->maximum_queued;
  if (accepted)
    g_async_queue_push_unlocked (queue, task);
  g_async_queue_unlock (queue);
  return accepted;
}

/* Nothing is pushed behind the mark, as only the end of the store closes its queues. The state is as good a mark as any other
 * pointer that is no task. */
void
brevet_file_state_close (BrevetFileState *self, GAsyncQueue *queue)
{
  g_async_queue_push (queue, self);
}

GTask *
brevet_file_state_pop (BrevetFileState *self, GAsyncQueue *queue)
{
  gpointer item = g_async_queue_pop (queue);

  return item != self ? item : NULL;
}

GTask *
brevet_file_state_try_pop (BrevetFileState *self, GAsyncQueue *queue)
{
  gpointer item = g_async_queue_try_pop (queue);

  if (item != self)
    return item;
  /* It is for whoever waits next. */
  brevet_file_state_close (self, queue);
  return NULL;
}

void
brevet_file_state_publish (BrevetFileState *self, BrevetFileIndex *index)
{
  BrevetFileIndex *old;

  g_rw_lock_writer_lock (&self->guard);
  old = self->index;
  self->index = index;
  g_rw_lock_writer_unlock (&self->guard);
  brevet_file_index_unref (old);
}
