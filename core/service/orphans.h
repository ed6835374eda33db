/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-chores.h"

G_BEGIN_DECLS

/**
 * BREVET_CHORE_ORPHANS:
 *
 * Name of the job that looks for what certificate authorities may have issued for attempts that were given up: to be poked by
 * whoever has stored a #BrevetOrphan.
 */
#define BREVET_CHORE_ORPHANS "orphans"

/**
 * brevet_orphans_add:
 *
 * Adds the job. What it finds enters the inventory as refused, and is to be revoked from then on: nobody waits for it any more.
 */
void brevet_orphans_add (BrevetServiceChores *chores);

G_END_DECLS
