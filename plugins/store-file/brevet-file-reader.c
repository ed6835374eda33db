/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-reader.h"

#include "brevet-error.h"
#include "brevet-file-generation.h"
#include "brevet-store-job.h"

static BrevetRecord *
read_record (BrevetFileState *state, const BrevetFileEntry *entry, GError **error)
{
  g_autoptr(GBytes) body = NULL;

  body = brevet_file_generation_read (state->directory, brevet_file_index_get_generation (state->index), entry, error);
  if (body == NULL)
    return NULL;
  return brevet_record_new (entry->collection, entry->key, entry->parent, entry->etag, entry->created, entry->updated, body);
}

static void
run_get (BrevetFileState *state, BrevetStoreJob *job)
{
  BrevetFileEntry *entry = brevet_file_index_lookup (state->index, job->collection, job->key);

  if (entry != NULL)
    job->record = read_record (state, entry, &job->error);
  else
    job->error = g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "There is no record “%s” in “%s”", job->key, job->collection);
}

static void
run_list (BrevetFileState *state, BrevetStoreJob *job)
{
  g_autoptr(GPtrArray) entries = brevet_file_index_list (state->index, job->collection, job->parent, job->key, job->limit);
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_record_unref);

  for (guint i = 0; i < entries->len; i++)
    {
      BrevetRecord *record = read_record (state, g_ptr_array_index (entries, i), &job->error);

      if (record == NULL)
        return;
      g_ptr_array_add (records, record);
    }
  job->records = g_steal_pointer (&records);
}

static void
run (BrevetFileState *state, BrevetStoreJob *job)
{
  g_rw_lock_reader_lock (&state->guard);
  if (job->kind == BREVET_STORE_JOB_LIST)
    run_list (state, job);
  else
    run_get (state, job);
  g_rw_lock_reader_unlock (&state->guard);
}

static gpointer
reader_thread (gpointer data)
{
  BrevetFileState *state = data;
  GTask *task;

  while ((task = brevet_store_queue_pop (state->reads)) != NULL)
    {
      BrevetStoreJob *job = g_task_get_task_data (task);

      if (!g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &job->error))
        run (state, job);
      brevet_store_job_answer (task);
    }
  return NULL;
}

GThread *
brevet_file_reader_start (BrevetFileState *state, GError **error)
{
  GThread *thread = g_thread_try_new ("file-reader", reader_thread, state, error);

  if (thread == NULL)
    g_prefix_error (error, "Cannot start the thread that reads from %s: ", state->directory);
  return thread;
}
