/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-commit.h"

#include "brevet-error.h"
#include "brevet-file-disk.h"
#include "brevet-file-generation.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define BLOCK_SIZE 4096
#define MAXIMUM_UNSYNCED 64

/* A new file, of which only the page cache may know. */
typedef struct {
  char *path;
  int descriptor;
} Unsynced;

typedef struct {
  const char *directory;
  BrevetFileIndex *current;
  BrevetFileIndex *next;
  GPtrArray *entries;  /* of next */
  char *old_path;      /* generation of current */
  char *staging_path;  /* where the generation of next is built */
  char *path;          /* where it is when it is complete */
  char *index;
  gsize index_length;
  GArray *unsynced;         /* Unsynced */
  GPtrArray *directories;   /* paths of directories with new names in them */
} Commit;

static void
unsynced_clear (gpointer data)
{
  Unsynced *self = data;

  g_free (self->path);
  if (self->descriptor >= 0)
    close (self->descriptor);
}

static void
commit_clear (Commit *self)
{
  g_ptr_array_unref (self->entries);
  g_free (self->old_path);
  g_free (self->staging_path);
  g_free (self->path);
  g_free (self->index);
  g_array_unref (self->unsynced);
  g_ptr_array_unref (self->directories);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Commit, commit_clear)

static void
commit_init (Commit *self)
{
  self->entries = brevet_file_index_list_all (self->next);
  self->old_path = brevet_file_generation_path (self->directory, brevet_file_index_get_generation (self->current));
  self->staging_path = brevet_file_generation_staging_path (self->directory, brevet_file_index_get_generation (self->next));
  self->path = brevet_file_generation_path (self->directory, brevet_file_index_get_generation (self->next));
  self->index = brevet_file_index_print (self->next, &self->index_length);
  self->unsynced = g_array_new (FALSE, FALSE, sizeof (Unsynced));
  g_array_set_clear_func (self->unsynced, unsynced_clear);
  self->directories = g_ptr_array_new_with_free_func (g_free);
}

static guint64
whole_blocks (guint64 length)
{
  return (length / BLOCK_SIZE + 1) * BLOCK_SIZE;
}

/* What a commit adds to the disk: new bodies, the index, and directories; unchanged bodies are linked. */
static guint64
estimate_space (Commit *self)
{
  guint64 space = 2 * BLOCK_SIZE + whole_blocks (self->index_length);
  const char *collection = "";

  for (guint i = 0; i < self->entries->len; i++)
    {
      BrevetFileEntry *entry = g_ptr_array_index (self->entries, i);

      if (entry->body != NULL)
        space += whole_blocks ((guint64) entry->size);
      if (!g_str_equal (entry->collection, collection))
        space += BLOCK_SIZE;
      collection = entry->collection;
    }
  return space;
}

static gboolean
fail (Commit *self, int code, const char *action, const char *path, GError **error)
{
  if (code == ENOSPC || code == EDQUOT)
    {
      g_autofree char *space = g_format_size_full (estimate_space (self), G_FORMAT_SIZE_IEC_UNITS);

      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED,
                   "Cannot %s %s: %s; a commit needs about %s now, make room on the file system of %s and try again", action, path,
                   g_strerror (code), space, self->directory);
    }
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot %s %s: %s", action, path, g_strerror (code));
  return FALSE;
}

static gboolean
make_directory (Commit *self, const char *path, GError **error)
{
  int code = brevet_file_disk_make_directory (path);

  g_ptr_array_add (self->directories, g_strdup (path));
  return code == 0 || fail (self, code, "make the directory", path, error);
}

static gboolean
sync_directory (Commit *self, const char *path, GError **error)
{
  int code = brevet_file_disk_sync_directory (path);

  return code == 0 || fail (self, code, "bring to the disk the directory", path, error);
}

static gboolean
sync_files (Commit *self, GError **error)
{
  for (guint i = 0; i < self->unsynced->len; i++)
    {
      Unsynced *file = &g_array_index (self->unsynced, Unsynced, i);
      int code = brevet_file_disk_sync (g_steal_fd (&file->descriptor));

      if (code != 0)
        return fail (self, code, "bring to the disk", file->path, error);
    }
  g_array_set_size (self->unsynced, 0);
  return TRUE;
}

/* Syncing is for the end, when the first takes most of the others along: a journal is not written anew for each file. */
static gboolean
sync_all (Commit *self, GError **error)
{
  if (!sync_files (self, error))
    return FALSE;
  for (guint i = 0; i < self->directories->len; i++)
    if (!sync_directory (self, g_ptr_array_index (self->directories, i), error))
      return FALSE;
  return TRUE;
}

static gboolean
write_file (Commit *self, const char *path, gconstpointer data, gsize length, GError **error)
{
  Unsynced file = { NULL, -1 };
  int code = brevet_file_disk_write (path, data, length, &file.descriptor);

  if (code != 0)
    return fail (self, code, "write", path, error);
  file.path = g_strdup (path);
  g_array_append_val (self->unsynced, file);
  /* Not all descriptors of the process for a large batch. */
  return self->unsynced->len < MAXIMUM_UNSYNCED || sync_files (self, error);
}

/* File systems and security modules may refuse links, or have too many already. */
static gboolean
is_refused (int code)
{
  return code == EMLINK || code == EPERM || code == EACCES || code == EOPNOTSUPP || code == ENOSYS || code == EXDEV;
}

/* A body that is lost or damaged must not keep the others from being stored: its record stays without it, and get says so. */
static gboolean
copy_body (Commit *self, const BrevetFileEntry *entry, const char *new_path, GError **error)
{
  g_autoptr(GError) read_error = NULL;
  g_autoptr(GBytes) body = NULL;

  body = brevet_file_generation_read (self->directory, brevet_file_index_get_generation (self->current), entry, &read_error);
  if (body != NULL)
    return write_file (self, new_path, g_bytes_get_data (body, NULL), g_bytes_get_size (body), error);
  if (g_error_matches (read_error, BREVET_ERROR, BREVET_ERROR_CORRUPT))
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&read_error));
  return FALSE;
}

static gboolean
keep_body (Commit *self, const BrevetFileEntry *entry, const char *new_path, GError **error)
{
  g_autofree char *old_path = brevet_file_generation_body_path (self->old_path, entry);

  if (link (old_path, new_path) == 0)
    return TRUE;
  if (is_refused (errno) || errno == ENOENT)
    return copy_body (self, entry, new_path, error);
  return fail (self, errno, "link to its new place", old_path, error);
}

static gboolean
place_body (Commit *self, BrevetFileEntry *entry, GError **error)
{
  g_autofree char *path = brevet_file_generation_body_path (self->staging_path, entry);

  if (entry->body == NULL)
    return keep_body (self, entry, path, error);
  return write_file (self, path, g_bytes_get_data (entry->body, NULL), g_bytes_get_size (entry->body), error);
}

/* Entries of one collection follow each other. */
static gboolean
build_collection (Commit *self, guint *position, GError **error)
{
  const char *collection = ((BrevetFileEntry *) self->entries->pdata[*position])->collection;
  g_autofree char *path = g_build_filename (self->staging_path, collection, NULL);

  if (!make_directory (self, path, error))
    return FALSE;
  for (; *position < self->entries->len; (*position)++)
    {
      BrevetFileEntry *entry = g_ptr_array_index (self->entries, *position);

      if (!g_str_equal (entry->collection, collection))
        break;
      if (!place_body (self, entry, error))
        return FALSE;
    }
  return TRUE;
}

/* A generation that is gone while the store is open would be followed by one without bodies. */
static gboolean
check_current (Commit *self, GError **error)
{
  if (brevet_file_index_get_generation (self->current) == 0 || g_file_test (self->old_path, G_FILE_TEST_IS_DIR))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED,
               "The directory %s was removed while it was in use; put it back and start the service again", self->old_path);
  return FALSE;
}

/* What an earlier attempt could not remove has the same name. */
static gboolean
make_way (Commit *self, GError **error)
{
  const char *paths[] = { self->staging_path, self->path };

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      int code = brevet_file_disk_remove (paths[i]);

      if (code != 0)
        return fail (self, code, "remove the remains of an interrupted commit in", paths[i], error);
    }
  return TRUE;
}

static gboolean
build (Commit *self, GError **error)
{
  g_autofree char *index_path = g_build_filename (self->staging_path, BREVET_FILE_INDEX_NAME, NULL);
  guint position = 0;

  if (!check_current (self, error) || !make_way (self, error) || !make_directory (self, self->staging_path, error))
    return FALSE;
  while (position < self->entries->len)
    if (!build_collection (self, &position, error))
      return FALSE;
  if (!write_file (self, index_path, self->index, self->index_length, error) || !sync_all (self, error))
    return FALSE;
  if (rename (self->staging_path, self->path) != 0)
    return fail (self, errno, "rename", self->staging_path, error);
  return sync_directory (self, self->directory, error);
}

/* As far as possible: what stays costs space until the next commit or start. */
static void
undo (Commit *self)
{
  g_autofree char *temporary_link = g_build_filename (self->directory, BREVET_FILE_LINK_TEMPORARY_NAME, NULL);

  brevet_file_disk_remove (temporary_link);
  brevet_file_disk_remove (self->staging_path);
  brevet_file_disk_remove (self->path);
}

static void
let_go_of_bodies (Commit *self)
{
  for (guint i = 0; i < self->entries->len; i++)
    g_clear_pointer (&((BrevetFileEntry *) self->entries->pdata[i])->body, g_bytes_unref);
}

static gboolean
switch_link (Commit *self, gboolean *switched, GError **error)
{
  g_autofree char *link_path = g_build_filename (self->directory, BREVET_FILE_LINK_NAME, NULL);
  int code = brevet_file_generation_switch_link (self->directory, brevet_file_index_get_generation (self->next), switched);

  return code == 0 || fail (self, code, *switched ? "bring to the disk the new link" : "switch the link", link_path, error);
}

gboolean
brevet_file_commit_run (const char *directory, BrevetFileIndex *current, BrevetFileIndex *next, gboolean *switched, GError **error)
{
  g_auto(Commit) self = { .directory = directory, .current = current, .next = next };
  gboolean durable;

  commit_init (&self);
  *switched = FALSE;
  durable = build (&self, error) && switch_link (&self, switched, error);
  if (*switched)
    let_go_of_bodies (&self);
  else
    undo (&self);
  if (durable)
    brevet_file_generation_clean (directory, brevet_file_index_get_generation (next));
  return durable;
}
