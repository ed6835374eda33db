/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-job.h"

void
brevet_file_job_free (BrevetFileJob *self)
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
  BrevetFileJob *self = g_task_get_task_data (task);

  if (self->error != NULL)
    g_task_return_error (task, g_steal_pointer (&self->error));
  else if (self->batch != NULL)
    g_task_return_boolean (task, TRUE);
  else if (self->limit > 0)
    g_task_return_pointer (task, g_steal_pointer (&self->records), (GDestroyNotify) g_ptr_array_unref);
  else
    g_task_return_pointer (task, g_steal_pointer (&self->record), (GDestroyNotify) brevet_record_unref);
  return G_SOURCE_REMOVE;
}

void
brevet_file_job_answer (GTask *task)
{
  /* The caller may be done with its context before this thread has let go of the source, which touches the context when it does. */
  g_autoptr(GMainContext) context = g_main_context_ref (g_task_get_context (task));
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, g_task_get_priority (task));
  g_source_set_callback (source, on_answer, task, g_object_unref);
  g_source_set_static_name (source, "brevet store-file answer");
  g_source_attach (source, context);
}
