/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"
#include "brevet-secret.h"

#include <gnutls/abstract.h>

G_BEGIN_DECLS

/**
 * BrevetKey:
 *
 * A private key: in memory (from a file) or in a token (a PKCS#11 URI). Immutable, reference counted, usable from several threads.
 */
typedef struct _BrevetKey BrevetKey;

#define BREVET_TYPE_KEY (brevet_key_get_type ())

/**
 * BrevetKeyKind:
 * @BREVET_KEY_KIND_EC_P256: ECDSA on NIST P-256
 * @BREVET_KEY_KIND_EC_P384: ECDSA on NIST P-384
 * @BREVET_KEY_KIND_RSA_2048: RSA, 2048 bits
 * @BREVET_KEY_KIND_RSA_3072: RSA, 3072 bits
 * @BREVET_KEY_KIND_ED25519: EdDSA on Curve25519
 */
typedef enum {
  BREVET_KEY_KIND_EC_P256,
  BREVET_KEY_KIND_EC_P384,
  BREVET_KEY_KIND_RSA_2048,
  BREVET_KEY_KIND_RSA_3072,
  BREVET_KEY_KIND_ED25519,
} BrevetKeyKind;

BREVET_API
GType brevet_key_get_type (void);

/**
 * brevet_key_generate:
 *
 * Returns: (transfer full) (nullable): a new key in memory, or %NULL with %BREVET_ERROR_FAILED
 */
BREVET_API
BrevetKey *brevet_key_generate (BrevetKeyKind kind, GError **error);

/**
 * brevet_key_load:
 * @location: path of a PEM file (PKCS#8, SEC1 or PKCS#1), or a PKCS#11 URI
 * @password: (nullable): password of an encrypted file, or PIN of the token
 *
 * A PIN that the token refuses is tried once and never again (brevet_token_forget_refused_pins()).
 *
 * Returns: (transfer full) (nullable): the key; %NULL with %BREVET_ERROR_NOT_CONFIGURED (no such file, token or key, password or
 *   PIN, permission) or %BREVET_ERROR_UNREACHABLE (the token does not work or is gone, which may pass)
 */
BREVET_API
BrevetKey *brevet_key_load (const char *location, BrevetSecret *password, GError **error);

/**
 * brevet_key_new_from_pem:
 * @pem: an unencrypted private key
 *
 * Returns: (transfer full) (nullable): the key, or %NULL with %BREVET_ERROR_INVALID
 */
BREVET_API
BrevetKey *brevet_key_new_from_pem (const char *pem, GError **error);

/**
 * brevet_key_save:
 * @path: file to write, mode 0600, durably; an existing file is refused with %BREVET_ERROR_CONFLICT
 *
 * Writes PKCS#8 PEM. Fails with %BREVET_ERROR_UNSUPPORTED for a key in a token.
 */
BREVET_API
gboolean brevet_key_save (BrevetKey *self, const char *path, GError **error);

/**
 * brevet_key_save_encrypted:
 * @password: what the key is encrypted with (PBES2, AES-256)
 *
 * As brevet_key_save(); brevet_key_load() reads it with the password.
 */
BREVET_API
gboolean brevet_key_save_encrypted (BrevetKey *self, const char *path, BrevetSecret *password, GError **error);

/**
 * brevet_key_to_pem:
 *
 * For whoever keeps the key elsewhere than in a file of its own; brevet_key_new_from_pem() reads it back. The text is always the
 * same for the same key.
 *
 * Returns: (transfer full) (nullable): PKCS#8 PEM; %NULL with %BREVET_ERROR_UNSUPPORTED for a key in a token
 */
BREVET_API
BrevetSecret *brevet_key_to_pem (BrevetKey *self, GError **error);

/**
 * brevet_key_to_uri:
 *
 * For a library that opens the token by itself.
 *
 * Returns: (transfer full) (nullable): the PKCS#11 URI of the key with its PIN; %NULL for a key in memory
 */
BREVET_API
BrevetSecret *brevet_key_to_uri (BrevetKey *self);

BREVET_API
BrevetKey *brevet_key_ref (BrevetKey *self);

BREVET_API
void brevet_key_unref (BrevetKey *self);

/**
 * brevet_key_get_spki_sha256:
 *
 * Returns: (transfer none): SHA-256 over the DER of the public key (SubjectPublicKeyInfo), 64 lower-case hexadecimal digits
 */
BREVET_API
const char *brevet_key_get_spki_sha256 (BrevetKey *self);

/**
 * brevet_key_create_csr:
 * @common_name: the only part of the subject
 *
 * Returns: (transfer full) (nullable): a PKCS#10 request as DER, or %NULL with an error
 */
BREVET_API
GBytes *brevet_key_create_csr (BrevetKey *self, const char *common_name, GError **error);

/**
 * brevet_key_get_privkey: (skip)
 *
 * Signs from any thread. A key in a token opens the token anew when that was gone and is back. What signs with it and fails gets
 * its words from brevet_key_explain(); its public half is that of brevet_key_get_pubkey(), and cannot be had from it by GnuTLS.
 *
 * Returns: (transfer none): the key for GnuTLS; only read it
 */
BREVET_API
gnutls_privkey_t brevet_key_get_privkey (BrevetKey *self);

/**
 * brevet_key_get_pubkey: (skip)
 *
 * Returns: (transfer none): the public half for GnuTLS; only read it
 */
BREVET_API
gnutls_pubkey_t brevet_key_get_pubkey (BrevetKey *self);

/**
 * brevet_key_describe:
 *
 * Returns: (transfer full): what kind of key it is: `EC SECP256R1`, `RSA 2048`, `EdDSA (Ed25519)`
 */
BREVET_API
char *brevet_key_describe (BrevetKey *self);

/**
 * brevet_key_check:
 *
 * Signs random bytes, and verifies the signature with the public half. Blocks.
 *
 * Returns: %FALSE with an error of brevet_key_explain(); %BREVET_ERROR_CORRUPT if the halves do not belong together
 */
BREVET_API
gboolean brevet_key_check (BrevetKey *self, GError **error);

/**
 * brevet_key_explain: (skip)
 * @code: what a function of GnuTLS said that signed with the key
 * @what: what failed, as the beginning of a sentence
 *
 * Returns: (transfer full): %BREVET_ERROR_UNREACHABLE if the key's token is gone or does not work, which may pass;
 *   %BREVET_ERROR_NOT_CONFIGURED for token, PIN, label or permission; else %BREVET_ERROR_FAILED
 */
BREVET_API
GError *brevet_key_explain (BrevetKey *self, int code, const char *what);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetKey, brevet_key_unref)

G_END_DECLS
