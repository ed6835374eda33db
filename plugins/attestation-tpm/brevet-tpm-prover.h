/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"

G_BEGIN_DECLS

/**
 * BrevetTpmProver:
 *
 * The device's half: shows the keys by which its TPM is known, has the TPM open the service's challenge, and signs a token with
 * the key in it, which never leaves the TPM.
 */
#define BREVET_TYPE_TPM_PROVER (brevet_tpm_prover_get_type ())
G_DECLARE_FINAL_TYPE (BrevetTpmProver, brevet_tpm_prover, BREVET, TPM_PROVER, BrevetPlugin)

G_END_DECLS
