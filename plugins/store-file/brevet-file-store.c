/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-store.h"

#include "brevet-error.h"
#include "brevet-file-disk.h"
#include "brevet-file-entry.h"
#include "brevet-file-generation.h"
#include "brevet-file-place.h"
#include "brevet-file-reader.h"
#include "brevet-file-recovery.h"
#include "brevet-file-writer.h"
#include "brevet-settings.h"
#include "brevet-store-job.h"

#include <unistd.h>

#define DEFAULT_MAXIMUM_QUEUED 4096

struct _BrevetFileStore
{
  BrevetPlugin parent_instance;

  char   *directory;
  gint64  maximum_queued;

  BrevetFileState *state; /* while it is open */
  GThread         *reader;
  GThread         *writer;
};

static void brevet_file_store_iface_init (BrevetStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (BrevetFileStore, brevet_file_store, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_STORE, brevet_file_store_iface_init))

static char *
find_directory (BrevetSettings *settings, GError **error)
{
  char *path = brevet_settings_get_state_path (settings, "directory", NULL);

  if (path != NULL)
    return path;
  g_propagate_error (error, brevet_settings_error (settings, "directory",
                                                   "is missing, and systemd has named no state directory; write for example "
                                                   "directory=/var/lib/brevet, or StateDirectory=brevet into the unit"));
  return NULL;
}

static gboolean
brevet_file_store_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetFileStore *self = BREVET_FILE_STORE (plugin);
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  self->directory = find_directory (settings, error);
  return self->directory != NULL && brevet_settings_get_int (settings, "maximum-queued", DEFAULT_MAXIMUM_QUEUED, 1, G_MAXINT32,
                                                             &self->maximum_queued, error);
}

/* Each thread answers what is queued before it ends, so that nothing that was accepted is lost. */
static void
stop (BrevetFileStore *self)
{
  if (self->state == NULL)
    return;
  brevet_store_queue_close (self->state->reads);
  g_clear_pointer (&self->reader, g_thread_join);
  brevet_store_queue_close (self->state->writes);
  g_clear_pointer (&self->writer, g_thread_join);
  g_clear_pointer (&self->state, brevet_file_state_free);
}

static gboolean
brevet_file_store_open (BrevetStore *store, GError **error)
{
  BrevetFileStore *self = BREVET_FILE_STORE (store);
  BrevetFileIndex *index;
  int lock;

  if (self->state != NULL)
    return TRUE;
  if (!brevet_file_place_prepare (self->directory, error))
    return FALSE;
  lock = brevet_file_place_lock (self->directory, error);
  if (lock < 0)
    return FALSE;
  index = brevet_file_recovery_run (self->directory, error);
  if (index == NULL)
    {
      close (lock);
      return FALSE;
    }
  self->state = brevet_file_state_new (self->directory, lock, (guint) self->maximum_queued, index);
  /* A process that was killed behind its switch has not brought it to the disk. */
  self->state->unsynced = brevet_file_disk_sync_directory (self->directory) != 0;
  self->reader = brevet_file_reader_start (self->state, error);
  if (self->reader != NULL)
    self->writer = brevet_file_writer_start (self->state, error);
  if (self->writer == NULL)
    stop (self);
  return self->state != NULL;
}

/* Takes @new_task over. */
static void
submit (BrevetFileStore *self, GTask *new_task)
{
  g_autoptr(GTask) task = new_task;
  BrevetStoreJob *job = g_task_get_task_data (task);

  if (self->state == NULL)
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_FAILED, "The store in %s is not open", self->directory);
  else if (brevet_store_queue_push (job->kind == BREVET_STORE_JOB_COMMIT ? self->state->writes : self->state->reads, task))
    g_steal_pointer (&task);
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_BUSY,
                             "%" G_GINT64_FORMAT " requests wait for the store in %s already; try again later",
                             self->maximum_queued, self->directory);
}

static void
brevet_file_store_get_async (BrevetStore *store, const char *collection, const char *key, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
  submit (BREVET_FILE_STORE (store), brevet_store_job_begin_get (store, collection, key, cancellable, callback, user_data));
}

static void
brevet_file_store_list_async (BrevetStore *store, const char *collection, const char *parent, const char *after, guint limit,
                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  submit (BREVET_FILE_STORE (store),
          brevet_store_job_begin_list (store, collection, parent, after, limit, cancellable, callback, user_data));
}

static void
brevet_file_store_commit_async (BrevetStore *store, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data)
{
  submit (BREVET_FILE_STORE (store), brevet_store_job_begin_commit (store, batch, cancellable, callback, user_data));
}

static char *
brevet_file_store_locate (BrevetStore *store, const char *collection, const char *key)
{
  g_autofree char *file = brevet_file_entry_name_for_key (key);

  return g_build_filename (BREVET_FILE_STORE (store)->directory, BREVET_FILE_LINK_NAME, collection, file, NULL);
}

static void
brevet_file_store_iface_init (BrevetStoreInterface *iface)
{
  iface->open = brevet_file_store_open;
  iface->get_async = brevet_file_store_get_async;
  iface->get_finish = brevet_store_job_get_finish;
  iface->list_async = brevet_file_store_list_async;
  iface->list_finish = brevet_store_job_list_finish;
  iface->commit_async = brevet_file_store_commit_async;
  iface->commit_finish = brevet_store_job_commit_finish;
  iface->locate = brevet_file_store_locate;
}

static void
brevet_file_store_dispose (GObject *object)
{
  stop (BREVET_FILE_STORE (object));
  G_OBJECT_CLASS (brevet_file_store_parent_class)->dispose (object);
}

static void
brevet_file_store_finalize (GObject *object)
{
  g_free (BREVET_FILE_STORE (object)->directory);
  G_OBJECT_CLASS (brevet_file_store_parent_class)->finalize (object);
}

static void
brevet_file_store_class_init (BrevetFileStoreClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = brevet_file_store_dispose;
  object_class->finalize = brevet_file_store_finalize;
  BREVET_PLUGIN_CLASS (klass)->configure = brevet_file_store_configure;
}

static void
brevet_file_store_init (BrevetFileStore *self)
{
}
