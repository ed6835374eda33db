/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-sas-token.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BREVET_TPM_KEY_REUSE:
 *
 * Seconds for which the same identity key is delivered again. Whoever knows an endorsement key can ask for challenges: thus he
 * neither makes the service write each time nor pushes out the key that the device is about to use.
 */
#define BREVET_TPM_KEY_REUSE 300

/**
 * BREVET_TPM_KEY_LIFE:
 *
 * Seconds for which tokens that are signed with an identity key are accepted.
 */
#define BREVET_TPM_KEY_LIFE 3600

/**
 * BREVET_TPM_ROOTS_MAX:
 *
 * Storage root keys that are remembered. Whoever knows an endorsement key can name any, and can have no more than these written for
 * each identity key.
 */
#define BREVET_TPM_ROOTS_MAX 4

/**
 * BrevetTpmMemory:
 *
 * What is remembered of a device from one request to the next: the identity keys of late, and for which storage root keys they were
 * delivered. What is delivered for one is derived from the identity key for this one, so that a token says which one that was: an
 * endorsement key is no secret, and the last who asked need not be the device.
 */
typedef struct _BrevetTpmMemory BrevetTpmMemory;

/**
 * brevet_tpm_memory_new:
 * @stored: (nullable): what was remembered
 * @endorsement_key: the enrollment's, in base64: what was remembered of another TPM is forgotten
 * @now: seconds since 1970-01-01 UTC
 *
 * Parts that cannot be read, and keys that are too old, are forgotten too.
 *
 * Returns: (transfer full): the memory
 */
BrevetTpmMemory *brevet_tpm_memory_new (JsonObject *stored, const char *endorsement_key, gint64 now);

void brevet_tpm_memory_free (BrevetTpmMemory *self);

/**
 * brevet_tpm_memory_has_keys:
 *
 * Returns: %TRUE if there is any key with which a token could be signed
 */
gboolean brevet_tpm_memory_has_keys (BrevetTpmMemory *self);

/**
 * brevet_tpm_memory_challenge:
 * @storage_root_key: in base64: for which a key is about to be wrapped
 *
 * Returns: (transfer full): the key to deliver: one that was delivered moments ago, or a new one
 */
BrevetSecret *brevet_tpm_memory_challenge (BrevetTpmMemory *self, const char *storage_root_key);

/**
 * brevet_tpm_memory_find_signer:
 * @storage_root_key: (nullable): in base64: one that may not be remembered
 *
 * Returns: (transfer none) (nullable): for which storage root key the key was delivered that @token is signed with, in base64;
 *   %NULL if it is signed with none that is accepted
 */
const char *brevet_tpm_memory_find_signer (BrevetTpmMemory *self, const BrevetSasToken *token, const char *storage_root_key);

/**
 * brevet_tpm_memory_to_json:
 *
 * Returns: (transfer full) (nullable): what is to be remembered from now on; %NULL if nothing has changed
 */
JsonObject *brevet_tpm_memory_to_json (BrevetTpmMemory *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTpmMemory, brevet_tpm_memory_free)

G_END_DECLS
