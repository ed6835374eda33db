/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-recovery.h"

#include "brevet-error.h"
#include "brevet-file-disk.h"
#include "brevet-file-generation.h"

#include <errno.h>
#include <stdio.h>

/* With a good index, a damaged body costs its record alone: going back to an older generation for it would silently take back what
 * was answered as stored for all the others. */
static void
report_damaged (const char *directory, BrevetFileIndex *index)
{
  g_autoptr(GError) first = NULL;
  guint count = brevet_file_generation_check (directory, index, &first);

  if (count == 1)
    g_warning ("%s", first->message);
  else if (count > 1)
    g_warning ("%u records in %s are damaged, the first is: %s", count, directory, first->message);
}

static BrevetFileIndex *
load_whole (const char *directory, guint64 generation, gboolean accept_damaged, GError **error)
{
  g_autoptr(BrevetFileIndex) index = brevet_file_generation_load (directory, generation, error);

  if (index == NULL || (!accept_damaged && brevet_file_generation_check (directory, index, error) > 0))
    return NULL;
  return g_steal_pointer (&index);
}

/* The newest generation that is whole, or else the newest of which at least the index is: some of the records are better than none.
 * Returns NULL without error if there is none of that kind. */
static BrevetFileIndex *
choose (const char *directory, GArray *generations, gboolean accept_damaged, GError **error)
{
  for (guint i = 0; i < generations->len; i++)
    {
      g_autoptr(GError) load_error = NULL;
      BrevetFileIndex *index = load_whole (directory, g_array_index (generations, guint64, i), accept_damaged, &load_error);

      if (index != NULL)
        return index;
      if (!g_error_matches (load_error, BREVET_ERROR, BREVET_ERROR_CORRUPT))
        {
          g_propagate_error (error, g_steal_pointer (&load_error));
          return NULL;
        }
    }
  return NULL;
}

/* What is left of the damaged generation may be all that there is of a key, so an operator gets it. */
static void
set_aside (const char *directory, guint64 generation)
{
  g_autofree char *path = brevet_file_generation_path (directory, generation);
  g_autofree char *aside = g_strconcat (path, ".damaged", NULL);

  if (!g_file_test (path, G_FILE_TEST_IS_DIR))
    return;
  brevet_file_disk_remove (aside);
  if (rename (path, aside) != 0)
    g_warning ("Cannot rename the damaged directory %s to %s: %s", path, aside, g_strerror (errno));
  else
    g_warning ("What is left of the damaged generation is in %s; remove it when it is not needed", aside);
}

/* The store is of use even if the disk is too full for a link; the next commit makes one. */
static void
repair_link (const char *directory, guint64 generation)
{
  gboolean switched;
  int code = brevet_file_generation_switch_link (directory, generation, &switched);

  if (code != 0)
    g_warning ("Cannot repair the link %s/" BREVET_FILE_LINK_NAME ": %s", directory, g_strerror (code));
}

static BrevetFileIndex *
fall_back (const char *directory, guint64 damaged, GArray *generations, const GError *reason, GError **error)
{
  g_autoptr(GError) choose_error = NULL;
  g_autoptr(BrevetFileIndex) index = choose (directory, generations, FALSE, &choose_error);

  if (index == NULL && choose_error == NULL)
    index = choose (directory, generations, TRUE, &choose_error);
  if (choose_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&choose_error));
      return NULL;
    }
  if (index == NULL)
    {
      g_propagate_error (error, g_error_copy (reason));
      g_prefix_error (error, "The store in %s is damaged, and no generation of it can be used; restore it from a backup: ",
                      directory);
      return NULL;
    }
  g_warning ("%s; going on with generation %" G_GUINT64_FORMAT " of the store in %s", reason->message,
             brevet_file_index_get_generation (index), directory);
  if (damaged != 0)
    set_aside (directory, damaged);
  repair_link (directory, brevet_file_index_get_generation (index));
  return g_steal_pointer (&index);
}

static BrevetFileIndex *
load_current (const char *directory, BrevetFileLinkState state, guint64 generation, GError **error)
{
  if (state == BREVET_FILE_LINK_GOOD)
    return brevet_file_generation_load (directory, generation, error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "The link %s/" BREVET_FILE_LINK_NAME " %s", directory,
               state == BREVET_FILE_LINK_ABSENT ? "is missing" : "does not lead to a generation");
  return NULL;
}

static BrevetFileIndex *
find_index (const char *directory, GError **error)
{
  g_autoptr(GArray) generations = brevet_file_generation_list (directory, error);
  g_autoptr(GError) load_error = NULL;
  BrevetFileIndex *index;
  guint64 generation;
  BrevetFileLinkState state;

  if (generations == NULL)
    return NULL;
  state = brevet_file_generation_read_link (directory, &generation);
  if (state == BREVET_FILE_LINK_ABSENT && generations->len == 0)
    return brevet_file_index_new (0);
  if (state == BREVET_FILE_LINK_OTHER)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT,
                   "%s/" BREVET_FILE_LINK_NAME " is no symbolic link; move it away, and the newest generation is used", directory);
      return NULL;
    }
  index = load_current (directory, state, generation, &load_error);
  if (index != NULL)
    return index;
  if (g_error_matches (load_error, BREVET_ERROR, BREVET_ERROR_CORRUPT))
    return fall_back (directory, generation, generations, load_error, error);
  g_propagate_error (error, g_steal_pointer (&load_error));
  return NULL;
}

BrevetFileIndex *
brevet_file_recovery_run (const char *directory, GError **error)
{
  BrevetFileIndex *index = find_index (directory, error);

  if (index == NULL)
    return NULL;
  report_damaged (directory, index);
  brevet_file_generation_clean (directory, brevet_file_index_get_generation (index));
  return index;
}
