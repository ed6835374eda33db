/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-tpm-root-keys.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_tpm_describe:
 *
 * What an operator must know to enroll the device that the TPM is in. Changes nothing in the TPM: members of keys that are not
 * there are missing.
 *
 * Returns: (transfer full) (nullable): members with strings: `endorsementKey` and `storageRootKey` as in an enrollment, the SHA-256
 *   of both (`endorsementKeySha256` …), `registrationId`, which devices with a TPM have by default, handles
 *   (`endorsementKeyHandle` …,
 *   `identityKeyHandle` with `identityKeyUse`), `endorsementCertificate` as base64 of its DER, `manufacturer`, `firmwareVersion`,
 *   `lockout` if wrong authorisations have locked the TPM, `tcti`
 */
JsonObject *brevet_tpm_describe (BrevetTpm *tpm, const BrevetTpmPlaces *places, BrevetTpmHandles *handles, GError **error);

G_END_DECLS
