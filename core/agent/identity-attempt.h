/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-registration-client.h"
#include "identity.h"
#include "key-vault.h"

G_BEGIN_DECLS

/**
 * BrevetIdentityFault:
 * @BREVET_IDENTITY_FAULT_SERVICE: the registration, or what came of it
 * @BREVET_IDENTITY_FAULT_STORAGE: the store
 * @BREVET_IDENTITY_FAULT_TOKEN: the token in which the key is or is to be made
 * @BREVET_IDENTITY_FAULT_HUB: the hub does not take the new certificate, or is not reached
 *
 * Where an attempt failed.
 */
typedef enum {
  BREVET_IDENTITY_FAULT_SERVICE,
  BREVET_IDENTITY_FAULT_STORAGE,
  BREVET_IDENTITY_FAULT_TOKEN,
  BREVET_IDENTITY_FAULT_HUB,
} BrevetIdentityFault;

/**
 * BrevetIdentityAttemptInput:
 * @config: what the configuration wants
 * @records: where it is stored
 * @vault: way to keys in tokens
 * @transport: way to the service
 * @prover: proves that this is the device
 * @current: (nullable): the generation in use
 * @staged: (nullable): what an attempt that was cut off had staged; has a chain if @candidate waits for its hub
 * @candidate: (nullable): a complete and checked generation that could not be stored last time, or that its hub did not take
 * @input_digest: of the inputs as they are now
 * @new_key: the certificate is for a key that was never in use, whatever the configuration says about rekeying
 *
 * What an attempt is made with.
 */
typedef struct {
  BrevetIdentityConfig *config;
  BrevetIdentityRecords *records;
  BrevetKeyVault *vault;
  BrevetTransport *transport;
  BrevetProver *prover;
  BrevetGeneration *current;
  BrevetGeneration *staged;
  BrevetGeneration *candidate;
  const char *input_digest;
  gboolean new_key;
} BrevetIdentityAttemptInput;

/**
 * BrevetIdentityAttempt:
 *
 * One attempt to get an identity: stage a key, register, check what comes, try it at its hub (brevet_identity_needs_proof()),
 * switch. Whatever fails before the switch leaves the stored identity as it is.
 *
 * Signals: `stage-changed` with the #BrevetIdentityState (%BREVET_IDENTITY_ATTESTING to %BREVET_IDENTITY_INSTALLING) as guint.
 */
#define BREVET_TYPE_IDENTITY_ATTEMPT (brevet_identity_attempt_get_type ())
G_DECLARE_FINAL_TYPE (BrevetIdentityAttempt, brevet_identity_attempt, BREVET, IDENTITY_ATTEMPT, GObject)

BrevetIdentityAttempt *brevet_identity_attempt_new (const BrevetIdentityAttemptInput *input);

/**
 * brevet_identity_attempt_run_async:
 *
 * Makes the attempt, once. From the switch on it cannot be cancelled any more.
 */
void brevet_identity_attempt_run_async (BrevetIdentityAttempt *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                        gpointer user_data);

/**
 * brevet_identity_attempt_run_finish:
 *
 * Returns: (transfer full) (nullable): the generation that is stored as the current one, with the memory of
 *   brevet_identity_memory_new_after_success(); %NULL with %BREVET_ERROR_REJECTED after a definitive refusal, with another error
 *   after any other failure
 */
BrevetGeneration *brevet_identity_attempt_run_finish (BrevetIdentityAttempt *self, GAsyncResult *result, GError **error);

/**
 * brevet_identity_attempt_get_staged:
 *
 * Returns: (transfer none) (nullable): what is staged now
 */
BrevetGeneration *brevet_identity_attempt_get_staged (BrevetIdentityAttempt *self);

/**
 * brevet_identity_attempt_get_candidate:
 *
 * Returns: (transfer none) (nullable): after a failure: a generation that lacks nothing but being stored
 */
BrevetGeneration *brevet_identity_attempt_get_candidate (BrevetIdentityAttempt *self);

/**
 * brevet_identity_attempt_get_failure:
 *
 * Returns: (transfer none): what the service said about the failure
 */
const BrevetRegistrationFailure *brevet_identity_attempt_get_failure (BrevetIdentityAttempt *self);

/**
 * brevet_identity_attempt_get_fault:
 *
 * Returns: after a failure: where it was
 */
BrevetIdentityFault brevet_identity_attempt_get_fault (BrevetIdentityAttempt *self);

/**
 * brevet_identity_attempt_get_hub:
 *
 * Returns: (transfer none) (nullable): the hub at which the new certificate is being tried; %NULL before and afterwards
 */
const char *brevet_identity_attempt_get_hub (BrevetIdentityAttempt *self);

/**
 * brevet_identity_attempt_get_unproven:
 *
 * Returns: after a success: %TRUE if what is in use now waited for its hub in vain
 */
gboolean brevet_identity_attempt_get_unproven (BrevetIdentityAttempt *self);

/**
 * brevet_identity_attempt_get_bundle_problems:
 *
 * Returns: (transfer none) (element-type utf8): what was left out of the trust bundle that came
 */
GPtrArray *brevet_identity_attempt_get_bundle_problems (BrevetIdentityAttempt *self);

/**
 * brevet_identity_attempt_get_config:
 *
 * Returns: (transfer none): what it was made with
 */
BrevetIdentityConfig *brevet_identity_attempt_get_config (BrevetIdentityAttempt *self);

G_END_DECLS
