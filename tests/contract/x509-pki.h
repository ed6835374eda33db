/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet.h"

G_BEGIN_DECLS

/* The time that all tests of certificates live in. */
#define X509_PKI_NOW G_GINT64_CONSTANT (1893456000)
#define X509_PKI_DAY G_GINT64_CONSTANT (86400)

/**
 * X509Spec:
 *
 * How a certificate differs from a good one, be it good or bad; what is zero is left as it is.
 */
typedef struct {
  const char *common_name;
  const char *raw_name;        /* DER of the common name, in place of common_name */
  gsize       raw_name_size;
  const char *second_name;     /* a second CN */
  gboolean    nameless;        /* an O, and no CN */
  gint64      from, until;     /* seconds from now */
  gboolean    no_ca;           /* basicConstraints CA:FALSE, for an issuer */
  int         path_length;     /* one more than the constraint says */
  guint       usage;           /* keyUsage */
  const char *purpose;         /* extendedKeyUsage */
  const char *second_purpose;
  gboolean    no_purpose;
  const char *critical;        /* OID of a critical extension */
  const char *permitted;       /* DNS name constraint */
  const char *dns;             /* alternative name */
  gnutls_pk_algorithm_t algorithm;
  guint       bits;
  gnutls_digest_algorithm_t digest;
} X509Spec;

/* A certificate and its key. */
typedef struct {
  BrevetCertificate *certificate;
  gnutls_privkey_t   key;
  gboolean           is_ca;
} X509Party;

/**
 * x509_party_new:
 * @issuer: (nullable): %NULL for a self-signed one
 * @name: the common name unless @spec has one
 * @spec: (nullable): what is special
 * @key: (nullable): whose key is certified; %NULL for a new one
 */
X509Party *x509_party_new (X509Party *issuer, gboolean is_ca, const char *name, const X509Spec *spec, X509Party *key);

void x509_party_free (X509Party *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (X509Party, x509_party_free)

/* Private key as PKCS#8 PEM. */
char *x509_party_dup_key (X509Party *self);

/* What a peer presents. */
BrevetChain *x509_present (X509Party *leaf, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
