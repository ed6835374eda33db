/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"
#include "brevet-settings.h"

G_BEGIN_DECLS

/**
 * BREVET_SAS_GRACE:
 *
 * Seconds for which an expired token is still accepted (protocol/dps.md §9).
 */
#define BREVET_SAS_GRACE 300

/**
 * BREVET_SAS_TOKEN_MAX_SIZE:
 *
 * Longest token that is looked at, in bytes.
 */
#define BREVET_SAS_TOKEN_MAX_SIZE 4096

/**
 * BrevetSasToken:
 * @raw_resource: `sr` exactly as it stands in the token: what is signed
 * @resource: `sr` percent-decoded, without a trailing slash
 * @signature: decoded signature
 * @expiry_text: `se` exactly as it stands in the token
 * @expiry: `se`, seconds since 1970-01-01 UTC
 * @key_name: (nullable): `skn` decoded; %NULL if absent, may be empty
 *
 * A shared access signature, taken apart.
 */
typedef struct {
  char *raw_resource;
  char *resource;
  GBytes *signature;
  char *expiry_text;
  gint64 expiry;
  char *key_name;
} BrevetSasToken;

/**
 * brevet_sas_token_parse:
 * @text: `SharedAccessSignature sr=…&sig=…&se=…[&skn=…]`; fields in any order, names and scheme without case, unknown fields
 *   ignored, a field that occurs twice refused
 *
 * Returns: (transfer full) (nullable): the token, or %NULL with %BREVET_ERROR_INVALID; the message never repeats the signature
 */
BrevetSasToken *brevet_sas_token_parse (const char *text, GError **error);

void brevet_sas_token_free (BrevetSasToken *self);

/**
 * brevet_sas_token_is_expired:
 * @now: seconds since 1970-01-01 UTC
 *
 * Returns: %TRUE if the expiry and %BREVET_SAS_GRACE have passed
 */
gboolean brevet_sas_token_is_expired (const BrevetSasToken *self, gint64 now);

/**
 * brevet_sas_token_verify:
 * @key: the decoded symmetric key
 *
 * Computes HMAC-SHA256 over raw resource, line feed and expiry, and compares in constant time. Looks at nothing else.
 */
gboolean brevet_sas_token_verify (const BrevetSasToken *self, BrevetSecret *key);

/**
 * brevet_sas_token_is_for_device:
 *
 * Returns: %TRUE if the resource is `{idScope}/registrations/{registrationId}`, without case, and the key name is `registration`,
 *   empty or absent
 */
gboolean brevet_sas_token_is_for_device (const BrevetSasToken *self, const char *id_scope, const char *registration_id);

/**
 * brevet_sas_token_parse_for_device:
 * @text: a token as received
 * @now: seconds since 1970-01-01 UTC
 *
 * Reads a token and checks everything but its signature: whom it is for, what its key is called, and until when it is good.
 *
 * Returns: (transfer full) (nullable): the token, or %NULL with %BREVET_ERROR_REJECTED and a reason for the operator, which never
 *   repeats the signature
 */
BrevetSasToken *brevet_sas_token_parse_for_device (const char *text, const char *id_scope, const char *registration_id, gint64 now,
                                                   GError **error);

/**
 * brevet_sas_token_is_for_host:
 * @host: host name of the service
 * @path: path of the request
 *
 * Returns: %TRUE if the resource is the host, or host and a prefix of @path by whole segments, without case
 */
gboolean brevet_sas_token_is_for_host (const BrevetSasToken *self, const char *host, const char *path);

/**
 * brevet_sas_token_create:
 * @resource: not encoded; it is encoded once, with upper-case digits
 * @key: the decoded symmetric key
 * @expiry: seconds since 1970-01-01 UTC
 * @key_name: (nullable): `skn`, %NULL to leave it out
 *
 * Returns: (transfer full): the token; wipe it with brevet_secret_free_text()
 */
char *brevet_sas_token_create (const char *resource, BrevetSecret *key, gint64 expiry, const char *key_name);

/**
 * brevet_sas_token_get_signed_text:
 * @resource: not encoded
 * @expiry: seconds since 1970-01-01 UTC
 *
 * For keys that are not handed out, such as those in a TPM.
 *
 * Returns: (transfer full): what is to be signed, with HMAC-SHA256, for a token of brevet_sas_token_create_signed()
 */
char *brevet_sas_token_get_signed_text (const char *resource, gint64 expiry);

/**
 * brevet_sas_token_create_signed:
 * @resource: as for brevet_sas_token_get_signed_text()
 * @expiry: as for brevet_sas_token_get_signed_text()
 * @key_name: (nullable): `skn`, %NULL to leave it out
 * @signature: over that text
 *
 * Returns: (transfer full): the token; wipe it with brevet_secret_free_text()
 */
char *brevet_sas_token_create_signed (const char *resource, gint64 expiry, const char *key_name, GBytes *signature);

/**
 * brevet_sas_read_token_lifetime:
 * @settings: settings of a device's attestation
 * @seconds: (out): its key `token-lifetime`: how long the tokens that it makes are valid
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file and line
 */
gboolean brevet_sas_read_token_lifetime (BrevetSettings *settings, gint64 *seconds, GError **error);

/**
 * brevet_sas_derive_key:
 * @group_key: decoded key of an enrollment group
 * @registration_id: hashed in exactly this spelling
 *
 * Returns: (transfer full): HMAC-SHA256 (@group_key, @registration_id): the device's key (protocol/dps.md §8)
 */
BrevetSecret *brevet_sas_derive_key (BrevetSecret *group_key, const char *registration_id);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetSasToken, brevet_sas_token_free)

G_END_DECLS
