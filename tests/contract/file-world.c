/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "file-world.h"

#include "store-place.h"
#include "test-scratch.h"

#include <glib/gstdio.h>
#include <string.h>

gpointer
file_world_new (void)
{
  FileWorld *world = g_new0 (FileWorld, 1);

  world->scratch = test_scratch_new ();
  world->directory = g_build_filename (world->scratch, "store", NULL);
  return world;
}

void
file_world_free (gpointer data)
{
  FileWorld *world = data;

  test_scratch_remove (world->scratch);
  g_free (world->scratch);
  g_free (world->directory);
  g_free (world);
}

BrevetStore *
file_create_store (const char *directory, gint64 maximum_queued)
{
  return store_place_create ("store-file", "directory", directory, maximum_queued);
}

static BrevetStore *
file_world_create_store (gpointer data, gint64 maximum_queued)
{
  return file_create_store (((FileWorld *) data)->directory, maximum_queued);
}

const StoreSuite file_suite = { "store-file", file_world_new, file_world_create_store, file_world_free };

void
file_assert_open_fails (const char *directory, int code, const char *text)
{
  g_autoptr(BrevetStore) store = file_create_store (directory, 0);

  store_place_assert_open_fails (store, directory, code, text);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char *
file_list_names (const char *directory)
{
  g_autoptr(GDir) dir = g_dir_open (directory, 0, NULL);
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  g_assert_nonnull (dir);
  while ((name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

char *
file_list_generations (const char *directory)
{
  g_autofree char *names = file_list_names (directory);
  g_auto(GStrv) words = g_strsplit (names, " ", -1);
  g_autoptr(GString) numbers = g_string_new (NULL);

  for (guint i = 0; words[i] != NULL; i++)
    {
      const char *number = words[i] + strlen ("generation-");

      if (g_str_has_prefix (words[i], "generation-") && strspn (number, "0123456789") == strlen (number))
        g_string_prepend (g_string_prepend (numbers, numbers->len > 0 ? " " : ""), number);
    }
  return g_string_free (g_steal_pointer (&numbers), FALSE);
}

char *
file_read_link (const char *directory)
{
  g_autofree char *path = g_build_filename (directory, "current", NULL);

  return g_file_read_link (path, NULL);
}

const char *
file_directory_of (StoreFixture *fixture)
{
  return ((FileWorld *) fixture->world)->directory;
}

void
file_write (const char *path, const char *text)
{
  g_autoptr(GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

void
file_assert_content (const char *directory, const char *generations, const char *link)
{
  g_autofree char *found = file_list_generations (directory);
  g_autofree char *target = file_read_link (directory);

  g_assert_cmpstr (found, ==, generations);
  g_assert_cmpstr (target, ==, link);
}
