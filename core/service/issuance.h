/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-csr.h"
#include "records.h"
#include "service-context.h"
#include "service-limits.h"
#include "waiters.h"

G_BEGIN_DECLS

/**
 * brevet_issuance_run:
 * @operation: (transfer full): the operation, assigning, durable
 * @registration: (transfer full): the registration as it becomes when the certificate is there; its etag is the version in the
 *   store
 * @authority: (nullable): the certificate authority that @intent names, if somebody has looked already
 * @intent: (transfer full): the journal entry, durable
 * @csr: the verified CSR
 * @was_assigned: the device has an assignment, which stays as it is if this issuance fails
 * @resumed: %TRUE after a restart
 *
 * Runs the issue stage in the background, makes its result durable, and tells those who wait. The caller has called
 * brevet_limits_begin_operation(); this ends it.
 */
void brevet_issuance_run (BrevetServiceContext *context, BrevetLimits *limits, BrevetWaiters *waiters, BrevetOperation *operation,
                          BrevetRegistration *registration, BrevetAuthority *authority, BrevetIntent *intent, BrevetCsr *csr,
                          gboolean was_assigned, gboolean resumed);

G_END_DECLS
