/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BREVET_ARGUMENT_FILE_MAXIMUM:
 *
 * The most bytes that come through a pipe.
 */
#define BREVET_ARGUMENT_FILE_MAXIMUM (1024 * 1024)

/**
 * brevet_argument_file_settle:
 * @path: (type filename): a file that a person names on the command line
 * @error: %BREVET_ERROR_NOT_CONFIGURED; names the file
 *
 * Lets a person name what can be read but once, such as a pipe of the shell, where files are read that must be files: waits until
 * it ends, and keeps what came in memory that no core file shows.
 *
 * Returns: (transfer full) (nullable): @path itself, or one that stands for it until the process ends; %NULL with an error
 */
char *brevet_argument_file_settle (const char *path, GError **error);

G_END_DECLS
