/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * brevet_file_place_prepare:
 * @directory: directory of the store
 *
 * Creates the directory if it is missing, and closes it for others: a mode that lets others in is corrected with a warning, unless
 * the directory holds other things and no store yet, so that a mistyped path does not lock everybody out of `/etc`.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming the directory
 */
gboolean brevet_file_place_prepare (const char *directory, GError **error);

G_END_DECLS
