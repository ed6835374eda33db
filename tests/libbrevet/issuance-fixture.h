/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "x509-world.h"

#include <gnutls/x509.h>

G_BEGIN_DECLS

/* What the tests of the issuance check share: a request, and leaves that are good but for one thing. */

typedef void (*IssuanceSpoil) (gnutls_x509_crt_t crt);

BrevetCaRequest *issuance_make_request (X509World *world);

/* Both times are relative to the world's. */
void issuance_set_dates (gnutls_x509_crt_t crt, gint64 not_before, gint64 not_after);

/**
 * issuance_make_leaf:
 * @spoil: (nullable): makes a good leaf bad, before it is signed
 * @digest: 0 for the one that fits the issuer's key
 */
BrevetCertificate *issuance_make_leaf (X509World *world, IssuanceSpoil spoil, BrevetCertificate *issuer, BrevetKey *issuer_key,
                                       gnutls_digest_algorithm_t digest);

BrevetChain *issuance_run_check (BrevetIssuanceCheck *check, BrevetCaRequest *request, BrevetChain *chain, BrevetTrustBundle *trust,
                                 gint64 now, GError **error);

void issuance_assert_refused (BrevetChain *checked, GError *error, const char *says);

G_END_DECLS
