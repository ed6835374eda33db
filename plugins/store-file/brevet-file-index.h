/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-entry.h"

G_BEGIN_DECLS

/**
 * BrevetFileIndex:
 *
 * Which records one generation has. Whoever has made one fills it, and nobody changes it once others see it.
 */
typedef struct _BrevetFileIndex BrevetFileIndex;

/**
 * brevet_file_index_new:
 * @generation: number of the generation; 0 for a store without any
 */
BrevetFileIndex *brevet_file_index_new (guint64 generation);

/**
 * brevet_file_index_copy_next:
 *
 * Returns: (transfer full): an index with the same entries for the generation that follows
 */
BrevetFileIndex *brevet_file_index_copy_next (BrevetFileIndex *self);

void brevet_file_index_free (BrevetFileIndex *self);

guint64 brevet_file_index_get_generation (BrevetFileIndex *self);

/**
 * brevet_file_index_lookup:
 *
 * Returns: (transfer none) (nullable): the entry of a record
 */
BrevetFileEntry *brevet_file_index_lookup (BrevetFileIndex *self, const char *collection, const char *key);

/**
 * brevet_file_index_put:
 * @entry: (transfer full): replaces the one that has the same collection and key
 */
void brevet_file_index_put (BrevetFileIndex *self, BrevetFileEntry *entry);

void brevet_file_index_remove (BrevetFileIndex *self, const char *collection, const char *key);

/**
 * brevet_file_index_list:
 * @parent: (nullable): see brevet_store_list_async()
 * @after: (nullable): see brevet_store_list_async()
 *
 * Returns: (transfer full) (element-type BrevetFileEntry): entries of one collection in byte order of their keys
 */
GPtrArray *brevet_file_index_list (BrevetFileIndex *self, const char *collection, const char *parent, const char *after,
                                   guint limit);

/**
 * brevet_file_index_list_all:
 *
 * Returns: (transfer full) (element-type BrevetFileEntry): all entries, those of one collection after each other
 */
GPtrArray *brevet_file_index_list_all (BrevetFileIndex *self);

/**
 * brevet_file_index_print:
 *
 * Returns: (transfer full): the text of `index.json`
 */
char *brevet_file_index_print (BrevetFileIndex *self, gsize *length);

/**
 * brevet_file_index_parse:
 * @text: a text of any origin
 *
 * Returns: (transfer full) (nullable): the index; %NULL with %BREVET_ERROR_NOT_CONFIGURED if a newer brevet wrote it, or with
 *   %BREVET_ERROR_CORRUPT
 */
BrevetFileIndex *brevet_file_index_parse (const char *text, gsize length, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetFileIndex, brevet_file_index_free)

G_END_DECLS
