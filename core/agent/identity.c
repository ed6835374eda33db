/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-log.h"

G_DEFINE_FINAL_TYPE (BrevetIdentity, brevet_identity, G_TYPE_OBJECT)

enum { CHANGED, RENEWED, FAILED, TRUST_BUNDLE_CHANGED, N_SIGNALS };

static guint signals[N_SIGNALS];

const char *
brevet_identity_state_to_string (BrevetIdentityState state)
{
  static const char *const words[] = {
    [BREVET_IDENTITY_UNPROVISIONED] = "unprovisioned",
    [BREVET_IDENTITY_WAITING_FOR_TIME] = "waiting-for-time",
    [BREVET_IDENTITY_WAITING_FOR_NETWORK] = "waiting-for-network",
    [BREVET_IDENTITY_ATTESTING] = "attesting",
    [BREVET_IDENTITY_REGISTERING] = "registering",
    [BREVET_IDENTITY_ASSIGNING] = "assigning",
    [BREVET_IDENTITY_INSTALLING] = "installing",
    [BREVET_IDENTITY_PROVISIONED] = "provisioned",
    [BREVET_IDENTITY_RENEWING] = "renewing",
    [BREVET_IDENTITY_BACKING_OFF] = "backing-off",
    [BREVET_IDENTITY_REFUSED] = "refused",
    [BREVET_IDENTITY_DISABLED] = "disabled",
  };

  g_return_val_if_fail (state < G_N_ELEMENTS (words), NULL);
  return words[state];
}

gpointer
brevet_identity_hold_weakly (BrevetIdentity *self)
{
  GWeakRef *weak = g_new (GWeakRef, 1);

  g_weak_ref_init (weak, self);
  return weak;
}

/* Returns: (transfer full) (nullable): the identity, if there still is one */
BrevetIdentity *
brevet_identity_take_weakly (gpointer user_data)
{
  GWeakRef *weak = user_data;
  BrevetIdentity *self = g_weak_ref_get (weak);

  g_weak_ref_clear (weak);
  g_free (weak);
  return self;
}

void
brevet_identity_tell_changed (BrevetIdentity *self)
{
  g_signal_emit (self, signals[CHANGED], 0);
}

void
brevet_identity_tell_renewed (BrevetIdentity *self)
{
  g_signal_emit (self, signals[RENEWED], 0);
}

void
brevet_identity_tell_failed (BrevetIdentity *self)
{
  g_signal_emit (self, signals[FAILED], 0);
}

void
brevet_identity_tell_bundle_changed (BrevetIdentity *self)
{
  g_signal_emit (self, signals[TRUST_BUNDLE_CHANGED], 0);
}

/* @cause: (transfer full) */
void
brevet_identity_set_state (BrevetIdentity *self, BrevetIdentityState state, char *cause, gint64 next_attempt)
{
  g_autofree char *before = self->cause;
  gboolean same = state == self->state && g_str_equal (cause, before) && next_attempt == self->next_attempt;

  self->state = state;
  self->cause = cause;
  self->next_attempt = next_attempt;
  if (!same)
    brevet_identity_tell_changed (self);
}

static void
set_generation (BrevetGeneration **place, BrevetGeneration *generation)
{
  BrevetGeneration *before = *place;

  *place = generation != NULL ? brevet_generation_ref (generation) : NULL;
  g_clear_pointer (&before, brevet_generation_unref);
}

void
brevet_identity_set_current (BrevetIdentity *self, BrevetGeneration *current)
{
  set_generation (&self->current, current);
}

void
brevet_identity_set_previous (BrevetIdentity *self, BrevetGeneration *previous)
{
  set_generation (&self->previous, previous);
}

static void
take_stored (BrevetIdentity *self, BrevetStoredIdentity *stored)
{
  set_generation (&self->current, stored->current);
  set_generation (&self->previous, stored->previous);
  set_generation (&self->staged, stored->staged);
  brevet_identity_memory_free (self->memory);
  self->memory = g_steal_pointer (&stored->memory);
  for (guint i = 0; i < stored->problems->len; i++)
    brevet_identity_report (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_IDENTITY_DAMAGED, NULL, "Identity %s: %s", self->config->name,
                            (const char *) g_ptr_array_index (stored->problems, i));
  self->poll_whole = TRUE;
  brevet_identity_load_pending (self);
  brevet_identity_take_key_settings (self);
  self->loaded = TRUE;
  brevet_identity_read_inputs (self, NULL);
  brevet_identity_refresh_bundle_problems (self, NULL);
}

static void
on_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentity *self = g_task_get_source_object (task);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  GError *error = NULL;

  stored = brevet_identity_records_load_finish (BREVET_IDENTITY_RECORDS (source), result, &error);
  if (stored == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  take_stored (self, stored);
  brevet_identity_tell_changed (self);
  brevet_identity_decide (self);
  g_task_return_boolean (task, TRUE);
}

void
brevet_identity_load_async (BrevetIdentity *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_identity_load_async);
  brevet_identity_records_load_async (self->records, cancellable, on_loaded, g_steal_pointer (&task));
}

gboolean
brevet_identity_load_finish (BrevetIdentity *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_identity_load_async), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}

/* Who waits for the stop is answered when nothing is being done any more. */
void
brevet_identity_answer_stop (BrevetIdentity *self)
{
  g_autolist(GTask) waiting = NULL;

  if (brevet_identity_is_busy (self))
    return;
  waiting = g_steal_pointer (&self->stopping);
  for (GList *at = waiting; at != NULL; at = at->next)
    g_task_return_boolean (at->data, TRUE);
}

void
brevet_identity_stop_async (BrevetIdentity *self, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, NULL, callback, user_data);
  g_autoptr(GError) error = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "The identity “%s” is being stopped",
                                         self->config->name);

  g_task_set_source_tag (task, brevet_identity_stop_async);
  self->stopped = TRUE;
  brevet_identity_end_poll (self);
  brevet_identity_end_look (self);
  brevet_wall_timer_set (self->timer, 0);
  if (self->attempt != NULL)
    g_cancellable_cancel (self->attempt_cancellable);
  brevet_identity_answer_waiters (self, error, TRUE);
  self->stopping = g_list_append (self->stopping, g_object_ref (task));
  brevet_identity_decide (self);
  brevet_identity_answer_stop (self);
}

void
brevet_identity_stop_finish (BrevetIdentity *self, GAsyncResult *result)
{
  g_return_if_fail (g_async_result_is_tagged (result, brevet_identity_stop_async));
  g_task_propagate_boolean (G_TASK (result), NULL);
}

void
brevet_identity_cancel (BrevetIdentity *self)
{
  g_return_if_fail (BREVET_IS_IDENTITY (self));

  if (self->attempt != NULL)
    g_cancellable_cancel (self->attempt_cancellable);
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
  return self->cause;
}

gint64
brevet_identity_get_next_attempt (BrevetIdentity *self)
{
  return self->next_attempt;
}

gint64
brevet_identity_get_renewal_time (BrevetIdentity *self)
{
  BrevetIdentitySituation situation;
  BrevetIdentityPlan plan;

  brevet_identity_situation (self, &situation);
  brevet_identity_plan_make (&situation, &plan);
  return plan.renewal;
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
  return self->bundle_problems;
}

static void
on_timer (gboolean clock_changed, gpointer user_data)
{
  g_autoptr(BrevetIdentity) self = g_object_ref (BREVET_IDENTITY (user_data));

  brevet_identity_decide (self);
}

static void
brevet_identity_dispose (GObject *object)
{
  BrevetIdentity *self = BREVET_IDENTITY (object);

  g_clear_pointer (&self->timer, brevet_wall_timer_free);
  if (self->attempt_cancellable != NULL)
    g_cancellable_cancel (self->attempt_cancellable);
  if (self->poll != NULL)
    g_cancellable_cancel (self->poll);
  brevet_identity_end_look (self);
  g_clear_object (&self->attempt);
  g_clear_object (&self->attempt_cancellable);
  g_clear_object (&self->poll);
  g_clear_object (&self->store);
  g_clear_object (&self->transport);
  g_clear_object (&self->prover);
  g_clear_object (&self->records);
  G_OBJECT_CLASS (brevet_identity_parent_class)->dispose (object);
}

static void
brevet_identity_finalize (GObject *object)
{
  BrevetIdentity *self = BREVET_IDENTITY (object);

  g_clear_pointer (&self->config, brevet_identity_config_unref);
  set_generation (&self->current, NULL);
  set_generation (&self->previous, NULL);
  set_generation (&self->staged, NULL);
  set_generation (&self->candidate, NULL);
  brevet_identity_memory_free (self->memory);
  g_free (self->input_digest);
  g_free (self->cause);
  brevet_key_vault_unref (self->vault);
  g_free (self->looked_for);
  g_free (self->key_problem);
  g_free (self->left_behind);
  g_ptr_array_unref (self->left_out);
  g_ptr_array_unref (self->bundle_problems);
  G_OBJECT_CLASS (brevet_identity_parent_class)->finalize (object);
}

static guint
add_signal (BrevetIdentityClass *class, const char *name)
{
  return g_signal_new (name, G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
brevet_identity_class_init (BrevetIdentityClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->dispose = brevet_identity_dispose;
  object_class->finalize = brevet_identity_finalize;

  signals[CHANGED] = add_signal (class, "changed");
  signals[RENEWED] = add_signal (class, "renewed");
  signals[FAILED] = add_signal (class, "failed");
  signals[TRUST_BUNDLE_CHANGED] = add_signal (class, "trust-bundle-changed");
}

static void
brevet_identity_init (BrevetIdentity *self)
{
  self->memory = brevet_identity_memory_new ();
  self->cause = g_strdup ("");
  self->vault = brevet_key_vault_new ();
  self->left_out = g_ptr_array_new_with_free_func (g_free);
  self->bundle_problems = g_ptr_array_new_with_free_func (g_free);
}

BrevetIdentity *
brevet_identity_new (BrevetIdentityConfig *config, BrevetStore *store, BrevetTransport *transport, BrevetProver *prover)
{
  BrevetIdentity *self = g_object_new (BREVET_TYPE_IDENTITY, NULL);

  self->config = brevet_identity_config_ref (config);
  self->store = g_object_ref (store);
  self->transport = g_object_ref (transport);
  self->prover = g_object_ref (prover);
  self->records = brevet_identity_records_new (store, config->name, config->trust_bundle_name);
  self->timer = brevet_wall_timer_new (on_timer, self);
  if (!config->enabled)
    self->state = BREVET_IDENTITY_DISABLED;
  return self;
}
