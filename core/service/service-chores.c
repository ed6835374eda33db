/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-chores.h"

#include "brevet-clock.h"

/* After failures: this long, then twice as long each time. */
#define SHORTEST_PAUSE 5
#define LONGEST_PAUSE 600

/* How long somebody waits for runs that were cancelled. */
#define STOP_PATIENCE_SECONDS 3

typedef struct {
  BrevetServiceChores *chores; /* not a reference */
  BrevetChore          chore;
  gpointer             data;
  GDestroyNotify       data_free;
  GSource             *source;
  /* Under the lock: */
  gboolean             running;
  gboolean             poked; /* while it ran */
  /* On the main context: */
  guint                failures; /* in a row */
  GQuark               trouble;  /* what was logged last, 0 for nothing */
  int                  trouble_code;
} Job;

struct _BrevetServiceChores
{
  GMutex                  lock;
  GMainContext           *main_context;
  GCancellable           *cancellable;
  GPtrArray              *jobs;
  BrevetChoresContextFunc get_context; /* under the lock: NULL when stopped */
  gpointer                owner;
  guint                   running;     /* under the lock: runs, and what is held */
  GTask                  *stopping;    /* under the lock: whoever waits for the end */
};

static void
job_free (gpointer data)
{
  Job *job = data;

  g_source_unref (job->source);
  if (job->data_free != NULL)
    job->data_free (job->data);
  g_free (job);
}

BrevetServiceChores *
brevet_service_chores_new (BrevetChoresContextFunc get_context, gpointer owner)
{
  BrevetServiceChores *self = g_atomic_rc_box_new0 (BrevetServiceChores);

  g_mutex_init (&self->lock);
  self->main_context = g_main_context_ref_thread_default ();
  self->cancellable = g_cancellable_new ();
  self->jobs = g_ptr_array_new_with_free_func (job_free);
  self->get_context = get_context;
  self->owner = owner;
  return self;
}

BrevetServiceChores *
brevet_service_chores_ref (BrevetServiceChores *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
chores_clear (gpointer data)
{
  BrevetServiceChores *self = data;

  g_ptr_array_unref (self->jobs);
  g_object_unref (self->cancellable);
  g_main_context_unref (self->main_context);
  g_mutex_clear (&self->lock);
}

void
brevet_service_chores_unref (BrevetServiceChores *self)
{
  g_atomic_rc_box_release_full (self, chores_clear);
}

static void
job_release (gpointer data)
{
  Job *job = data;

  brevet_service_chores_unref (job->chores);
}

/* Between nine and eleven tenths of @seconds from now. */
static gint64
choose_time (double seconds)
{
  return brevet_clock_monotonic () + (gint64) (seconds * g_random_double_range (0.9, 1.1) * G_USEC_PER_SEC);
}

static guint
count_pause (Job *job, guint pause)
{
  guint longest = job->chore.interval > 0 ? MIN (job->chore.interval, LONGEST_PAUSE) : LONGEST_PAUSE;

  if (job->failures == 0)
    return pause;
  return MIN ((guint) SHORTEST_PAUSE << MIN (job->failures - 1, 10), longest);
}

/* Under the lock. */
static void
schedule (Job *job, guint pause)
{
  if (job->chores->get_context == NULL)
    return;
  if (job->poked)
    g_source_set_ready_time (job->source, 0);
  else if (pause > 0)
    g_source_set_ready_time (job->source, choose_time (pause));
  job->poked = FALSE;
}

/* Each kind of trouble once: a store that is gone for a night would fill the log otherwise. */
static void
note_outcome (Job *job, const GError *error, guint pause)
{
  if (error == NULL)
    {
      if (job->trouble != 0)
        g_message ("The background job “%s” works again", job->chore.name);
      job->trouble = 0;
      return;
    }
  if (job->trouble == error->domain && job->trouble_code == error->code)
    return;
  job->trouble = error->domain;
  job->trouble_code = error->code;
  g_warning ("The background job “%s” failed and is repeated in %u s: %s", job->chore.name, pause, error->message);
}

/* Under the lock. Returns whoever waited for this. */
static GTask *
end_one (BrevetServiceChores *self)
{
  return --self->running == 0 ? g_steal_pointer (&self->stopping) : NULL;
}

static void
on_run_done (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Job *job = user_data;
  BrevetServiceChores *self = job->chores;
  g_autoptr(GError) error = NULL;
  g_autoptr(GTask) stopping = NULL;
  guint pause = job->chore.interval;
  gboolean good = job->chore.run_finish (job->data, result, &pause, &error);

  job->failures = good ? 0 : job->failures + 1;
  pause = count_pause (job, pause);
  if (!g_cancellable_is_cancelled (self->cancellable))
    note_outcome (job, error, pause);
  g_mutex_lock (&self->lock);
  job->running = FALSE;
  stopping = end_one (self);
  schedule (job, pause);
  g_mutex_unlock (&self->lock);
  if (stopping != NULL)
    g_task_return_boolean (stopping, TRUE);
  brevet_service_chores_unref (self);
}

/* Returns the context to run with, or NULL if this is not the time. A run has a reference to the chores. */
static BrevetServiceContext *
begin_run (Job *job)
{
  BrevetServiceChores *self = job->chores;
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  g_source_set_ready_time (job->source, -1);
  if (self->get_context == NULL || job->running)
    return NULL;
  job->running = TRUE;
  self->running++;
  brevet_service_chores_ref (self);
  return self->get_context (self->owner);
}

static gboolean
on_due (gpointer user_data)
{
  Job *job = user_data;
  g_autoptr(BrevetServiceContext) context = begin_run (job);

  if (context == NULL)
    return G_SOURCE_CONTINUE;
  job->chore.run_async (job->data, context, job->chores->cancellable, on_run_done, job);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  return callback (user_data);
}

static GSourceFuncs source_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

void
brevet_service_chores_add (BrevetServiceChores *self, const BrevetChore *chore, gpointer data, GDestroyNotify data_free)
{
  Job *job = g_new0 (Job, 1);

  job->chores = self;
  job->chore = *chore;
  job->data = data;
  job->data_free = data_free;
  job->source = g_source_new (&source_funcs, sizeof (GSource));
  g_source_set_static_name (job->source, chore->name);
  brevet_service_chores_ref (self);
  g_source_set_callback (job->source, on_due, job, job_release);
  g_source_set_ready_time (job->source, chore->delay > 0 ? choose_time (chore->delay) : 0);
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->jobs, job);
  g_mutex_unlock (&self->lock);
  g_source_attach (job->source, self->main_context);
}

/* Under the lock. */
static void
poke (Job *job)
{
  if (job->running)
    job->poked = TRUE;
  else
    g_source_set_ready_time (job->source, 0);
}

void
brevet_service_chores_poke (BrevetServiceChores *self, const char *name)
{
  if (self == NULL)
    return;
  g_mutex_lock (&self->lock);
  for (guint i = 0; i < self->jobs->len && self->get_context != NULL; i++)
    {
      Job *job = g_ptr_array_index (self->jobs, i);

      if (name == NULL || g_str_equal (job->chore.name, name))
        poke (job);
    }
  g_mutex_unlock (&self->lock);
}

BrevetServiceContext *
brevet_service_chores_ref_context (BrevetServiceChores *self)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->get_context != NULL ? self->get_context (self->owner) : NULL;
}

BrevetServiceChores *
brevet_service_chores_hold (BrevetServiceChores *self)
{
  if (self == NULL)
    return NULL;
  g_mutex_lock (&self->lock);
  self->running++;
  g_mutex_unlock (&self->lock);
  return brevet_service_chores_ref (self);
}

void
brevet_service_chores_release (BrevetServiceChores *self)
{
  g_autoptr(GTask) stopping = NULL;

  if (self == NULL)
    return;
  g_mutex_lock (&self->lock);
  stopping = end_one (self);
  g_mutex_unlock (&self->lock);
  if (stopping != NULL)
    g_task_return_boolean (stopping, TRUE);
  brevet_service_chores_unref (self);
}

gboolean
brevet_service_chores_is_running (BrevetServiceChores *self)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->lock);

  return self->running > 0;
}

void
brevet_service_chores_stop (BrevetServiceChores *self)
{
  g_mutex_lock (&self->lock);
  self->get_context = NULL;
  self->owner = NULL;
  g_mutex_unlock (&self->lock);
  g_cancellable_cancel (self->cancellable);
  /* Nobody adds jobs to a service that ends. Each source lets go of a reference. */
  for (guint i = 0; i < self->jobs->len; i++)
    g_source_destroy (((Job *) g_ptr_array_index (self->jobs, i))->source);
}

static gboolean
on_patience_ended (gpointer user_data)
{
  BrevetServiceChores *self = user_data;
  g_autoptr(GTask) stopping = NULL;

  g_mutex_lock (&self->lock);
  stopping = g_steal_pointer (&self->stopping);
  g_mutex_unlock (&self->lock);
  if (stopping != NULL)
    {
      g_warning ("A background job does not end; stopping without it");
      g_task_return_boolean (stopping, TRUE);
    }
  return G_SOURCE_REMOVE;
}

static void
add_patience (BrevetServiceChores *self, GTask *task)
{
  g_autoptr(GSource) source = g_timeout_source_new_seconds (STOP_PATIENCE_SECONDS);

  g_source_set_callback (source, on_patience_ended, brevet_service_chores_ref (self), (GDestroyNotify) brevet_service_chores_unref);
  g_source_attach (source, g_task_get_context (task));
  g_task_set_task_data (task, g_steal_pointer (&source), (GDestroyNotify) g_source_unref);
}

void
brevet_service_chores_stop_async (BrevetServiceChores *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, NULL, callback, user_data);
  gboolean waits;

  g_task_set_source_tag (task, brevet_service_chores_stop_async);
  add_patience (self, task);
  g_mutex_lock (&self->lock);
  waits = self->running > 0;
  if (waits)
    self->stopping = g_object_ref (task);
  g_mutex_unlock (&self->lock);
  if (!waits)
    g_task_return_boolean (task, TRUE);
  brevet_service_chores_stop (self);
}

void
brevet_service_chores_stop_finish (GAsyncResult *result)
{
  GSource *patience = g_task_get_task_data (G_TASK (result));

  g_source_destroy (patience);
  g_task_propagate_boolean (G_TASK (result), NULL);
}
