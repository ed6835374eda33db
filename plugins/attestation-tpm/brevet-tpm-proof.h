/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-evidence.h"
#include "brevet-secret.h"
#include "brevet-tpm-root-keys.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetTpmProof:
 * @handles_path: (nullable): where handles are remembered
 * @places: where keys are looked for and put
 * @owner: (nullable): authorisation of the owner
 * @endorsement: (nullable): that of the endorsement hierarchy
 * @shows_certificate: whether the TPM's certificate is shown
 * @refusal: (nullable): an authorisation that was refused and must not be tried again
 *
 * How a device proves itself with its TPM. One thread at a time has it, the one that has the TPM.
 */
typedef struct {
  char           *handles_path;
  BrevetTpmPlaces places;
  BrevetSecret   *owner;
  BrevetSecret   *endorsement;
  gboolean        shows_certificate;
  GError         *refusal;
} BrevetTpmProof;

/**
 * BrevetTpmProofRequest:
 * @resource: what the token is for; not encoded
 * @expiry: of the token, seconds since 1970-01-01 UTC
 * @challenge: (nullable): `authenticationKey` of the service
 * @use: what the key in it is for
 */
typedef struct {
  char       *resource;
  gint64      expiry;
  char       *challenge;
  const char *use;
} BrevetTpmProofRequest;

void brevet_tpm_proof_request_free (BrevetTpmProofRequest *self);

void brevet_tpm_proof_clear (BrevetTpmProof *self);

/**
 * brevet_tpm_proof_make:
 *
 * Returns: (transfer full) (nullable): the keys of the TPM, and a token if there is a challenge
 */
BrevetEvidence *brevet_tpm_proof_make (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmProofRequest *request, GError **error);

/**
 * brevet_tpm_proof_accept:
 *
 * Takes the key in the challenge of @request, and signs nothing.
 */
gboolean brevet_tpm_proof_accept (BrevetTpmProof *self, BrevetTpm *tpm, const BrevetTpmProofRequest *request, GError **error);

/**
 * brevet_tpm_proof_describe:
 *
 * Returns: (transfer full) (nullable): see brevet_tpm_describe()
 */
JsonObject *brevet_tpm_proof_describe (BrevetTpmProof *self, BrevetTpm *tpm, GError **error);

G_END_DECLS
