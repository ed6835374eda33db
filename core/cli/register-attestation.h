/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"
#include "brevet-registry.h"

G_BEGIN_DECLS

/**
 * BrevetRegisterAttestation:
 * @symmetric_key_file: (nullable): file with the device's key
 * @group_key_file: (nullable): file with the key of its group
 * @certificate: (nullable): file or PKCS#11 URI of the device's certificate
 * @intermediates_file: (nullable): file with certificates of its issuers
 * @key: (nullable): file or PKCS#11 URI of its private key
 * @pin_file: (nullable): file with the PIN or password of @key
 * @modules: (nullable) (array zero-terminated=1): PKCS#11 modules
 * @tcti: (nullable): how to reach the TPM
 * @tpm: the TPM proves it
 *
 * How the device proves who it is, in the words of the command line. Plain data, zero before first use.
 */
typedef struct {
  char *symmetric_key_file;
  char *group_key_file;
  char *certificate;
  char *intermediates_file;
  char *key;
  char *pin_file;
  char **modules;
  char *tcti;
  gboolean tpm;
} BrevetRegisterAttestation;

void brevet_register_attestation_clear (BrevetRegisterAttestation *self);

/**
 * brevet_register_attestation_check:
 * @transport: (nullable): how the service is to be reached, if that was said
 *
 * Returns: %FALSE if the options do not say one way, and all of it; the usage error is printed
 */
gboolean brevet_register_attestation_check (const BrevetRegisterAttestation *self, const char *transport);

/**
 * brevet_register_attestation_make_prover:
 *
 * To be called before anything else uses PKCS#11.
 *
 * Returns: (transfer full) (nullable): what proves it; %NULL with an error
 */
BrevetProver *brevet_register_attestation_make_prover (const BrevetRegisterAttestation *self, BrevetRegistry *registry,
                                                       GError **error);

/**
 * brevet_register_attestation_names_device:
 *
 * Returns: %TRUE if brevet_register_attestation_dup_registration_id() can be asked
 */
gboolean brevet_register_attestation_names_device (const BrevetRegisterAttestation *self);

/**
 * brevet_register_attestation_dup_registration_id:
 *
 * Returns: (transfer full) (nullable): the registration id in the credential of @prover; %NULL with an error if there is none
 */
char *brevet_register_attestation_dup_registration_id (const BrevetRegisterAttestation *self, BrevetProver *prover, GError **error);

G_END_DECLS
