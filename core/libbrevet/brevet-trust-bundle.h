/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

G_BEGIN_DECLS

/**
 * BrevetTrustBundle:
 *
 * A set of CA certificates that a device or service trusts. Equal certificates occur once, the order of first occurrence is kept.
 * Immutable and reference counted; may be empty.
 */
typedef struct _BrevetTrustBundle BrevetTrustBundle;

#define BREVET_TYPE_TRUST_BUNDLE (brevet_trust_bundle_get_type ())

/**
 * BREVET_TRUST_BUNDLE_MAX_LENGTH:
 *
 * Most certificates that a bundle may have (protocol/dps.md §12).
 */
#define BREVET_TRUST_BUNDLE_MAX_LENGTH 100

BREVET_API
GType brevet_trust_bundle_get_type (void);

/**
 * brevet_trust_bundle_new:
 * @certificates: (element-type BrevetCertificate): the certificates
 *
 * Returns: (transfer full): the bundle
 */
BREVET_API
BrevetTrustBundle *brevet_trust_bundle_new (GPtrArray *certificates);

/**
 * brevet_trust_bundle_new_from_pem:
 * @pem: any number of certificates; LF or CR LF
 *
 * Returns: (transfer full) (nullable): the bundle, or %NULL with %BREVET_ERROR_INVALID
 */
BREVET_API
BrevetTrustBundle *brevet_trust_bundle_new_from_pem (const char *pem, GError **error);

/**
 * brevet_trust_bundle_load:
 * @path: file with PEM
 *
 * Returns: (transfer full) (nullable): the bundle, or %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the file
 */
BREVET_API
BrevetTrustBundle *brevet_trust_bundle_load (const char *path, GError **error);

BREVET_API
BrevetTrustBundle *brevet_trust_bundle_ref (BrevetTrustBundle *self);

BREVET_API
void brevet_trust_bundle_unref (BrevetTrustBundle *self);

/**
 * brevet_trust_bundle_get_length:
 *
 * Returns: number of certificates
 */
BREVET_API
guint brevet_trust_bundle_get_length (BrevetTrustBundle *self);

/**
 * brevet_trust_bundle_get:
 *
 * Returns: (transfer none): a certificate
 */
BREVET_API
BrevetCertificate *brevet_trust_bundle_get (BrevetTrustBundle *self, guint index);

/**
 * brevet_trust_bundle_get_etag:
 *
 * Returns: (transfer none): SHA-256 over the sorted DER of all certificates, hexadecimal: the same for the same set in any order
 */
BREVET_API
const char *brevet_trust_bundle_get_etag (BrevetTrustBundle *self);

/**
 * brevet_trust_bundle_to_pem:
 *
 * Returns: (transfer full): all certificates
 */
BREVET_API
char *brevet_trust_bundle_to_pem (BrevetTrustBundle *self);

/**
 * brevet_trust_bundle_list_problems:
 * @now: seconds since 1970-01-01 UTC
 *
 * Returns: (transfer full) (element-type utf8): one sentence for each entry that is no CA certificate, expired or not yet valid;
 *   empty if all is well
 */
BREVET_API
GPtrArray *brevet_trust_bundle_list_problems (BrevetTrustBundle *self, gint64 now);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetTrustBundle, brevet_trust_bundle_unref)

G_END_DECLS
