/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "software-tpm.h"

#include "brevet-verifier.h"

G_BEGIN_DECLS

#define TPM_WORLD_SCOPE "0ne000A1B2C"
#define TPM_WORLD_DEVICE "tpm-1"
#define TPM_WORLD_NOW G_GINT64_CONSTANT (1893456000)

/**
 * TpmWorld:
 * @tpm: that of the device
 * @verifier: who judges it
 * @stored: its enrollment
 * @memory: what the service remembers of it
 * @writes: how often the service was told to
 *
 * One device with a TPM, and what the service knows of it.
 */
typedef struct {
  SoftwareTpm *tpm;
  BrevetVerifier *verifier;
  BrevetAttestation *stored;
  JsonObject *memory;
  guint writes;
} TpmWorld;

/* The time of day, in seconds; tpm_world_init() sets it back. */
extern gint64 tpm_world_now;

/* Making keys takes longer than everything else: two TPMs are enough for all tests of a program. */
extern SoftwareTpm *tpm_world_tpms[2];

/* Makes the TPMs, and runs what @add_tests adds. */
int tpm_world_run (int argc, char **argv, void (*add_tests) (void));

/* An enrollment of the first TPM. */
void tpm_world_init (TpmWorld *world);
void tpm_world_clear (TpmWorld *world);

BrevetVerifier *tpm_world_create_verifier (void);
JsonObject *tpm_world_make_parameters (const char *endorsement_key, const char *storage_root_key);
BrevetAttestation *tpm_world_want (const char *endorsement_key, const char *storage_root_key);
BrevetClaims *tpm_world_make_claims (const char *token, const char *endorsement_key, const char *storage_root_key);

/* One request, as the service handles it: with what is remembered, and remembering what is to be. */
BrevetVerdict *tpm_world_ask (TpmWorld *world, const char *token, const char *endorsement_key, const char *storage_root_key,
                              GError **error);

const char *tpm_world_get_blob (BrevetVerdict *verdict);

/* The device shows its keys; returns the identity key that its TPM finds in the answer. */
BrevetSecret *tpm_world_challenge (TpmWorld *world);

char *tpm_world_sign (BrevetSecret *key);

void tpm_world_assert_rejected (TpmWorld *world, const char *token, const char *endorsement_key, const char *storage_root_key,
                                const char *reason);

/* Returns: the key for the hub, which the TPM finds in the second blob */
BrevetSecret *tpm_world_assert_accepted (TpmWorld *world, BrevetSecret *key, gboolean shows_keys);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TpmWorld, tpm_world_clear)

G_END_DECLS
