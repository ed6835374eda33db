/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-verifier.h"

G_BEGIN_DECLS

/**
 * BrevetX509Verifier:
 *
 * Judges the certificates that a device has presented in its TLS handshake against those of an enrollment (protocol/dps.md §7). No
 * settings.
 */
#define BREVET_TYPE_X509_VERIFIER (brevet_x509_verifier_get_type ())
G_DECLARE_FINAL_TYPE (BrevetX509Verifier, brevet_x509_verifier, BREVET, X509_VERIFIER, BrevetPlugin)

G_END_DECLS
