/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <tss2/tss2_tpm2_types.h>

G_BEGIN_DECLS

/**
 * BrevetTpmChallenge:
 * @credential: the inner key, readable only by a TPM with the right endorsement key and storage root key
 * @credential_secret: what it is wrapped with, encrypted to the endorsement key
 * @duplicate: the key that the service gives to the device, wrapped
 * @duplicate_seed: what that is wrapped with, encrypted to the storage root key
 * @public_area: its public half
 * @name: its Name
 *
 * What a service sends as `authenticationKey` (protocol/dps.md §6.3), taken apart. Plain data.
 */
typedef struct {
  TPM2B_ID_OBJECT        credential;
  TPM2B_ENCRYPTED_SECRET credential_secret;
  TPM2B_PRIVATE          duplicate;
  TPM2B_ENCRYPTED_SECRET duplicate_seed;
  TPM2B_PUBLIC           public_area;
  TPM2B_NAME             name;
} BrevetTpmChallenge;

/**
 * brevet_tpm_challenge_parse:
 * @base64: the text of the member
 * @self: (out): the parts
 *
 * Takes it apart and looks whether the key is one for signing tokens that a TPM would take. What stands behind the parts is not
 * looked at, as other devices do not.
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED
 */
gboolean brevet_tpm_challenge_parse (const char *base64, BrevetTpmChallenge *self, GError **error);

/**
 * brevet_tpm_challenge_is_such_key:
 *
 * Returns: %TRUE if @public_area is that of a key as services give it to devices
 */
gboolean brevet_tpm_challenge_is_such_key (const TPM2B_PUBLIC *public_area);

G_END_DECLS
