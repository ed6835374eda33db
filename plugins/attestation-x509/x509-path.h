/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"

G_BEGIN_DECLS

/**
 * X509Anchor:
 * @certificate: certificate of an issuer that a group trusts: a root or an intermediate
 * @noun: what messages call it: `group's primary signing certificate`
 */
typedef struct {
  BrevetCertificate *certificate;
  char              *noun;
} X509Anchor;

X509Anchor *x509_anchor_new  (BrevetCertificate *certificate, const char *noun);
void        x509_anchor_free (X509Anchor *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509Anchor, x509_anchor_free)

/**
 * x509_path_find:
 * @chain: what the peer presented
 * @anchors: (element-type X509Anchor): what a path may end at
 * @now: seconds since 1970-01-01 UTC
 *
 * Looks for a path of true signatures from the leaf to an anchor on which everything else is right too: dates, issuers, path
 * lengths, purposes, algorithms, name constraints (RFC 5280 §6). The anchor need not be a root; what is above it does not count.
 *
 * Returns: (transfer none) (nullable): the anchor; %NULL with %BREVET_ERROR_NOT_FOUND if no path leads to one, with
 *   %BREVET_ERROR_REJECTED if one does, and what is wrong with it
 */
const X509Anchor *x509_path_find (BrevetChain *chain, GPtrArray *anchors, gint64 now, GError **error);

G_END_DECLS
