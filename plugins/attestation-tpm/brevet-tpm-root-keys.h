/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-tpm-handles.h"
#include "brevet-tpm-key.h"

G_BEGIN_DECLS

/**
 * BrevetTpmRootKeys:
 * @endorsement: the endorsement key, by which the TPM is known
 * @storage: the storage root key, under which other keys come into the TPM
 * @has_endorsement: whether the first was found
 * @has_storage: whether the second was found
 *
 * The two keys that a device with a TPM proves itself with (protocol/dps.md §6.1).
 */
typedef struct {
  BrevetTpmKey endorsement;
  BrevetTpmKey storage;
  gboolean     has_endorsement;
  gboolean     has_storage;
} BrevetTpmRootKeys;

/**
 * BrevetTpmPlaces:
 * @endorsement_key: where the endorsement key is looked for first, and put if there is none
 * @storage_root_key: the same for the storage root key
 * @identity_key: the same for the key that comes from the service
 */
typedef struct {
  TPM2_HANDLE endorsement_key;
  TPM2_HANDLE storage_root_key;
  TPM2_HANDLE identity_key;
} BrevetTpmPlaces;

/**
 * brevet_tpm_root_keys_find:
 * @create: whether to make those that are not there
 * @keys: (out): what was found or made
 *
 * Looks for persistent keys that are like the standard templates: the remembered ones, else whatever is at the standard handle,
 * else anywhere else. What was remembered and is another key now is warned of. A key that is made is put at the standard handle,
 * or the next free one; nothing that is there is touched.
 */
gboolean brevet_tpm_root_keys_find (BrevetTpm *tpm, const BrevetTpmPlaces *places, BrevetTpmHandles *handles, gboolean create,
                                    BrevetTpmRootKeys *keys, GError **error);

/**
 * brevet_tpm_public_to_bytes:
 *
 * Returns: (transfer full): the TPM2B_PUBLIC, as services want it
 */
GBytes *brevet_tpm_public_to_bytes (const TPM2B_PUBLIC *public_area);

G_END_DECLS
