/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"

G_BEGIN_DECLS

/**
 * BrevetSymmetricKeyProver:
 *
 * Signs tokens with the device's key, or with one derived from the key of its group. Settings: see README.md.
 */
#define BREVET_TYPE_SYMMETRIC_KEY_PROVER (brevet_symmetric_key_prover_get_type ())
G_DECLARE_FINAL_TYPE (BrevetSymmetricKeyProver, brevet_symmetric_key_prover, BREVET, SYMMETRIC_KEY_PROVER, BrevetPlugin)

G_END_DECLS
