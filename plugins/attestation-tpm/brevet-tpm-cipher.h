/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"

G_BEGIN_DECLS

/* The operations of cryptography with which a secret is wrapped for a TPM (TPM 2.0 library specification, part 1), in software. */

#define BREVET_TPM_DIGEST_SIZE 32

/**
 * brevet_tpm_cipher_init:
 *
 * Prepares libgcrypt, once per process; a program that has done so before is left alone.
 *
 * Returns: %FALSE with %BREVET_ERROR_FAILED if the library is too old or cannot be used
 */
gboolean brevet_tpm_cipher_init (GError **error);

/**
 * brevet_tpm_sha256:
 * @first: hashed first
 * @second: (nullable): hashed behind it
 * @digest: (out caller-allocates): SHA-256 of both
 */
void brevet_tpm_sha256 (gconstpointer first, gsize first_length, gconstpointer second, gsize second_length,
                        guint8 digest[BREVET_TPM_DIGEST_SIZE]);

/**
 * brevet_tpm_cipher_hmac:
 * @digest: (out caller-allocates): HMAC-SHA256 of @first and @second together
 */
void brevet_tpm_cipher_hmac (BrevetSecret *key, GBytes *first, GBytes *second, guint8 digest[BREVET_TPM_DIGEST_SIZE]);

/**
 * brevet_tpm_kdfa:
 * @key: what is derived from
 * @label: text; its trailing zero byte belongs to it
 * @context: (nullable): what the key is bound to
 * @bits: at most 256
 *
 * KDFa with SHA-256.
 *
 * Returns: (transfer full): the derived key
 */
BrevetSecret *brevet_tpm_kdfa (BrevetSecret *key, const char *label, GBytes *context, guint bits);

/**
 * brevet_tpm_encrypt_cfb:
 * @key: of 16, 24 or 32 bytes
 * @data: (inout) (array length=length): is encrypted where it stands
 *
 * AES in CFB mode with feedback of whole blocks, from an initialisation vector of zeros.
 */
gboolean brevet_tpm_encrypt_cfb (BrevetSecret *key, guint8 *data, gsize length, GError **error);

/**
 * brevet_tpm_encrypt_oaep:
 * @modulus: of an RSA key, big-endian
 * @label: text; its trailing zero byte belongs to it
 *
 * RSA-OAEP with SHA-256 for both hashes, and the exponent 65537.
 *
 * Returns: (transfer full) (nullable): as many bytes as @modulus has
 */
GBytes *brevet_tpm_encrypt_oaep (GBytes *modulus, BrevetSecret *secret, const char *label, GError **error);

G_END_DECLS
