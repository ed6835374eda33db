/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"
#include "brevet-csr.h"
#include "brevet-error.h"
#include "brevet-key.h"

#include <gnutls/abstract.h>

G_BEGIN_DECLS

/* SHA-256 of a public key's DER in lower-case hexadecimal digits, a zero byte included. */
#define BREVET_SHA256_HEX_SIZE 65

void       brevet_x509_hex                 (const guint8 *bytes, gsize length, char *hex);
gboolean   brevet_x509_spki_sha256         (gnutls_pubkey_t key, char hex[BREVET_SHA256_HEX_SIZE], GError **error);
GBytes    *brevet_csr_get_spki             (BrevetCsr *self);
char      *brevet_x509_unescape_name       (const char *escaped, gsize length);
char      *brevet_x509_format_date         (gint64 seconds);
char      *brevet_x509_to_pem              (const char *label, GBytes *der);
char      *brevet_x509_certificates_to_pem (GPtrArray *certificates);
gboolean   brevet_x509_load_text           (const char *path, char **text, GError **error);
GPtrArray *brevet_x509_parse_pem           (const char *pem, guint maximum, GError **error);

gnutls_digest_algorithm_t brevet_key_get_digest (BrevetKey *self);

G_END_DECLS
