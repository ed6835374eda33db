/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

G_BEGIN_DECLS

/*
 * What may be asked of one certificate. Each check sets %BREVET_ERROR_INVALID with a sentence that names the certificate by @noun,
 * such as `certificate` or `group's signing certificate`, and its subject.
 */

gboolean x509_certificate_check_dates     (BrevetCertificate *self, const char *noun, gint64 now, GError **error);

/* Public key of at least 112 bits of security: RSA 2048, P-224. */
gboolean x509_certificate_check_key       (BrevetCertificate *self, const char *noun, GError **error);

/* Made with a signature algorithm that still means something. */
gboolean x509_certificate_check_signature (BrevetCertificate *self, const char *noun, GError **error);

/* keyUsage, if there is one, allows @usage (GNUTLS_KEY_…), which is called @usage_name. */
gboolean x509_certificate_check_usage     (BrevetCertificate *self, const char *noun, guint usage, const char *usage_name,
                                           GError **error);

/* extendedKeyUsage, if there is one, allows TLS clients. */
gboolean x509_certificate_check_purpose   (BrevetCertificate *self, const char *noun, GError **error);

/* No critical extension that nobody here looks at. */
gboolean x509_certificate_check_critical  (BrevetCertificate *self, const char *noun, GError **error);

/* basicConstraints and keyUsage of an issuer. */
gboolean x509_certificate_check_issuer    (BrevetCertificate *self, const char *noun, GError **error);

/* Most CA certificates that may follow, or -1. */
int      x509_certificate_get_path_length (BrevetCertificate *self);

G_END_DECLS
