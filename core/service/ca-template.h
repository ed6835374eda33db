/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"
#include "brevet-csr.h"
#include "brevet-key.h"

G_BEGIN_DECLS

/**
 * BrevetCaTemplate:
 * @common_name: of the subject
 * @organization: (nullable): of the subject
 * @key: (nullable): whose public half is certified; or
 * @csr: (nullable): whose public key is certified; or
 * @certificate: (nullable): whose public key is certified once more
 * @path_length: most CA certificates that may follow
 * @not_before: seconds since 1970-01-01 UTC
 * @not_after: seconds since 1970-01-01 UTC
 *
 * What a CA certificate is to be: everything that a signature stands for, so that it can be shown before it is made.
 */
typedef struct {
  const char *common_name;
  const char *organization;
  BrevetKey *key;
  BrevetCsr *csr;
  BrevetCertificate *certificate;
  int path_length;
  gint64 not_before;
  gint64 not_after;
} BrevetCaTemplate;

/**
 * brevet_ca_template_set_days:
 * @issuer: (nullable): the certificate does not outlive it
 *
 * A certificate that begins a moment ago, for clocks that are slow, and ends after @days.
 */
void brevet_ca_template_set_days (BrevetCaTemplate *self, int days, BrevetCertificate *issuer);

/**
 * brevet_ca_template_sign:
 * @issuer: (nullable): %NULL for a root
 *
 * Returns: (transfer full) (nullable): the certificate: CA:TRUE, keyCertSign and cRLSign
 */
BrevetCertificate *brevet_ca_template_sign (const BrevetCaTemplate *self, BrevetCertificate *issuer, BrevetKey *issuer_key,
                                            GError **error);

G_END_DECLS
