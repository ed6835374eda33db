/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-writer.h"

#include "brevet-error.h"
#include "brevet-file-change.h"
#include "brevet-file-commit.h"
#include "brevet-file-lock.h"

/* Returns whether there is something to store. */
static gboolean
apply_all (BrevetFileIndex *next, GQueue *tasks)
{
  gboolean changed = FALSE;

  for (GList *link = tasks->head; link != NULL; link = link->next)
    {
      BrevetFileJob *job = g_task_get_task_data (link->data);

      if (!g_cancellable_set_error_if_cancelled (g_task_get_cancellable (link->data), &job->error))
        brevet_file_change_apply_batch (next, job->batch, &changed, &job->error);
    }
  return changed;
}

/* A condition that failed may have failed because of a neighbour that is not stored either, so that verdict is void as well, unless
 * everybody sees what the neighbour did. */
static void
fail_all (GQueue *tasks, const GError *error, gboolean switched)
{
  for (GList *link = tasks->head; link != NULL; link = link->next)
    {
      BrevetFileJob *job = g_task_get_task_data (link->data);

      if (job->error != NULL && (switched || g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
        continue;
      g_clear_error (&job->error);
      job->error = g_error_copy (error);
    }
}

/* Only this thread changes the index of the state, so it reads it without the guard. */
static void
run_transaction (BrevetFileState *state, GQueue *tasks)
{
  g_autoptr(BrevetFileIndex) next = brevet_file_index_copy_next (state->index);
  g_autoptr(GError) error = NULL;
  gboolean switched = FALSE;

  /* After a switch that may not be durable, even a batch without effect promises something that has to be brought to the disk. */
  if (!apply_all (next, tasks) && !state->unsynced)
    return;
  if (brevet_file_lock_check (state->lock, state->directory, &error) &&
      brevet_file_commit_run (state->directory, state->index, next, &switched, &error))
    state->unsynced = FALSE;
  else
    {
      state->unsynced = state->unsynced || switched;
      fail_all (tasks, error, switched);
    }
  if (switched)
    brevet_file_state_publish (state, g_steal_pointer (&next));
}

static gpointer
writer_thread (gpointer data)
{
  BrevetFileState *state = data;
  GTask *task;

  while ((task = brevet_file_state_pop (state, state->writes)) != NULL)
    {
      GQueue tasks = G_QUEUE_INIT;

      do
        g_queue_push_tail (&tasks, task);
      while ((task = brevet_file_state_try_pop (state, state->writes)) != NULL);
      run_transaction (state, &tasks);
      while ((task = g_queue_pop_head (&tasks)) != NULL)
        brevet_file_job_answer (task);
    }
  return NULL;
}

GThread *
brevet_file_writer_start (BrevetFileState *state, GError **error)
{
  GThread *thread = g_thread_try_new ("file-writer", writer_thread, state, error);

  if (thread == NULL)
    g_prefix_error (error, "Cannot start the thread that writes to %s: ", state->directory);
  return thread;
}
