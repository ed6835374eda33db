/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-index.h"

G_BEGIN_DECLS

/**
 * BREVET_FILE_INDEX_NAME:
 *
 * The file in the directory of a generation that says what is in it.
 */
#define BREVET_FILE_INDEX_NAME "index.json"

/* Names of directories of generations begin with this, and a number follows. */
#define BREVET_FILE_GENERATION_PREFIX "generation-"

/* The link that says which generation is the current one, and the name under which the next link is made. */
#define BREVET_FILE_LINK_NAME "current"
#define BREVET_FILE_LINK_TEMPORARY_NAME "current.new"

/**
 * brevet_file_generation_path:
 * @directory: directory of the store
 *
 * Returns: (transfer full): directory of a generation
 */
char *brevet_file_generation_path (const char *directory, guint64 generation);

/**
 * brevet_file_generation_staging_path:
 *
 * Returns: (transfer full): directory in which a generation is built
 */
char *brevet_file_generation_staging_path (const char *directory, guint64 generation);

/**
 * brevet_file_generation_list:
 *
 * Returns: (transfer full) (element-type guint64) (nullable): numbers of the complete generations on disk, newest first
 */
GArray *brevet_file_generation_list (const char *directory, GError **error);

/**
 * brevet_file_generation_load:
 *
 * Returns: (transfer full) (nullable): the index of a generation; %NULL with %BREVET_ERROR_CORRUPT naming the file, or with another
 *   error if that does not prove any damage
 */
BrevetFileIndex *brevet_file_generation_load (const char *directory, guint64 generation, GError **error);

/**
 * brevet_file_generation_body_path:
 * @generation: directory of a generation
 */
char *brevet_file_generation_body_path (const char *generation, const BrevetFileEntry *entry);

/**
 * brevet_file_generation_read:
 *
 * Returns: (transfer full) (nullable): the body, wiped with its last reference; %NULL with %BREVET_ERROR_CORRUPT if it is not what
 *   was stored, or %BREVET_ERROR_FAILED
 */
GBytes *brevet_file_generation_read (const char *directory, guint64 generation, const BrevetFileEntry *entry, GError **error);

/**
 * brevet_file_generation_check:
 * @damaged: (out) (optional) (transfer full): an error that names the first body that cannot be read back
 *
 * Returns: how many bodies cannot be read back
 */
guint brevet_file_generation_check (const char *directory, BrevetFileIndex *index, GError **damaged);

/**
 * brevet_file_generation_clean:
 * @current: number of the current generation, 0 if there is none
 *
 * Removes what interrupted commits have left, what is newer than @current, and what is older than the one before @current. Failures
 * are logged: they cost space and nothing else.
 */
void brevet_file_generation_clean (const char *directory, guint64 current);

/**
 * BrevetFileLinkState:
 * @BREVET_FILE_LINK_ABSENT: there is none
 * @BREVET_FILE_LINK_GOOD: it names a generation
 * @BREVET_FILE_LINK_WRONG: it is a symbolic link to something else
 * @BREVET_FILE_LINK_OTHER: it is no symbolic link, or cannot be read
 *
 * What was found under the name `current`.
 */
typedef enum {
  BREVET_FILE_LINK_ABSENT,
  BREVET_FILE_LINK_GOOD,
  BREVET_FILE_LINK_WRONG,
  BREVET_FILE_LINK_OTHER,
} BrevetFileLinkState;

/**
 * brevet_file_generation_read_link:
 * @generation: (out): where it points if it is good, else 0
 */
BrevetFileLinkState brevet_file_generation_read_link (const char *directory, guint64 *generation);

/**
 * brevet_file_generation_switch_link:
 * @switched: (out): whether `current` points to @generation now, be that durable or not
 *
 * Makes `current` point to a generation, in one step that leaves either the old link or the new one.
 *
 * Returns: 0 once that is on stable storage, else the errno of what failed
 */
int brevet_file_generation_switch_link (const char *directory, guint64 generation, gboolean *switched);

G_END_DECLS
