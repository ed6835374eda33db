/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-job.h"

BrevetSqliteJob *
brevet_sqlite_job_new (BrevetSqliteJobKind kind)
{
  BrevetSqliteJob *self = g_new0 (BrevetSqliteJob, 1);

  self->kind = kind;
  return self;
}

void
brevet_sqlite_job_free (BrevetSqliteJob *self)
{
  g_free (self->collection);
  g_free (self->key);
  g_free (self->parent);
  g_clear_pointer (&self->batch, brevet_batch_unref);
  g_clear_pointer (&self->record, brevet_record_unref);
  g_clear_pointer (&self->records, g_ptr_array_unref);
  g_clear_error (&self->error);
  g_free (self);
}

static gboolean
on_answer (gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetSqliteJob *self = g_task_get_task_data (task);

  if (self->error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else if (self->kind == BREVET_SQLITE_JOB_GET)
    g_task_return_pointer (task, g_steal_pointer (&self->record), (GDestroyNotify) brevet_record_unref);
  else if (self->kind == BREVET_SQLITE_JOB_LIST)
    g_task_return_pointer (task, g_steal_pointer (&self->records), (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_boolean (task, TRUE);
  return G_SOURCE_REMOVE;
}

void
brevet_sqlite_job_answer (GTask *task)
{
  /* The caller may be done with its context before this thread has let go of the source, which touches the context when it does. */
  g_autoptr(GMainContext) context = g_main_context_ref (g_task_get_context (task));
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, on_answer, task, g_object_unref);
  g_source_set_static_name (source, "brevet store-sqlite answer");
  g_source_attach (source, context);
}
