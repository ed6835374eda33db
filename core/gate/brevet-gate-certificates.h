/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"

G_BEGIN_DECLS

/**
 * brevet_gate_certificates_add_der:
 * @certificates: (element-type BrevetCertificate): what to add to
 * @data: certificates in DER, one behind the other; may be empty
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID if @data is something else, or there are more than %BREVET_CHAIN_MAX_LENGTH in all
 */
BREVET_API
gboolean brevet_gate_certificates_add_der (GPtrArray *certificates, const guint8 *data, gsize length, GError **error);

/**
 * brevet_gate_certificates_add_base64:
 * @text: the same as Base64, in one piece
 */
BREVET_API
gboolean brevet_gate_certificates_add_base64 (GPtrArray *certificates, const char *text, GError **error);

G_END_DECLS
