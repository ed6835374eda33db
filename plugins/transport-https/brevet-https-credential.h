/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-key.h"

G_BEGIN_DECLS

/**
 * brevet_https_credential_new:
 * @chain: certificates, leaf first
 * @key: (nullable): private key of the leaf
 *
 * Returns: (transfer full) (nullable): the form in which the TLS library of libsoup wants them; %NULL with
 *   %BREVET_ERROR_NOT_CONFIGURED
 */
GTlsCertificate *brevet_https_credential_new (BrevetChain *chain, BrevetKey *key, GError **error);

G_END_DECLS
