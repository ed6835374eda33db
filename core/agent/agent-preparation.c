/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-preparation.h"

typedef struct {
  BrevetAgentPreparation *made;
  GPtrArray *identities;
  guint pending; /* identities that load */
} Preparing;

void
brevet_agent_preparation_free (BrevetAgentPreparation *self)
{
  g_clear_pointer (&self->plan, brevet_agent_plan_free);
  g_clear_object (&self->store);
  g_ptr_array_unref (self->loaded);
  g_clear_error (&self->error);
  g_free (self);
}

static void
preparing_free (gpointer data)
{
  Preparing *self = data;

  g_clear_pointer (&self->made, brevet_agent_preparation_free);
  g_ptr_array_unref (self->identities);
  g_free (self);
}

BrevetIdentity *
brevet_agent_find_identity (GPtrArray *identities, const char *name)
{
  for (guint i = 0; i < identities->len; i++)
    {
      BrevetIdentity *identity = g_ptr_array_index (identities, i);

      if (g_str_equal (brevet_identity_get_config (identity)->name, name))
        return identity;
    }
  return NULL;
}

static void
end (GTask *task)
{
  g_task_return_boolean (task, TRUE);
  g_object_unref (task);
}

static void
end_loading (GTask *task)
{
  Preparing *self = g_task_get_task_data (task);

  if (--self->pending > 0)
    return;
  if (self->made->error == NULL)
    g_cancellable_set_error_if_cancelled (g_task_get_cancellable (task), &self->made->error);
  end (task);
}

static void
on_identity_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  BrevetAgentPreparation *made = ((Preparing *) g_task_get_task_data (task))->made;
  BrevetIdentity *identity = BREVET_IDENTITY (source);
  g_autoptr(GError) error = NULL;

  if (brevet_identity_load_finish (identity, result, &error))
    g_ptr_array_add (made->loaded, g_object_ref (identity));
  else if (made->error == NULL)
    {
      g_prefix_error (&error, "Could not read what is stored of the identity “%s”: ", brevet_identity_get_config (identity)->name);
      made->error = g_steal_pointer (&error);
    }
  end_loading (task);
}

static void
load_identities (GTask *task)
{
  Preparing *self = g_task_get_task_data (task);
  GPtrArray *planned = self->made->plan->identities;

  self->pending = 1;
  for (guint i = 0; i < planned->len; i++)
    {
      BrevetPlannedIdentity *wanted = g_ptr_array_index (planned, i);
      g_autoptr(BrevetIdentity) identity = NULL;

      if (brevet_agent_find_identity (self->identities, wanted->config->name) != NULL)
        continue;
      identity = brevet_identity_new (wanted->config, self->made->store, wanted->transport, wanted->prover);
      self->pending++;
      brevet_identity_load_async (identity, g_task_get_cancellable (task), on_identity_loaded, task);
    }
  end_loading (task);
}

static void
open_store_thread (GTask *opening, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  GError *error = NULL;

  if (brevet_store_open (BREVET_STORE (task_data), &error))
    g_task_return_boolean (opening, TRUE);
  else
    g_task_return_error (opening, error);
}

static void
on_store_opened (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GTask *task = user_data;
  BrevetAgentPreparation *made = ((Preparing *) g_task_get_task_data (task))->made;

  if (!g_task_propagate_boolean (G_TASK (result), &made->error))
    {
      end (task);
      return;
    }
  made->store = g_object_ref (made->plan->store);
  load_identities (task);
}

/* On a thread of its own: opening may wait for a disk. That thread has no share in the task, which belongs to this one. */
static void
open_store (GTask *task)
{
  Preparing *self = g_task_get_task_data (task);
  g_autoptr(GTask) opening = g_task_new (NULL, NULL, on_store_opened, task);

  g_task_set_source_tag (opening, open_store);
  g_task_set_task_data (opening, g_object_ref (self->made->plan->store), g_object_unref);
  g_task_run_in_thread (opening, open_store_thread);
}

void
brevet_agent_prepare_async (const char *path, BrevetRegistry *registry, BrevetStore *store, GPtrArray *identities,
                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Preparing *self = g_new0 (Preparing, 1);

  g_task_set_source_tag (task, brevet_agent_prepare_async);
  g_task_set_task_data (task, self, preparing_free);
  /* A cancelled one has a result, too: a store that has been opened must be kept. */
  g_task_set_check_cancellable (task, FALSE);
  self->identities = g_ptr_array_ref (identities);
  self->made = g_new0 (BrevetAgentPreparation, 1);
  self->made->loaded = g_ptr_array_new_with_free_func (g_object_unref);
  g_set_object (&self->made->store, store);
  if (!g_cancellable_set_error_if_cancelled (cancellable, &self->made->error))
    self->made->plan = brevet_agent_plan_new (path, registry, &self->made->error);
  if (self->made->plan == NULL)
    end (task);
  else if (store == NULL)
    open_store (task);
  else
    load_identities (task);
}

BrevetAgentPreparation *
brevet_agent_prepare_finish (GAsyncResult *result)
{
  Preparing *self = g_task_get_task_data (G_TASK (result));

  g_task_propagate_boolean (G_TASK (result), NULL);
  return g_steal_pointer (&self->made);
}
