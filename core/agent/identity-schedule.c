/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-schedule.h"

/* How often a clock that cannot be right is looked at, should nobody tell that it was set. */
#define CLOCK_LOOK 10

/* A service may ask for so long a pause (brevet_backoff_compute()). */
#define LONGEST_PAUSE 86400

/* A certificate that has less than this part of its lifetime, and than so many seconds, ahead of it is about to end. */
#define LAST_PART 20
#define LAST_SECONDS 3600

#define UNREACHABLE_NAME "org.brevet.Error.Unreachable"

gboolean
brevet_identity_is_expired (BrevetGeneration *current, gint64 now)
{
  return now > brevet_generation_get_not_after (current);
}

gboolean
brevet_identity_was_unreachable (const BrevetIdentityMemory *memory)
{
  return g_strcmp0 (memory->error_name, UNREACHABLE_NAME) == 0;
}

gint64
brevet_identity_find_proof_end (BrevetGeneration *current)
{
  BrevetCertificate *leaf = current->chain != NULL ? brevet_chain_get_leaf (current->chain) : NULL;
  gint64 end;
  gint64 lifetime;

  if (leaf == NULL)
    return G_MAXINT64;
  end = brevet_certificate_get_not_after (leaf);
  lifetime = end - brevet_certificate_get_not_before (leaf);
  return end - CLAMP (lifetime / LAST_PART, 1, LAST_SECONDS);
}

gboolean
brevet_identity_needs_proof (const BrevetIdentityConfig *config, BrevetGeneration *current, BrevetGeneration *candidate, gint64 now)
{
  return config->hub_proof && candidate->chain != NULL && candidate->assigned_hub != NULL && current != NULL &&
         current->chain != NULL && brevet_generation_is_valid (current, now) && now < brevet_identity_find_proof_end (current);
}

static gint64
earlier (gint64 one, gint64 other)
{
  if (one == 0 || other == 0)
    return MAX (one, other);
  return MIN (one, other);
}

static gint64
compute_renewal (const BrevetIdentitySituation *situation)
{
  BrevetGeneration *current = situation->current;
  BrevetCertificate *leaf = NULL;
  g_autofree char *seed = NULL;

  if (current == NULL || current->chain == NULL || !situation->config->wants_certificate)
    return 0;
  leaf = brevet_chain_get_leaf (current->chain);
  seed = g_strconcat (situation->config->registration_id, " ", brevet_certificate_get_sha256 (leaf), NULL);
  return brevet_renewal_policy_compute (&situation->config->renewal, brevet_certificate_get_not_before (leaf),
                                        brevet_certificate_get_not_after (leaf), current->installed, seed);
}

static gboolean
have_inputs_changed (const char *before, const char *now)
{
  return before != NULL && now != NULL && !g_str_equal (before, now);
}

/* What is stored was asked for with something else, or is no identity as the configuration wants one. */
static gboolean
must_start_from_scratch (const BrevetIdentitySituation *situation)
{
  BrevetGeneration *current = situation->current;

  return current == NULL || have_inputs_changed (current->input_digest, situation->input_digest) ||
         (situation->config->wants_certificate && current->chain == NULL);
}

/* A certificate that has ended when it comes (the clocks differ by more than its lifetime) must not be asked for again and again
 * without a pause; the next one would be no better, but for the hub, whose clock may be right, it is one. */
static gint64
find_earliest_renewal (const BrevetIdentitySituation *situation)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (situation->current->chain);
  gint64 end = brevet_certificate_get_not_after (leaf);
  gint64 half = (end - brevet_certificate_get_not_before (leaf)) / 2;
  gint64 last = situation->memory->last_success;
  const BrevetBackoff *backoff = &situation->config->backoff;

  if (last > situation->now)
    return 0;
  return last + (end > last ? backoff->minimum : CLAMP (half, backoff->minimum, backoff->maximum));
}

/* What is configured is a key somewhere else, or the key is gone: the certificate is renewed at once, with a new key. */
static gboolean
must_move_key (const BrevetIdentitySituation *situation)
{
  BrevetGeneration *current = situation->current;

  return current != NULL && current->chain != NULL && situation->config->wants_certificate &&
         (situation->key_lost || g_strcmp0 (current->key_token, situation->config->key_token) != 0);
}

/* Nothing has failed: when is there something to do? */
static void
plan_undisturbed (const BrevetIdentitySituation *situation, BrevetIdentityPlan *plan)
{
  plan->state = situation->current != NULL ? BREVET_IDENTITY_PROVISIONED : BREVET_IDENTITY_UNPROVISIONED;
  if (must_start_from_scratch (situation))
    {
      plan->attempt = situation->now;
      return;
    }
  if (situation->key_missing)
    plan->state = BREVET_IDENTITY_BACKING_OFF;
  /* What was interrupted goes on, be it due by now or not. */
  if (situation->candidate != NULL || must_move_key (situation))
    {
      plan->attempt = MAX (situation->now, situation->missed_until);
      return;
    }
  if (plan->renewal == 0)
    return;
  plan->attempt = MAX (plan->renewal, find_earliest_renewal (situation));
  if (plan->attempt <= situation->now)
    plan->attempt = MAX (plan->attempt, situation->missed_until);
  if (brevet_identity_is_expired (situation->current, situation->now))
    plan->state = BREVET_IDENTITY_BACKING_OFF;
}

/* The clock may have been set since the pause was chosen, and the configuration changed. The service may have asked for more than
 * the configuration does, but what begins in the future is measured by the configuration alone. */
static gboolean
is_plausible_pause (const BrevetIdentitySituation *situation)
{
  const BrevetIdentityMemory *memory = situation->memory;
  gint64 ahead = memory->next_attempt - situation->now;

  if (ahead <= brevet_backoff_limit (&situation->config->backoff, memory->failures, memory->refusals))
    return TRUE;
  return memory->next_attempt <= memory->asked_until && memory->error_time <= situation->now && ahead <= LONGEST_PAUSE;
}

/* What waits for its hub is taken when it cannot wait any longer: once, for after a failure then the pause counts. */
static gint64
find_end_of_waiting (const BrevetIdentitySituation *situation)
{
  gint64 end;

  if (!situation->config->hub_proof || situation->candidate == NULL || situation->current == NULL)
    return G_MAXINT64;
  end = brevet_identity_find_proof_end (situation->current);
  return situation->memory->error_time < end ? end : G_MAXINT64;
}

static BrevetIdentityState
name_pause (const BrevetIdentitySituation *situation)
{
  const BrevetIdentityMemory *memory = situation->memory;

  if (memory->disabled)
    return BREVET_IDENTITY_DISABLED;
  if (memory->refusals > 0)
    return BREVET_IDENTITY_REFUSED;
  if (situation->network_missing && brevet_identity_was_unreachable (memory))
    return BREVET_IDENTITY_WAITING_FOR_NETWORK;
  return BREVET_IDENTITY_BACKING_OFF;
}

static void
plan_after_failure (const BrevetIdentitySituation *situation, BrevetIdentityPlan *plan)
{
  const BrevetIdentityMemory *memory = situation->memory;

  plan->state = name_pause (situation);
  plan->attempt = memory->next_attempt;
  if (!is_plausible_pause (situation))
    {
      plan->pause = situation->now + brevet_identity_schedule_pause (situation, memory->failures, memory->refusals, 0);
      plan->attempt = plan->pause;
    }
  plan->attempt = MIN (plan->attempt, find_end_of_waiting (situation));
  if (situation->hint != 0 && brevet_identity_was_unreachable (memory))
    plan->attempt = MIN (plan->attempt, MAX (situation->hint, situation->now));
  if (plan->attempt <= situation->now && plan->action == BREVET_IDENTITY_RENEW)
    plan->attempt = MAX (plan->attempt, situation->missed_until);
}

void
brevet_identity_plan_make (const BrevetIdentitySituation *situation, BrevetIdentityPlan *plan)
{
  const BrevetIdentityMemory *memory = situation->memory;
  gint64 end;

  *plan = (BrevetIdentityPlan) { .state = BREVET_IDENTITY_DISABLED };
  plan->renewal = compute_renewal (situation);
  plan->action = must_start_from_scratch (situation) ? BREVET_IDENTITY_REPROVISION : BREVET_IDENTITY_RENEW;
  if (!situation->config->enabled)
    return;
  if (situation->now < BREVET_IDENTITY_EARLIEST_TIME)
    {
      plan->state = BREVET_IDENTITY_WAITING_FOR_TIME;
      plan->look = situation->now + CLOCK_LOOK;
      return;
    }
  if (memory->next_attempt != 0 && !have_inputs_changed (memory->input_digest, situation->input_digest))
    plan_after_failure (situation, plan);
  else
    plan_undisturbed (situation, plan);

  /* That a certificate has ended is told when it happens. */
  end = situation->current != NULL ? brevet_generation_get_not_after (situation->current) : G_MAXINT64;
  plan->look = earlier (plan->attempt, end < G_MAXINT64 && end >= situation->now ? end + 1 : 0);
}

gint64
brevet_identity_schedule_pause (const BrevetIdentitySituation *situation, guint failures, guint refusals, gint64 retry_after)
{
  const BrevetBackoff *backoff = &situation->config->backoff;
  gint64 end = situation->current != NULL ? brevet_generation_get_not_after (situation->current) : situation->now;
  gint64 remaining = end == G_MAXINT64 ? G_MAXINT64 : end - situation->now;

  if (refusals > 0)
    return brevet_backoff_compute_after_refusal (backoff, refusals, retry_after, situation->random);
  return brevet_backoff_compute (backoff, failures, retry_after, remaining, situation->random);
}

gint64
brevet_identity_schedule_poll (const BrevetIdentityConfig *config, gint64 now, gint64 last)
{
  guint hash = g_str_hash (config->registration_id) % 2001;
  gint64 interval = (gint64) ((double) config->trust_bundle_poll * (0.9 + hash / 10000.0));

  if (config->trust_bundle_poll == 0)
    return 0;
  return MIN (last, now) + MAX (interval, 1);
}
