/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * brevet_text_file_read:
 * @maximum: the most bytes that the file may have
 * @length: (out): bytes in @text, which is terminated by one more
 *
 * Reads a file that an operator names, and returns at once whatever is there: a pipe would keep the caller waiting for whoever
 * writes into it, and some devices never end. Errors are %BREVET_ERROR_NOT_CONFIGURED and name the file.
 *
 * Returns: (transfer full) (nullable): the text, or %NULL with an error
 */
char *brevet_text_file_read (const char *path, gsize maximum, gsize *length, GError **error);

G_END_DECLS
