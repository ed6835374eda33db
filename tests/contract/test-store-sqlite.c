/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store-suite.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gunixinputstream.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *own_path;
static gboolean may_mount;

typedef struct {
  char *directory;
  char *file;
} World;

static gpointer
world_new (void)
{
  World *world = g_new0 (World, 1);
  g_autoptr(GError) error = NULL;

  world->directory = g_dir_make_tmp ("brevet-store-XXXXXX", &error);
  g_assert_no_error (error);
  world->file = g_build_filename (world->directory, "test.sqlite", NULL);
  return world;
}

static void
world_free (gpointer data)
{
  World *world = data;
  g_autoptr(GDir) directory = g_dir_open (world->directory, 0, NULL);
  const char *name;

  while (directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *path = g_build_filename (world->directory, name, NULL);

      g_unlink (path);
    }
  g_rmdir (world->directory);
  g_free (world->directory);
  g_free (world->file);
  g_free (world);
}

static BrevetStore *
create_store (const char *file, gint64 maximum_queued)
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
world_create_store (gpointer data, gint64 maximum_queued)
{
  return create_store (((World *) data)->file, maximum_queued);
}

static const StoreSuite suite = { "store-sqlite", world_new, world_create_store, world_free };

static void
assert_open_fails (const char *file, int code, const char *text)
{
  g_autoptr(BrevetStore) store = create_store (file, 0);
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_store_open (store, &error));
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, text) == NULL || strstr (error->message, file) == NULL)
    g_error ("“%s” names not both “%s” and “%s”", error->message, text, file);
}

static void
test_private_files (StoreFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
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
  World *world = world_new ();
  g_autofree char *file = g_build_filename (world->directory, "nowhere", "x.sqlite", NULL);

  assert_open_fails (file, BREVET_ERROR_NOT_CONFIGURED, "nowhere");
  world_free (world);
}

static void
test_no_database (void)
{
  World *world = world_new ();
  g_autofree char *content = NULL;
  g_autoptr(GError) error = NULL;

  g_file_set_contents (world->file, "This is a letter to my aunt, and not a database, although it is long enough to be one.", -1, &error);
  g_assert_no_error (error);
  assert_open_fails (world->file, BREVET_ERROR_CORRUPT, "not a database");
  g_file_get_contents (world->file, &content, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (content, "This is a letter"));
  world_free (world);
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
  World *world = world_new ();

  run_sql (world->file, "CREATE TABLE recipes (name TEXT)");
  assert_open_fails (world->file, BREVET_ERROR_NOT_CONFIGURED, "another program");
  run_sql (world->file, "INSERT INTO recipes VALUES ('soup')");
  world_free (world);
}

static void
test_newer_version (StoreFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;

  store_fixture_close (fixture);
  run_sql (world->file, "PRAGMA user_version = 99");
  assert_open_fails (world->file, BREVET_ERROR_NOT_CONFIGURED, "version 99");
}

/* Everything behind the first page is overwritten: the schema can be read, the records cannot. */
static void
test_damaged_pages (StoreFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
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

static GSubprocess *
spawn_helper (const char *mode, const char *file)
{
  g_autoptr(GError) error = NULL;
  GSubprocess *process;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, own_path, mode, file, NULL);
  g_assert_no_error (error);
  return process;
}

static void
test_second_process (void)
{
  World *world = world_new ();
  g_autoptr(GSubprocess) process = spawn_helper ("--hold", world->file);
  g_autoptr(GDataInputStream) output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (process));
  g_autoptr(GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line (output, NULL, NULL, &error);
  g_autoptr(BrevetStore) store = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (line, ==, "open");
  assert_open_fails (world->file, BREVET_ERROR_BUSY, g_subprocess_get_identifier (process));

  g_output_stream_close (g_subprocess_get_stdin_pipe (process), NULL, &error);
  g_assert_no_error (error);
  g_subprocess_wait_check (process, NULL, &error);
  g_assert_no_error (error);
  store = create_store (world->file, 0);
  brevet_store_open (store, &error);
  g_assert_no_error (error);
  g_clear_object (&store);
  world_free (world);
}

static void
test_twice_in_one_process (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *own_id = g_strdup_printf ("%d", (int) getpid ());

  assert_open_fails (((World *) fixture->world)->file, BREVET_ERROR_BUSY, own_id);
}

static void
check_acknowledged (const char *file, const char *acknowledged)
{
  g_autoptr(BrevetStore) store = create_store (file, 0);
  g_auto(GStrv) keys = g_strsplit (acknowledged, "\n", -1);
  g_autoptr(GError) error = NULL;

  brevet_store_open (store, &error);
  g_assert_no_error (error);
  for (guint i = 0; keys[i] != NULL && keys[i + 1] != NULL; i++)   /* what follows the last line end may be cut off */
    store_assert_text (store, keys[i], keys[i]);
}

/* Reads what the helper acknowledges and kills it after the given number of lines; returns all that it wrote. */
static char *
kill_after (GSubprocess *process, guint lines)
{
  GInputStream *output = g_subprocess_get_stdout_pipe (process);
  g_autoptr(GString) text = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  gboolean killed = FALSE;
  guint seen = 0;
  char buffer[512];
  gssize length;

  while ((length = g_input_stream_read (output, buffer, sizeof buffer, NULL, &error)) > 0)
    {
      g_string_append_len (text, buffer, length);
      for (gssize i = 0; i < length; i++)
        seen += buffer[i] == '\n';
      if (seen >= lines && !killed)
        {
          g_subprocess_send_signal (process, SIGKILL);
          killed = TRUE;
        }
    }
  g_assert_no_error (error);
  g_assert_true (killed);
  g_subprocess_wait (process, NULL, NULL);
  g_assert_true (g_subprocess_get_if_signaled (process));
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
test_kill_while_writing (void)
{
  World *world = world_new ();

  for (guint round = 0; round < 6; round++)
    {
      g_autofree char *mode = g_strdup_printf ("--write=round-%u", round);
      g_autoptr(GSubprocess) process = spawn_helper (mode, world->file);
      g_autofree char *acknowledged = kill_after (process, 1 + round * 97);

      check_acknowledged (world->file, acknowledged);
    }
  world_free (world);
}

static gboolean
mount_small (const char *directory, unsigned long flags)
{
  if (!may_mount)
    {
      g_test_skip ("Not allowed to mount file systems");
      return FALSE;
    }
  g_assert_cmpint (mount ("tmpfs", directory, "tmpfs", flags, "size=2m"), ==, 0);
  return TRUE;
}

static void
test_read_only_directory (void)
{
  World *world = world_new ();

  if (mount_small (world->directory, MS_RDONLY))
    {
      assert_open_fails (world->file, BREVET_ERROR_NOT_CONFIGURED, "Read-only");
      g_assert_cmpint (umount (world->directory), ==, 0);
    }
  world_free (world);
}

static gboolean
put_block (BrevetStore *store, guint number, GError **error)
{
  g_autofree char *key = g_strdup_printf ("block-%u", number);
  g_autofree char *text = g_strnfill (50000, (char) ('a' + number % 26));

  return store_put (store, key, text, NULL, error);
}

static void
assert_blocks (BrevetStore *store, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *key = g_strdup_printf ("block-%u", i);
      g_autofree char *text = g_strnfill (50000, (char) ('a' + i % 26));

      store_assert_text (store, key, text);
    }
}

static void
test_disk_full (void)
{
  World *world = world_new ();
  g_autofree char *filler = g_build_filename (world->directory, "filler", NULL);
  g_autofree char *ballast = g_malloc0 (1024 * 1024);
  StoreFixture fixture = { &suite, world, NULL };
  g_autoptr(GError) error = NULL;
  guint stored = 0;

  if (!mount_small (world->directory, 0))
    {
      world_free (world);
      return;
    }
  store_fixture_open (&fixture, 0);
  g_file_set_contents (filler, ballast, 1024 * 1024, &error);
  g_assert_no_error (error);
  while (put_block (fixture.store, stored, &error))
    stored++;
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "disk full"));
  g_assert_nonnull (strstr (error->message, world->file));
  g_clear_error (&error);
  g_assert_cmpuint (stored, >, 0);

  /* Nothing that was acknowledged is lost, the failed one is not there, and with space the store goes on. */
  assert_blocks (fixture.store, stored);
  g_assert_cmpint (g_unlink (filler), ==, 0);
  put_block (fixture.store, stored, &error);
  g_assert_no_error (error);
  store_fixture_close (&fixture);
  store_fixture_open (&fixture, 0);
  assert_blocks (fixture.store, stored + 1);
  store_fixture_close (&fixture);
  g_assert_cmpint (umount (world->directory), ==, 0);
  world_free (world);
}

/* Everything of one transaction fails together: no batch is told that it is stored when it is not. */
static void
on_group_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  guint *counts = user_data;
  g_autoptr(GError) error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    counts[0]++;
  else
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
      counts[1]++;
    }
}

static void
test_disk_full_in_group (void)
{
  World *world = world_new ();
  StoreFixture fixture = { &suite, world, NULL };
  g_autofree char *text = g_strnfill (20000, 'x');
  guint counts[2] = { 0, 0 };
  guint present = 0;

  if (!mount_small (world->directory, 0))
    {
      world_free (world);
      return;
    }
  store_fixture_open (&fixture, 0);
  for (guint i = 0; i < 400; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);
      g_autoptr(BrevetBatch) batch = store_batch_put (key, text, NULL);

      brevet_store_commit_async (fixture.store, batch, NULL, on_group_committed, counts);
    }
  while (counts[0] + counts[1] < 400)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (counts[1], >, 0);
  for (guint i = 0; i < 400; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);
      g_autoptr(BrevetRecord) record = brevet_store_get (fixture.store, STORE_COLLECTION, key, NULL);

      present += record != NULL;
    }
  g_assert_cmpuint (present, ==, counts[0]);
  store_fixture_close (&fixture);
  g_assert_cmpint (umount (world->directory), ==, 0);
  world_free (world);
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

/* In a process of its own: holds the database open until its input ends. */
static int
run_holder (const char *file)
{
  g_autoptr(BrevetStore) store = create_store (file, 0);
  g_autoptr(GError) error = NULL;
  char byte;

  brevet_store_open (store, &error);
  g_assert_no_error (error);
  g_print ("open\n");
  while (read (STDIN_FILENO, &byte, 1) > 0)
    ;
  return 0;
}

typedef struct {
  BrevetStore *store;
  const char *name;
  guint64 number;
} Writing;

typedef struct {
  Writing *writing;
  char *key;
} Written;

static void begin_write (Writing *writing);

static void
on_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Written *written = user_data;
  g_autoptr(GError) error = NULL;
  g_autofree char *line = g_strconcat (written->key, "\n", NULL);

  brevet_store_commit_finish (BREVET_STORE (source), result, &error);
  g_assert_no_error (error);
  if (write (STDOUT_FILENO, line, strlen (line)) < 0)
    _exit (1);
  begin_write (written->writing);
  g_free (written->key);
  g_free (written);
}

static void
begin_write (Writing *writing)
{
  Written *written = g_new0 (Written, 1);
  g_autoptr(BrevetBatch) batch = NULL;

  written->writing = writing;
  written->key = g_strdup_printf ("%s-%" G_GUINT64_FORMAT, writing->name, writing->number++);
  batch = store_batch_put (written->key, written->key, NULL);
  brevet_store_commit_async (writing->store, batch, NULL, on_written, written);
}

/* In a process of its own: commits until it is killed, and writes each key once it is acknowledged. */
static int
run_writer (const char *name, const char *file)
{
  Writing writing = { .store = create_store (file, 0), .name = name };
  g_autoptr(GError) error = NULL;

  brevet_store_open (writing.store, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 16; i++)
    begin_write (&writing);
  while (TRUE)
    g_main_context_iteration (NULL, TRUE);
  return 0;
}

int
main (int argc, char **argv)
{
  if (argc == 3 && g_str_equal (argv[1], "--hold"))
    return run_holder (argv[2]);
  if (argc == 3 && g_str_has_prefix (argv[1], "--write="))
    return run_writer (argv[1] + strlen ("--write="), argv[2]);

  g_test_init (&argc, &argv, NULL);
  own_path = argv[0];
  /* Mounts of this test vanish with its process, whatever happens. */
  may_mount = unshare (CLONE_NEWNS) == 0 && mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;

  store_suite_add (&suite);
  store_suite_add_test (&suite, "private-files", test_private_files);
  store_suite_add_test (&suite, "newer-version", test_newer_version);
  store_suite_add_test (&suite, "damaged-pages", test_damaged_pages);
  store_suite_add_test (&suite, "twice-in-one-process", test_twice_in_one_process);
  store_suite_add_test (&suite, "group-pays", test_group_pays);
  g_test_add_func ("/store-sqlite/settings", test_settings);
  g_test_add_func ("/store-sqlite/missing-directory", test_missing_directory);
  g_test_add_func ("/store-sqlite/no-database", test_no_database);
  g_test_add_func ("/store-sqlite/foreign-database", test_foreign_database);
  g_test_add_func ("/store-sqlite/second-process", test_second_process);
  g_test_add_func ("/store-sqlite/kill-while-writing", test_kill_while_writing);
  g_test_add_func ("/store-sqlite/read-only-directory", test_read_only_directory);
  g_test_add_func ("/store-sqlite/disk-full", test_disk_full);
  g_test_add_func ("/store-sqlite/disk-full-in-group", test_disk_full_in_group);
  return g_test_run ();
}
