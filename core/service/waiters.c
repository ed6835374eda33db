/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "waiters.h"

struct _BrevetWaiters
{
  GMutex      lock;
  GHashTable *by_operation; /* operation id → GPtrArray of BrevetWaiter */
  gboolean    released;     /* nobody is to wait any more */
};

struct _BrevetWaiter
{
  BrevetWaiters   *waiters;
  char            *operation_id;
  BrevetOperation *result; /* under the lock */
  GTask           *task;   /* under the lock; while somebody waits */
  GMainContext    *context;
  GSource         *timeout;
  GCancellable    *cancellable;
  gulong           cancelled_id;
};

BrevetWaiters *
brevet_waiters_new (void)
{
  BrevetWaiters *self = g_atomic_rc_box_new0 (BrevetWaiters);

  g_mutex_init (&self->lock);
  self->by_operation = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  return self;
}

static void
waiters_clear (gpointer data)
{
  BrevetWaiters *self = data;

  g_hash_table_unref (self->by_operation);
  g_mutex_clear (&self->lock);
}

BrevetWaiters *
brevet_waiters_ref (BrevetWaiters *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_waiters_unref (BrevetWaiters *self)
{
  g_atomic_rc_box_release_full (self, waiters_clear);
}

BrevetWaiter *
brevet_waiters_add (BrevetWaiters *self, const char *operation_id)
{
  BrevetWaiter *waiter = g_new0 (BrevetWaiter, 1);
  GPtrArray *others;

  waiter->waiters = brevet_waiters_ref (self);
  waiter->operation_id = g_strdup (operation_id);
  waiter->context = g_main_context_ref_thread_default ();
  g_mutex_lock (&self->lock);
  others = g_hash_table_lookup (self->by_operation, operation_id);
  if (others == NULL)
    {
      others = g_ptr_array_new ();
      g_hash_table_insert (self->by_operation, g_strdup (operation_id), others);
    }
  g_ptr_array_add (others, waiter);
  g_mutex_unlock (&self->lock);
  return waiter;
}

/* Takes the task away from the waiter, so that of notification, time-out and cancellation only the first answers. */
static GTask *
steal_task (BrevetWaiter *self, BrevetOperation **result)
{
  GTask *task;

  g_mutex_lock (&self->waiters->lock);
  task = g_steal_pointer (&self->task);
  if (result != NULL)
    *result = task != NULL ? g_steal_pointer (&self->result) : NULL;
  g_mutex_unlock (&self->waiters->lock);
  return task;
}

static gboolean
on_wake (gpointer user_data)
{
  BrevetWaiter *self = user_data;
  BrevetOperation *result = NULL;
  g_autoptr(GTask) task = steal_task (self, &result);

  if (self->timeout != NULL)
    g_source_destroy (self->timeout);
  g_clear_pointer (&self->timeout, g_source_unref);
  if (task != NULL)
    g_task_return_pointer (task, result, (GDestroyNotify) brevet_operation_free);
  return G_SOURCE_REMOVE;
}

/* The waiter may be freed by its own thread while another notifies it: the source holds nothing but the operation's id, and finds
 * the waiter again under the lock. */
typedef struct {
  BrevetWaiters *waiters;
  BrevetWaiter  *waiter;
  char          *operation_id;
} Wake;

static void
wake_free (gpointer data)
{
  Wake *wake = data;

  brevet_waiters_unref (wake->waiters);
  g_free (wake->operation_id);
  g_free (wake);
}

static gboolean
on_wake_from_afar (gpointer user_data)
{
  Wake *wake = user_data;
  GPtrArray *waiters;
  gboolean alive;

  g_mutex_lock (&wake->waiters->lock);
  waiters = g_hash_table_lookup (wake->waiters->by_operation, wake->operation_id);
  alive = waiters != NULL && g_ptr_array_find (waiters, wake->waiter, NULL);
  g_mutex_unlock (&wake->waiters->lock);
  if (alive)
    on_wake (wake->waiter);
  return G_SOURCE_REMOVE;
}

static void
wake_waiter (gpointer data, gpointer user_data)
{
  BrevetWaiter *self = data;
  g_autoptr(GSource) source = g_idle_source_new ();
  Wake *wake = g_new0 (Wake, 1);

  wake->waiters = brevet_waiters_ref (self->waiters);
  wake->waiter = self;
  wake->operation_id = g_strdup (self->operation_id);
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, on_wake_from_afar, wake, wake_free);
  g_source_attach (source, self->context);
}

void
brevet_waiters_notify (BrevetWaiters *self, const BrevetOperation *operation)
{
  GPtrArray *waiters;

  g_mutex_lock (&self->lock);
  waiters = g_hash_table_lookup (self->by_operation, operation->id);
  for (guint i = 0; waiters != NULL && i < waiters->len; i++)
    {
      BrevetWaiter *waiter = g_ptr_array_index (waiters, i);

      if (waiter->result != NULL)
        continue;
      waiter->result = brevet_operation_copy (operation);
      wake_waiter (waiter, NULL);
    }
  g_mutex_unlock (&self->lock);
}

void
brevet_waiters_release (BrevetWaiters *self)
{
  GHashTableIter iter;
  gpointer waiters;

  g_mutex_lock (&self->lock);
  self->released = TRUE;
  g_hash_table_iter_init (&iter, self->by_operation);
  while (g_hash_table_iter_next (&iter, NULL, &waiters))
    g_ptr_array_foreach (waiters, wake_waiter, NULL);
  g_mutex_unlock (&self->lock);
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  wake_waiter (user_data, NULL);
}

void
brevet_waiter_wait_async (BrevetWaiter *self, guint seconds, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
  gboolean ready;

  g_mutex_lock (&self->waiters->lock);
  self->task = g_task_new (NULL, NULL, callback, user_data);
  g_task_set_source_tag (self->task, brevet_waiter_wait_async);
  ready = self->result != NULL || self->waiters->released;
  g_mutex_unlock (&self->waiters->lock);
  if (ready)
    {
      on_wake (self);
      return;
    }
  self->timeout = g_timeout_source_new_seconds (seconds);
  g_source_set_callback (self->timeout, on_wake, self, NULL);
  g_source_attach (self->timeout, self->context);
  if (cancellable != NULL)
    {
      self->cancellable = g_object_ref (cancellable);
      self->cancelled_id = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), self, NULL);
    }
}

BrevetOperation *
brevet_waiter_wait_finish (GAsyncResult *result)
{
  return g_task_propagate_pointer (G_TASK (result), NULL);
}

void
brevet_waiter_free (BrevetWaiter *self)
{
  BrevetWaiters *waiters = self->waiters;
  GPtrArray *others;

  if (self->cancelled_id != 0)
    g_cancellable_disconnect (self->cancellable, self->cancelled_id);
  g_clear_object (&self->cancellable);
  g_mutex_lock (&waiters->lock);
  others = g_hash_table_lookup (waiters->by_operation, self->operation_id);
  g_ptr_array_remove_fast (others, self);
  if (others->len == 0)
    g_hash_table_remove (waiters->by_operation, self->operation_id);
  g_mutex_unlock (&waiters->lock);
  if (self->timeout != NULL)
    g_source_destroy (self->timeout);
  g_clear_pointer (&self->timeout, g_source_unref);
  g_clear_object (&self->task);
  g_clear_pointer (&self->result, brevet_operation_free);
  g_main_context_unref (self->context);
  brevet_waiters_unref (waiters);
  g_free (self->operation_id);
  g_free (self);
}
