/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-generation.h"

#include "brevet-error.h"
#include "brevet-file-disk.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define STAGING_SUFFIX ".new"
#define MAXIMUM_INDEX_SIZE (64 * 1024 * 1024)

char *
brevet_file_generation_path (const char *directory, guint64 generation)
{
  return g_strdup_printf ("%s/" BREVET_FILE_GENERATION_PREFIX "%" G_GUINT64_FORMAT, directory, generation);
}

char *
brevet_file_generation_staging_path (const char *directory, guint64 generation)
{
  return g_strdup_printf ("%s/" BREVET_FILE_GENERATION_PREFIX "%" G_GUINT64_FORMAT STAGING_SUFFIX, directory, generation);
}

/* FALSE unless it is exactly the name that a complete generation has. */
static gboolean
parse_name (const char *name, guint64 *generation)
{
  const char *digits = g_str_has_prefix (name, BREVET_FILE_GENERATION_PREFIX) ? name + strlen (BREVET_FILE_GENERATION_PREFIX) : "";

  /* The first digit rules out a second spelling of the same number. */
  return *digits >= '1' && *digits <= '9' && g_ascii_string_to_unsigned (digits, 10, 1, G_MAXINT64 - 1, generation, NULL);
}

static int
compare_newest_first (gconstpointer a, gconstpointer b)
{
  guint64 first = *(const guint64 *) a;
  guint64 second = *(const guint64 *) b;

  return first == second ? 0 : first > second ? -1 : 1;
}

GArray *
brevet_file_generation_list (const char *directory, GError **error)
{
  g_autoptr(GArray) generations = g_array_new (FALSE, FALSE, sizeof (guint64));
  g_autoptr(GError) open_error = NULL;
  g_autoptr(GDir) dir = g_dir_open (directory, 0, &open_error);
  const char *name;
  guint64 generation;

  if (dir == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_FAILED, open_error->message);
      return NULL;
    }
  while ((name = g_dir_read_name (dir)) != NULL)
    if (parse_name (name, &generation))
      g_array_append_val (generations, generation);
  g_array_sort (generations, compare_newest_first);
  return g_steal_pointer (&generations);
}

/* A process without descriptors or memory says nothing about the disk. */
static int
read_error_code (int code)
{
  return code == EMFILE || code == ENFILE || code == ENOMEM || code == EACCES || code == EPERM ? BREVET_ERROR_FAILED
                                                                                               : BREVET_ERROR_CORRUPT;
}

BrevetFileIndex *
brevet_file_generation_load (const char *directory, guint64 generation, GError **error)
{
  g_autofree char *path = brevet_file_generation_path (directory, generation);
  g_autofree char *file = g_build_filename (path, BREVET_FILE_INDEX_NAME, NULL);
  g_autoptr(BrevetFileIndex) index = NULL;
  guint8 *text;
  gsize length;
  int code;

  code = brevet_file_disk_read (file, MAXIMUM_INDEX_SIZE, &text, &length);
  if (code != 0)
    {
      g_set_error (error, BREVET_ERROR, read_error_code (code), "Cannot read %s: %s", file, g_strerror (code));
      return NULL;
    }
  index = brevet_file_index_parse ((const char *) text, length, error);
  g_free (text);
  if (index == NULL)
    {
      g_prefix_error (error, "Cannot use %s: ", file);
      return NULL;
    }
  if (brevet_file_index_get_generation (index) != generation)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "Cannot use %s: it is the index of generation %" G_GUINT64_FORMAT,
                   file, brevet_file_index_get_generation (index));
      return NULL;
    }
  return g_steal_pointer (&index);
}

char *
brevet_file_generation_body_path (const char *generation, const BrevetFileEntry *entry)
{
  return g_build_filename (generation, entry->collection, entry->file, NULL);
}

typedef struct {
  guint8 *data;
  gsize length;
} Body;

static void
body_free (gpointer data)
{
  Body *body = data;

  brevet_file_disk_wipe (body->data, body->length);
  g_free (body);
}

GBytes *
brevet_file_generation_read (const char *directory, guint64 generation, const BrevetFileEntry *entry, GError **error)
{
  g_autofree char *path = brevet_file_generation_path (directory, generation);
  g_autofree char *file = brevet_file_generation_body_path (path, entry);
  Body *body;
  guint8 *data;
  gsize length;
  int code = brevet_file_disk_read (file, (gsize) entry->size, &data, &length);

  if (code != 0 && code != EFBIG)
    {
      g_set_error (error, BREVET_ERROR, read_error_code (code), "Cannot read the record “%s” in “%s” from %s: %s", entry->key,
                   entry->collection, file, g_strerror (code));
      return NULL;
    }
  if (code == EFBIG || !brevet_file_entry_holds (entry, data, length))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT,
                   "The record “%s” in “%s” is damaged: %s is not what was stored; restore it from a backup, or have it made anew",
                   entry->key, entry->collection, file);
      if (code == 0)
        brevet_file_disk_wipe (data, length);
      return NULL;
    }
  body = g_new (Body, 1);
  body->data = data;
  body->length = length;
  return g_bytes_new_with_free_func (data, length, body_free, body);
}

guint
brevet_file_generation_check (const char *directory, BrevetFileIndex *index, GError **damaged)
{
  g_autoptr(GPtrArray) entries = brevet_file_index_list_all (index);
  guint count = 0;

  for (guint i = 0; i < entries->len; i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GBytes) body = brevet_file_generation_read (directory, brevet_file_index_get_generation (index), entries->pdata[i],
                                                            &error);

      if (body == NULL && count++ == 0)
        g_propagate_error (damaged, g_steal_pointer (&error));
    }
  return count;
}

static gboolean
is_leftover (const char *name)
{
  g_autofree char *complete = NULL;
  guint64 generation;

  if (g_str_equal (name, BREVET_FILE_LINK_TEMPORARY_NAME))
    return TRUE;
  if (!g_str_has_suffix (name, STAGING_SUFFIX))
    return FALSE;
  complete = g_strndup (name, strlen (name) - strlen (STAGING_SUFFIX));
  return parse_name (complete, &generation);
}

static void
remove_or_warn (const char *path)
{
  int code = brevet_file_disk_remove (path);

  if (code != 0)
    g_warning ("Cannot remove %s, which is not needed any more: %s", path, g_strerror (code));
}

static void
remove_leftovers (const char *directory)
{
  g_autoptr(GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (is_leftover (name))
      {
        g_autofree char *path = g_build_filename (directory, name, NULL);

        remove_or_warn (path);
      }
}

void
brevet_file_generation_clean (const char *directory, guint64 current)
{
  g_autoptr(GArray) generations = brevet_file_generation_list (directory, NULL);
  gboolean previous_seen = FALSE;

  remove_leftovers (directory);
  for (guint i = 0; generations != NULL && i < generations->len; i++)
    {
      guint64 generation = g_array_index (generations, guint64, i);
      g_autofree char *path = brevet_file_generation_path (directory, generation);

      if (generation > current || (generation < current && previous_seen))
        remove_or_warn (path);
      previous_seen = previous_seen || generation < current;
    }
}

BrevetFileLinkState
brevet_file_generation_read_link (const char *directory, guint64 *generation)
{
  g_autofree char *link_path = g_build_filename (directory, BREVET_FILE_LINK_NAME, NULL);
  char target[64];
  ssize_t length = readlink (link_path, target, sizeof target);

  *generation = 0;
  if (length < 0)
    return errno == ENOENT ? BREVET_FILE_LINK_ABSENT : BREVET_FILE_LINK_OTHER;
  if ((gsize) length == sizeof target)
    return BREVET_FILE_LINK_WRONG;
  target[length] = '\0';
  return parse_name (target, generation) ? BREVET_FILE_LINK_GOOD : BREVET_FILE_LINK_WRONG;
}

static gboolean
points_to (const char *directory, guint64 generation)
{
  guint64 found;

  return brevet_file_generation_read_link (directory, &found) == BREVET_FILE_LINK_GOOD && found == generation;
}

int
brevet_file_generation_switch_link (const char *directory, guint64 generation, gboolean *switched)
{
  g_autofree char *link_path = g_build_filename (directory, BREVET_FILE_LINK_NAME, NULL);
  g_autofree char *temporary = g_build_filename (directory, BREVET_FILE_LINK_TEMPORARY_NAME, NULL);
  g_autofree char *path = brevet_file_generation_path (directory, generation);
  g_autofree char *target = g_path_get_basename (path);
  int code;

  *switched = FALSE;
  if (unlink (temporary) != 0 && errno != ENOENT)
    return errno;
  if (symlink (target, temporary) != 0)
    return errno;
  if (rename (temporary, link_path) != 0)
    {
      code = errno;
      /* A failing disk may have done it all the same. */
      *switched = points_to (directory, generation);
      return code;
    }
  *switched = TRUE;
  return brevet_file_disk_sync_directory (directory);
}
