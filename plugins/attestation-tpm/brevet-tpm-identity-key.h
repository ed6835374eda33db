/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-tpm-challenge.h"
#include "brevet-tpm-root-keys.h"

G_BEGIN_DECLS

#define BREVET_TPM_USE_REGISTRATION "registration"
#define BREVET_TPM_USE_HUB "hub"

/**
 * brevet_tpm_identity_key_install:
 * @roots: both root keys
 * @use: what the service gives the key for
 * @key: (out): the key in the TPM
 *
 * Brings the key of a challenge into the TPM, and keeps it there in place of the one before. Only a key that came by the same way
 * is replaced; where another lives at the handle, the next free one is taken. A key that is there already is used as it is.
 */
gboolean brevet_tpm_identity_key_install (BrevetTpm *tpm, const BrevetTpmRootKeys *roots, TPM2_HANDLE standard,
                                          BrevetTpmHandles *handles, const BrevetTpmChallenge *challenge, const char *use,
                                          BrevetTpmKey *key, GError **error);

/**
 * brevet_tpm_identity_key_find:
 * @key: (out): the key, if there is one
 * @found: (out): whether there is one
 */
gboolean brevet_tpm_identity_key_find (BrevetTpm *tpm, TPM2_HANDLE standard, BrevetTpmHandles *handles, BrevetTpmKey *key,
                                       gboolean *found, GError **error);

/**
 * brevet_tpm_identity_key_get_use:
 *
 * Returns: (nullable) (transfer none): what the service gave the key for; %NULL if that is not known
 */
const char *brevet_tpm_identity_key_get_use (BrevetTpmHandles *handles, const BrevetTpmKey *key);

/**
 * brevet_tpm_hmac:
 * @key: an HMAC key
 * @data: what to sign, of any length
 *
 * Returns: (transfer full) (nullable): HMAC-SHA256, computed by the TPM
 */
GBytes *brevet_tpm_hmac (BrevetTpm *tpm, const BrevetTpmKey *key, GBytes *data, GError **error);

G_END_DECLS
