/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-csr.h"
#include "records.h"
#include "service-context.h"

G_BEGIN_DECLS

/**
 * brevet_issue_async:
 * @intent: (transfer full): the journal entry, which is durable already
 * @csr: the verified CSR of @intent
 * @resumed: %TRUE if an earlier process may have asked the CA
 *
 * Fourth stage: has the CA sign, once (protocol/ca-backends.md §8.4). Asks again after retryable errors with full jitter, polls
 * pending requests, and settles ambiguity: the same idempotency key where the CA honours it, else find, else a new attempt.
 * Everything that a restart must know goes into the journal first.
 */
void brevet_issue_async (BrevetServiceContext *context, BrevetIntent *intent, BrevetCsr *csr, gboolean resumed,
                         GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_issue_finish:
 *
 * Returns: (transfer full) (nullable): the certificate, which has passed the core's checks and is not in the inventory yet; %NULL
 *   with %BREVET_CA_ERROR
 */
BrevetInventoryEntry *brevet_issue_finish (GAsyncResult *result, GError **error);

G_END_DECLS
