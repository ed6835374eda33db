/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Files that an operator names on the command line. */

/**
 * brevet_admin_load_text:
 * @length: (out): bytes of the text
 *
 * Returns: (transfer full) (nullable): the content of a file or pipe; %NULL with %BREVET_ERROR_NOT_CONFIGURED naming it
 */
char *brevet_admin_load_text (const char *path, gsize *length, GError **error);

/**
 * brevet_admin_load_certificate:
 * @path: file with one certificate, PEM or DER
 *
 * Returns: (transfer full) (nullable): the certificate as PEM; %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the file
 */
char *brevet_admin_load_certificate (const char *path, GError **error);

G_END_DECLS
