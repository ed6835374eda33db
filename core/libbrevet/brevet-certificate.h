/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

#include <gnutls/x509.h>

G_BEGIN_DECLS

/**
 * BrevetCertificate:
 *
 * One X.509 certificate (RFC 5280). Immutable, reference counted, usable from several threads.
 */
typedef struct _BrevetCertificate BrevetCertificate;

#define BREVET_TYPE_CERTIFICATE (brevet_certificate_get_type ())

BREVET_API
GType brevet_certificate_get_type (void);

/**
 * brevet_certificate_new:
 * @der: exactly one DER object
 *
 * Returns: (transfer full) (nullable): the certificate, or %NULL with %BREVET_ERROR_INVALID
 */
BREVET_API
BrevetCertificate *brevet_certificate_new (GBytes *der, GError **error);

/**
 * brevet_certificate_new_from_pem:
 * @pem: text with exactly one certificate
 *
 * Returns: (transfer full) (nullable): the certificate, or %NULL with %BREVET_ERROR_INVALID
 */
BREVET_API
BrevetCertificate *brevet_certificate_new_from_pem (const char *pem, GError **error);

BREVET_API
BrevetCertificate *brevet_certificate_ref (BrevetCertificate *self);

BREVET_API
void brevet_certificate_unref (BrevetCertificate *self);

/**
 * brevet_certificate_equal:
 *
 * Returns: %TRUE if both are the same bytes
 */
BREVET_API
gboolean brevet_certificate_equal (BrevetCertificate *self, BrevetCertificate *other);

/**
 * brevet_certificate_get_der:
 *
 * Returns: (transfer none): the DER
 */
BREVET_API
GBytes *brevet_certificate_get_der (BrevetCertificate *self);

/**
 * brevet_certificate_to_pem:
 *
 * Returns: (transfer full): PEM, 64 columns, LF line ends, LF at the end
 */
BREVET_API
char *brevet_certificate_to_pem (BrevetCertificate *self);

/**
 * brevet_certificate_get_subject:
 *
 * Returns: (transfer none): distinguished name, RFC 4514; the empty string for an empty name
 */
BREVET_API
const char *brevet_certificate_get_subject (BrevetCertificate *self);

/**
 * brevet_certificate_get_issuer:
 *
 * Returns: (transfer none): distinguished name of the issuer, RFC 4514
 */
BREVET_API
const char *brevet_certificate_get_issuer (BrevetCertificate *self);

/**
 * brevet_certificate_get_common_name:
 *
 * Returns: (nullable) (transfer none): first CN of the subject
 */
BREVET_API
const char *brevet_certificate_get_common_name (BrevetCertificate *self);

/**
 * brevet_certificate_get_serial:
 *
 * Returns: (transfer none): serial number in upper-case hexadecimal digits, two per byte, as it stands in the DER
 */
BREVET_API
const char *brevet_certificate_get_serial (BrevetCertificate *self);

/**
 * brevet_certificate_get_not_before:
 *
 * Returns: seconds since 1970-01-01 UTC
 */
BREVET_API
gint64 brevet_certificate_get_not_before (BrevetCertificate *self);

/**
 * brevet_certificate_get_not_after:
 *
 * Returns: seconds since 1970-01-01 UTC
 */
BREVET_API
gint64 brevet_certificate_get_not_after (BrevetCertificate *self);

/**
 * brevet_certificate_get_version:
 *
 * Returns: 1 to 3
 */
BREVET_API
guint brevet_certificate_get_version (BrevetCertificate *self);

/**
 * brevet_certificate_get_sha256:
 *
 * Returns: (transfer none): SHA-256 of the DER, 64 lower-case hexadecimal digits
 */
BREVET_API
const char *brevet_certificate_get_sha256 (BrevetCertificate *self);

/**
 * brevet_certificate_get_sha1:
 *
 * Returns: (transfer none): SHA-1 of the DER, 40 lower-case hexadecimal digits; a name that hubs use, no proof of anything
 */
BREVET_API
const char *brevet_certificate_get_sha1 (BrevetCertificate *self);

/**
 * brevet_certificate_get_spki_sha256:
 *
 * Returns: (transfer none): SHA-256 of the public key's DER, 64 lower-case hexadecimal digits
 */
BREVET_API
const char *brevet_certificate_get_spki_sha256 (BrevetCertificate *self);

/**
 * brevet_certificate_get_subject_sha256:
 *
 * Returns: (transfer none): SHA-256 of the DER of the subject's name, 64 lower-case hexadecimal digits: by which the certificates
 *   of an issuer are found
 */
BREVET_API
const char *brevet_certificate_get_subject_sha256 (BrevetCertificate *self);

/**
 * brevet_certificate_get_issuer_sha256:
 *
 * Returns: (transfer none): SHA-256 of the DER of the issuer's name, 64 lower-case hexadecimal digits
 */
BREVET_API
const char *brevet_certificate_get_issuer_sha256 (BrevetCertificate *self);

/**
 * brevet_certificate_is_ca:
 *
 * Returns: %TRUE if basicConstraints says CA:TRUE
 */
BREVET_API
gboolean brevet_certificate_is_ca (BrevetCertificate *self);

/**
 * brevet_certificate_is_self_issued:
 *
 * Returns: %TRUE if subject and issuer are the same name
 */
BREVET_API
gboolean brevet_certificate_is_self_issued (BrevetCertificate *self);

/**
 * brevet_certificate_has_costly_key:
 *
 * A stranger chooses the key in the certificate that he shows, and who verifies a signature with it works for him: RSA with a
 * long exponent takes a thousand times as long as RSA does otherwise.
 *
 * Returns: %TRUE if no signature should be verified with the key: it is neither RSA with at most 8192 bits and an exponent of
 *   at most 32, nor ECDSA or EdDSA
 */
BREVET_API
gboolean brevet_certificate_has_costly_key (BrevetCertificate *self);

/**
 * brevet_certificate_is_issued_by:
 * @issuer: certificate of the presumed issuer
 *
 * Compares names and key identifiers; verifies no signature.
 */
BREVET_API
gboolean brevet_certificate_is_issued_by (BrevetCertificate *self, BrevetCertificate *issuer);

/**
 * brevet_certificate_get_crt: (skip)
 *
 * Returns: (transfer none): the certificate for GnuTLS; only read it
 */
BREVET_API
gnutls_x509_crt_t brevet_certificate_get_crt (BrevetCertificate *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCertificate, brevet_certificate_unref)

G_END_DECLS
