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

/**
 * brevet_file_place_lock:
 * @directory: directory of the store; the lock is the file `lock` in it
 *
 * Keeps every other process, and every other store of this one, away from @directory until the descriptor is closed, be it by the
 * end of the process. The lock file stays: removing it would let two processes lock two different files of the same name.
 *
 * Returns: a descriptor, or -1 with %BREVET_ERROR_BUSY naming the holder, or %BREVET_ERROR_NOT_CONFIGURED
 */
int brevet_file_place_lock (const char *directory, GError **error);

/**
 * brevet_file_place_check_lock:
 *
 * Returns: %FALSE with an error if the lock file is not the one that @lock holds any more, so that others may be in the store
 */
gboolean brevet_file_place_check_lock (int lock, const char *directory, GError **error);

G_END_DECLS
