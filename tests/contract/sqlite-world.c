/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sqlite-world.h"

#include "store-place.h"
#include "test-scratch.h"

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
  return store_place_create ("store-sqlite", "file", file, maximum_queued);
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

  store_place_assert_open_fails (store, file, code, text);
}
