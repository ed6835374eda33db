/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-csr.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/**
 * brevet_ceremony_load_root:
 * @path: file with one certificate
 * @now: seconds since 1970-01-01 UTC
 *
 * Returns: (transfer full) (nullable): a certificate that may be a root: signed by itself, CA:TRUE, may sign certificates, valid,
 *   strong; %NULL with an error
 */
BrevetCertificate *brevet_ceremony_load_root (const char *path, gint64 now, GError **error);

/**
 * brevet_ceremony_load_chain:
 * @path: file with the issuing certificate and its issuers up to the root
 * @spki_sha256: of the key that the issuing certificate must be for
 * @now: seconds since 1970-01-01 UTC
 *
 * Verifies everything that can be wrong with what came back from the root's host, whoever signed it.
 *
 * Returns: (transfer full) (nullable): the chain with its root at the end; %NULL with an error
 */
BrevetChain *brevet_ceremony_load_chain (const char *path, const char *spki_sha256, gint64 now, GError **error);

/**
 * brevet_ceremony_load_csr:
 *
 * Returns: (transfer full) (nullable): the request of a CA, with a key of any kind that brevet makes; %NULL with an error
 */
BrevetCsr *brevet_ceremony_load_csr (const char *path, GError **error);

/**
 * brevet_ceremony_parse_csr:
 * @name: what errors call it
 */
BrevetCsr *brevet_ceremony_parse_csr (GBytes *der, const char *name, GError **error);

/**
 * brevet_ceremony_check_fingerprint:
 * @expected: SHA-256 in any usual spelling
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED that shows both
 */
gboolean brevet_ceremony_check_fingerprint (BrevetCertificate *certificate, const char *expected, GError **error);

G_END_DECLS
