/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sqlite-world.h"

#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

static void
test_private_files (StoreFixture *fixture, gconstpointer data)
{
  SqliteWorld *world = fixture->world;
  g_autofree char *log = g_strconcat (world->file, "-wal", NULL);
  GStatBuf status;

  store_assert_put (fixture->store, "k", "text", NULL);
  g_assert_cmpint (g_stat (world->file, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  g_assert_cmpint (g_stat (log, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
}

static void
test_settings (void)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", NULL, NULL);
  g_autoptr(BrevetPlugin) plugin = NULL;
  g_autoptr(GError) error = NULL;

  plugin = brevet_registry_create (registry, BREVET_TYPE_STORE, "store-sqlite", "test", settings, &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "file"));
  g_clear_error (&error);

  brevet_settings_set (settings, "file", "x.sqlite", NULL);
  brevet_settings_set (settings, "readers", "0", NULL);
  plugin = brevet_registry_create (registry, BREVET_TYPE_STORE, "store-sqlite", "test", settings, &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "readers"));
}

static void
test_missing_directory (void)
{
  SqliteWorld *world = sqlite_world_new ();
  g_autofree char *file = g_build_filename (world->directory, "nowhere", "x.sqlite", NULL);

  sqlite_assert_open_fails (file, BREVET_ERROR_NOT_CONFIGURED, "nowhere");
  sqlite_world_free (world);
}

static void
test_no_database (void)
{
  SqliteWorld *world = sqlite_world_new ();
  g_autofree char *content = NULL;
  g_autoptr(GError) error = NULL;

  g_file_set_contents (world->file, "This is a letter to my aunt, and not a database, although it is long enough to be one.", -1,
                       &error);
  g_assert_no_error (error);
  sqlite_assert_open_fails (world->file, BREVET_ERROR_CORRUPT, "not a database");
  g_file_get_contents (world->file, &content, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (content, "This is a letter"));
  sqlite_world_free (world);
}

static void
run_sql (const char *file, const char *sql)
{
  sqlite3 *database;

  g_assert_cmpint (sqlite3_open (file, &database), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_exec (database, sql, NULL, NULL, NULL), ==, SQLITE_OK);
  g_assert_cmpint (sqlite3_close (database), ==, SQLITE_OK);
}

static void
test_foreign_database (void)
{
  SqliteWorld *world = sqlite_world_new ();

  run_sql (world->file, "CREATE TABLE recipes (name TEXT)");
  sqlite_assert_open_fails (world->file, BREVET_ERROR_NOT_CONFIGURED, "another program");
  run_sql (world->file, "INSERT INTO recipes VALUES ('soup')");
  sqlite_world_free (world);
}

static void
test_newer_version (StoreFixture *fixture, gconstpointer data)
{
  SqliteWorld *world = fixture->world;

  store_fixture_close (fixture);
  run_sql (world->file, "PRAGMA user_version = 99");
  sqlite_assert_open_fails (world->file, BREVET_ERROR_NOT_CONFIGURED, "version 99");
}

/* Everything behind the first page is overwritten: the schema can be read, the records cannot. */
static void
test_damaged_pages (StoreFixture *fixture, gconstpointer data)
{
  SqliteWorld *world = fixture->world;
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GPtrArray) records = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *content = NULL;
  gsize length;

  store_assert_put (fixture->store, "k", "text", NULL);
  store_fixture_close (fixture);
  g_file_get_contents (world->file, &content, &length, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (length, >, 4096);
  memset (content + 4096, 0xa5, length - 4096);
  g_file_set_contents (world->file, content, length, &error);
  g_assert_no_error (error);

  store_fixture_open (fixture, 0);
  record = brevet_store_get (fixture->store, STORE_COLLECTION, "k", &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, world->file));
  g_clear_error (&error);
  records = brevet_store_list (fixture->store, STORE_COLLECTION, NULL, NULL, 10, &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
  g_clear_error (&error);
  g_assert_false (store_put (fixture->store, "k", "new", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
}

static void
test_twice_in_one_process (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *own_id = g_strdup_printf ("%d", (int) getpid ());

  sqlite_assert_open_fails (((SqliteWorld *) fixture->world)->file, BREVET_ERROR_BUSY, own_id);
}

typedef struct {
  BrevetStore *store;
  guint in_flight;
  guint begun;
  guint answered;
  guint total;
} Load;

static void begin_load (Load *load);

static void
on_load_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Load *load = user_data;
  g_autoptr(GError) error = NULL;

  brevet_store_commit_finish (BREVET_STORE (source), result, &error);
  g_assert_no_error (error);
  load->answered++;
  load->in_flight--;
  begin_load (load);
}

static void
begin_load (Load *load)
{
  g_autofree char *key = NULL;
  g_autoptr(BrevetBatch) batch = NULL;
  static char text[1200];

  if (load->begun == load->total)
    return;
  memset (text, 'x', sizeof text - 1);
  key = g_strdup_printf ("load-%u", load->begun++);
  batch = store_batch_put (key, text, NULL);
  load->in_flight++;
  brevet_store_commit_async (load->store, batch, NULL, on_load_answered, load);
}

static double
measure (BrevetStore *store, guint width, guint total)
{
  Load load = { .store = store, .total = total };

  g_test_timer_start ();
  for (guint i = 0; i < width; i++)
    begin_load (&load);
  while (load.answered < total)
    g_main_context_iteration (NULL, TRUE);
  return total / g_test_timer_elapsed ();
}

static void
test_group_pays (StoreFixture *fixture, gconstpointer data)
{
  static const guint widths[] = { 1, 16, 256, 2048 };

  if (!g_test_perf ())
    {
      g_test_skip ("Measures only with -m perf");
      return;
    }
  for (guint round = 0; round < 2; round++)
    for (guint i = 0; i < G_N_ELEMENTS (widths); i++)
      {
        double rate = measure (fixture->store, widths[i], widths[i] == 1 ? 2000 : 20000);

        g_test_maximized_result (rate, "%u at once: %.0f commits/s", widths[i], rate);
      }
}

/* What is written to a file without a name is gone with the process, so nobody is told that it was stored. */
static void
test_deleted_file (StoreFixture *fixture, gconstpointer suite)
{
  SqliteWorld *world = fixture->world;
  g_autofree char *aside = g_strconcat (world->file, ".aside", NULL);
  g_autoptr(GError) error = NULL;

  store_assert_put (fixture->store, "k", "before", NULL);
  g_assert_cmpint (g_rename (world->file, aside), ==, 0);
  g_assert_false (store_put (fixture->store, "k", "lost", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, world->file));
  g_assert_cmpint (g_rename (aside, world->file), ==, 0);
  store_assert_text (fixture->store, "k", "before");
  store_assert_put (fixture->store, "k", "after", NULL);
}

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, NULL);

  *(gboolean *) user_data = TRUE;
}

static gpointer
short_lived_contexts_thread (gpointer store)
{
  for (guint i = 0; i < 4000; i++)
    {
      g_autoptr(GMainContext) context = g_main_context_new ();
      gboolean answered = FALSE;

      g_main_context_push_thread_default (context);
      brevet_store_get_async (store, STORE_COLLECTION, "nothing", NULL, on_answer, &answered);
      while (!answered)
        g_main_context_iteration (context, TRUE);
      g_main_context_pop_thread_default (context);
    }
  return NULL;
}

/* The caller's context ends with the answer, while the thread that gave it still holds the source that carried it. */
static void
test_short_lived_contexts (StoreFixture *fixture, gconstpointer suite)
{
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("short-lived", short_lived_contexts_thread, fixture->store);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* A program looks into the store of a service that goes on with its work. */
static void
test_open_to_read (StoreFixture *fixture, gconstpointer suite)
{
  SqliteWorld *world = fixture->world;
  g_autoptr(BrevetStore) reader = sqlite_create_store (world->file, 0);
  g_autoptr(BrevetBatch) batch = store_batch_put ("k", "mine", NULL);
  g_autoptr(GError) error = NULL;

  store_assert_put (fixture->store, "k", "before", NULL);
  g_assert_true (brevet_store_open_to_read (reader, &error));
  g_assert_no_error (error);
  store_assert_text (reader, "k", "before");
  store_assert_put (fixture->store, "k", "after", NULL);
  store_assert_text (reader, "k", "after");
  g_assert_false (brevet_store_commit (reader, batch, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED);
  g_clear_object (&reader);
  store_assert_put (fixture->store, "k", "last", NULL);
  store_assert_text (fixture->store, "k", "last");
}

static void
test_nothing_to_read (void)
{
  SqliteWorld *world = sqlite_world_new ();
  g_autoptr(BrevetStore) reader = sqlite_create_store (world->file, 0);
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_store_open_to_read (reader, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
  g_assert_false (g_file_test (world->file, G_FILE_TEST_EXISTS));
  g_clear_error (&error);
  run_sql (world->file, "CREATE TABLE aunt (letter TEXT)");
  g_assert_false (brevet_store_open_to_read (reader, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_clear_object (&reader);
  sqlite_world_free (world);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  store_suite_add (&sqlite_suite);
  store_suite_add_test (&sqlite_suite, "private-files", test_private_files);
  store_suite_add_test (&sqlite_suite, "newer-version", test_newer_version);
  store_suite_add_test (&sqlite_suite, "damaged-pages", test_damaged_pages);
  store_suite_add_test (&sqlite_suite, "twice-in-one-process", test_twice_in_one_process);
  store_suite_add_test (&sqlite_suite, "deleted-file", test_deleted_file);
  store_suite_add_test (&sqlite_suite, "short-lived-contexts", test_short_lived_contexts);
  store_suite_add_test (&sqlite_suite, "group-pays", test_group_pays);
  store_suite_add_test (&sqlite_suite, "open-to-read", test_open_to_read);
  g_test_add_func ("/store-sqlite/nothing-to-read", test_nothing_to_read);
  g_test_add_func ("/store-sqlite/settings", test_settings);
  g_test_add_func ("/store-sqlite/missing-directory", test_missing_directory);
  g_test_add_func ("/store-sqlite/no-database", test_no_database);
  g_test_add_func ("/store-sqlite/foreign-database", test_foreign_database);
  return g_test_run ();
}
