/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* The member `issuedCertificateChain` of newer dialects (protocol/dps.md §2.6): base64 of DER, the issued certificate first. */

/**
 * brevet_issued_chain_to_json:
 * @pem: the issued certificate with its intermediates
 * @trust_bundle: (nullable): where its root may be found, as the device API shows it; a chain is complete only with that
 *
 * Returns: (transfer full) (nullable): the chain, or %NULL if @pem cannot be read
 */
JsonArray *brevet_issued_chain_to_json (const char *pem, JsonObject *trust_bundle);

/**
 * brevet_issued_chain_to_pem:
 * @chain: at least one item
 *
 * Returns: (transfer full) (nullable): the issued certificate with its intermediates, without the root, or %NULL with
 *   %BREVET_ERROR_INVALID
 */
char *brevet_issued_chain_to_pem (char **chain, GError **error);

G_END_DECLS
