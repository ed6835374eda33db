/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hub-trust.h"

G_BEGIN_DECLS

/**
 * brevet_hub_trust_add_list:
 * @signers: (element-type utf8): who has signed the lists that are there; one more of the same signer is not added
 * @listed: (element-type utf8): names of issuers that have a list
 * @authority: name of the certificate authority that gave it
 * @der: the list
 *
 * Returns: %FALSE with %BREVET_CA_ERROR_PROTOCOL if it cannot be used
 */
gboolean brevet_hub_trust_add_list (BrevetHubTrust *self, GHashTable *signers, GHashTable *listed, const char *authority,
                                    GBytes *der, GError **error);

G_END_DECLS
