/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The few things that the store does to a disk. All return 0 or the errno of what failed. */

/**
 * brevet_file_disk_write:
 * @path: a file that does not exist yet
 * @descriptor: (out): the open file, for brevet_file_disk_sync(); -1 after a failure
 *
 * Creates a file of mode 0600, whatever the umask. Its content is not on stable storage yet.
 */
int brevet_file_disk_write (const char *path, gconstpointer data, gsize length, int *descriptor);

/**
 * brevet_file_disk_sync:
 * @descriptor: an open file, which is closed in any case
 *
 * Returns once the content of the file is on stable storage. It must be the descriptor that it was written through: another one
 * need not be told of a failure.
 */
int brevet_file_disk_sync (int descriptor);

/**
 * brevet_file_disk_read:
 * @path: a regular file, no symbolic link
 * @maximum: most bytes to accept; a longer file is EFBIG
 * @data: (out) (transfer full): its content with a zero byte behind; for brevet_file_disk_wipe()
 * @length: (out): number of bytes
 */
int brevet_file_disk_read (const char *path, gsize maximum, guint8 **data, gsize *length);

/**
 * brevet_file_disk_wipe:
 *
 * Overwrites and frees what brevet_file_disk_read() gave out.
 */
void brevet_file_disk_wipe (guint8 *data, gsize length);

/**
 * brevet_file_disk_make_directory:
 *
 * Makes a directory of mode 0700, whatever the umask.
 */
int brevet_file_disk_make_directory (const char *path);

/**
 * brevet_file_disk_sync_directory:
 *
 * Returns once the names in the directory are on stable storage.
 */
int brevet_file_disk_sync_directory (const char *path);

/**
 * brevet_file_disk_remove:
 *
 * Removes a file, or a directory with everything in it, `index.json` first: what is half removed then never looks whole. What is
 * not there is no error.
 */
int brevet_file_disk_remove (const char *path);

G_END_DECLS
