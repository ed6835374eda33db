/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-worker.h"

#include "brevet-clock.h"
#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BATCH 128

static GMutex pool_lock;
static GPtrArray *pool;
static guint pool_users;

typedef struct
{
  GSource           source;
  BrevetGateWorker *worker;
} EpollSource;

typedef struct
{
  gpointer       object;
  GDestroyNotify destroy;
} Grave;

static void
grave_free (gpointer data)
{
  Grave *grave = data;

  grave->destroy (grave->object);
  g_free (grave);
}

static void
schedule (BrevetGateWorker *self)
{
  g_source_set_ready_time (self->source, brevet_gate_wheel_get_next (&self->wheel));
}

static gboolean
epoll_source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  BrevetGateWorker *self = ((EpollSource *) source)->worker;
  struct epoll_event events[BATCH];
  int count = epoll_wait (self->epoll_fd, events, BATCH, 0);

  self->dispatching = TRUE;
  for (int i = 0; i < count; i++)
    {
      BrevetGateWatch *watch = events[i].data.ptr;

      if (watch->fd >= 0)
        watch->ready (watch, events[i].events);
    }
  brevet_gate_wheel_advance (&self->wheel, g_get_monotonic_time ());
  self->dispatching = FALSE;
  g_ptr_array_set_size (self->graveyard, 0);
  schedule (self);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs epoll_source_funcs = { .dispatch = epoll_source_dispatch };

gboolean
brevet_gate_worker_watch (BrevetGateWorker *self, BrevetGateWatch *watch, guint32 events)
{
  struct epoll_event event = { .events = events, .data.ptr = watch };

  watch->events = events;
  return epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void
brevet_gate_worker_change (BrevetGateWorker *self, BrevetGateWatch *watch, guint32 events)
{
  struct epoll_event event = { .events = events, .data.ptr = watch };

  if (watch->events == events)
    return;

  watch->events = events;
  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0)
    g_warning ("Cannot change the events that descriptor %d waits for: %s", watch->fd, g_strerror (errno));
}

void
brevet_gate_worker_unwatch (BrevetGateWorker *self, BrevetGateWatch *watch)
{
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
  watch->events = 0;
}

void
brevet_gate_worker_arm (BrevetGateWorker *self, BrevetGateTimer *timer, gint64 milliseconds)
{
  brevet_gate_wheel_arm (&self->wheel, timer, g_get_monotonic_time () + milliseconds * 1000);
  if (!self->dispatching)
    schedule (self);
}

void
brevet_gate_worker_bury (BrevetGateWorker *self, gpointer object, GDestroyNotify destroy)
{
  Grave *grave;

  if (!self->dispatching)
    {
      destroy (object);
      return;
    }

  grave = g_new (Grave, 1);
  grave->object = object;
  grave->destroy = destroy;
  g_ptr_array_add (self->graveyard, grave);
}

void
brevet_gate_worker_invoke (BrevetGateWorker *self, GSourceFunc function, gpointer data, GDestroyNotify destroy)
{
  /* Not g_main_context_invoke(): before the thread runs, that would call the function right here. */
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, function, data, destroy);
  g_source_attach (source, self->context);
}

static gpointer
worker_run (gpointer data)
{
  BrevetGateWorker *self = data;

  g_main_context_push_thread_default (self->context);
  g_main_loop_run (self->loop);
  g_main_context_pop_thread_default (self->context);
  return NULL;
}

static gboolean
worker_quit (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_REMOVE;
}

static void
worker_free (gpointer data)
{
  BrevetGateWorker *self = data;

  if (self->thread != NULL)
    {
      brevet_gate_worker_invoke (self, worker_quit, self->loop, NULL);
      g_thread_join (self->thread);
    }
  g_source_destroy (self->source);
  g_source_unref (self->source);
  g_main_loop_unref (self->loop);
  g_main_context_unref (self->context);
  g_ptr_array_unref (self->graveyard);
  if (self->epoll_fd >= 0)
    close (self->epoll_fd);
  if (self->reserve_fd >= 0)
    close (self->reserve_fd);
  g_free (self);
}

static BrevetGateWorker *
worker_new (guint index, GError **error)
{
  BrevetGateWorker *self = g_new0 (BrevetGateWorker, 1);
  g_autofree char *name = g_strdup_printf ("brevet-gate-%u", index);

  self->index = index;
  self->context = g_main_context_new ();
  self->loop = g_main_loop_new (self->context, FALSE);
  self->graveyard = g_ptr_array_new_with_free_func (grave_free);
  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  self->reserve_fd = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  self->source = g_source_new (&epoll_source_funcs, sizeof (EpollSource));
  g_source_set_static_name (self->source, "brevet-gate");
  ((EpollSource *) self->source)->worker = self;
  brevet_gate_wheel_init (&self->wheel, g_get_monotonic_time ());
  if (self->epoll_fd < 0 || self->reserve_fd < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot set up worker %u: %s", index, g_strerror (errno));
      worker_free (self);
      return NULL;
    }

  g_source_add_unix_fd (self->source, self->epoll_fd, G_IO_IN);
  g_source_attach (self->source, self->context);
  self->thread = g_thread_try_new (name, worker_run, self, error);
  if (self->thread == NULL)
    {
      worker_free (self);
      return NULL;
    }
  return self;
}

static gboolean
grow_pool (guint count, GError **error)
{
  if (pool == NULL)
    pool = g_ptr_array_new_with_free_func (worker_free);

  while (pool->len < count)
    {
      BrevetGateWorker *worker = worker_new (pool->len, error);

      if (worker == NULL)
        return FALSE;
      g_ptr_array_add (pool, worker);
    }
  return TRUE;
}

GPtrArray *
brevet_gate_workers_acquire (guint count, GError **error)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&pool_lock);
  GPtrArray *workers;

  if (!grow_pool (count, error))
    {
      if (pool_users == 0)
        g_clear_pointer (&pool, g_ptr_array_unref);
      return NULL;
    }

  pool_users++;
  workers = g_ptr_array_sized_new (count);
  for (guint i = 0; i < count; i++)
    g_ptr_array_add (workers, pool->pdata[i]);
  return workers;
}

void
brevet_gate_workers_release (void)
{
  g_autoptr(GPtrArray) idle = NULL;
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&pool_lock);

  if (--pool_users == 0)
    idle = g_steal_pointer (&pool);
}
