/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-attempt-private.h"

#include "brevet-clock.h"
#include "hub-proof.h"
#include "identity-schedule.h"
#include "identity-staging.h"

void
brevet_identity_attempt_fail_storage (GTask *task, GError *error)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  self->fault = BREVET_IDENTITY_FAULT_STORAGE;
  g_prefix_error (&error, "The identity cannot be stored: ");
  g_task_return_error (task, error);
}

/* Step 4: the switch. Its result must be known, so it is not cancelled. */

static void
on_switched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (!brevet_identity_records_switch_finish (BREVET_IDENTITY_RECORDS (source), result, &error))
    {
      brevet_identity_attempt_fail_storage (task, error);
      return;
    }
  g_clear_pointer (&self->staged, brevet_generation_unref);
  g_task_return_pointer (task, g_steal_pointer (&self->candidate), (GDestroyNotify) brevet_generation_unref);
}

static void
install (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  g_autoptr(BrevetIdentityMemory) memory = brevet_identity_memory_new_after_success (self->candidate);

  brevet_identity_records_switch_async (self->records, self->candidate, self->current, memory, NULL, on_switched,
                                        g_object_ref (task));
}

/* Step 3: the hub's consent, where it is wanted. The candidate is stored first: whatever happens now, no other certificate is asked
 * for. */

static void
on_proved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  GError *error = NULL;

  self->hub = NULL;
  if (brevet_hub_proof_finish (result, &error))
    {
      brevet_identity_attempt_set_stage (self, BREVET_IDENTITY_INSTALLING);
      install (task);
      return;
    }
  self->fault = BREVET_IDENTITY_FAULT_HUB;
  g_task_return_error (task, error);
}

static void
prove (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  if (g_task_return_error_if_cancelled (task))
    return;
  self->hub = self->candidate->assigned_hub;
  brevet_identity_attempt_set_stage (self, BREVET_IDENTITY_INSTALLING);
  brevet_hub_proof_async (self->candidate, self->candidate->key != NULL ? self->candidate->key : self->key, self->vault,
                          self->config->hub_port, MIN (self->config->timeout, BREVET_HUB_PROOF_TIMEOUT),
                          g_task_get_cancellable (task), on_proved, g_object_ref (task));
}

static void
on_candidate_staged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  GError *error = NULL;

  if (!brevet_identity_records_stage_finish (BREVET_IDENTITY_RECORDS (source), result, &error))
    {
      brevet_identity_attempt_fail_storage (task, error);
      return;
    }
  g_clear_pointer (&self->staged, brevet_generation_unref);
  self->staged = brevet_generation_ref (g_task_get_task_data (task));
  prove (task);
}

static void
stage_candidate (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  BrevetGeneration *staged = brevet_identity_staging_complete (self->staged, self->candidate);

  g_task_set_task_data (task, staged, (GDestroyNotify) brevet_generation_unref);
  brevet_identity_records_stage_async (self->records, staged, NULL, on_candidate_staged, g_object_ref (task));
}

void
brevet_identity_attempt_install (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  gboolean waits = brevet_identity_staging_is_complete (self->staged);

  if (!brevet_identity_needs_proof (self->config, self->current, self->candidate, brevet_clock_now_seconds ()))
    {
      self->unproven = waits && self->config->hub_proof;
      install (task);
    }
  else if (waits)
    prove (task);
  else
    stage_candidate (task);
}
