/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-verifier.h"

G_BEGIN_DECLS

/**
 * BrevetTpmVerifier:
 *
 * Challenges a device with a key that only the TPM of its enrollment can open, and judges tokens signed with it (protocol/dps.md
 * §6). Settings: see README.md.
 */
#define BREVET_TYPE_TPM_VERIFIER (brevet_tpm_verifier_get_type ())
G_DECLARE_FINAL_TYPE (BrevetTpmVerifier, brevet_tpm_verifier, BREVET, TPM_VERIFIER, BrevetPlugin)

G_END_DECLS
