/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-private.h"

#include "brevet-clock.h"
#include "identity-bundle.h"

/* A fleet that comes back with the network, or with the power, is spread over so many seconds. */
#define NETWORK_SPREAD 3
#define START_SPREAD 5

/* A network that comes is a reason to try at once, but after so many failures only so many seconds after the last one. */
#define NETWORK_TRIES 3
#define NETWORK_REST 30

/* Certificates that live for less are not spread. */
#define SHORT_LIFE 3600

/* No service is left alone for longer because it asks for it (brevet_backoff_compute()). */
#define LONGEST_PAUSE 86400

gboolean
brevet_identity_is_busy (BrevetIdentity *self)
{
  return self->attempt != NULL || self->settling || self->saving;
}

void
brevet_identity_read_inputs (BrevetIdentity *self, GError **error)
{
  g_free (self->input_digest);
  self->input_digest = brevet_identity_config_compute_digest (self->config, error);
}

void
brevet_identity_situation (BrevetIdentity *self, BrevetIdentitySituation *situation)
{
  *situation = (BrevetIdentitySituation) {
    .now = brevet_clock_now_seconds (),
    .config = self->config,
    .current = self->current,
    .candidate = self->candidate,
    .memory = self->memory,
    .input_digest = self->input_digest,
    .network_missing = self->network_missing,
    .key_missing = self->key_problem != NULL,
    .key_lost = self->key_lost,
    .hint = self->hint,
    .random = g_random_double (),
  };
  /* What lies further ahead was meant for another time: the clock was set back. */
  if (self->missed_until <= situation->now + START_SPREAD)
    situation->missed_until = self->missed_until;
}

/* Until when the service wants to be left alone. What lies too far ahead was meant for another time. */
gint64
brevet_identity_get_asked_until (BrevetIdentity *self, gint64 now)
{
  return self->memory->asked_until <= now + LONGEST_PAUSE ? self->memory->asked_until : 0;
}

void
brevet_identity_make_plan (BrevetIdentity *self, BrevetIdentityPlan *plan)
{
  BrevetIdentitySituation situation;

  brevet_identity_situation (self, &situation);
  brevet_identity_plan_make (&situation, plan);
  if (plan->pause != 0)
    self->memory->next_attempt = plan->pause;
}

static gint64
find_earlier (gint64 one, gint64 other)
{
  return one == 0 || other == 0 ? MAX (one, other) : MIN (one, other);
}

void
brevet_identity_rest (BrevetIdentity *self, const BrevetIdentityPlan *plan, gint64 now)
{
  gint64 look = self->key_problem != NULL ? self->next_look : 0;

  brevet_identity_set_state (self, plan->state, brevet_identity_describe_rest (self, plan, now),
                             self->stopped ? 0 : find_earlier (plan->attempt, look));
}

static void
watch_end (BrevetIdentity *self, gint64 now)
{
  if (self->current == NULL || self->expired == self->current->number || !self->config->enabled ||
      now < BREVET_IDENTITY_EARLIEST_TIME || !brevet_identity_is_expired (self->current, now))
    return;
  self->expired = self->current->number;
  brevet_identity_report_expired (self);
}

/* Looks at all that there is, and either acts or sets the timer for the time when that comes to something. */
void
brevet_identity_decide (BrevetIdentity *self)
{
  gint64 now = brevet_clock_now_seconds ();
  BrevetIdentityPlan plan;
  gint64 poll, look;

  if (!self->loaded || brevet_identity_is_busy (self))
    return;
  brevet_identity_make_plan (self, &plan);
  if (!self->started || self->stopped)
    {
      brevet_identity_rest (self, &plan, now);
      return;
    }
  watch_end (self, now);
  if (plan.attempt != 0 && plan.attempt <= now)
    {
      brevet_identity_begin (self, plan.action);
      return;
    }
  brevet_identity_rest (self, &plan, now);
  if (brevet_identity_save_pending (self, now))
    return;
  look = brevet_identity_look_at_keys (self, now);
  poll = brevet_identity_plan_poll (self, now);
  if (poll != 0 && poll <= now)
    poll = brevet_identity_begin_poll (self, now);
  brevet_wall_timer_set (self->timer, find_earlier (find_earlier (plan.look, look), find_earlier (poll, self->next_save)));
}

/* What was put off while the store was in use, and who has been waiting for his turn, comes now. */
void
brevet_identity_after_work (BrevetIdentity *self)
{
  g_object_ref (self);
  if (self->stopped)
    {
      brevet_identity_decide (self);
      brevet_identity_answer_stop (self);
    }
  else
    {
      brevet_identity_begin_for_waiters (self);
      brevet_identity_decide (self);
    }
  g_object_unref (self);
}

/* The configuration may have been read again meanwhile: what it adds to the bundle must be what was added. */
static void
take_bundle_of_attempt (BrevetIdentity *self, BrevetIdentityAttempt *attempt)
{
  BrevetIdentityConfig *config = brevet_identity_attempt_get_config (attempt);

  self->next_poll = 0;
  self->poll_unsupported = FALSE;
  self->local_checked = brevet_identity_bundle_equal (config->local_trust, self->config->local_trust);
  self->poll_whole = !self->local_checked;
  brevet_identity_refresh_bundle_problems (self, brevet_identity_attempt_get_bundle_problems (attempt));
}

static void
succeed (BrevetIdentity *self, BrevetGeneration *installed, BrevetIdentityAttempt *attempt)
{
  BrevetIdentityPlan plan;

  brevet_identity_set_previous (self, self->current);
  brevet_identity_set_current (self, installed);
  brevet_identity_memory_free (self->memory);
  self->memory = brevet_identity_memory_new_after_success (installed);
  self->key_lost = FALSE;
  g_clear_pointer (&self->key_problem, g_free);
  take_bundle_of_attempt (self, attempt);
  brevet_identity_report_installed (self);
  if (brevet_identity_attempt_get_unproven (attempt))
    brevet_identity_report_unproven (self);
  brevet_identity_make_plan (self, &plan);
  brevet_identity_rest (self, &plan, brevet_clock_now_seconds ());
  brevet_identity_tell_changed (self);
  brevet_identity_tell_renewed (self);
  brevet_identity_answer_waiters (self, NULL, FALSE);
  brevet_identity_after_work (self);
}

static void
take_what_is_left (BrevetIdentity *self, BrevetIdentityAttempt *attempt)
{
  BrevetGeneration *staged = brevet_identity_attempt_get_staged (attempt);
  BrevetGeneration *candidate = brevet_identity_attempt_get_candidate (attempt);

  g_clear_pointer (&self->staged, brevet_generation_unref);
  g_clear_pointer (&self->candidate, brevet_generation_unref);
  self->staged = staged != NULL ? brevet_generation_ref (staged) : NULL;
  self->candidate = candidate != NULL ? brevet_generation_ref (candidate) : NULL;
  /* The configuration may have been read again meanwhile. */
  if (brevet_identity_attempt_get_config (attempt) != self->config)
    brevet_identity_add_local_trust_to_pending (self);
}

static void
on_attempt_ended (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(BrevetIdentity) self = brevet_identity_take_weakly (user_data);
  BrevetIdentityAttempt *attempt = BREVET_IDENTITY_ATTEMPT (source);
  g_autoptr(BrevetGeneration) installed = NULL;
  GError *error = NULL;

  installed = brevet_identity_attempt_run_finish (attempt, result, &error);
  if (self == NULL)
    {
      g_clear_error (&error);
      return;
    }
  g_clear_object (&self->attempt);
  g_clear_object (&self->attempt_cancellable);
  take_what_is_left (self, attempt);
  if (installed != NULL)
    succeed (self, installed, attempt);
  else if (self->repeat || (self->stopped && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)))
    {
      /* A failure that came just before it was given up says nothing of what is asked for now. */
      g_error_free (error);
      brevet_identity_after_work (self);
    }
  else if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    brevet_identity_fail (self, error, brevet_identity_attempt_get_failure (attempt),
                          brevet_identity_attempt_get_fault (attempt));
  else
    brevet_identity_pause (self, error);
}

static void
on_stage_changed (BrevetIdentityAttempt *attempt, guint stage, gpointer user_data)
{
  BrevetIdentity *self = user_data;
  gboolean renewing = self->current != NULL && !brevet_identity_is_expired (self->current, brevet_clock_now_seconds ());

  brevet_identity_set_state (self, renewing ? BREVET_IDENTITY_RENEWING : (BrevetIdentityState) stage,
                             brevet_identity_describe_stage (self, (BrevetIdentityState) stage), 0);
}

static void
run (BrevetIdentity *self, BrevetIdentityAction action)
{
  BrevetIdentityAttemptInput input = {
    .config = self->config,
    .records = self->records,
    .vault = self->vault,
    .transport = self->transport,
    .prover = self->prover,
    .current = self->current,
    .staged = self->staged,
    .candidate = self->candidate,
    .input_digest = self->input_digest,
    .new_key = action == BREVET_IDENTITY_REPROVISION || self->config->rekey || self->key_lost,
  };

  self->attempt = brevet_identity_attempt_new (&input);
  self->attempt_cancellable = g_cancellable_new ();
  g_signal_connect_object (self->attempt, "stage-changed", G_CALLBACK (on_stage_changed), self, 0);
  brevet_identity_attempt_run_async (self->attempt, self->attempt_cancellable, on_attempt_ended,
                                     brevet_identity_hold_weakly (self));
}

/* Makes an attempt now; nothing is being done. */
void
brevet_identity_begin (BrevetIdentity *self, BrevetIdentityAction action)
{
  BrevetIdentityPlan plan;
  GError *error = NULL;

  brevet_identity_end_poll (self);
  brevet_wall_timer_set (self->timer, 0);
  self->hint = 0;
  self->missed_until = 0;
  self->repeat = FALSE;
  self->cancelled = FALSE;
  brevet_identity_read_inputs (self, &error);
  brevet_identity_make_plan (self, &plan);
  self->attempt_action = MAX (action, plan.action);
  if (error != NULL)
    brevet_identity_fail (self, error, NULL, BREVET_IDENTITY_FAULT_SERVICE);
  else
    run (self, self->attempt_action);
}

/* Seconds by which something is put off that was missed while nothing ran. A short life has no time for that. */
gint64
brevet_identity_choose_spread (BrevetIdentity *self)
{
  BrevetCertificate *leaf;

  if (self->current == NULL || self->current->chain == NULL)
    return 0;
  leaf = brevet_chain_get_leaf (self->current->chain);
  if (brevet_certificate_get_not_after (leaf) - brevet_certificate_get_not_before (leaf) < SHORT_LIFE)
    return 0;
  return g_random_int_range (0, START_SPREAD + 1);
}

void
brevet_identity_start (BrevetIdentity *self)
{
  gint64 now = brevet_clock_now_seconds ();
  BrevetIdentityPlan plan;

  g_return_if_fail (BREVET_IS_IDENTITY (self));

  if (self->started || self->stopped)
    return;
  self->started = TRUE;
  brevet_identity_make_plan (self, &plan);
  if (plan.attempt <= now)
    self->missed_until = now + brevet_identity_choose_spread (self);
  brevet_identity_decide (self);
}

/* A link that comes and goes, or routes that change all the time, say nothing new after a few attempts in vain. */
static gint64
find_end_of_rest (const BrevetIdentityMemory *memory, gint64 now)
{
  return memory->failures >= NETWORK_TRIES && memory->error_time <= now ? memory->error_time + NETWORK_REST : 0;
}

void
brevet_identity_network_changed (BrevetIdentity *self, gboolean available)
{
  gint64 now = brevet_clock_now_seconds ();

  g_return_if_fail (BREVET_IS_IDENTITY (self));

  self->network_missing = !available;
  if (available && (self->attempt != NULL || brevet_identity_was_unreachable (self->memory)))
    {
      self->hint = MAX (now + g_random_int_range (0, NETWORK_SPREAD + 1), brevet_identity_get_asked_until (self, now));
      self->hint = MAX (self->hint, find_end_of_rest (self->memory, now));
    }
  brevet_identity_decide (self);
}
