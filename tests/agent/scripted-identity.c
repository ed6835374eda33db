/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scripted-identity.h"

#include "brevet-error.h"

struct _BrevetIdentity
{
  GObject                parent_instance;
  BrevetIdentityConfig  *config;
  BrevetIdentityRecords *records;
  BrevetIdentityMemory  *memory;
  BrevetIdentityState    state;
  char                  *cause;
  gint64                 next_attempt;
  BrevetGeneration      *current;
  BrevetGeneration      *previous;
  GPtrArray             *acts; /* GTask */
  GPtrArray             *problems;
  GTask                 *stop;
  gboolean               hold_stop;
  ScriptedIdentity       asked;
};

G_DEFINE_FINAL_TYPE (BrevetIdentity, brevet_identity, G_TYPE_OBJECT)

static char *broken_name;

static void
brevet_identity_finalize (GObject *object)
{
  BrevetIdentity *self = BREVET_IDENTITY (object);

  brevet_identity_config_unref (self->config);
  g_object_unref (self->records);
  brevet_identity_memory_free (self->memory);
  g_free (self->cause);
  g_clear_pointer (&self->current, brevet_generation_unref);
  g_clear_pointer (&self->previous, brevet_generation_unref);
  g_ptr_array_unref (self->acts);
  g_ptr_array_unref (self->problems);
  g_object_unref (self->asked.transport);
  g_object_unref (self->asked.prover);
  G_OBJECT_CLASS (brevet_identity_parent_class)->finalize (object);
}

static void
brevet_identity_class_init (BrevetIdentityClass *class)
{
  static const char *const names[] = { "changed", "renewed", "failed", "trust-bundle-changed" };

  G_OBJECT_CLASS (class)->finalize = brevet_identity_finalize;
  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    g_signal_new (names[i], BREVET_TYPE_IDENTITY, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
brevet_identity_init (BrevetIdentity *self)
{
  self->memory = brevet_identity_memory_new ();
  self->acts = g_ptr_array_new_with_free_func (g_object_unref);
  self->problems = g_ptr_array_new ();
}

const char *
brevet_identity_state_to_string (BrevetIdentityState state)
{
  static const char *const words[] = {
    "unprovisioned", "waiting-for-time", "waiting-for-network", "attesting", "registering", "assigning", "installing",
    "provisioned", "renewing", "backing-off", "refused", "disabled",
  };

  return words[state];
}

BrevetIdentity *
brevet_identity_new (BrevetIdentityConfig *config, BrevetStore *store, BrevetTransport *transport, BrevetProver *prover)
{
  BrevetIdentity *self = g_object_new (BREVET_TYPE_IDENTITY, NULL);

  self->config = brevet_identity_config_ref (config);
  self->records = brevet_identity_records_new (store, config->name, config->trust_bundle_name);
  self->asked.transport = g_object_ref (transport);
  self->asked.prover = g_object_ref (prover);
  return self;
}

void
brevet_identity_load_async (BrevetIdentity *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  if (g_strcmp0 (broken_name, self->config->name) == 0)
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_FAILED, "The disk does not answer");
  else
    g_task_return_boolean (task, TRUE);
}

gboolean
brevet_identity_load_finish (BrevetIdentity *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
brevet_identity_start (BrevetIdentity *self)
{
  self->asked.started++;
}

void
brevet_identity_reconfigure (BrevetIdentity *self, BrevetIdentityConfig *config, BrevetTransport *transport, BrevetProver *prover)
{
  self->asked.reconfigured++;
  brevet_identity_config_unref (self->config);
  self->config = brevet_identity_config_ref (config);
  g_set_object (&self->asked.transport, transport);
  g_set_object (&self->asked.prover, prover);
  g_signal_emit_by_name (self, "changed");
}

void
brevet_identity_stop_async (BrevetIdentity *self, GAsyncReadyCallback callback, gpointer user_data)
{
  self->asked.stopped++;
  self->stop = g_task_new (self, NULL, callback, user_data);
  if (!self->hold_stop)
    scripted_identity_let_stop (self);
}

void
brevet_identity_stop_finish (BrevetIdentity *self, GAsyncResult *result)
{
  g_task_propagate_boolean (G_TASK (result), NULL);
}

void
brevet_identity_act_async (BrevetIdentity *self, BrevetIdentityAction action, GCancellable *cancellable,
                           GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  self->asked.last_action = action;
  if (action == BREVET_IDENTITY_RENEW && self->current == NULL)
    {
      g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "There is nothing to renew");
      return;
    }
  self->asked.acting++;
  g_ptr_array_add (self->acts, g_steal_pointer (&task));
}

gboolean
brevet_identity_act_finish (BrevetIdentity *self, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

void
brevet_identity_cancel (BrevetIdentity *self)
{
  self->asked.cancelled++;
  scripted_identity_answer (self, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The attempt was cancelled"));
}

void
brevet_identity_network_changed (BrevetIdentity *self, gboolean available)
{
  self->asked.network_changed++;
}

void
brevet_identity_mark_used (BrevetIdentity *self)
{
  self->asked.marked_used++;
}

BrevetIdentityConfig *
brevet_identity_get_config (BrevetIdentity *self)
{
  return self->config;
}

BrevetIdentityState
brevet_identity_get_state (BrevetIdentity *self)
{
  return self->state;
}

const char *
brevet_identity_get_cause (BrevetIdentity *self)
{
  return self->cause != NULL ? self->cause : "";
}

gint64
brevet_identity_get_next_attempt (BrevetIdentity *self)
{
  return self->next_attempt;
}

gint64
brevet_identity_get_renewal_time (BrevetIdentity *self)
{
  return self->current != NULL ? self->next_attempt : 0;
}

BrevetGeneration *
brevet_identity_get_current (BrevetIdentity *self)
{
  return self->current;
}

BrevetGeneration *
brevet_identity_get_previous (BrevetIdentity *self)
{
  return self->previous;
}

const BrevetIdentityMemory *
brevet_identity_get_memory (BrevetIdentity *self)
{
  return self->memory;
}

BrevetIdentityRecords *
brevet_identity_get_records (BrevetIdentity *self)
{
  return self->records;
}

GPtrArray *
brevet_identity_get_trust_bundle_problems (BrevetIdentity *self)
{
  return self->problems;
}

ScriptedIdentity *
scripted_identity_get (BrevetIdentity *self)
{
  return &self->asked;
}

void
scripted_identity_enter (BrevetIdentity *self, BrevetIdentityState state, const char *cause, gint64 next_attempt)
{
  self->state = state;
  g_free (self->cause);
  self->cause = g_strdup (cause);
  self->next_attempt = next_attempt;
  g_signal_emit_by_name (self, "changed");
}

void
scripted_identity_touch (BrevetIdentity *self)
{
  g_signal_emit_by_name (self, "changed");
}

void
scripted_identity_install (BrevetIdentity *self, BrevetGeneration *generation)
{
  g_clear_pointer (&self->previous, brevet_generation_unref);
  self->previous = g_steal_pointer (&self->current);
  self->current = brevet_generation_ref (generation);
  scripted_identity_enter (self, BREVET_IDENTITY_PROVISIONED, "The certificate is valid", 1900000000);
  g_signal_emit_by_name (self, "renewed");
}

void
scripted_identity_trust (BrevetIdentity *self, BrevetTrustBundle *bundle, const char *etag)
{
  BrevetGeneration *changed = brevet_generation_copy (self->current);

  g_clear_pointer (&changed->trust_bundle, brevet_trust_bundle_unref);
  changed->trust_bundle = brevet_trust_bundle_ref (bundle);
  g_free (changed->trust_bundle_etag);
  changed->trust_bundle_etag = g_strdup (etag);
  brevet_generation_unref (self->current);
  self->current = changed;
  g_signal_emit_by_name (self, "changed");
  g_signal_emit_by_name (self, "trust-bundle-changed");
}

void
scripted_identity_fail (BrevetIdentity *self, const char *error_name, guint code, const char *text, const char *tracking_id)
{
  brevet_identity_memory_clear_error (self->memory);
  self->memory->failures++;
  self->memory->error_name = g_strdup (error_name);
  self->memory->error_code = code;
  self->memory->error_text = g_strdup (text);
  self->memory->error_tracking_id = g_strdup (tracking_id);
  self->memory->error_time = 1800000000;
  scripted_identity_enter (self, BREVET_IDENTITY_BACKING_OFF, text, 1800000060);
  g_signal_emit_by_name (self, "failed");
}

void
scripted_identity_answer (BrevetIdentity *self, GError *error)
{
  g_autoptr(GError) owned = error;
  g_autoptr(GPtrArray) acts = g_steal_pointer (&self->acts);

  self->acts = g_ptr_array_new_with_free_func (g_object_unref);
  self->asked.acting = 0;
  for (guint i = 0; i < acts->len; i++)
    {
      if (owned != NULL)
        g_task_return_error (g_ptr_array_index (acts, i), g_error_copy (owned));
      else
        g_task_return_boolean (g_ptr_array_index (acts, i), TRUE);
    }
}

void
scripted_identity_break_loading (const char *name)
{
  g_free (broken_name);
  broken_name = g_strdup (name);
}

void
scripted_identity_hold_stop (BrevetIdentity *self)
{
  self->hold_stop = TRUE;
}

void
scripted_identity_let_stop (BrevetIdentity *self)
{
  g_autoptr(GTask) task = g_steal_pointer (&self->stop);

  scripted_identity_answer (self, g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The agent is stopping"));
  g_task_return_boolean (task, TRUE);
}
