/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"
#include "brevet-key-policy.h"

#include <gnutls/abstract.h>

G_BEGIN_DECLS

/**
 * BrevetCsr:
 *
 * A certificate signing request (PKCS#10, RFC 2986) whose proof of possession has been verified and whose key satisfies a policy:
 * there is no other way to make one. Immutable and reference counted.
 */
typedef struct _BrevetCsr BrevetCsr;

#define BREVET_TYPE_CSR (brevet_csr_get_type ())

/**
 * BREVET_CSR_MAX_SIZE:
 *
 * Longest CSR that is looked at, in bytes of DER.
 */
#define BREVET_CSR_MAX_SIZE 16384

BREVET_API
GType brevet_csr_get_type (void);

/**
 * brevet_csr_new:
 * @der: the request; exactly one DER object
 * @policy: the key policy
 *
 * Verifies syntax, signature (with a hash that is secure for certificates) and key.
 *
 * Returns: (transfer full) (nullable): the request; %NULL with %BREVET_ERROR_INVALID if it is malformed or its signature does not
 *   match, %BREVET_ERROR_REJECTED if its key or hash is too weak
 */
BREVET_API
BrevetCsr *brevet_csr_new (GBytes *der, BrevetKeyPolicy *policy, GError **error);

BREVET_API
BrevetCsr *brevet_csr_ref (BrevetCsr *self);

BREVET_API
void brevet_csr_unref (BrevetCsr *self);

/**
 * brevet_csr_get_der:
 *
 * Returns: (transfer none): the request as received; its canonical form for comparing and hashing
 */
BREVET_API
GBytes *brevet_csr_get_der (BrevetCsr *self);

/**
 * brevet_csr_to_pem:
 *
 * Returns: (transfer full): PEM with the label `CERTIFICATE REQUEST` (RFC 7468 §7)
 */
BREVET_API
char *brevet_csr_to_pem (BrevetCsr *self);

/**
 * brevet_csr_get_common_name:
 *
 * Returns: (nullable) (transfer none): CN of the subject, or %NULL if it has none
 */
BREVET_API
const char *brevet_csr_get_common_name (BrevetCsr *self);

/**
 * brevet_csr_get_sha256:
 *
 * Returns: (transfer none): SHA-256 of the DER, 64 lower-case hexadecimal digits
 */
BREVET_API
const char *brevet_csr_get_sha256 (BrevetCsr *self);

/**
 * brevet_csr_get_spki_sha256:
 *
 * Returns: (transfer none): SHA-256 of the public key's DER, 64 lower-case hexadecimal digits
 */
BREVET_API
const char *brevet_csr_get_spki_sha256 (BrevetCsr *self);

/**
 * brevet_csr_get_pubkey: (skip)
 *
 * Returns: (transfer none): the public key for GnuTLS; only read it
 */
BREVET_API
gnutls_pubkey_t brevet_csr_get_pubkey (BrevetCsr *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCsr, brevet_csr_unref)

G_END_DECLS
