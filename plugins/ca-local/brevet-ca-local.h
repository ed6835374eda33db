/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-backend.h"

G_BEGIN_DECLS

/*
 * BrevetCaLocal:
 *
 * Signs certificates with a key of this machine. See README.md for its settings.
 */
#define BREVET_TYPE_CA_LOCAL (brevet_ca_local_get_type ())
G_DECLARE_FINAL_TYPE (BrevetCaLocal, brevet_ca_local, BREVET, CA_LOCAL, BrevetPlugin)

G_END_DECLS
