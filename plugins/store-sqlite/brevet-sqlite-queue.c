/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-queue.h"

struct _BrevetSqliteQueue
{
  GMutex   mutex;
  GCond    changed;
  GQueue   items;
  guint    maximum;
  guint    waiting; /* threads */
  gboolean closed;
};

BrevetSqliteQueue *
brevet_sqlite_queue_new (guint maximum)
{
  BrevetSqliteQueue *self = g_new0 (BrevetSqliteQueue, 1);

  g_mutex_init (&self->mutex);
  g_cond_init (&self->changed);
  g_queue_init (&self->items);
  self->maximum = maximum;
  return self;
}

void
brevet_sqlite_queue_free (BrevetSqliteQueue *self)
{
  g_assert (g_queue_is_empty (&self->items));
  g_mutex_clear (&self->mutex);
  g_cond_clear (&self->changed);
  g_free (self);
}

gboolean
brevet_sqlite_queue_push (BrevetSqliteQueue *self, gpointer item)
{
  gboolean accepted, awaited;

  g_mutex_lock (&self->mutex);
  accepted = !self->closed && self->items.length < self->maximum;
  if (accepted)
    g_queue_push_tail (&self->items, item);
  awaited = accepted && self->waiting > 0;
  g_mutex_unlock (&self->mutex);
  /* Not under the mutex, on which the thread that wakes up would have to wait again. */
  if (awaited)
    g_cond_signal (&self->changed);
  return accepted;
}

static void
wait_for_items (BrevetSqliteQueue *self)
{
  while (g_queue_is_empty (&self->items) && !self->closed)
    {
      self->waiting++;
      g_cond_wait (&self->changed, &self->mutex);
      self->waiting--;
    }
}

gpointer
brevet_sqlite_queue_pop (BrevetSqliteQueue *self)
{
  gpointer item;

  g_mutex_lock (&self->mutex);
  wait_for_items (self);
  item = g_queue_pop_head (&self->items);
  g_mutex_unlock (&self->mutex);
  return item;
}

gboolean
brevet_sqlite_queue_pop_all (BrevetSqliteQueue *self, GQueue *items)
{
  g_mutex_lock (&self->mutex);
  wait_for_items (self);
  *items = self->items;
  g_queue_init (&self->items);
  g_mutex_unlock (&self->mutex);
  return !g_queue_is_empty (items);
}

void
brevet_sqlite_queue_close (BrevetSqliteQueue *self)
{
  g_mutex_lock (&self->mutex);
  self->closed = TRUE;
  g_cond_broadcast (&self->changed);
  g_mutex_unlock (&self->mutex);
}
