/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-store.h"

#include "brevet-error.h"
#include "brevet-sqlite-lock.h"
#include "brevet-sqlite-reader.h"
#include "brevet-sqlite-schema.h"
#include "brevet-sqlite-writer.h"
#include "brevet-store-job.h"
#include "brevet-store-queue.h"

#include <unistd.h>

#define DEFAULT_READERS 2
#define MAXIMUM_READERS 64
#define DEFAULT_MAXIMUM_QUEUED 4096

struct _BrevetSqliteStore
{
  BrevetPlugin parent_instance;

  char   *file;
  gint64  reader_count;
  gint64  maximum_queued;

  gboolean           is_open;
  int                lock;
  BrevetStoreQueue *reads;
  BrevetStoreQueue *writes;
  GPtrArray         *readers; /* GThread */
  GThread           *writer;
};

static void brevet_sqlite_store_iface_init (BrevetStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetSqliteStore, brevet_sqlite_store, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_STORE, brevet_sqlite_store_iface_init))

static gboolean
brevet_sqlite_store_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetSqliteStore *self = BREVET_SQLITE_STORE (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  if (brevet_settings_require_string (settings, "file", error) == NULL)
    return FALSE;
  self->file = brevet_settings_get_path (settings, "file");
  return brevet_settings_get_int (settings, "readers", DEFAULT_READERS, 1, MAXIMUM_READERS, &self->reader_count, error) &&
         brevet_settings_get_int (settings, "maximum-queued", DEFAULT_MAXIMUM_QUEUED, 1, G_MAXINT32, &self->maximum_queued, error);
}

static gboolean
start_writer (BrevetSqliteStore *self, GError **error)
{
  g_autoptr(BrevetSqliteConnection) connection = brevet_sqlite_connection_open (self->file, error);

  if (connection == NULL || !brevet_sqlite_schema_prepare (connection, error))
    return FALSE;
  self->writer = brevet_sqlite_writer_start (g_steal_pointer (&connection), self->writes, error);
  return self->writer != NULL;
}

static gboolean
start_reader (BrevetSqliteStore *self, GError **error)
{
  BrevetSqliteConnection *connection = brevet_sqlite_connection_open (self->file, error);
  GThread *reader = connection != NULL ? brevet_sqlite_reader_start (connection, self->reads, error) : NULL;

  if (reader != NULL)
    g_ptr_array_add (self->readers, reader);
  return reader != NULL;
}

static gboolean
start (BrevetSqliteStore *self, GError **error)
{
  if (!brevet_sqlite_schema_create_file (self->file, error) || !start_writer (self, error))
    return FALSE;
  for (gint64 i = 0; i < self->reader_count; i++)
    if (!start_reader (self, error))
      return FALSE;
  return TRUE;
}

/* SQLite itself sees to it that readers of another process always find a whole state, and keep nobody waiting. */
static gboolean
start_to_read (BrevetSqliteStore *self, GError **error)
{
  g_autoptr(BrevetSqliteConnection) connection = NULL;

  if (!g_file_test (self->file, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "There is no database %s yet", self->file);
      return FALSE;
    }
  connection = brevet_sqlite_connection_open (self->file, error);
  if (connection == NULL || !brevet_sqlite_schema_check (connection, error))
    return FALSE;
  return start_reader (self, error);
}

/* Every thread answers what is queued before it ends, so that nothing that was accepted is lost. The writer's connection is closed
 * last: SQLite then puts the log back into the database, which it does not if several are closed at the same time. */
static void
stop (BrevetSqliteStore *self)
{
  if (self->readers == NULL)
    return;
  brevet_store_queue_close (self->reads);
  g_clear_pointer (&self->readers, g_ptr_array_unref);
  if (self->writes != NULL)
    brevet_store_queue_close (self->writes);
  g_clear_pointer (&self->writer, g_thread_join);
  g_clear_pointer (&self->reads, brevet_store_queue_free);
  g_clear_pointer (&self->writes, brevet_store_queue_free);
  self->is_open = FALSE;
  if (self->lock >= 0)
    close (self->lock);
  self->lock = -1;
}

static gboolean
brevet_sqlite_store_open (BrevetStore *store, GError **error)
{
  BrevetSqliteStore *self = BREVET_SQLITE_STORE (store);

  if (self->is_open)
    return TRUE;
  self->lock = brevet_sqlite_lock_take (self->file, error);
  if (self->lock < 0)
    return FALSE;
  self->reads = brevet_store_queue_new ((guint) self->maximum_queued);
  self->writes = brevet_store_queue_new ((guint) self->maximum_queued);
  self->readers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_thread_join);
  self->is_open = start (self, error);
  if (!self->is_open)
    stop (self);
  return self->is_open;
}

static gboolean
brevet_sqlite_store_open_to_read (BrevetStore *store, GError **error)
{
  BrevetSqliteStore *self = BREVET_SQLITE_STORE (store);

  if (self->is_open)
    return TRUE;
  self->reads = brevet_store_queue_new ((guint) self->maximum_queued);
  self->readers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_thread_join);
  self->is_open = start_to_read (self, error);
  if (!self->is_open)
    stop (self);
  return self->is_open;
}

/* Takes @new_task over. */
static void
submit (BrevetSqliteStore *self, BrevetStoreQueue *queue, GTask *new_task)
{
  g_autoptr(GTask) task = new_task;

  if (!self->is_open)
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_FAILED, "The database %s is not open", self->file);
  else if (queue == NULL)
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED, "The database %s was opened to be read alone",
                             self->file);
  else if (brevet_store_queue_push (queue, task))
    g_steal_pointer (&task);
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_BUSY,
                             "%" G_GINT64_FORMAT " requests wait for the database %s already; try again later",
                             self->maximum_queued, self->file);
}

static void
brevet_sqlite_store_get_async (BrevetStore *store, const char *collection, const char *key, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetSqliteStore *self = BREVET_SQLITE_STORE (store);

  submit (self, self->reads, brevet_store_job_begin_get (store, collection, key, cancellable, callback, user_data));
}

static void
brevet_sqlite_store_list_async (BrevetStore *store, const char *collection, const char *parent, const char *after, guint limit,
                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetSqliteStore *self = BREVET_SQLITE_STORE (store);

  submit (self, self->reads,
          brevet_store_job_begin_list (store, collection, parent, after, limit, cancellable, callback, user_data));
}

static void
brevet_sqlite_store_commit_async (BrevetStore *store, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                                  gpointer user_data)
{
  BrevetSqliteStore *self = BREVET_SQLITE_STORE (store);

  submit (self, self->writes, brevet_store_job_begin_commit (store, batch, cancellable, callback, user_data));
}

static void
brevet_sqlite_store_iface_init (BrevetStoreInterface *iface)
{
  iface->open = brevet_sqlite_store_open;
  iface->open_to_read = brevet_sqlite_store_open_to_read;
  iface->get_async = brevet_sqlite_store_get_async;
  iface->get_finish = brevet_store_job_get_finish;
  iface->list_async = brevet_sqlite_store_list_async;
  iface->list_finish = brevet_store_job_list_finish;
  iface->commit_async = brevet_sqlite_store_commit_async;
  iface->commit_finish = brevet_store_job_commit_finish;
}

static void
brevet_sqlite_store_dispose (GObject *object)
{
  stop (BREVET_SQLITE_STORE (object));
  G_OBJECT_CLASS (brevet_sqlite_store_parent_class)->dispose (object);
}

static void
brevet_sqlite_store_finalize (GObject *object)
{
  g_free (BREVET_SQLITE_STORE (object)->file);
  G_OBJECT_CLASS (brevet_sqlite_store_parent_class)->finalize (object);
}

static void
brevet_sqlite_store_class_init (BrevetSqliteStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = brevet_sqlite_store_dispose;
  object_class->finalize = brevet_sqlite_store_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_sqlite_store_configure;
}

static void
brevet_sqlite_store_init (BrevetSqliteStore *self)
{
  self->lock = -1;
}
