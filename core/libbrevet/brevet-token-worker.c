/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-worker.h"

#include "brevet-error.h"
#include "brevet-time-limit.h"

struct _BrevetTokenWorker
{
  GThreadPool *pool;
};

/* One job. Both threads hold it; whatever is not said to be the worker's belongs to the thread that asked. */
typedef struct {
  BrevetTokenJob job;
  gpointer data;
  GDestroyNotify free_data;
  GDestroyNotify free_result;
  gpointer result;        /* the worker's until it has told that it is done */
  GError *error;          /* likewise */
  GMainContext *context;
  int abandoned;          /* atomic */
  GTask *task;            /* NULL once it is answered */
  char *token;
  guint seconds;
  BrevetTimeLimit *limit;
  GSource *watch;
} Work;

/* How many jobs there are in this process, begun or not. */
static GMutex pending_lock;
static GCond pending_changed;
static guint pending;

static void
work_clear (gpointer data)
{
  Work *work = data;

  if (work->result != NULL)
    work->free_result (work->result);
  g_clear_error (&work->error);
  g_main_context_unref (work->context);
  g_free (work->token);
}

static void
work_unref (gpointer work)
{
  g_atomic_rc_box_release_full (work, work_clear);
}

/* Nobody waits for the time or for being cancelled any more. */
static GTask *
stop_waiting (Work *work)
{
  g_source_destroy (work->watch);
  g_clear_pointer (&work->watch, g_source_unref);
  g_clear_pointer (&work->limit, brevet_time_limit_free);
  return g_steal_pointer (&work->task);
}

static gboolean
on_given_up (GCancellable *cancellable, gpointer user_data)
{
  Work *work = user_data;
  gboolean late = brevet_time_limit_has_passed (work->limit);
  g_autoptr(GTask) task = NULL;

  g_atomic_int_set (&work->abandoned, TRUE);
  task = stop_waiting (work);
  if (late)
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The token “%s” did not answer within %u seconds",
                             work->token, work->seconds);
  else
    g_task_return_error_if_cancelled (task);
  return G_SOURCE_REMOVE;
}

static gboolean
on_done (gpointer user_data)
{
  Work *work = user_data;
  g_autoptr(GTask) task = NULL;

  if (work->task == NULL)
    return G_SOURCE_REMOVE;
  task = stop_waiting (work);
  if (work->error != NULL)
    g_task_return_error (task, g_steal_pointer (&work->error));
  else
    g_task_return_pointer (task, g_steal_pointer (&work->result), work->free_result);
  return G_SOURCE_REMOVE;
}

static void
count (int change)
{
  g_mutex_lock (&pending_lock);
  pending += (guint) change;
  g_cond_broadcast (&pending_changed);
  g_mutex_unlock (&pending_lock);
}

static void
run (gpointer item, gpointer user_data)
{
  Work *work = item;

  if (!g_atomic_int_get (&work->abandoned))
    work->result = work->job (work->data, &work->error);
  work->free_data (work->data);
  count (-1);
  g_main_context_invoke_full (work->context, G_PRIORITY_DEFAULT, on_done, work, work_unref);
}

BrevetTokenWorker *
brevet_token_worker_new (void)
{
  BrevetTokenWorker *self = g_new0 (BrevetTokenWorker, 1);

  self->pool = g_thread_pool_new (run, NULL, 1, FALSE, NULL);
  return self;
}

void
brevet_token_worker_free (BrevetTokenWorker *self)
{
  g_thread_pool_free (self->pool, FALSE, FALSE);
  g_free (self);
}

void
brevet_token_worker_run_async (BrevetTokenWorker *self, gpointer source, const char *token, guint seconds, BrevetTokenJob job,
                               gpointer data, GDestroyNotify free_data, GDestroyNotify free_result, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  Work *work = g_atomic_rc_box_new0 (Work);

  work->job = job;
  work->data = data;
  work->free_data = free_data;
  work->free_result = free_result;
  work->token = g_strdup (token);
  work->seconds = seconds;
  work->task = g_task_new (source, cancellable, callback, user_data);
  g_task_set_source_tag (work->task, brevet_token_worker_run_async);
  /* A result that is there counts: it may be a key. */
  g_task_set_check_cancellable (work->task, FALSE);
  work->context = g_main_context_ref (g_task_get_context (work->task));
  work->limit = brevet_time_limit_new (work->context, seconds * 1000, cancellable);
  work->watch = g_cancellable_source_new (brevet_time_limit_get_cancellable (work->limit));
  g_source_set_callback (work->watch, G_SOURCE_FUNC (on_given_up), g_atomic_rc_box_acquire (work), work_unref);
  g_source_attach (work->watch, work->context);
  count (1);
  g_thread_pool_push (self->pool, work, NULL);
}

gpointer
brevet_token_worker_run_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_token_worker_run_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

static gpointer
do_nothing (gpointer data, GError **error)
{
  return NULL;
}

void
brevet_token_worker_release (BrevetTokenWorker *self, gpointer data, GDestroyNotify free_data)
{
  brevet_token_worker_run_async (self, NULL, "", 0, do_nothing, data, free_data, NULL, NULL, NULL, NULL);
}

gboolean
brevet_token_worker_settle (guint seconds)
{
  gint64 end = g_get_monotonic_time () + seconds * G_TIME_SPAN_SECOND;
  gboolean settled;

  g_mutex_lock (&pending_lock);
  while (pending > 0 && g_cond_wait_until (&pending_changed, &pending_lock, end))
    ;
  settled = pending == 0;
  g_mutex_unlock (&pending_lock);
  return settled;
}
