/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "sqlite-world.h"
#include "store-place.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Second processes, sudden deaths and full disks. */

static const char *own_path;
static gboolean may_mount;

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
  SqliteWorld *world = sqlite_world_new ();
  g_autoptr(GSubprocess) process = spawn_helper ("--hold", world->file);

  store_place_check_holder (&sqlite_suite, world, world->file, process);
  sqlite_world_free (world);
}

static void
check_acknowledged (const char *file, const char *acknowledged)
{
  g_autoptr(BrevetStore) store = sqlite_create_store (file, 0);
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
  SqliteWorld *world = sqlite_world_new ();

  for (guint round = 0; round < 6; round++)
    {
      g_autofree char *mode = g_strdup_printf ("--write=round-%u", round);
      g_autoptr(GSubprocess) process = spawn_helper (mode, world->file);
      g_autofree char *acknowledged = kill_after (process, 1 + round * 97);

      check_acknowledged (world->file, acknowledged);
    }
  sqlite_world_free (world);
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
  SqliteWorld *world = sqlite_world_new ();

  if (mount_small (world->directory, MS_RDONLY))
    {
      sqlite_assert_open_fails (world->file, BREVET_ERROR_NOT_CONFIGURED, "Read-only");
      g_assert_cmpint (umount (world->directory), ==, 0);
    }
  sqlite_world_free (world);
}

static void
test_disk_full (void)
{
  SqliteWorld *world = sqlite_world_new ();
  g_autofree char *filler = g_build_filename (world->directory, "filler", NULL);
  g_autofree char *ballast = g_malloc0 (1024 * 1024);
  StoreFixture fixture = { &sqlite_suite, world, NULL };
  g_autoptr(GError) error = NULL;
  guint stored = 0;

  if (!mount_small (world->directory, 0))
    {
      sqlite_world_free (world);
      return;
    }
  store_fixture_open (&fixture, 0);
  g_file_set_contents (filler, ballast, 1024 * 1024, &error);
  g_assert_no_error (error);
  while (store_place_put_block (fixture.store, stored, &error))
    stored++;
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "disk full"));
  g_assert_nonnull (strstr (error->message, world->file));
  g_clear_error (&error);
  g_assert_cmpuint (stored, >, 0);

  /* Nothing that was acknowledged is lost, the failed one is not there, and with space the store goes on. */
  store_place_assert_blocks (fixture.store, stored);
  g_assert_cmpint (g_unlink (filler), ==, 0);
  store_place_put_block (fixture.store, stored, &error);
  g_assert_no_error (error);
  store_fixture_close (&fixture);
  store_fixture_open (&fixture, 0);
  store_place_assert_blocks (fixture.store, stored + 1);
  store_fixture_close (&fixture);
  g_assert_cmpint (umount (world->directory), ==, 0);
  sqlite_world_free (world);
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
  SqliteWorld *world = sqlite_world_new ();
  StoreFixture fixture = { &sqlite_suite, world, NULL };
  g_autofree char *text = g_strnfill (20000, 'x');
  guint counts[2] = { 0, 0 };
  guint present = 0;

  if (!mount_small (world->directory, 0))
    {
      sqlite_world_free (world);
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
  sqlite_world_free (world);
}

/* In a process of its own: holds the database open until its input ends. */
static int
run_holder (const char *file)
{
  g_autoptr(BrevetStore) store = sqlite_create_store (file, 0);
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
  Writing writing = { .store = sqlite_create_store (file, 0), .name = name };
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

  g_test_add_func ("/store-sqlite/second-process", test_second_process);
  g_test_add_func ("/store-sqlite/kill-while-writing", test_kill_while_writing);
  g_test_add_func ("/store-sqlite/read-only-directory", test_read_only_directory);
  g_test_add_func ("/store-sqlite/disk-full", test_disk_full);
  g_test_add_func ("/store-sqlite/disk-full-in-group", test_disk_full_in_group);
  return g_test_run ();
}
