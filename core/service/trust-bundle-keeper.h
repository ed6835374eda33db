/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-chores.h"

G_BEGIN_DECLS

/* The job that keeps trust bundles up with the certificate authorities that they name. Poked when one of either was changed. */

#define BREVET_CHORE_TRUST_BUNDLES "trust-bundles"

/**
 * brevet_trust_bundle_keeper_add:
 *
 * Adds the job.
 */
void brevet_trust_bundle_keeper_add (BrevetServiceChores *chores);

G_END_DECLS
