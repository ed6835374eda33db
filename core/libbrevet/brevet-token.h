/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"
#include "brevet-key.h"

G_BEGIN_DECLS

/**
 * brevet_token_check_uri:
 * @token_uri: what somebody wrote
 *
 * Looks at the text alone: neither the token nor a module is needed.
 *
 * Returns: %TRUE if it is the PKCS#11 URI (RFC 7512) of a token; %FALSE with %BREVET_ERROR_INVALID if it is malformed, names no
 *   token, or names an object
 */
BREVET_API
gboolean brevet_token_check_uri (const char *token_uri, GError **error);

/**
 * brevet_token_generate_key:
 * @token_uri: PKCS#11 URI (RFC 7512) of a token: `pkcs11:token=devices`; parts that name an object are refused with
 *   %BREVET_ERROR_INVALID
 * @pin: (nullable): PIN of the token's user; %NULL if the URI names it, or none is needed
 * @kind: what to make
 * @label: CKA_LABEL of both halves, and CKA_ID derived from it: unique in the token, 1 to 100 of `A-Za-z0-9._-`
 *
 * Makes a private key inside the token, which it never leaves: CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, not CKA_EXTRACTABLE. Blocks;
 * call it from a thread.
 *
 * Returns: (transfer full) (nullable): the key, whose URI names token and label; %NULL with %BREVET_ERROR_NOT_CONFIGURED (no such
 *   token, PIN, permission), %BREVET_ERROR_UNSUPPORTED (the token cannot make this kind), %BREVET_ERROR_CONFLICT (the label is in
 *   use) or %BREVET_ERROR_UNREACHABLE (the token is gone, which may pass)
 */
BREVET_API
BrevetKey *brevet_token_generate_key (const char *token_uri, BrevetSecret *pin, BrevetKeyKind kind, const char *label,
                                      GError **error);

/**
 * brevet_token_delete_key:
 * @label: of a key that brevet_token_generate_key() made
 *
 * Removes both halves. That there is no such key any more is a success. Blocks; call it from a thread.
 *
 * Returns: %FALSE with an error of brevet_token_generate_key()
 */
BREVET_API
gboolean brevet_token_delete_key (const char *token_uri, BrevetSecret *pin, const char *label, GError **error);

/**
 * brevet_token_list_keys:
 * @prefix: beginning of the labels that are looked for
 *
 * Blocks; call it from a thread.
 *
 * Returns: (transfer full) (nullable): labels of the private keys in the token that begin with @prefix; %NULL with an error of
 *   brevet_token_generate_key()
 */
BREVET_API
char **brevet_token_list_keys (const char *token_uri, BrevetSecret *pin, const char *prefix, GError **error);

/**
 * brevet_token_load_certificate:
 * @uri: PKCS#11 URI of a certificate
 *
 * Without a PIN: whoever has a certificate shows it to everybody. Blocks; call it from a thread.
 *
 * Returns: (transfer full) (nullable): the certificate; %NULL with %BREVET_ERROR_NOT_CONFIGURED (no such token, no such
 *   certificate), %BREVET_ERROR_INVALID (it is none) or %BREVET_ERROR_UNREACHABLE (the token is gone, which may pass)
 */
BREVET_API
BrevetCertificate *brevet_token_load_certificate (const char *uri, GError **error);

/**
 * brevet_token_is_uri:
 *
 * Returns: whether @location, as brevet_key_load() takes it, is a PKCS#11 URI and not the path of a file
 */
BREVET_API
gboolean brevet_token_is_uri (const char *location);

/**
 * brevet_token_names_key:
 *
 * Returns: whether the PKCS#11 URI @uri names a key or another object, and not a token alone
 */
BREVET_API
gboolean brevet_token_names_key (const char *uri);

/**
 * brevet_token_strip_key:
 *
 * Returns: (transfer full): the PKCS#11 URI of the token in which the object of @uri is, with the PIN that @uri carries; wipe it
 *   with brevet_secret_free_text()
 */
BREVET_API
char *brevet_token_strip_key (const char *uri);

/**
 * brevet_token_forget_refused_pins:
 *
 * A PIN that a token has refused is never tried again, so that nobody who tries again later locks the token: not in this process,
 * and not by the next one of a systemd unit with a runtime directory, where it is kept as a keyed digest. To be called when
 * somebody may have corrected the PIN: on each reload.
 */
BREVET_API
void brevet_token_forget_refused_pins (void);

/**
 * brevet_token_allow_last_try:
 *
 * For a program that a person has called to try a PIN. All others leave a token alone that would lock itself after one wrong PIN
 * more.
 */
BREVET_API
void brevet_token_allow_last_try (void);

/**
 * brevet_token_key_uri:
 * @label: label of a key
 *
 * Returns: (transfer full): the PKCS#11 URI of the private key with this label in the token, without a PIN that @token_uri carries,
 *   as brevet_key_load() takes it
 */
BREVET_API
char *brevet_token_key_uri (const char *token_uri, const char *label);

G_END_DECLS
