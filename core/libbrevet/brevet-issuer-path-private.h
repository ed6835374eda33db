/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/*
 * BrevetIssuerPaths:
 *
 * The paths from issuing CAs to trusted roots that have been verified already. A path is verified once for the same certificates
 * and the same trust, and used as long as the dates of all its certificates hold; after that each leaf costs one signature
 * verification. Usable from several threads.
 */
typedef struct _BrevetIssuerPaths BrevetIssuerPaths;

BrevetIssuerPaths *brevet_issuer_paths_new    (void);
void               brevet_issuer_paths_free   (BrevetIssuerPaths *self);
gboolean           brevet_issuer_paths_verify (BrevetIssuerPaths *self, BrevetChain *chain, BrevetTrustBundle *trust, gint64 now,
                                               GError **error);

G_END_DECLS
