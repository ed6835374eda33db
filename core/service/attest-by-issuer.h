/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetIssuerSearch:
 *
 * Finds the enrollment groups that could speak for a device with a certificate: by the names of the issuers in its chain, the
 * nearest to the leaf first (protocol/dps.md §7.1). Groups of one name come in a fixed order: those with a signing certificate of
 * this name, then those that refer to a verified CA certificate of this name, each in the order of their ids. What a stranger can
 * cause this way is one read of an index for each different issuer, as long as nobody here knows any of them.
 */
typedef struct _BrevetIssuerSearch BrevetIssuerSearch;

/**
 * brevet_issuer_search_new:
 * @chain: what the device presents
 *
 * Returns: (transfer full): a search
 */
BrevetIssuerSearch *brevet_issuer_search_new (BrevetServiceContext *context, BrevetChain *chain);

void brevet_issuer_search_free (BrevetIssuerSearch *self);

/**
 * brevet_issuer_search_next_async:
 *
 * Looks for the next group, enabled or not. @self must live until this is answered.
 */
void brevet_issuer_search_next_async (BrevetIssuerSearch *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data);

/**
 * brevet_issuer_search_next_finish:
 *
 * Returns: (transfer full) (nullable): a group; %NULL without an error if there is no other one
 */
BrevetEnrollment *brevet_issuer_search_next_finish (GAsyncResult *result, GError **error);

/**
 * brevet_issuer_search_get_remark:
 *
 * Returns: (nullable) (transfer none): what an operator should know if no group was found: a CA certificate that is not verified
 */
const char *brevet_issuer_search_get_remark (BrevetIssuerSearch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetIssuerSearch, brevet_issuer_search_free)

G_END_DECLS
