/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * brevet_text_file_read:
 * @path: (type filename): the file
 * @maximum: the most bytes that the file may have
 * @length: (out): bytes in the text, which is terminated by one more
 * @error: %BREVET_ERROR_NOT_CONFIGURED; names the file
 *
 * Reads a file that an operator names, and returns at once whatever is there: a pipe would keep the caller waiting for whoever
 * writes into it, and some devices never end.
 *
 * Returns: (transfer full) (nullable): the text, or %NULL with an error
 */
BREVET_API
char *brevet_text_file_read (const char *path, gsize maximum, gsize *length, GError **error);

G_END_DECLS
