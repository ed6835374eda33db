/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"

G_BEGIN_DECLS

/**
 * SoftwareTpm:
 *
 * As much of a TPM as attestation uses: two RSA keys of its own, and how a blob is opened with them. Written after the
 * specification and not after the code that makes blobs.
 */
typedef struct _SoftwareTpm SoftwareTpm;

/* With keys that libgcrypt makes now, or with an SRK that protects what is below it with AES of @storage_bits. */
SoftwareTpm *software_tpm_new (guint storage_bits);

void software_tpm_free (SoftwareTpm *self);

/* TPM2B_PUBLIC in base64. */
const char *software_tpm_get_endorsement_key (SoftwareTpm *self);
const char *software_tpm_get_storage_root_key (SoftwareTpm *self);

/* The modulus of the endorsement key, big-endian. */
GBytes *software_tpm_get_endorsement_modulus (SoftwareTpm *self);

/* What an owner does: the endorsement key stays, the storage root key becomes another one. */
void software_tpm_clear (SoftwareTpm *self);

/**
 * software_tpm_open:
 * @blob: base64
 *
 * ActivateCredential, Import and Load. Fails the test if the blob does not have the form that clients expect.
 *
 * Returns: (transfer full) (nullable): the key in it; %NULL if the blob is for another TPM
 */
BrevetSecret *software_tpm_open (SoftwareTpm *self, const char *blob);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SoftwareTpm, software_tpm_free)

G_END_DECLS
