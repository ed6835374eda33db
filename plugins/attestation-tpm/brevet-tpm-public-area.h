/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * BrevetTpmPublicArea:
 * @bytes: the marshalled TPM2B_PUBLIC
 * @name: what the TPM calls this key: algorithm and digest of its public area
 * @modulus: of the RSA key, big-endian
 * @symmetric_bits: length of the AES keys with which it protects what is below it
 *
 * The public half of a key that keeps others: an endorsement key or a storage root key, checked so far that a secret may be
 * encrypted to it. Plain data.
 */
typedef struct {
  GBytes *bytes;
  GBytes *name;
  GBytes *modulus;
  guint symmetric_bits;
} BrevetTpmPublicArea;

/**
 * brevet_tpm_public_area_parse:
 * @bytes: exactly one TPM2B_PUBLIC, as a TPM marshals it
 *
 * Accepts RSA of 2048 or 3072 bits, with SHA-256 for names and AES in CFB mode, restricted to decryption and not to be moved out of
 * its TPM (protocol/dps.md §6.5).
 *
 * Returns: (transfer full) (nullable): the public area, or %NULL with %BREVET_ERROR_INVALID: a clause that says what is wrong with
 *   “the key”
 */
BrevetTpmPublicArea *brevet_tpm_public_area_parse (GBytes *bytes, GError **error);

/**
 * brevet_tpm_public_area_parse_base64:
 * @text: standard base64 with padding, nothing else
 *
 * Returns: (transfer full) (nullable): as brevet_tpm_public_area_parse()
 */
BrevetTpmPublicArea *brevet_tpm_public_area_parse_base64 (const char *text, GError **error);

/**
 * brevet_tpm_base64_decode:
 * @text: standard base64 with padding; white space at both ends is ignored
 *
 * Returns: (transfer full) (nullable): the bytes; %NULL if @text is something else, or empty
 */
GBytes *brevet_tpm_base64_decode (const char *text);

void brevet_tpm_public_area_free (BrevetTpmPublicArea *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTpmPublicArea, brevet_tpm_public_area_free)

G_END_DECLS
