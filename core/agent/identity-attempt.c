/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-attempt-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "generation-check.h"
#include "identity-candidate.h"
#include "identity-staging.h"

G_DEFINE_FINAL_TYPE (BrevetIdentityAttempt, brevet_identity_attempt, G_TYPE_OBJECT)

enum { STAGE_CHANGED, N_SIGNALS };

static guint signals[N_SIGNALS];

void
brevet_identity_attempt_set_stage (BrevetIdentityAttempt *self, BrevetIdentityState stage)
{
  g_signal_emit (self, signals[STAGE_CHANGED], 0, (guint) stage);
}

static void
on_registration_stage (BrevetRegistrationClient *client, guint stage, gpointer user_data)
{
  static const BrevetIdentityState stages[] = {
    [BREVET_REGISTRATION_STAGE_PROVING] = BREVET_IDENTITY_ATTESTING,
    [BREVET_REGISTRATION_STAGE_REGISTERING] = BREVET_IDENTITY_REGISTERING,
    [BREVET_REGISTRATION_STAGE_ASSIGNING] = BREVET_IDENTITY_ASSIGNING,
  };

  g_return_if_fail (stage < G_N_ELEMENTS (stages));
  brevet_identity_attempt_set_stage (BREVET_IDENTITY_ATTEMPT (user_data), stages[stage]);
}

static void
on_unstaged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;

  if (!brevet_identity_records_stage_finish (BREVET_IDENTITY_RECORDS (source), result, &error))
    g_debug ("What was staged stays for now: %s", error->message);
  g_task_return_error (task, g_error_copy (g_task_get_task_data (task)));
}

/* A key and CSR that led to a refusal or to a useless certificate are not tried again: the fault may be theirs. */
static void
fail_for_good (GTask *task, GError *error)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  if (self->staged == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_clear_pointer (&self->staged, brevet_generation_unref);
  g_task_set_task_data (task, error, (GDestroyNotify) g_error_free);
  brevet_identity_records_stage_async (self->records, NULL, NULL, on_unstaged, g_object_ref (task));
}

/* Step 2: the registration. */

static BrevetGeneration *
make_candidate (BrevetIdentityAttempt *self, const BrevetRegistrationState *state, GError **error)
{
  BrevetIdentityCandidateInput input = {
    .config = self->config,
    .current = self->current,
    .asked = self->config->wants_certificate ? self->staged : NULL,
    .input_digest = self->input_digest,
    .state = state,
    .now = brevet_clock_now_seconds (),
  };

  return brevet_identity_candidate_make (&input, self->bundle_problems, error);
}

static void
on_registered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetIdentityAttempt *self = g_task_get_source_object (task);
  g_autoptr(BrevetRegistrationState) state = NULL;
  GError *error = NULL;

  state = brevet_registration_client_register_finish (self->client, result, &error);
  if (state == NULL)
    {
      if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED))
        fail_for_good (task, error);
      else
        g_task_return_error (task, error);
      return;
    }
  brevet_identity_attempt_set_stage (self, BREVET_IDENTITY_INSTALLING);
  self->candidate = make_candidate (self, state, &error);
  if (self->candidate != NULL)
    brevet_identity_attempt_install (task);
  else
    fail_for_good (task, error);
}

void
brevet_identity_attempt_register (GTask *task)
{
  BrevetIdentityAttempt *self = g_task_get_source_object (task);

  if (g_task_return_error_if_cancelled (task))
    return;
  brevet_registration_client_register_async (self->client, self->config->wants_certificate ? self->staged->csr : NULL,
                                             self->config->payload, self->config->timeout, g_task_get_cancellable (task),
                                             on_registered, g_object_ref (task));
}

/* A certificate that is already there only has to be stored; asking for another one would help nobody. */
static gboolean
has_usable_candidate (BrevetIdentityAttempt *self)
{
  return brevet_identity_staging_fits (self->candidate, self->config, self->current, self->input_digest, self->new_key) &&
         brevet_generation_check (self->candidate, self->config->registration_id, brevet_clock_now_seconds (), NULL);
}

void
brevet_identity_attempt_run_async (BrevetIdentityAttempt *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_identity_attempt_run_async);
  g_task_set_check_cancellable (task, FALSE);
  if (has_usable_candidate (self))
    {
      brevet_identity_attempt_set_stage (self, BREVET_IDENTITY_INSTALLING);
      brevet_identity_attempt_take_up (task);
      return;
    }
  g_clear_pointer (&self->candidate, brevet_generation_unref);
  brevet_identity_attempt_set_stage (self, BREVET_IDENTITY_ATTESTING);
  if (self->config->wants_certificate)
    brevet_identity_attempt_get_key (task);
  else
    brevet_identity_attempt_register (task);
}

BrevetGeneration *
brevet_identity_attempt_run_finish (BrevetIdentityAttempt *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_async_result_is_tagged (result, brevet_identity_attempt_run_async), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}

BrevetGeneration *
brevet_identity_attempt_get_staged (BrevetIdentityAttempt *self)
{
  return self->staged;
}

BrevetGeneration *
brevet_identity_attempt_get_candidate (BrevetIdentityAttempt *self)
{
  return self->candidate;
}

const BrevetRegistrationFailure *
brevet_identity_attempt_get_failure (BrevetIdentityAttempt *self)
{
  return brevet_registration_client_get_failure (self->client);
}

BrevetIdentityFault
brevet_identity_attempt_get_fault (BrevetIdentityAttempt *self)
{
  return self->fault;
}

const char *
brevet_identity_attempt_get_hub (BrevetIdentityAttempt *self)
{
  return self->hub;
}

gboolean
brevet_identity_attempt_get_unproven (BrevetIdentityAttempt *self)
{
  return self->unproven;
}

GPtrArray *
brevet_identity_attempt_get_bundle_problems (BrevetIdentityAttempt *self)
{
  return self->bundle_problems;
}

BrevetIdentityConfig *
brevet_identity_attempt_get_config (BrevetIdentityAttempt *self)
{
  return self->config;
}

static void
brevet_identity_attempt_finalize (GObject *object)
{
  BrevetIdentityAttempt *self = BREVET_IDENTITY_ATTEMPT (object);

  brevet_identity_config_unref (self->config);
  g_object_unref (self->records);
  brevet_key_vault_release (self->vault, g_steal_pointer (&self->key));
  brevet_key_vault_unref (self->vault);
  g_object_unref (self->client);
  g_clear_pointer (&self->current, brevet_generation_unref);
  g_clear_pointer (&self->staged, brevet_generation_unref);
  g_clear_pointer (&self->candidate, brevet_generation_unref);
  g_free (self->input_digest);
  g_ptr_array_unref (self->bundle_problems);
  G_OBJECT_CLASS (brevet_identity_attempt_parent_class)->finalize (object);
}

static void
brevet_identity_attempt_class_init (BrevetIdentityAttemptClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_identity_attempt_finalize;

  signals[STAGE_CHANGED] = g_signal_new ("stage-changed", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_UINT);
}

static void
brevet_identity_attempt_init (BrevetIdentityAttempt *self)
{
  self->bundle_problems = g_ptr_array_new_with_free_func (g_free);
}

static BrevetGeneration *
ref_generation (BrevetGeneration *generation)
{
  return generation != NULL ? brevet_generation_ref (generation) : NULL;
}

BrevetIdentityAttempt *
brevet_identity_attempt_new (const BrevetIdentityAttemptInput *input)
{
  BrevetIdentityAttempt *self = g_object_new (BREVET_TYPE_IDENTITY_ATTEMPT, NULL);

  self->config = brevet_identity_config_ref (input->config);
  self->records = g_object_ref (input->records);
  self->vault = brevet_key_vault_ref (input->vault);
  self->client = brevet_registration_client_new (input->transport, input->prover, input->config->id_scope,
                                                 input->config->registration_id);
  brevet_registration_client_set_patient (self->client, FALSE);
  brevet_registration_client_set_api_version (self->client, input->config->api_version);
  g_signal_connect_object (self->client, "stage-changed", G_CALLBACK (on_registration_stage), self, 0);
  self->current = ref_generation (input->current);
  self->staged = ref_generation (input->staged);
  self->candidate = ref_generation (input->candidate);
  self->input_digest = g_strdup (input->input_digest);
  self->new_key = input->new_key;
  return self;
}
