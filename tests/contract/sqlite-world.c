/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sqlite-world.h"

#include "test-scratch.h"

#include <string.h>

gpointer
sqlite_world_new (void)
{
  SqliteWorld *world = g_new0 (SqliteWorld, 1);

  world->directory = test_scratch_new ();
  world->file = g_build_filename (world->directory, "test.sqlite", NULL);
  return world;
}

void
sqlite_world_free (gpointer data)
{
  SqliteWorld *world = data;

  test_scratch_remove (world->directory);
  g_free (world->directory);
  g_free (world->file);
  g_free (world);
}

BrevetStore *
sqlite_create_store (const char *file, gint64 maximum_queued)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", NULL, NULL);
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin;

  brevet_settings_set (settings, "file", file, NULL);
  if (maximum_queued > 0)
    {
      g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, maximum_queued);

      brevet_settings_set (settings, "maximum-queued", text, NULL);
    }
  plugin = brevet_registry_create (registry, BREVET_TYPE_STORE, "store-sqlite", "test", settings, &error);
  g_assert_no_error (error);
  return BREVET_STORE (plugin);
}

static BrevetStore *
sqlite_world_create_store (gpointer data, gint64 maximum_queued)
{
  return sqlite_create_store (((SqliteWorld *) data)->file, maximum_queued);
}

const StoreSuite sqlite_suite = { "store-sqlite", sqlite_world_new, sqlite_world_create_store, sqlite_world_free };

void
sqlite_assert_open_fails (const char *file, int code, const char *text)
{
  g_autoptr(BrevetStore) store = sqlite_create_store (file, 0);
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_store_open (store, &error));
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, text) == NULL || strstr (error->message, file) == NULL)
    g_error ("“%s” names not both “%s” and “%s”", error->message, text, file);
}
