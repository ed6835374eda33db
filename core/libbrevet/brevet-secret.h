/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * BrevetSecret:
 *
 * Bytes that must not be seen: a symmetric key, an API key, a PIN. Immutable and reference counted; wiped when the last reference
 * goes, excluded from core files where the kernel allows it. It has no to-string function on purpose.
 */
typedef struct _BrevetSecret BrevetSecret;

#define BREVET_TYPE_SECRET (brevet_secret_get_type ())

BREVET_API
GType brevet_secret_get_type (void);

/**
 * brevet_secret_new:
 * @data: (array length=length) (element-type guint8): the bytes; copied
 * @length: number of bytes
 *
 * Returns: (transfer full): a new secret
 */
BREVET_API
BrevetSecret *brevet_secret_new (gconstpointer data, gsize length);

/**
 * brevet_secret_new_from_base64:
 * @text: standard base64 with padding; white space at both ends is ignored
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the decoded secret; %NULL with %BREVET_ERROR_INVALID, whose message does not repeat @text
 */
BREVET_API
BrevetSecret *brevet_secret_new_from_base64 (const char *text, GError **error);

/**
 * brevet_secret_new_from_file:
 * @path: file to read; at most 64 KiB. One line end at the end is dropped.
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the secret, or %NULL with %BREVET_ERROR_NOT_CONFIGURED
 */
BREVET_API
BrevetSecret *brevet_secret_new_from_file (const char *path, GError **error);

/**
 * brevet_secret_new_random:
 * @length: number of bytes, from the key-grade random source of GnuTLS
 *
 * Returns: (transfer full): a new secret
 */
BREVET_API
BrevetSecret *brevet_secret_new_random (gsize length);

BREVET_API
BrevetSecret *brevet_secret_ref (BrevetSecret *self);

BREVET_API
void brevet_secret_unref (BrevetSecret *self);

/**
 * brevet_secret_get_data:
 * @length: (out) (optional): number of bytes
 *
 * Returns: (transfer none) (array length=length) (element-type guint8): the bytes, followed by a zero byte that is not counted, so
 *   that a textual secret can be used as a string
 */
BREVET_API
const guint8 *brevet_secret_get_data (BrevetSecret *self, gsize *length);

/**
 * brevet_secret_to_base64:
 *
 * For the one place that must show or store the secret.
 *
 * Returns: (transfer full): standard base64, padded; wipe it with brevet_secret_free_text()
 */
BREVET_API
char *brevet_secret_to_base64 (BrevetSecret *self);

/**
 * brevet_secret_equal:
 *
 * Compares in constant time.
 */
BREVET_API
gboolean brevet_secret_equal (BrevetSecret *self, BrevetSecret *other);

/**
 * brevet_secret_free_text: (skip)
 * @text: (nullable) (transfer full): a string that holds a secret
 *
 * Wipes @text and frees it.
 */
BREVET_API
void brevet_secret_free_text (char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetSecret, brevet_secret_unref)

G_END_DECLS
