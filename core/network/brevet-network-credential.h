/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-key.h"

G_BEGIN_DECLS

/**
 * brevet_network_credential_new:
 * @chain: certificates, leaf first
 * @key: (nullable): private key of the leaf; in memory or behind a PKCS#11 URI
 *
 * Returns: (transfer full) (nullable): the form in which GIO's TLS wants them; %NULL with %BREVET_ERROR_NOT_CONFIGURED
 */
BREVET_API
GTlsCertificate *brevet_network_credential_new (BrevetChain *chain, BrevetKey *key, GError **error);

G_END_DECLS
