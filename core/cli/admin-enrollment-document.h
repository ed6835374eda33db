/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetAdminEnrollment:
 * @id: registration id, or id of the group
 * @is_group: whether it is a group
 * @file: (nullable): file with the whole enrollment in JSON; excludes all that follows
 * @attestation: (nullable): `symmetric-key`, `tpm` or `x509`; %NULL to see it from the members below
 * @primary_key_file: (nullable): file with a symmetric key in base64; the service makes one if there is none
 * @secondary_key_file: (nullable): the same
 * @endorsement_key: (nullable): base64 of a TPM's endorsement key
 * @storage_root_key: (nullable): base64 of a TPM's storage root key
 * @endorsement_certificate: (nullable): file with the endorsement key's certificate, PEM or DER
 * @certificate: (nullable): file with a certificate in PEM: of the device, or the one that signs those of a group
 * @secondary_certificate: (nullable): the same
 * @ca_reference: (nullable): name of a verified CA certificate, for a group
 * @secondary_ca_reference: (nullable): the same
 * @certificate_authority: (nullable): name of the certificate authority that issues for its devices
 * @standby_authority: (nullable): name of the certificate authority that issues while that one is down
 * @trust_bundle: (nullable): id of the trust bundle for its devices
 * @device_id: (nullable): name of the device at the hub
 * @hubs: (nullable): hubs to choose from
 * @disabled: its devices are refused
 *
 * An enrollment as the command line describes it. Plain data.
 */
typedef struct {
  char *id;
  gboolean is_group;
  char *file;
  char *attestation;
  char *primary_key_file;
  char *secondary_key_file;
  char *endorsement_key;
  char *storage_root_key;
  char *endorsement_certificate;
  char *certificate;
  char *secondary_certificate;
  char *ca_reference;
  char *secondary_ca_reference;
  char *certificate_authority;
  char *standby_authority;
  char *trust_bundle;
  char *device_id;
  char **hubs;
  gboolean disabled;
} BrevetAdminEnrollment;

void brevet_admin_enrollment_clear (BrevetAdminEnrollment *self);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BrevetAdminEnrollment, brevet_admin_enrollment_clear)

/**
 * brevet_admin_enrollment_check:
 *
 * Says on standard error which options do not go together.
 *
 * Returns: %FALSE if the command line is wrong
 */
gboolean brevet_admin_enrollment_check (const BrevetAdminEnrollment *self);

/**
 * brevet_admin_enrollment_make:
 *
 * Reads the files, and makes the body of the PUT (protocol/dps.md §10.5).
 *
 * Returns: (transfer full) (nullable): the enrollment; %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the file
 */
JsonObject *brevet_admin_enrollment_make (const BrevetAdminEnrollment *self, GError **error);

G_END_DECLS
