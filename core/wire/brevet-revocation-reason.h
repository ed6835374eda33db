/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-revocation.h"

G_BEGIN_DECLS

/**
 * brevet_revocation_reason_get_name:
 *
 * Returns: (transfer none): the name of RFC 5280 §5.3.1, such as `keyCompromise`; `unspecified` for a number that it does not know
 */
const char *brevet_revocation_reason_get_name (BrevetRevocationReason reason);

/**
 * brevet_revocation_reason_parse:
 * @name: a name of RFC 5280 §5.3.1, in any case
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID listing the names
 */
gboolean brevet_revocation_reason_parse (const char *name, BrevetRevocationReason *reason, GError **error);

G_END_DECLS
