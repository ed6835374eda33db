/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"

G_BEGIN_DECLS

/**
 * BrevetX509Prover:
 *
 * Presents the device's onboarding certificate, with its intermediates, in the TLS handshake. Settings: see README.md.
 */
#define BREVET_TYPE_X509_PROVER (brevet_x509_prover_get_type ())
G_DECLARE_FINAL_TYPE (BrevetX509Prover, brevet_x509_prover, BREVET, X509_PROVER, BrevetPlugin)

G_END_DECLS
