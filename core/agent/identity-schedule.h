/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity.h"

G_BEGIN_DECLS

/**
 * BrevetIdentitySituation:
 * @now: seconds since 1970-01-01 UTC
 * @config: what the configuration wants
 * @current: (nullable): the generation in use
 * @candidate: (nullable): a complete generation that is not in use yet: it could not be stored, or waits for its hub
 * @memory: what is remembered of earlier attempts
 * @input_digest: (nullable): of the inputs as they are now, %NULL if they cannot be read
 * @network_missing: there is no network, as far as known
 * @key_missing: the token with the key in use cannot be used
 * @key_lost: that token does not have the key any more
 * @hint: when an identity that waits for the service tries because a network has come; 0 if none has
 * @missed_until: what was missed while nothing ran is made up for then, so that a fleet does not come back as one; 0 for at once
 * @random: from 0 (inclusive) to 1 (exclusive), for a pause that must be chosen anew
 *
 * All that decides what an identity does next.
 */
typedef struct {
  gint64 now;
  const BrevetIdentityConfig *config;
  BrevetGeneration *current;
  BrevetGeneration *candidate;
  const BrevetIdentityMemory *memory;
  const char *input_digest;
  gboolean network_missing;
  gboolean key_missing;
  gboolean key_lost;
  gint64 hint;
  gint64 missed_until;
  double random;
} BrevetIdentitySituation;

/**
 * BrevetIdentityPlan:
 * @state: what it is in until the next attempt
 * @action: what the next attempt is: a renewal, or a registration from scratch
 * @attempt: when it is due: at once if that has passed, never if it is 0
 * @pause: a persisted pause cannot be right and was chosen anew: what BrevetIdentityMemory.next_attempt should be; else 0
 * @renewal: when the certificate is due for renewal; 0 without certificate
 * @look: when to decide again at the latest, even if nothing happens; 0 for never
 */
typedef struct {
  BrevetIdentityState state;
  BrevetIdentityAction action;
  gint64 attempt;
  gint64 pause;
  gint64 renewal;
  gint64 look;
} BrevetIdentityPlan;

/**
 * brevet_identity_plan_make:
 *
 * What next. Pure: no clock, no state.
 */
void brevet_identity_plan_make (const BrevetIdentitySituation *situation, BrevetIdentityPlan *plan);

/**
 * brevet_identity_schedule_pause:
 * @failures: attempts that failed in a row, this one included
 * @refusals: definitive refusals in a row, this one included; 0 if it was none
 * @retry_after: seconds that the service asks for, 0 or less if it named none
 *
 * Returns: seconds until the attempt after one that failed
 */
gint64 brevet_identity_schedule_pause (const BrevetIdentitySituation *situation, guint failures, guint refusals,
                                       gint64 retry_after);

/**
 * brevet_identity_schedule_poll:
 * @last: when the trust bundle was looked at last, or came with a registration
 *
 * Returns: when to look again: the configured interval later, a tenth more or less, always the same for a device; 0 for never. A
 *   @last that is in the future counts as now.
 */
gint64 brevet_identity_schedule_poll (const BrevetIdentityConfig *config, gint64 now, gint64 last);

/**
 * brevet_identity_needs_proof:
 * @current: (nullable): the generation in use
 * @candidate: what would take its place
 *
 * Returns: %TRUE if @candidate must be tried at its hub first: the configuration wants it (`hub-proof`), there is a hub to try it
 *   at, and @current is valid and will be for a while (brevet_identity_find_proof_end())
 */
gboolean brevet_identity_needs_proof (const BrevetIdentityConfig *config, BrevetGeneration *current, BrevetGeneration *candidate,
                                      gint64 now);

/**
 * brevet_identity_find_proof_end:
 *
 * Returns: from when on a successor is taken without the hub's consent, for @current is about to end: a twentieth of its lifetime
 *   before that, at most an hour; %G_MAXINT64 without certificate
 */
gint64 brevet_identity_find_proof_end (BrevetGeneration *current);

/**
 * brevet_identity_is_expired:
 *
 * Returns: %TRUE if the certificate in use has ended. One that is not valid yet has not: another one would be no better, the clock
 *   is wrong.
 */
gboolean brevet_identity_is_expired (BrevetGeneration *current, gint64 now);

/**
 * brevet_identity_was_unreachable:
 *
 * Returns: %TRUE if the last attempt failed because there was no usable answer
 */
gboolean brevet_identity_was_unreachable (const BrevetIdentityMemory *memory);

G_END_DECLS
