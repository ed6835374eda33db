/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetFileEntry:
 * @collection: collection of the record
 * @key: its key
 * @parent: (nullable): key of what it belongs to
 * @etag: its version
 * @created: microseconds since 1970-01-01 UTC
 * @updated: microseconds since 1970-01-01 UTC
 * @file: name of the file that holds the body, in the directory of the collection
 * @sha256: of the body, in hexadecimal digits
 * @size: of the body
 * @body: (nullable): the body while it waits to be written; never kept longer, as it may be a private key
 *
 * What the index knows of one record. Reference counted; immutable but for @body, which only the thread that writes touches.
 */
typedef struct {
  char   *collection;
  char   *key;
  char   *parent;
  char   *etag;
  gint64  created;
  gint64  updated;
  char   *file;
  char   *sha256;
  gint64  size;
  GBytes *body;
} BrevetFileEntry;

/**
 * brevet_file_entry_new:
 *
 * Returns: (transfer full): an entry with the file name that belongs to @key, and without body
 */
BrevetFileEntry *brevet_file_entry_new (const char *collection, const char *key, const char *parent, const char *etag,
                                        gint64 created, gint64 updated, const char *sha256, gint64 size);

/**
 * brevet_file_entry_new_from_change:
 * @change: a put
 * @old: (nullable): the entry that it replaces
 *
 * Returns: (transfer full): an entry whose body waits to be written
 */
BrevetFileEntry *brevet_file_entry_new_from_change (const BrevetChange *change, const BrevetFileEntry *old);

BrevetFileEntry *brevet_file_entry_ref (BrevetFileEntry *self);

void brevet_file_entry_unref (BrevetFileEntry *self);

/**
 * brevet_file_entry_holds:
 *
 * Returns: whether these bytes are the body
 */
gboolean brevet_file_entry_holds (const BrevetFileEntry *self, gconstpointer data, gsize length);

/**
 * brevet_file_entry_name_for_key:
 *
 * The name of the file that holds the body of a record: the key itself if it is made of `A-Za-z0-9._-` and does not begin with a
 * dot; else every other byte, and a dot at the beginning, as `%` and two hexadecimal digits; and if that is too long for a file,
 * `%sha256-` and the hash of the key. Two keys never have the same name.
 *
 * Returns: (transfer full): a name for a file
 */
char *brevet_file_entry_name_for_key (const char *key);

/**
 * brevet_file_entry_sha256:
 *
 * Returns: (transfer full): the SHA-256 of some bytes in lower-case hexadecimal digits
 */
char *brevet_file_entry_sha256 (gconstpointer data, gsize length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetFileEntry, brevet_file_entry_unref)

G_END_DECLS
