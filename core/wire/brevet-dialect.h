/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetDialect:
 * @BREVET_DIALECT_STABLE: any version without certificates: 2019-03-31, 2021-06-01, 2021-10-01 and all others
 * @BREVET_DIALECT_2021_11_01_PREVIEW: CSR in, PEM certificate and trust bundle out
 * @BREVET_DIALECT_2025_07_01_PREVIEW: any version from 2025-07-01 on: CSR in, chain of DER certificates out; enrollments name a
 *   credential policy
 *
 * What an api-version (protocol/dps.md §1.2) changes in a message.
 */
typedef enum {
  BREVET_DIALECT_STABLE,
  BREVET_DIALECT_2021_11_01_PREVIEW,
  BREVET_DIALECT_2025_07_01_PREVIEW,
} BrevetDialect;

/**
 * BREVET_API_VERSION_PREVIEW:
 *
 * The api-version that brevet's own clients speak, if they are not told otherwise.
 */
#define BREVET_API_VERSION_PREVIEW "2021-11-01-preview"

/**
 * BREVET_API_VERSION_2025_PREVIEW:
 *
 * The first version of %BREVET_DIALECT_2025_07_01_PREVIEW.
 */
#define BREVET_API_VERSION_2025_PREVIEW "2025-07-01-preview"

/**
 * brevet_dialect_parse:
 * @api_version: (nullable): value of the parameter
 * @dialect: (out): the dialect
 * @error: return location
 *
 * Accepts any well-formed version: `YYYY-MM-DD`, optionally with `-preview`; the case of the letters does not matter.
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID if it is absent or malformed
 */
gboolean brevet_dialect_parse (const char *api_version, BrevetDialect *dialect, GError **error);

G_END_DECLS
