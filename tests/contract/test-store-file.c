/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "file-world.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_DOMAIN_OF_STORE "brevet-store-file"

static void
put_in (BrevetStore *store, const char *collection, const char *key, const char *text)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new (text, strlen (text));
  g_autoptr(GError) error = NULL;

  brevet_batch_put (batch, collection, key, NULL, body, NULL);
  brevet_store_commit (store, batch, &error);
  g_assert_no_error (error);
}

static void
assert_file (const char *path, const char *text)
{
  g_autofree char *content = NULL;
  g_autoptr(GError) error = NULL;

  g_file_get_contents (path, &content, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (content, ==, text);
}

/* Other programs read the identity under the name that they know. */
static void
test_readable_layout (StoreFixture *fixture, gconstpointer data)
{
  const char *names[] = { "aziot-dps-identity-cert", "aziot-dps-identity-cert-key", "aziot-dps-trust-bundle" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (file_directory_of (fixture), "current", "identity-default", names[i], NULL);
      g_autofree char *located = brevet_store_locate (fixture->store, "identity-default", names[i]);

      g_assert_cmpstr (located, ==, path);
      put_in (fixture->store, "identity-default", names[i], "first\n");
      assert_file (path, "first\n");
      put_in (fixture->store, "identity-default", names[i], "second\n");
      assert_file (path, "second\n");
    }
}

static void
test_odd_names (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *long_key = g_strnfill (201, 'k');
  g_autofree char *longest_key = g_strnfill (512, '/');
  const char *const keys[] = { "a/b", "a%2Fb", "..", ".", ".hidden", "%2Ehidden", "a b", "Ä", "index.json", long_key, longest_key };
  g_autoptr(GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      char *path = brevet_store_locate (fixture->store, STORE_COLLECTION, keys[i]);
      g_autofree char *directory = g_path_get_dirname (path);
      g_autofree char *expected = g_build_filename (file_directory_of (fixture), "current", STORE_COLLECTION, NULL);

      g_assert_cmpstr (directory, ==, expected);
      store_assert_put (fixture->store, keys[i], keys[i], BREVET_IF_ABSENT);
      assert_file (path, keys[i]);
      g_assert_true (g_hash_table_add (seen, path));
    }
  store_fixture_close (fixture);
  store_fixture_open (fixture, 0);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    store_assert_text (fixture->store, keys[i], keys[i]);
}

static void
assert_private (const char *path)
{
  g_autoptr(GDir) dir = NULL;
  const char *name;
  GStatBuf status;

  g_assert_cmpint (g_lstat (path, &status), ==, 0);
  if (S_ISLNK (status.st_mode))
    return;
  g_assert_cmpint (status.st_mode & 07777, ==, S_ISDIR (status.st_mode) ? 0700 : 0600);
  dir = S_ISDIR (status.st_mode) ? g_dir_open (path, 0, NULL) : NULL;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      assert_private (child);
    }
}

static void
test_private_whatever_the_umask (void)
{
  const mode_t masks[] = { 0, 0777 };

  for (guint i = 0; i < G_N_ELEMENTS (masks); i++)
    {
      FileWorld *world = file_world_new ();
      StoreFixture fixture = { &file_suite, world, NULL };
      mode_t mask = umask (masks[i]);

      store_fixture_open (&fixture, 0);
      store_assert_put (fixture.store, "k", "one", NULL);
      store_assert_put (fixture.store, "k", "two", NULL);
      store_fixture_close (&fixture);
      umask (mask);
      assert_private (world->directory);
      file_world_free (world);
    }
}

static void
test_loose_directory (StoreFixture *fixture, gconstpointer data)
{
  GStatBuf status;

  store_assert_put (fixture->store, "k", "text", NULL);
  store_fixture_close (fixture);
  g_assert_cmpint (g_chmod (file_directory_of (fixture), 0755), ==, 0);
  g_test_expect_message (LOG_DOMAIN_OF_STORE, G_LOG_LEVEL_WARNING, "*had mode 0755*");
  store_fixture_open (fixture, 0);
  g_test_assert_expected_messages ();
  g_assert_cmpint (g_stat (file_directory_of (fixture), &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0700);
  store_assert_text (fixture->store, "k", "text");
}

/* A mistyped path must not lock everybody out of a directory of the system. */
static void
test_foreign_directory (void)
{
  FileWorld *world = file_world_new ();
  g_autofree char *file = g_build_filename (world->scratch, "passwd", NULL);
  GStatBuf status;

  file_write (file, "root");
  g_assert_cmpint (g_chmod (world->scratch, 0755), ==, 0);
  file_assert_open_fails (world->scratch, BREVET_ERROR_NOT_CONFIGURED, "passwd");
  g_assert_cmpint (g_stat (world->scratch, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 07777, ==, 0755);
  file_world_free (world);
}

static void
test_two_generations (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *names = NULL;
  g_autofree char *before = NULL;
  g_autofree char *kept = NULL;
  GStatBuf status;

  file_assert_content (file_directory_of (fixture), "", NULL);
  store_assert_put (fixture->store, "kept", "same", NULL);
  file_assert_content (file_directory_of (fixture), "1", "generation-1");
  store_assert_put (fixture->store, "k", "one", NULL);
  store_assert_put (fixture->store, "k", "two", NULL);
  file_assert_content (file_directory_of (fixture), "3 2", "generation-3");
  names = file_list_names (file_directory_of (fixture));
  g_assert_cmpstr (names, ==, "current generation-2 generation-3 lock");

  before = g_build_filename (file_directory_of (fixture), "generation-2", STORE_COLLECTION, "k", NULL);
  assert_file (before, "one");
  kept = brevet_store_locate (fixture->store, STORE_COLLECTION, "kept");
  g_assert_cmpint (g_stat (kept, &status), ==, 0);
  g_assert_cmpint (status.st_nlink, ==, 2);
}

static void
test_nothing_to_do (StoreFixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  store_assert_put (fixture->store, "k", "text", NULL);
  g_assert_true (store_delete (fixture->store, "nothing", NULL, NULL));
  g_assert_false (store_put (fixture->store, "k", "other", BREVET_IF_ABSENT, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT);
  file_assert_content (file_directory_of (fixture), "1", "generation-1");
}

static void
test_everything_deleted (StoreFixture *fixture, gconstpointer data)
{
  store_assert_put (fixture->store, "k", "text", NULL);
  g_assert_true (store_delete (fixture->store, "k", NULL, NULL));
  store_fixture_close (fixture);
  store_fixture_open (fixture, 0);
  store_assert_absent (fixture->store, "k");
  file_assert_content (file_directory_of (fixture), "2 1", "generation-2");
}

static void
test_twice_in_one_process (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *own_id = g_strdup_printf ("%d", (int) getpid ());

  file_assert_open_fails (file_directory_of (fixture), BREVET_ERROR_BUSY, own_id);
}

/* What is written below a directory without a name is lost, so nobody is told that it was stored. */
static void
test_deleted_directory (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *aside = g_strconcat (file_directory_of (fixture), ".aside", NULL);
  g_autoptr(GError) error = NULL;

  store_assert_put (fixture->store, "k", "before", NULL);
  g_assert_cmpint (g_rename (file_directory_of (fixture), aside), ==, 0);
  g_assert_false (store_put (fixture->store, "k", "lost", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, file_directory_of (fixture)));
  g_assert_cmpint (g_rename (aside, file_directory_of (fixture)), ==, 0);
  store_assert_text (fixture->store, "k", "before");
  store_assert_put (fixture->store, "k", "after", NULL);
}

static void
test_deleted_generation (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (file_directory_of (fixture), "generation-1", NULL);
  g_autofree char *aside = g_strconcat (path, ".aside", NULL);
  g_autoptr(GError) error = NULL;

  store_assert_put (fixture->store, "k", "before", NULL);
  g_assert_cmpint (g_rename (path, aside), ==, 0);
  g_assert_false (store_put (fixture->store, "other", "lost", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "generation-1"));
  g_assert_cmpint (g_rename (aside, path), ==, 0);
  store_assert_text (fixture->store, "k", "before");
  store_assert_put (fixture->store, "k", "after", NULL);
}

static gpointer
committing_thread (gpointer store)
{
  for (guint i = 0; i < 200; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      store_assert_put (store, "changing", text, NULL);
    }
  return NULL;
}

/* A generation is not removed under the hands of a reader. */
static void
test_reading_while_committing (StoreFixture *fixture, gconstpointer data)
{
  GThread *thread;
  gint64 last = 0;

  store_assert_put (fixture->store, "changing", "0", NULL);
  thread = g_thread_new ("committing", committing_thread, fixture->store);
  while (last < 199)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetRecord) record = brevet_store_get (fixture->store, STORE_COLLECTION, "changing", &error);
      g_autofree char *text = NULL;
      GBytes *body;
      gint64 number;

      g_assert_no_error (error);
      body = brevet_record_get_body (record);
      text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
      number = g_ascii_strtoll (text, NULL, 10);
      g_assert_cmpint (number, >=, last);
      last = number;
    }
  g_thread_join (thread);
}

static BrevetPlugin *
create_with (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();

  return brevet_registry_create (registry, BREVET_TYPE_STORE, "store-file", "test", settings, error);
}

static void
test_settings (void)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", NULL, NULL);
  g_autoptr(BrevetPlugin) plugin = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *path = NULL;

  g_unsetenv ("STATE_DIRECTORY");
  plugin = create_with (settings, &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "directory=/"));
  g_clear_error (&error);

  g_setenv ("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", TRUE);
  plugin = create_with (settings, &error);
  g_assert_no_error (error);
  path = brevet_store_locate (BREVET_STORE (plugin), "things", "k");
  g_assert_cmpstr (path, ==, "/var/lib/one/current/things/k");
  g_clear_object (&plugin);

  brevet_settings_set (settings, "directory", "/srv/store/", NULL);
  plugin = create_with (settings, &error);
  g_assert_no_error (error);
  g_free (path);
  path = brevet_store_locate (BREVET_STORE (plugin), "things", "k");
  g_assert_cmpstr (path, ==, "/srv/store/current/things/k");
  g_clear_object (&plugin);
  g_unsetenv ("STATE_DIRECTORY");

  brevet_settings_set (settings, "maximum-queued", "0", NULL);
  plugin = create_with (settings, &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "maximum-queued"));
}

static void
test_missing_parent (void)
{
  FileWorld *world = file_world_new ();
  g_autofree char *directory = g_build_filename (world->scratch, "nowhere", "store", NULL);

  file_assert_open_fails (directory, BREVET_ERROR_NOT_CONFIGURED, "0700");
  file_world_free (world);
}

static void
test_commit_time (StoreFixture *fixture, gconstpointer data)
{
  if (!g_test_perf ())
    {
      g_test_skip ("Measures only with -m perf");
      return;
    }
  for (guint records = 10; records <= 1000; records *= 10)
    {
      g_autoptr(BrevetBatch) batch = brevet_batch_new ();
      g_autoptr(GBytes) body = g_bytes_new_static ("text", 4);
      double milliseconds;

      for (guint i = 0; i < records; i++)
        {
          g_autofree char *key = g_strdup_printf ("key-%u", i);

          brevet_batch_put (batch, STORE_COLLECTION, key, NULL, body, NULL);
        }
      g_assert_true (brevet_store_commit (fixture->store, batch, NULL));
      g_test_timer_start ();
      for (guint i = 0; i < 20; i++)
        store_assert_put (fixture->store, "key-0", "other", NULL);
      milliseconds = 1000 * g_test_timer_elapsed () / 20;
      g_test_minimized_result (milliseconds, "%u records: %.2f ms for a commit", records, milliseconds);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  store_suite_add (&file_suite);
  store_suite_add_test (&file_suite, "readable-layout", test_readable_layout);
  store_suite_add_test (&file_suite, "odd-names", test_odd_names);
  store_suite_add_test (&file_suite, "loose-directory", test_loose_directory);
  store_suite_add_test (&file_suite, "two-generations", test_two_generations);
  store_suite_add_test (&file_suite, "nothing-to-do", test_nothing_to_do);
  store_suite_add_test (&file_suite, "everything-deleted", test_everything_deleted);
  store_suite_add_test (&file_suite, "twice-in-one-process", test_twice_in_one_process);
  store_suite_add_test (&file_suite, "deleted-directory", test_deleted_directory);
  store_suite_add_test (&file_suite, "deleted-generation", test_deleted_generation);
  store_suite_add_test (&file_suite, "reading-while-committing", test_reading_while_committing);
  store_suite_add_test (&file_suite, "commit-time", test_commit_time);
  g_test_add_func ("/store-file/private-whatever-the-umask", test_private_whatever_the_umask);
  g_test_add_func ("/store-file/foreign-directory", test_foreign_directory);
  g_test_add_func ("/store-file/settings", test_settings);
  g_test_add_func ("/store-file/missing-parent", test_missing_parent);
  return g_test_run ();
}
