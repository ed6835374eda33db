/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-reader.h"

#include "brevet-error.h"
#include "brevet-store-job.h"

typedef struct {
  BrevetSqliteConnection *connection;
  BrevetStoreQueue *queue;
} Reader;

enum {
  STATEMENT_GET,
  STATEMENT_LIST,
  STATEMENT_LIST_OF_PARENT,
};

enum {
  COLUMN_KEY,
  COLUMN_PARENT,
  COLUMN_ETAG,
  COLUMN_CREATED,
  COLUMN_UPDATED,
  COLUMN_BODY,
};

#define SELECT "SELECT key, parent, etag, created, updated, body FROM record WHERE collection = ?1 "

static const char *const sql[] = {
  [STATEMENT_GET] = SELECT "AND key = ?2",
  [STATEMENT_LIST] = SELECT "AND key > ?2 ORDER BY key LIMIT ?3",
  [STATEMENT_LIST_OF_PARENT] = SELECT "AND parent = ?4 AND key > ?2 ORDER BY key LIMIT ?3",
};

static BrevetRecord *
read_record (sqlite3_stmt *statement, const char *collection)
{
  g_autoptr(GBytes) body = NULL;
  gconstpointer content = sqlite3_column_blob (statement, COLUMN_BODY);

  body = g_bytes_new (content, sqlite3_column_bytes (statement, COLUMN_BODY));
  return brevet_record_new (collection, (const char *) sqlite3_column_text (statement, COLUMN_KEY),
                            (const char *) sqlite3_column_text (statement, COLUMN_PARENT),
                            (const char *) sqlite3_column_text (statement, COLUMN_ETAG),
                            sqlite3_column_int64 (statement, COLUMN_CREATED), sqlite3_column_int64 (statement, COLUMN_UPDATED),
                            body);
}

static void
run_get (Reader *self, BrevetStoreJob *job, sqlite3_stmt *statement)
{
  int code;

  sqlite3_bind_text (statement, 1, job->collection, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, job->key, -1, SQLITE_STATIC);
  code = sqlite3_step (statement);
  if (code == SQLITE_ROW)
    job->record = read_record (statement, job->collection);
  else if (code == SQLITE_DONE)
    job->error = g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "There is no record “%s” in “%s”", job->key, job->collection);
  else
    brevet_sqlite_connection_fail (self->connection, "read from", &job->error);
}

static void
run_list (Reader *self, BrevetStoreJob *job, sqlite3_stmt *statement)
{
  g_autoptr(GPtrArray) records = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_record_unref);
  int code;

  sqlite3_bind_text (statement, 1, job->collection, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, job->key != NULL ? job->key : "", -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 3, job->limit);
  if (job->parent != NULL)
    sqlite3_bind_text (statement, 4, job->parent, -1, SQLITE_STATIC);
  while ((code = sqlite3_step (statement)) == SQLITE_ROW)
    g_ptr_array_add (records, read_record (statement, job->collection));
  if (code == SQLITE_DONE)
    job->records = g_steal_pointer (&records);
  else
    brevet_sqlite_connection_fail (self->connection, "read from", &job->error);
}

static void
run (Reader *self, BrevetStoreJob *job)
{
  sqlite3_stmt *statement;
  guint slot;

  if (job->kind == BREVET_STORE_JOB_GET)
    slot = STATEMENT_GET;
  else
    slot = job->parent != NULL ? STATEMENT_LIST_OF_PARENT : STATEMENT_LIST;
  statement = brevet_sqlite_connection_prepare (self->connection, slot, sql[slot], &job->error);
  if (statement == NULL)
    return;
  if (job->kind == BREVET_STORE_JOB_GET)
    run_get (self, job, statement);
  else
    run_list (self, job, statement);
  sqlite3_reset (statement);
  sqlite3_clear_bindings (statement);
}

static gpointer
reader_thread (gpointer data)
{
  Reader *self = data;
  GTask *task;

  while ((task = brevet_store_queue_pop (self->queue)) != NULL)
    {
      BrevetStoreJob *job = g_task_get_task_data (task);

      if (!g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &job->error))
        run (self, job);
      brevet_store_job_answer (task);
    }
  brevet_sqlite_connection_close (self->connection);
  g_free (self);
  return NULL;
}

GThread *
brevet_sqlite_reader_start (BrevetSqliteConnection *connection, BrevetStoreQueue *queue, GError **error)
{
  Reader *self = g_new0 (Reader, 1);
  GThread *thread;

  self->connection = connection;
  self->queue = queue;
  thread = g_thread_try_new ("sqlite-reader", reader_thread, self, error);
  if (thread == NULL)
    {
      g_prefix_error (error, "Cannot start a thread that reads from the database: ");
      brevet_sqlite_connection_close (connection);
      g_free (self);
    }
  return thread;
}
