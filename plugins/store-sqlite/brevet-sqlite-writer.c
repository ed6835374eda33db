/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-writer.h"

#include "brevet-error.h"
#include "brevet-sqlite-change.h"
#include "brevet-store-job.h"

typedef struct {
  BrevetSqliteConnection *connection;
  BrevetStoreQueue *queue;
} Writer;

static gboolean
apply_changes (Writer *self, BrevetBatch *batch, GError **error)
{
  GPtrArray *changes = brevet_batch_get_changes (batch);

  for (guint i = 0; i < changes->len; i++)
    if (!brevet_sqlite_change_apply (self->connection, g_ptr_array_index (changes, i), error))
      return FALSE;
  return TRUE;
}

/* Undoes one batch and leaves its neighbours in the transaction alone. Returns FALSE if the whole transaction is lost. */
static gboolean
undo_batch (Writer *self)
{
  g_autoptr(GError) error = NULL;

  if (!brevet_sqlite_connection_in_transaction (self->connection))
    return FALSE;
  return brevet_sqlite_change_step (self->connection, BREVET_SQLITE_STEP_UNDO, &error) &&
         brevet_sqlite_change_step (self->connection, BREVET_SQLITE_STEP_RELEASE, &error);
}

/* Returns FALSE if the whole transaction is lost; a batch that alone has failed has its own error. */
static gboolean
run_batch (Writer *self, BrevetStoreJob *job, GError **error)
{
  if (!brevet_sqlite_change_step (self->connection, BREVET_SQLITE_STEP_SAVEPOINT, error))
    return FALSE;
  if (apply_changes (self, job->batch, &job->error))
    return brevet_sqlite_change_step (self->connection, BREVET_SQLITE_STEP_RELEASE, error);
  if (undo_batch (self))
    return TRUE;
  if (error != NULL)
    *error = g_error_copy (job->error);
  return FALSE;
}

static gboolean
run_transaction (Writer *self, GQueue *tasks, GError **error)
{
  if (!brevet_sqlite_connection_check_file (self->connection, error) ||
      !brevet_sqlite_change_step (self->connection, BREVET_SQLITE_STEP_BEGIN, error))
    return FALSE;
  for (GList *link = tasks->head; link != NULL; link = link->next)
    {
      GTask *task = link->data;
      BrevetStoreJob *job = g_task_get_task_data (task);

      if (g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &job->error))
        continue;
      if (!run_batch (self, job, error))
        return FALSE;
    }
  return brevet_sqlite_change_step (self->connection, BREVET_SQLITE_STEP_COMMIT, error);
}

/* A condition that failed may have failed because of a neighbour that is now undone, so that verdict is void as well. */
static void
fail_all (Writer *self, GQueue *tasks, const GError *error)
{
  if (brevet_sqlite_connection_in_transaction (self->connection))
    {
      g_autoptr(GError) rollback_error = NULL;

      if (!brevet_sqlite_change_step (self->connection, BREVET_SQLITE_STEP_ROLLBACK, &rollback_error))
        g_warning ("%s", rollback_error->message);
    }
  for (GList *link = tasks->head; link != NULL; link = link->next)
    {
      BrevetStoreJob *job = g_task_get_task_data (link->data);

      if (g_error_matches (job->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        continue;
      g_clear_error (&job->error);
      job->error = g_error_copy (error);
    }
}

static gboolean
erases_former (GQueue *tasks)
{
  for (GList *link = tasks->head; link != NULL; link = link->next)
    {
      BrevetStoreJob *job = g_task_get_task_data (link->data);

      if (job->error == NULL && brevet_batch_erases_former (job->batch))
        return TRUE;
    }
  return FALSE;
}

/* Pages are overwritten in the database (secure_delete), but only when the log is put back into it, and the log has the former ones
 * until it is cut. */
static void
erase_former (Writer *self)
{
  const char *file = brevet_sqlite_connection_get_file (self->connection);
  g_autoptr(GError) error = NULL;
  gint64 is_busy = 0;

  brevet_sqlite_connection_query_integer (self->connection, "PRAGMA wal_checkpoint(TRUNCATE)", &is_busy, &error);
  if (error != NULL || is_busy != 0)
    g_warning ("What was replaced in the database %s can be read in its files until the service stops: %s", file,
               error != NULL ? error->message : "somebody else is reading it");
}

static gpointer
writer_thread (gpointer data)
{
  Writer *self = data;
  GQueue tasks = G_QUEUE_INIT;
  GTask *task;

  while (brevet_store_queue_pop_all (self->queue, &tasks))
    {
      g_autoptr(GError) error = NULL;

      if (!run_transaction (self, &tasks, &error))
        fail_all (self, &tasks, error);
      else if (erases_former (&tasks))
        erase_former (self);
      while ((task = g_queue_pop_head (&tasks)) != NULL)
        brevet_store_job_answer (task);
    }
  brevet_sqlite_connection_close (self->connection);
  g_free (self);
  return NULL;
}

GThread *
brevet_sqlite_writer_start (BrevetSqliteConnection *connection, BrevetStoreQueue *queue, GError **error)
{
  Writer *self = g_new0 (Writer, 1);
  GThread *thread;

  self->connection = connection;
  self->queue = queue;
  thread = g_thread_try_new ("sqlite-writer", writer_thread, self, error);
  if (thread == NULL)
    {
      g_prefix_error (error, "Cannot start the thread that writes to the database: ");
      brevet_sqlite_connection_close (connection);
      g_free (self);
    }
  return thread;
}
