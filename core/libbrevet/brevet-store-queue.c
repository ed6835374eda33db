/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-store-queue.h"

struct _BrevetStoreQueue
{
  GMutex   mutex;
  GCond    changed;
  GQueue   tasks;   /* GTask */
  guint    maximum;
  guint    waiting; /* threads */
  gboolean closed;
};

BrevetStoreQueue *
brevet_store_queue_new (guint maximum)
{
  BrevetStoreQueue *self = g_new0 (BrevetStoreQueue, 1);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->changed);
  g_queue_init (&self->tasks);
  self->maximum = maximum;
  return self;
}

void
brevet_store_queue_free (BrevetStoreQueue *self)
{
  g_assert (g_queue_is_empty (&self->tasks));
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->changed);
  g_free (self);
}

gboolean
brevet_store_queue_push (BrevetStoreQueue *self, GTask *task)
{
  gboolean accepted, awaited;

  g_mutex_lock (&self->mutex);
  accepted = !self->closed && self->tasks.length < self->maximum;
  if (accepted)
    g_queue_push_tail (&self->tasks, task);
  awaited = accepted && self->waiting > 0;
  g_mutex_unlock (&self->mutex);
  /* Not under the mutex, on which the thread that wakes up would have to wait again. */
  if (awaited)
    g_cond_signal (&self->changed);
  return accepted;
}

static void
wait_for_tasks (BrevetStoreQueue *self)
{
  while (g_queue_is_empty (&self->tasks) && !self->closed)
    {
      self->waiting++;
      g_cond_wait (&self->changed, &self->mutex);
      self->waiting--;
    }
}

GTask *
brevet_store_queue_pop (BrevetStoreQueue *self)
{
  GTask *task;

  g_mutex_lock (&self->mutex);
  wait_for_tasks (self);
  task = g_queue_pop_head (&self->tasks);
  g_mutex_unlock (&self->mutex);
  return task;
}

gboolean
brevet_store_queue_pop_all (BrevetStoreQueue *self, GQueue *tasks)
{
  g_mutex_lock (&self->mutex);
  wait_for_tasks (self);
  *tasks = self->tasks;
  g_queue_init (&self->tasks);
  g_mutex_unlock (&self->mutex);
  return !g_queue_is_empty (tasks);
}

void
brevet_store_queue_close (BrevetStoreQueue *self)
{
  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);
}
