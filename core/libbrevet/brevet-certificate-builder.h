/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"
#include "brevet-csr.h"
#include "brevet-key.h"

G_BEGIN_DECLS

/**
 * BrevetCertificateBuilder:
 *
 * Builds one certificate field by field and signs it. Nothing is taken over from a CSR but its public key. For one thread; each
 * setter returns nothing and the first failure is reported by brevet_certificate_builder_sign().
 */
typedef struct _BrevetCertificateBuilder BrevetCertificateBuilder;

#define BREVET_TYPE_CERTIFICATE_BUILDER (brevet_certificate_builder_get_type ())

/**
 * BrevetCertificateUsage:
 * @BREVET_CERTIFICATE_USAGE_CLIENT: a TLS client: digitalSignature, clientAuth, CA:FALSE
 * @BREVET_CERTIFICATE_USAGE_SERVER: a TLS server: digitalSignature, serverAuth, CA:FALSE
 * @BREVET_CERTIFICATE_USAGE_CA: a certificate authority: keyCertSign and cRLSign, CA:TRUE
 */
typedef enum {
  BREVET_CERTIFICATE_USAGE_CLIENT,
  BREVET_CERTIFICATE_USAGE_SERVER,
  BREVET_CERTIFICATE_USAGE_CA,
} BrevetCertificateUsage;

BREVET_API
GType brevet_certificate_builder_get_type (void);

/**
 * brevet_certificate_builder_new:
 *
 * Returns: (transfer full): a builder for a version 3 certificate
 */
BREVET_API
BrevetCertificateBuilder *brevet_certificate_builder_new (BrevetCertificateUsage usage);

BREVET_API
void brevet_certificate_builder_free (BrevetCertificateBuilder *self);

/**
 * brevet_certificate_builder_set_common_name:
 * @common_name: UTF-8; the whole subject unless organization parts are set as well
 */
BREVET_API
void brevet_certificate_builder_set_common_name (BrevetCertificateBuilder *self, const char *common_name);

/**
 * brevet_certificate_builder_set_organization:
 * @organization: (nullable): O of the subject
 * @organizational_unit: (nullable): OU of the subject
 */
BREVET_API
void brevet_certificate_builder_set_organization (BrevetCertificateBuilder *self, const char *organization,
                                                  const char *organizational_unit);

/**
 * brevet_certificate_builder_set_csr_key:
 *
 * Certifies the public key of @csr.
 */
BREVET_API
void brevet_certificate_builder_set_csr_key (BrevetCertificateBuilder *self, BrevetCsr *csr);

/**
 * brevet_certificate_builder_set_key:
 *
 * Certifies the public half of @key.
 */
BREVET_API
void brevet_certificate_builder_set_key (BrevetCertificateBuilder *self, BrevetKey *key);

/**
 * brevet_certificate_builder_set_certificate_key:
 *
 * Certifies the public key of @certificate once more: a cross-certificate.
 */
BREVET_API
void brevet_certificate_builder_set_certificate_key (BrevetCertificateBuilder *self, BrevetCertificate *certificate);

/**
 * brevet_certificate_builder_set_validity:
 * @not_before: seconds since 1970-01-01 UTC
 * @not_after: seconds since 1970-01-01 UTC
 */
BREVET_API
void brevet_certificate_builder_set_validity (BrevetCertificateBuilder *self, gint64 not_before, gint64 not_after);

/**
 * brevet_certificate_builder_set_serial:
 * @serial: (array length=length): 8 to 20 bytes, first byte from 0x01 to 0x7f. Without this call the serial number is 19 random
 *   bytes.
 */
BREVET_API
void brevet_certificate_builder_set_serial (BrevetCertificateBuilder *self, const guint8 *serial, gsize length);

/**
 * brevet_certificate_builder_set_path_length:
 * @path_length: most CA certificates that may follow, or -1 for no limit; only for a CA
 */
BREVET_API
void brevet_certificate_builder_set_path_length (BrevetCertificateBuilder *self, int path_length);

/**
 * brevet_certificate_builder_set_key_encipherment:
 * @key_encipherment: whether keyUsage also allows keyEncipherment; for RSA keys only (RFC 8813 §3)
 */
BREVET_API
void brevet_certificate_builder_set_key_encipherment (BrevetCertificateBuilder *self, gboolean key_encipherment);

/**
 * brevet_certificate_builder_add_dns_name:
 * @name: host name for the subjectAltName; an IP address is recognised and entered as such
 */
BREVET_API
void brevet_certificate_builder_add_dns_name (BrevetCertificateBuilder *self, const char *name);

/**
 * brevet_certificate_builder_add_uri:
 * @uri: URI for the subjectAltName
 */
BREVET_API
void brevet_certificate_builder_add_uri (BrevetCertificateBuilder *self, const char *uri);

/**
 * brevet_certificate_builder_set_crl_uri:
 * @uri: http URI for the CRL distribution point
 */
BREVET_API
void brevet_certificate_builder_set_crl_uri (BrevetCertificateBuilder *self, const char *uri);

/**
 * brevet_certificate_builder_set_issuers_uri:
 * @uri: http URI where the issuer's certificate is, for who has it not (caIssuers of the authority information access)
 */
BREVET_API
void brevet_certificate_builder_set_issuers_uri (BrevetCertificateBuilder *self, const char *uri);

/**
 * brevet_certificate_builder_set_policy:
 * @oid: certificate policy: numbers with dots between them
 */
BREVET_API
void brevet_certificate_builder_set_policy (BrevetCertificateBuilder *self, const char *oid);

/**
 * brevet_certificate_builder_sign:
 * @self: (transfer full): used up
 * @issuer: (nullable): certificate of the issuer; %NULL for a self-signed certificate
 * @issuer_key: its private key
 *
 * Signs with the hash that fits the issuer's key.
 *
 * Returns: (transfer full) (nullable): the certificate, or %NULL with %BREVET_ERROR_FAILED or %BREVET_ERROR_INVALID
 */
BREVET_API
BrevetCertificate *brevet_certificate_builder_sign (BrevetCertificateBuilder *self, BrevetCertificate *issuer,
                                                    BrevetKey *issuer_key, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCertificateBuilder, brevet_certificate_builder_free)

G_END_DECLS
