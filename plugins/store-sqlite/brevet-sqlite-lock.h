/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * brevet_sqlite_lock_take:
 * @file: the database; the lock is the file beside it with `.lock` at the end
 *
 * Keeps every other process, and every other store of this one, away from @file until the descriptor is closed, be it by the end of
 * the process. The lock file stays: removing it would let two processes lock two different files of the same name.
 *
 * Returns: a descriptor, or -1 with %BREVET_ERROR_BUSY naming the holder, or %BREVET_ERROR_NOT_CONFIGURED
 */
int brevet_sqlite_lock_take (const char *file, GError **error);

G_END_DECLS
