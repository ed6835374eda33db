/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-chores.h"

G_BEGIN_DECLS

/**
 * BREVET_CHORE_REVOCATIONS:
 *
 * Name of the job that tells certificate authorities what to revoke: to be poked by whoever has stored a #BrevetPendingRevocation.
 */
#define BREVET_CHORE_REVOCATIONS "revocations"

/**
 * brevet_revocation_worker_add:
 *
 * Adds the job. It begins where the last service over the store has stopped, whatever happened to that.
 */
void brevet_revocation_worker_add (BrevetServiceChores *chores);

G_END_DECLS
