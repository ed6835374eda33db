/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "identity-bundle.h"
#include "identity-staging.h"

/* The attempt, or the settling of its failure, ends without a result that counts; another one follows if there is reason to. */
static void
abandon_attempt (BrevetIdentity *self)
{
  self->repeat = self->attempt != NULL || self->settling;
  if (self->attempt == NULL)
    return;
  brevet_identity_detach_waiters (self);
  g_cancellable_cancel (self->attempt_cancellable);
}

/* What was said of another question says nothing of this one. What the service asked for holds, if it is still the same service. */
void
brevet_identity_forget_pause (BrevetIdentity *self)
{
  gint64 now = brevet_clock_now_seconds ();

  if (g_strcmp0 (self->memory->input_digest, self->input_digest) != 0)
    self->memory->asked_until = 0;
  self->memory->next_attempt = brevet_identity_get_asked_until (self, now) > now ? self->memory->asked_until : 0;
  self->hint = 0;
}

/* A pause that was chosen by other rules is at most what these allow, but never less than the service asked for. */
static void
shorten_pause (BrevetIdentity *self)
{
  const BrevetIdentityMemory *memory = self->memory;
  gint64 now = brevet_clock_now_seconds ();
  gint64 longest = now + brevet_backoff_limit (&self->config->backoff, memory->failures, memory->refusals);

  if (memory->next_attempt > longest)
    self->memory->next_attempt = MAX (longest, brevet_identity_get_asked_until (self, now));
}

static gboolean
is_same_payload (JsonNode *one, JsonNode *other)
{
  if (one == NULL || other == NULL)
    return one == other;
  return json_node_equal (one, other);
}

static gboolean
proves_the_same (BrevetIdentityConfig *config, BrevetIdentityConfig *other)
{
  return config->hub_proof == other->hub_proof && config->hub_port == other->hub_port &&
         (!config->hub_proof || brevet_identity_bundle_equal (config->local_trust, other->local_trust));
}

/* If not, an attempt with @other may end in another way, although it is no other identity that it asks for: whoever has corrected
 * what it failed for need not wait. */
static gboolean
asks_for_the_same (BrevetIdentityConfig *config, BrevetIdentityConfig *other)
{
  return config->wants_certificate == other->wants_certificate && brevet_identity_config_has_key_like (config, other) &&
         proves_the_same (config, other) &&
         g_str_equal (config->api_version, other->api_version) &&
         is_same_payload (config->payload, other->payload) && brevet_settings_equal (config->transport, other->transport) &&
         brevet_settings_equal (config->attestation, other->attestation);
}

static void
take_config (BrevetIdentity *self, BrevetIdentityConfig *config, BrevetTransport *transport, BrevetProver *prover)
{
  gboolean same_local = brevet_identity_bundle_equal (config->local_trust, self->config->local_trust);
  gboolean polling = self->poll != NULL;

  brevet_identity_end_poll (self);
  if (polling || !same_local)
    self->next_poll = brevet_clock_now_seconds ();
  if (!same_local)
    {
      self->poll_whole = TRUE;
      if (!brevet_identity_staging_is_complete (self->staged))
        g_clear_pointer (&self->candidate, brevet_generation_unref);
    }
  self->local_checked = self->local_checked && same_local;
  self->poll_unsupported = FALSE;
  if (!g_str_equal (config->trust_bundle_name, self->config->trust_bundle_name))
    self->rename = TRUE;
  brevet_identity_config_ref (config);
  brevet_identity_config_unref (self->config);
  self->config = config;
  brevet_identity_take_key_settings (self);
  if (!same_local)
    brevet_identity_add_local_trust_to_pending (self);
  g_set_object (&self->transport, transport);
  g_set_object (&self->prover, prover);
}

void
brevet_identity_reconfigure (BrevetIdentity *self, BrevetIdentityConfig *config, BrevetTransport *transport, BrevetProver *prover)
{
  g_autofree char *before = NULL;
  g_autoptr(GError) off = NULL;
  gboolean same;

  g_return_if_fail (BREVET_IS_IDENTITY (self));
  g_return_if_fail (g_str_equal (config->name, self->config->name));

  same = asks_for_the_same (self->config, config);
  take_config (self, config, transport, prover);
  before = g_steal_pointer (&self->input_digest);
  brevet_identity_read_inputs (self, NULL);
  if (!config->enabled)
    {
      abandon_attempt (self);
      off = g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The identity “%s” was switched off", config->name);
      brevet_identity_answer_waiters (self, off, TRUE);
    }
  else if (!same || g_strcmp0 (before, self->input_digest) != 0)
    {
      abandon_attempt (self);
      brevet_identity_forget_pause (self);
    }
  else
    shorten_pause (self);
  brevet_identity_tell_changed (self);
  brevet_identity_decide (self);
}
