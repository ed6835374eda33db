/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-tpm-job.h"

#include "brevet-error.h"
#include "brevet-time-limit.h"

/* The TPMs in use, by their names. It stays as long as the process. */
static GMutex mutex;
static GCond someone_left;
static GHashTable *in_use;

typedef struct {
  BrevetTpmJob job;
  BrevetTimeLimit *limit;
} Running;

static void
running_free (gpointer data)
{
  Running *self = data;

  g_clear_pointer (&self->limit, brevet_time_limit_free);
  g_free (self);
}

static void
job_free (gpointer data)
{
  BrevetTpmJob *self = data;

  if (self->data != NULL && self->data_free != NULL)
    self->data_free (self->data);
  g_free (self);
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  g_mutex_lock (&mutex);
  g_cond_broadcast (&someone_left);
  g_mutex_unlock (&mutex);
}

/* Waits until nobody else uses the TPM. */
static gboolean
enter (const char *tcti, GCancellable *cancellable, GError **error)
{
  gulong handler = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), NULL, NULL);
  gboolean cancelled;

  g_mutex_lock (&mutex);
  if (in_use == NULL)
    in_use = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  while (g_hash_table_contains (in_use, tcti) && !g_cancellable_is_cancelled (cancellable))
    g_cond_wait (&someone_left, &mutex);
  cancelled = g_cancellable_is_cancelled (cancellable);
  if (!cancelled)
    g_hash_table_add (in_use, g_strdup (tcti));
  g_mutex_unlock (&mutex);
  g_cancellable_disconnect (cancellable, handler);
  return !cancelled || !g_cancellable_set_error_if_cancelled (cancellable, error);
}

static void
leave (const char *tcti)
{
  g_mutex_lock (&mutex);
  g_hash_table_remove (in_use, tcti);
  g_cond_broadcast (&someone_left);
  g_mutex_unlock (&mutex);
}

static gpointer
work (const BrevetTpmJob *job, gpointer source, GCancellable *cancellable, GError **error)
{
  g_autoptr(BrevetTpm) tpm = brevet_tpm_open (job->tcti, cancellable, error);

  return tpm != NULL ? job->work (tpm, source, job->data, error) : NULL;
}

static void
job_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  BrevetTpmJob *job = task_data;
  GError *error = NULL;
  gpointer result;

  if (!enter (job->tcti, cancellable, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  result = work (job, source, cancellable, &error);
  leave (job->tcti);
  if (result != NULL)
    g_task_return_pointer (task, result, job->result_free);
  else
    g_task_return_error (task, error);
}

static void
on_worked (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Running *self = g_task_get_task_data (task);
  gboolean late = brevet_time_limit_has_passed (self->limit);
  GError *error = NULL;
  gpointer value = g_task_propagate_pointer (G_TASK (result), &error);

  g_clear_pointer (&self->limit, brevet_time_limit_free);
  if (value != NULL)
    {
      g_task_return_pointer (task, value, self->job.result_free);
      return;
    }
  if (late && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_clear_error (&error);
      g_set_error (&error, BREVET_ERROR, BREVET_ERROR_BUSY,
                   "The TPM at %s did not do its work in %u s; another program may hold it", self->job.tcti, self->job.seconds);
    }
  g_task_return_error (task, error);
}

void
brevet_tpm_job_run_async (GObject *source, const BrevetTpmJob *job, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data)
{
  GTask *task = g_task_new (source, cancellable, callback, user_data);
  Running *running = g_new0 (Running, 1);
  g_autoptr(GTask) inner = NULL;

  g_task_set_source_tag (task, brevet_tpm_job_run_async);
  g_task_set_task_data (task, running, running_free);
  running->job = *job;
  running->limit = brevet_time_limit_new (g_task_get_context (task), job->seconds * 1000, cancellable);

  /* The thread has a task of its own, which it may keep for as long as the TPM lets it hang. */
  inner = g_task_new (source, brevet_time_limit_get_cancellable (running->limit), on_worked, task);
  g_task_set_source_tag (inner, brevet_tpm_job_run_async);
  g_task_set_return_on_cancel (inner, TRUE);
  g_task_set_task_data (inner, g_memdup2 (job, sizeof *job), job_free);
  g_task_run_in_thread (inner, job_thread);
}

gpointer
brevet_tpm_job_run_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_tpm_job_run_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
