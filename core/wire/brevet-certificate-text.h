/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

G_BEGIN_DECLS

/**
 * brevet_certificate_new_from_text:
 * @text: one certificate as operators and tools send it (protocol/dps.md §7.1): PEM, base64 of the DER, or base64 of PEM, as files
 *   are uploaded; base64 may be broken into lines
 *
 * Returns: (transfer full) (nullable): the certificate, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetCertificate *brevet_certificate_new_from_text (const char *text, GError **error);

G_END_DECLS
