/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BREVET_FILE_LOCK_NAME "lock"

/**
 * brevet_file_lock_take:
 * @directory: directory of the store; the lock is the file `lock` in it
 *
 * Keeps every other process, and every other store of this one, away from @directory until the descriptor is closed, be it by the
 * end of the process. The lock file stays: removing it would let two processes lock two different files of the same name.
 *
 * Returns: a descriptor, or -1 with %BREVET_ERROR_BUSY naming the holder, or %BREVET_ERROR_NOT_CONFIGURED
 */
int brevet_file_lock_take (const char *directory, GError **error);

/**
 * brevet_file_lock_check:
 *
 * Returns: %FALSE with an error if the lock file is not the one that @lock holds any more, so that others may be in the store
 */
gboolean brevet_file_lock_check (int lock, const char *directory, GError **error);

G_END_DECLS
