/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_tpm_view_complete:
 * @description: what brevet_prover_describe_finish() returned for a TPM
 *
 * Adds what the certificate in it says: `endorsementCertificateIssuer`, `endorsementCertificateSubject`,
 * `endorsementCertificateSha256`.
 */
void brevet_tpm_view_complete (JsonObject *description);

/**
 * brevet_tpm_view_print:
 *
 * Prints the description for people.
 */
void brevet_tpm_view_print (JsonObject *description);

G_END_DECLS
