/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"

G_BEGIN_DECLS

/* The steps of protocol/dps.md §6.5, in its order. Whatever is random is an argument: the same input gives the same bytes. */

/**
 * brevet_tpm_wrap_public:
 * @seed_value: 32 random bytes
 * @key: at most 64 bytes
 * @name: (out) (transfer full): what the TPM will call the key
 *
 * b. The public area of a key that signs with HMAC-SHA256.
 *
 * Returns: (transfer full) (nullable): TPM2B_PUBLIC, part 5 of the blob
 */
GBytes *brevet_tpm_wrap_public (BrevetSecret *seed_value, BrevetSecret *key, GBytes **name, GError **error);

/**
 * brevet_tpm_wrap_inner:
 * @inner: 16 random bytes
 * @name: of the key
 *
 * d, e. The sensitive area of the key, encrypted with @inner.
 *
 * Returns: (transfer full) (nullable): the ciphertext
 */
GBytes *brevet_tpm_wrap_inner (BrevetSecret *inner, BrevetSecret *seed_value, BrevetSecret *key, GBytes *name, GError **error);

/**
 * brevet_tpm_wrap_outer:
 * @seed: 32 random bytes, which the storage root key decrypts
 * @bits: length of AES keys below the storage root key
 * @name: of the key
 *
 * f. What brevet_tpm_wrap_inner() made, encrypted once more for the storage root key.
 *
 * Returns: (transfer full) (nullable): TPM2B_PRIVATE, part 3 of the blob
 */
GBytes *brevet_tpm_wrap_outer (BrevetSecret *seed, guint bits, GBytes *wrapped, GBytes *name, GError **error);

/**
 * brevet_tpm_wrap_credential:
 * @seed: 32 random bytes, which the endorsement key decrypts
 * @bits: length of AES keys below the endorsement key
 * @storage_name: name of the storage root key, for which alone the TPM will release @inner
 *
 * g. @inner as a credential.
 *
 * Returns: (transfer full) (nullable): TPM2B_ID_OBJECT, part 1 of the blob
 */
GBytes *brevet_tpm_wrap_credential (BrevetSecret *seed, guint bits, BrevetSecret *inner, GBytes *storage_name, GError **error);

/**
 * brevet_tpm_wrap_text:
 * @text: (nullable): of any content; clients skip it
 *
 * h. Size and @text, encrypted with @inner.
 *
 * Returns: (transfer full) (nullable): part 6 of the blob
 */
GBytes *brevet_tpm_wrap_text (BrevetSecret *inner, const char *text, GError **error);

G_END_DECLS
