/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-csr.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * brevet_register_load_csr:
 * @path: file with a CSR, PEM or DER
 *
 * Returns: (transfer full) (nullable): the CSR, whose signature holds; %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the file
 */
BrevetCsr *brevet_register_load_csr (const char *path, GError **error);

/**
 * brevet_register_load_payload:
 * @path: file with any JSON value
 *
 * Returns: (transfer full) (nullable): the value; %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the file
 */
JsonNode *brevet_register_load_payload (const char *path, GError **error);

/**
 * brevet_register_check_target:
 * @path: file that will be written
 *
 * Looks now whether @path can be written, for it is too late when the certificate is there.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming the directory
 */
gboolean brevet_register_check_target (const char *path, GError **error);

G_END_DECLS
