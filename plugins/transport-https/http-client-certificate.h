/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"

G_BEGIN_DECLS

/* How a proxy writes the client's certificate into a header field. */
typedef enum {
  HTTP_CERTIFICATE_RFC9440,   /* :Base64 of DER: */
  HTTP_CERTIFICATE_PEM,       /* percent-encoded PEM, as nginx' $ssl_client_escaped_cert */
  HTTP_CERTIFICATE_ENVOY,     /* Cert="percent-encoded PEM";Chain="..." */
} HttpCertificateFormat;

/* Returns: FALSE if there is no format of that name */
gboolean http_client_certificate_find_format (const char *name, HttpCertificateFormat *format);

/* Reads what a proxy says about its client's certificate; no I/O, no clock.
 *
 * @value: of the header field; empty if the client has none
 * @issuers: (nullable): of the field with the issuers: a list as in RFC 9440, or percent-encoded PEM; not for Envoy's format
 * @chain: (out) (nullable): NULL if the client has none
 * Returns: FALSE with %BREVET_ERROR_INVALID for everything that is not exactly the format */
gboolean http_client_certificate_read (HttpCertificateFormat format, const char *value, const char *issuers, BrevetChain **chain,
                                       GError **error);

G_END_DECLS
