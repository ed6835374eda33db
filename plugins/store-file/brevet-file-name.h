/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * brevet_file_name_for_key:
 *
 * The name of the file that holds the body of a record: the key itself if it is made of `A-Za-z0-9._-` and does not begin with a
 * dot; else every other byte, and a dot at the beginning, as `%` and two hexadecimal digits; and if that is too long for a file,
 * `%sha256-` and the hash of the key. Two keys never have the same name.
 *
 * Returns: (transfer full): a name for a file
 */
char *brevet_file_name_for_key (const char *key);

/**
 * brevet_file_name_sha256:
 *
 * Returns: (transfer full): the SHA-256 of some bytes in lower-case hexadecimal digits
 */
char *brevet_file_name_sha256 (gconstpointer data, gsize length);

G_END_DECLS
