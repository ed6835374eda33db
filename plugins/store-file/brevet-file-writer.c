/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-writer.h"

#include "brevet-error.h"
#include "brevet-file-commit.h"
#include "brevet-file-place.h"
#include "brevet-store-job.h"

static gboolean
is_any (const char *condition)
{
  return g_str_equal (condition, BREVET_IF_PRESENT);
}

static gboolean
check_condition (const BrevetChange *change, const BrevetFileEntry *old, GError **error)
{
  if (change->condition == NULL)
    return TRUE;
  if (g_str_equal (change->condition, BREVET_IF_ABSENT))
    {
      if (old == NULL)
        return TRUE;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "There is a record “%s” in “%s” already", change->key,
                   change->collection);
    }
  else if (is_any (change->condition))
    {
      if (old != NULL)
        return TRUE;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "There is no record “%s” in “%s”", change->key, change->collection);
    }
  else
    {
      if (old != NULL && g_str_equal (old->etag, change->condition))
        return TRUE;
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "The record “%s” in “%s” is not there in version “%s” any more",
                   change->key, change->collection, change->condition);
    }
  return FALSE;
}

/* What was there before a change. */
typedef struct {
  const BrevetChange *change;
  BrevetFileEntry *old; /* nullable */
} Step;

static void
step_clear (gpointer data)
{
  Step *step = data;

  g_clear_pointer (&step->old, brevet_file_entry_unref);
}

static gboolean
apply (BrevetFileIndex *index, const BrevetChange *change, GArray *steps, GError **error)
{
  BrevetFileEntry *old = brevet_file_index_lookup (index, change->collection, change->key);
  Step step = { change, NULL };

  if (!check_condition (change, old, error))
    return FALSE;
  if (change->kind == BREVET_CHANGE_DELETE && old == NULL)
    return TRUE;
  step.old = old != NULL ? brevet_file_entry_ref (old) : NULL;
  g_array_append_val (steps, step);
  if (change->kind == BREVET_CHANGE_PUT)
    brevet_file_index_put (index, brevet_file_entry_new_from_change (change, old));
  else
    brevet_file_index_remove (index, change->collection, change->key);
  return TRUE;
}

static void
undo (BrevetFileIndex *index, GArray *steps)
{
  for (guint i = steps->len; i > 0; i--)
    {
      Step *step = &g_array_index (steps, Step, i - 1);

      if (step->old != NULL)
        brevet_file_index_put (index, g_steal_pointer (&step->old));
      else
        brevet_file_index_remove (index, step->change->collection, step->change->key);
    }
}

/* All changes of a batch, or none: @index is then as it was. */
static gboolean
apply_batch (BrevetFileIndex *index, BrevetBatch *batch, gboolean *changed, GError **error)
{
  GPtrArray *changes = brevet_batch_get_changes (batch);
  g_autoptr(GArray) steps = g_array_new (FALSE, FALSE, sizeof (Step));

  g_array_set_clear_func (steps, step_clear);
  for (guint i = 0; i < changes->len; i++)
    if (!apply (index, g_ptr_array_index (changes, i), steps, error))
      {
        undo (index, steps);
        return FALSE;
      }
  *changed = *changed || steps->len > 0;
  return TRUE;
}

/* Returns whether there is something to store. */
static gboolean
apply_all (BrevetFileIndex *next, GQueue *tasks)
{
  gboolean changed = FALSE;

  for (GList *link = tasks->head; link != NULL; link = link->next)
    {
      BrevetStoreJob *job = g_task_get_task_data (link->data);

      if (!g_cancellable_set_error_if_cancelled (g_task_get_cancellable (link->data), &job->error))
        apply_batch (next, job->batch, &changed, &job->error);
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
      BrevetStoreJob *job = g_task_get_task_data (link->data);

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
  if (brevet_file_place_check_lock (state->lock, state->directory, &error) &&
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
  GQueue tasks = G_QUEUE_INIT;
  GTask *task;

  while (brevet_store_queue_pop_all (state->writes, &tasks))
    {
      run_transaction (state, &tasks);
      while ((task = g_queue_pop_head (&tasks)) != NULL)
        brevet_store_job_answer (task);
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
