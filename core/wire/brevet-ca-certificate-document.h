/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BREVET_CA_CERTIFICATE_CODE_LIFETIME:
 *
 * How long a verification code can be used, in seconds: long enough to fetch the key of a root from its safe.
 */
#define BREVET_CA_CERTIFICATE_CODE_LIFETIME (7 * 86400)

/**
 * BrevetCaCertificateDocument:
 * @name: in the spelling of its creation
 * @certificate: of a CA that issues to devices
 * @is_verified: somebody has shown that the CA's key is his, or an operator vouches for it: only then it admits devices
 * @verification_code: (nullable): what the proof must have as its common name
 * @code_expires: seconds since 1970-01-01 UTC, 0 without a code
 * @etag: (nullable): version; set by whoever loads it
 * @created: microseconds since 1970-01-01 UTC, 0 if unknown
 * @updated: microseconds since 1970-01-01 UTC, 0 if unknown
 *
 * A CA certificate that enrollment groups refer to by name (protocol/dps.md §7.2), as the service API knows it. Plain data.
 */
typedef struct {
  char *name;
  BrevetCertificate *certificate;
  gboolean is_verified;
  char *verification_code;
  gint64 code_expires;
  char *etag;
  gint64 created;
  gint64 updated;
} BrevetCaCertificateDocument;

/**
 * brevet_ca_certificate_document_parse:
 * @body: JSON with `certificate` (PEM, or base64 of DER) and perhaps `isVerified`
 * @name: the name of the path
 * @stored: (nullable): as it is now; its spelling of @name is kept. A certificate that is replaced by another one loses its
 *   verification, and its code, unless @body says `isVerified`.
 * @now: seconds since 1970-01-01 UTC
 *
 * Refuses what cannot issue to devices: no CA certificate, or an expired one.
 *
 * Returns: (transfer full) (nullable): the document, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetCaCertificateDocument *brevet_ca_certificate_document_parse (GBytes *body, const char *name,
                                                                   const BrevetCaCertificateDocument *stored, gint64 now,
                                                                   GError **error);

/**
 * brevet_ca_certificate_document_to_json:
 *
 * Returns: (transfer full): the object; the same for a reply and the store
 */
JsonObject *brevet_ca_certificate_document_to_json (const BrevetCaCertificateDocument *self);

/**
 * brevet_ca_certificate_document_load:
 *
 * Returns: (transfer full) (nullable): the document from a store, or %NULL with %BREVET_ERROR_CORRUPT
 */
BrevetCaCertificateDocument *brevet_ca_certificate_document_load (GBytes *body, GError **error);

/**
 * brevet_ca_certificate_document_set_code:
 * @code: random text that nobody can foresee
 * @now: seconds since 1970-01-01 UTC
 *
 * From now on @code and no earlier one can be used to verify.
 */
void brevet_ca_certificate_document_set_code (BrevetCaCertificateDocument *self, const char *code, gint64 now);

/**
 * brevet_ca_certificate_document_verify:
 * @body: JSON with `certificate`: the proof, a certificate with the code as its common name, signed with the CA's key
 * @now: seconds since 1970-01-01 UTC
 *
 * Checks the proof. If it is good, the certificate is verified and the code is used up.
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID and what is wrong with the proof; then nothing has changed
 */
gboolean brevet_ca_certificate_document_verify (BrevetCaCertificateDocument *self, GBytes *body, gint64 now, GError **error);

void brevet_ca_certificate_document_free (BrevetCaCertificateDocument *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCaCertificateDocument, brevet_ca_certificate_document_free)

G_END_DECLS
