/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-attestation.h"
#include "brevet-chain.h"
#include "brevet-secret.h"
#include "brevet-tpm-public-area.h"

G_BEGIN_DECLS

/**
 * BrevetTpmEnrollment:
 * @endorsement: the endorsement key
 * @endorsement_text: the same in base64
 * @storage_root_text: (nullable): what the operator wrote down as the storage root key; what the device names counts more
 * @certificate: (nullable): the certificate of the endorsement key, with issuers if there are some
 * @hub_secret: from which the key of the device for its hub is derived
 *
 * The parameters of an enrollment, read. Plain data.
 */
typedef struct {
  BrevetTpmPublicArea *endorsement;
  char *endorsement_text;
  char *storage_root_text;
  BrevetChain *certificate;
  BrevetSecret *hub_secret;
} BrevetTpmEnrollment;

/* See brevet_verifier_prepare(), brevet_verifier_describe() and brevet_verifier_reveal(). */
JsonObject *brevet_tpm_enrollment_prepare (BrevetAttestation *wanted, BrevetAttestation *stored, GError **error);
JsonObject *brevet_tpm_enrollment_describe (BrevetAttestation *stored);
JsonObject *brevet_tpm_enrollment_reveal (BrevetAttestation *stored);

/**
 * brevet_tpm_enrollment_load:
 *
 * Returns: (transfer full) (nullable): the parameters, or %NULL with %BREVET_ERROR_CORRUPT
 */
BrevetTpmEnrollment *brevet_tpm_enrollment_load (BrevetAttestation *stored, GError **error);

/**
 * brevet_tpm_enrollment_derive_hub_key:
 *
 * Returns: (transfer full): the key that the device and its hub have in common; always the same for one TPM in one enrollment
 */
BrevetSecret *brevet_tpm_enrollment_derive_hub_key (BrevetTpmEnrollment *self);

void brevet_tpm_enrollment_free (BrevetTpmEnrollment *self);

/**
 * brevet_tpm_endorsement_certificate_parse:
 * @text: PEM with the certificate first, or one certificate as base64 of its DER
 *
 * Returns: (transfer full) (nullable): certificate and issuers, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetChain *brevet_tpm_endorsement_certificate_parse (const char *text, GError **error);

/**
 * brevet_tpm_endorsement_certificate_has_key:
 *
 * Returns: %TRUE if @certificate is for exactly this key
 */
gboolean brevet_tpm_endorsement_certificate_has_key (BrevetCertificate *certificate, BrevetTpmPublicArea *endorsement);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTpmEnrollment, brevet_tpm_enrollment_free)

G_END_DECLS
