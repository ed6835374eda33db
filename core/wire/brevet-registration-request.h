/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-dialect.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetRegistrationRequest:
 * @registration_id: (nullable): repeats the id of the path
 * @attestation: (nullable): the members that belong to attestation: `{"tpm": {…}}`
 * @payload: (nullable): any JSON value
 * @csr: (nullable): the CSR as DER
 *
 * Body of register and of the registration status lookup (protocol/dps.md §2.1).
 */
typedef struct {
  char *registration_id;
  JsonObject *attestation;
  JsonNode *payload;
  GBytes *csr;
} BrevetRegistrationRequest;

/**
 * brevet_registration_request_parse:
 * @body: (nullable): the body
 * @dialect: a CSR is read in either of the previews, as `clientCertificateCsr` or `csr`; in %BREVET_DIALECT_STABLE the members are
 *   unknown and ignored
 *
 * Returns: (transfer full) (nullable): the request, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetRegistrationRequest *brevet_registration_request_parse (GBytes *body, BrevetDialect dialect, GError **error);

/**
 * brevet_registration_request_print:
 *
 * Returns: (transfer full): the body for a client; the CSR as base64 DER, in the member that @dialect has for it
 */
GBytes *brevet_registration_request_print (const BrevetRegistrationRequest *self, BrevetDialect dialect);

BrevetRegistrationRequest *brevet_registration_request_new (void);

void brevet_registration_request_free (BrevetRegistrationRequest *self);

/**
 * brevet_csr_text_decode:
 * @text: PEM (`BEGIN CERTIFICATE REQUEST` or `BEGIN NEW CERTIFICATE REQUEST`) or bare base64 of the DER; white space, CR LF and the
 *   two characters backslash and n in place of a line end are tolerated (protocol/dps.md §2.3)
 *
 * Returns: (transfer full) (nullable): the DER, or %NULL with %BREVET_ERROR_INVALID
 */
GBytes *brevet_csr_text_decode (const char *text, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRegistrationRequest, brevet_registration_request_free)

G_END_DECLS
