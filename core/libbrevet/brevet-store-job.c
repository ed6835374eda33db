/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-store-job.h"

static void
job_free (gpointer data)
{
  BrevetStoreJob *self = data;

  g_free (self->collection);
  g_free (self->key);
  g_free (self->parent);
  g_clear_pointer (&self->batch, brevet_batch_unref);
  g_clear_pointer (&self->record, brevet_record_unref);
  g_clear_pointer (&self->records, g_ptr_array_unref);
  g_clear_error (&self->error);
  g_free (self);
}

static BrevetStoreJob *
job_new (BrevetStoreJobKind kind, const char *collection, const char *key)
{
  BrevetStoreJob *self = g_new0 (BrevetStoreJob, 1);

  self->kind = kind;
  self->collection = g_strdup (collection);
  self->key = g_strdup (key);
  return self;
}

static GTask *
make_task (BrevetStoreJob *self, BrevetStore *store, gpointer source_tag, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  GTask *task = g_task_new (store, cancellable, callback, user_data);

  g_task_set_source_tag (task, source_tag);
  g_task_set_task_data (task, self, job_free);
  g_task_set_check_cancellable (task, FALSE);
  return task;
}

GTask *
brevet_store_job_begin_get (BrevetStore *store, const char *collection, const char *key, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetStoreJob *self = job_new (BREVET_STORE_JOB_GET, collection, key);

  return make_task (self, store, brevet_store_job_begin_get, cancellable, callback, user_data);
}

BrevetRecord *
brevet_store_job_get_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_store_job_begin_get), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

GTask *
brevet_store_job_begin_list (BrevetStore *store, const char *collection, const char *parent, const char *after, guint limit,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  BrevetStoreJob *self = job_new (BREVET_STORE_JOB_LIST, collection, after);

  self->parent = g_strdup (parent);
  self->limit = limit;
  return make_task (self, store, brevet_store_job_begin_list, cancellable, callback, user_data);
}

GPtrArray *
brevet_store_job_list_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_store_job_begin_list), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

GTask *
brevet_store_job_begin_commit (BrevetStore *store, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data)
{
  BrevetStoreJob *self = job_new (BREVET_STORE_JOB_COMMIT, NULL, NULL);

  self->batch = brevet_batch_ref (batch);
  return make_task (self, store, brevet_store_job_begin_commit, cancellable, callback, user_data);
}

gboolean
brevet_store_job_commit_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_store_job_begin_commit), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

static gboolean
on_answer (gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetStoreJob *self = g_task_get_task_data (task);

  if (self->error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else if (self->kind == BREVET_STORE_JOB_GET)
    g_task_return_pointer (task, g_steal_pointer (&self->record), (GDestroyNotify) brevet_record_unref);
  else if (self->kind == BREVET_STORE_JOB_LIST)
    g_task_return_pointer (task, g_steal_pointer (&self->records), (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

void
brevet_store_job_answer (GTask *task)
{
  /* The caller may be done with its context before this thread has let go of the source, which touches the context when it does. */
  g_autoptr(GMainContext) context = g_main_context_ref (g_task_get_context (task));
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, on_answer, task, g_object_unref);
  g_source_set_static_name (source, "brevet store answer");
  g_source_attach (source, context);
}
