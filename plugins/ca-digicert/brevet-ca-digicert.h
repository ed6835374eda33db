/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-backend.h"

G_BEGIN_DECLS

/*
 * BrevetCaDigicert:
 *
 * Asks DigiCert ONE to sign certificates. See README.md for its settings.
 */
#define BREVET_TYPE_CA_DIGICERT (brevet_ca_digicert_get_type ())
G_DECLARE_FINAL_TYPE (BrevetCaDigicert, brevet_ca_digicert, BREVET, CA_DIGICERT, BrevetPlugin)

G_END_DECLS
