/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "identity-bundle.h"

/* The attempt ends without a result that counts; another one follows if there is reason to. */
static void
abandon_attempt (BrevetIdentity *self)
{
  if (self->attempt == NULL)
    return;
  self->repeat = TRUE;
  brevet_identity_detach_waiters (self);
  g_cancellable_cancel (self->attempt_cancellable);
}

/* What was said of other inputs says nothing of these. */
static void
forget_pause (BrevetIdentity *self)
{
  self->memory->next_attempt = 0;
  self->asked_pause = 0;
  self->hint = 0;
}

/* A pause that was chosen by other rules is at most what these allow, but never less than the service asked for. */
static void
shorten_pause (BrevetIdentity *self)
{
  gint64 now = brevet_clock_now_seconds ();
  gint64 limit = self->memory->refused ? self->config->backoff.maximum
                                       : brevet_backoff_limit (&self->config->backoff, MAX (self->memory->failures, 1));

  if (self->memory->next_attempt > now + limit)
    self->memory->next_attempt = MAX (now + limit, brevet_identity_get_asked_pause (self, now));
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
    self->poll_whole = TRUE;
  self->local_checked = self->local_checked && same_local;
  self->poll_unsupported = FALSE;
  if (!g_str_equal (config->trust_bundle_name, self->config->trust_bundle_name))
    self->rename = TRUE;
  brevet_identity_config_ref (config);
  brevet_identity_config_unref (self->config);
  self->config = config;
  g_set_object (&self->transport, transport);
  g_set_object (&self->prover, prover);
}

void
brevet_identity_reconfigure (BrevetIdentity *self, BrevetIdentityConfig *config, BrevetTransport *transport, BrevetProver *prover)
{
  g_autofree char *before = NULL;
  g_autoptr(GError) off = NULL;

  g_return_if_fail (BREVET_IS_IDENTITY (self));
  g_return_if_fail (g_str_equal (config->name, self->config->name));

  take_config (self, config, transport, prover);
  before = g_steal_pointer (&self->input_digest);
  brevet_identity_read_inputs (self, NULL);
  if (!config->enabled)
    {
      abandon_attempt (self);
      off = g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The identity “%s” was switched off", config->name);
      brevet_identity_answer_waiters (self, off, TRUE);
    }
  else if (g_strcmp0 (before, self->input_digest) != 0)
    {
      abandon_attempt (self);
      forget_pause (self);
    }
  else
    shorten_pause (self);
  brevet_identity_tell_changed (self);
  brevet_identity_decide (self);
}
