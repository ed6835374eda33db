/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"

G_BEGIN_DECLS

/* Files with the keys that seal the service's secrets: 32 bytes in base64 on each line. */

#define BREVET_SECRET_KEY_SIZE 32

/**
 * brevet_secret_keys_parse:
 * @text: the lines
 * @keys: (element-type BrevetSecret): where to add the keys
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming the line
 */
gboolean brevet_secret_keys_parse (BrevetSecret *text, GPtrArray *keys, GError **error);

/**
 * brevet_secret_key_file_check:
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_FOUND if there is no such file, or %BREVET_ERROR_NOT_CONFIGURED if others may read it
 */
gboolean brevet_secret_key_file_check (const char *path, GError **error);

/**
 * brevet_secret_key_file_read:
 *
 * Returns: %FALSE as the two above do
 */
gboolean brevet_secret_key_file_read (const char *path, GPtrArray *keys, GError **error);

/**
 * brevet_secret_key_file_make:
 *
 * Makes the file with a new key, for its owner alone. If somebody else has made it meanwhile, his keys are read.
 *
 * Returns: %FALSE with an error that names the file; there is none then, and nothing was added to @keys
 */
gboolean brevet_secret_key_file_make (const char *path, GPtrArray *keys, GError **error);

/**
 * brevet_secret_key_file_restore:
 * @keys: (element-type BrevetSecret): the lines
 *
 * Makes the file with keys that there are, for its owner alone. What somebody else has made there meanwhile stays.
 *
 * Returns: %FALSE with an error that names the file
 */
gboolean brevet_secret_key_file_restore (const char *path, GPtrArray *keys, GError **error);

G_END_DECLS
