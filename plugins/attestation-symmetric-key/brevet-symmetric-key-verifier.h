/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-verifier.h"

G_BEGIN_DECLS

/**
 * BrevetSymmetricKeyVerifier:
 *
 * Judges tokens against the keys of an enrollment (protocol/dps.md §8, §9). No settings.
 */
#define BREVET_TYPE_SYMMETRIC_KEY_VERIFIER (brevet_symmetric_key_verifier_get_type ())
G_DECLARE_FINAL_TYPE (BrevetSymmetricKeyVerifier, brevet_symmetric_key_verifier, BREVET, SYMMETRIC_KEY_VERIFIER, BrevetPlugin)

G_END_DECLS
