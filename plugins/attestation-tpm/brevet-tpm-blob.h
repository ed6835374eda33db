/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"
#include "brevet-tpm-public-area.h"

G_BEGIN_DECLS

/**
 * brevet_tpm_blob_new:
 * @endorsement: the endorsement key of the TPM that is to open it
 * @storage_root: the storage root key below which the TPM will hold @key
 * @key: 1 to 64 bytes
 * @text: (nullable): part 6, which clients skip
 *
 * Wraps @key so that only this TPM can use it, and nobody can read it (protocol/dps.md §6.3). Every call gives other bytes.
 *
 * Returns: (transfer full) (nullable): the six structures, one behind the other
 */
GBytes *brevet_tpm_blob_new (BrevetTpmPublicArea *endorsement, BrevetTpmPublicArea *storage_root, BrevetSecret *key,
                             const char *text, GError **error);

G_END_DECLS
