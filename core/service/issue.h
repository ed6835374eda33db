/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-csr.h"
#include "records-ca.h"
#include "records.h"
#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetIssueWaitsFunc:
 *
 * The issuance has to wait for a certificate authority that takes its time. Called at most once.
 */
typedef void (*BrevetIssueWaitsFunc) (gpointer user_data);

/**
 * brevet_issue_async:
 * @authority: (nullable): what the name in @intent stands for now, if somebody has looked already
 * @intent: (transfer full): the journal entry, which is durable already
 * @csr: the verified CSR of @intent
 * @resumed: %TRUE if an earlier process may have asked the CA
 * @waits: see there; with @user_data
 *
 * Fourth stage: has a CA sign, once (protocol/ca-backends.md §8.4). Asks again after retryable errors with full jitter, polls
 * pending requests, and settles ambiguity: the same idempotency key where the CA honours it, else find. Turns to the standby while
 * the CA is down or needs an operator, but only when it is certain that there is nothing issued, or after `ambiguity-patience`.
 * Everything that a restart must know goes into the journal first.
 */
void brevet_issue_async (BrevetServiceContext *context, BrevetAuthority *authority, BrevetIntent *intent, BrevetCsr *csr,
                         gboolean resumed, BrevetIssueWaitsFunc waits, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_issue_finish:
 * @orphan: (out) (optional) (nullable): an attempt whose result nobody knows, to be written in the batch that ends the operation
 *
 * Returns: (transfer full) (nullable): the certificate, which has passed the core's checks and is not in the inventory yet; %NULL
 *   with %BREVET_CA_ERROR
 */
BrevetInventoryEntry *brevet_issue_finish (GAsyncResult *result, BrevetOrphan **orphan, GError **error);

G_END_DECLS
