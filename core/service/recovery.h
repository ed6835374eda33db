/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"
#include "service-limits.h"
#include "waiters.h"

G_BEGIN_DECLS

/**
 * brevet_recovery_run:
 *
 * Takes up every issuance that the journal holds from before a restart, in the background on the caller's thread-default main
 * context. Before listeners start; may wait for a disk.
 *
 * Returns: number of issuances taken up, or -1 with an error if the journal cannot be read; a single damaged entry is logged and
 *   left where it is
 */
int brevet_recovery_run (BrevetServiceContext *context, BrevetLimits *limits, BrevetWaiters *waiters, GError **error);

G_END_DECLS
