/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-registration-state.h"
#include "generation.h"
#include "identity-config.h"

G_BEGIN_DECLS

/**
 * BrevetIdentityCandidateInput:
 * @config: what the configuration wants
 * @current: (nullable): the generation in use
 * @asked: (nullable): what was staged: the key that a certificate was asked for; %NULL if none was
 * @input_digest: what it was asked with
 * @state: the service's answer: an assigned registration
 * @now: seconds since 1970-01-01 UTC
 *
 * What a candidate is made of.
 */
typedef struct {
  BrevetIdentityConfig *config;
  BrevetGeneration *current;
  BrevetGeneration *asked;
  const char *input_digest;
  const BrevetRegistrationState *state;
  gint64 now;
} BrevetIdentityCandidateInput;

/**
 * brevet_identity_candidate_make:
 * @problems: (element-type utf8): gets what was left out of the trust bundle
 *
 * Puts together what may take the place of the generation in use, and checks it (brevet_generation_check()). Pure: stores nothing.
 *
 * Returns: (transfer full) (nullable): a complete generation; %NULL with %BREVET_ERROR_REJECTED if the service gives no certificate
 *   where one is wanted, %BREVET_ERROR_UNTRUSTED if what it gives is wrong, %BREVET_ERROR_UNREACHABLE if its answer is incomplete
 */
BrevetGeneration *brevet_identity_candidate_make (const BrevetIdentityCandidateInput *input, GPtrArray *problems, GError **error);

G_END_DECLS
