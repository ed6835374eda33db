/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-request.h"
#include "records.h"

G_BEGIN_DECLS

/**
 * brevet_intent_read_csr:
 *
 * The CSR was judged when it came. What is stricter now applies to new ones: a CA may have signed this one already.
 *
 * Returns: (transfer full) (nullable): the CSR of @intent, or %NULL with an error that will be the same tomorrow
 */
BrevetCsr *brevet_intent_read_csr (const BrevetIntent *intent, GError **error);

/**
 * brevet_intent_make_request:
 * @csr: that of @intent
 * @deadline: monotonic microseconds
 *
 * Returns: (transfer full): what the CA is, or was, asked for @intent: the same question each time
 */
BrevetCaRequest *brevet_intent_make_request (const BrevetIntent *intent, BrevetCsr *csr, gint64 deadline);

G_END_DECLS
