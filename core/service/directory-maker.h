/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetDirectoryFill:
 * @directory: a new, empty directory that nobody else may enter
 *
 * Puts everything into the directory.
 *
 * Returns: %FALSE with an error
 */
typedef gboolean (*BrevetDirectoryFill) (const char *directory, gpointer user_data, GError **error);

/**
 * brevet_directory_make:
 * @directory: absolute path; must not exist, or be an empty directory
 *
 * Makes a complete directory beside @directory and renames it into place when everything is on disk: afterwards @directory is
 * either whole or as it was.
 *
 * Returns: %FALSE with %BREVET_ERROR_CONFLICT if @directory is in use, %BREVET_ERROR_NOT_CONFIGURED if it cannot be made there,
 *   %BREVET_ERROR_FAILED or an error of @fill if anything else went wrong
 */
gboolean brevet_directory_make (const char *directory, BrevetDirectoryFill fill, gpointer user_data, GError **error);

/**
 * brevet_directory_remove:
 *
 * Removes a directory with everything in it.
 */
void brevet_directory_remove (const char *directory);

G_END_DECLS
