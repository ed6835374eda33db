/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "file-world.h"
#include "store-place.h"

#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

/* Real file systems that are full, or that must not be written to. */

static gboolean may_mount;

static gboolean
mount_small (const char *directory, unsigned long flags)
{
  if (!may_mount)
    {
      g_test_skip ("Not allowed to mount file systems");
      return FALSE;
    }
  g_assert_cmpint (mount ("tmpfs", directory, "tmpfs", flags, "size=2m,mode=0700"), ==, 0);
  return TRUE;
}

static void
test_read_only (void)
{
  FileWorld *world = file_world_new ();

  if (mount_small (world->scratch, MS_RDONLY))
    {
      file_assert_open_fails (world->scratch, BREVET_ERROR_NOT_CONFIGURED, "Read-only");
      file_assert_open_fails (world->directory, BREVET_ERROR_NOT_CONFIGURED, "Read-only");
      g_assert_cmpint (umount (world->scratch), ==, 0);
    }
  file_world_free (world);
}

/* A file system that turns read-only while the store is open, as they do when a disk fails: reading goes on. */
static void
test_turned_read_only (void)
{
  FileWorld *world = file_world_new ();
  StoreFixture fixture = { &file_suite, world, NULL };
  g_autoptr(GError) error = NULL;

  if (mount_small (world->scratch, 0))
    {
      store_fixture_open (&fixture, 0);
      store_assert_put (fixture.store, "k", "text", NULL);
      store_fixture_close (&fixture);
      store_fixture_open (&fixture, 0);
      /* The lock file is open for writing, so the file system cannot be remounted; a mount over it can. */
      g_assert_cmpint (mount (world->scratch, world->scratch, NULL, MS_BIND, NULL), ==, 0);
      g_assert_cmpint (mount (NULL, world->scratch, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), ==, 0);
      g_assert_false (store_put (fixture.store, "k", "other", NULL, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
      g_assert_nonnull (strstr (error->message, "Read-only"));
      store_assert_text (fixture.store, "k", "text");
      g_assert_cmpint (umount (world->scratch), ==, 0);
      store_assert_put (fixture.store, "k", "other", NULL);
      store_fixture_close (&fixture);
      g_assert_cmpint (umount (world->scratch), ==, 0);
    }
  file_world_free (world);
}

/* Nothing that was acknowledged is lost, the failed one is not there, the store opens on a full disk, and with space it goes on. */
static void
check_full (StoreFixture *fixture, const char *filler)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *key = NULL;
  guint stored = 0;

  while (store_place_put_block (fixture->store, stored, &error))
    stored++;
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "make room"));
  g_assert_nonnull (strstr (error->message, ((FileWorld *) fixture->world)->directory));
  g_clear_error (&error);
  g_assert_cmpuint (stored, >, 10);
  key = g_strdup_printf ("block-%u", stored);
  store_assert_absent (fixture->store, key);

  store_fixture_close (fixture);
  store_fixture_open (fixture, 0);
  store_place_assert_blocks (fixture->store, stored);
  g_assert_cmpint (g_unlink (filler), ==, 0);
  store_place_put_block (fixture->store, stored, &error);
  g_assert_no_error (error);
  store_fixture_close (fixture);
  store_fixture_open (fixture, 0);
  store_place_assert_blocks (fixture->store, stored + 1);
}

static void
test_full (void)
{
  FileWorld *world = file_world_new ();
  StoreFixture fixture = { &file_suite, world, NULL };
  g_autofree char *filler = g_build_filename (world->scratch, "filler", NULL);
  g_autofree char *ballast = g_malloc0 (512 * 1024);
  g_autoptr(GError) error = NULL;

  if (mount_small (world->scratch, 0))
    {
      store_fixture_open (&fixture, 0);
      g_file_set_contents (filler, ballast, 512 * 1024, &error);
      g_assert_no_error (error);
      check_full (&fixture, filler);
      store_fixture_close (&fixture);
      g_assert_cmpint (umount (world->scratch), ==, 0);
    }
  file_world_free (world);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* Mounts of this test vanish with its process, whatever happens. */
  may_mount = unshare (CLONE_NEWNS) == 0 && mount ("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
  g_test_add_func ("/store-file/read-only", test_read_only);
  g_test_add_func ("/store-file/turned-read-only", test_turned_read_only);
  g_test_add_func ("/store-file/full", test_full);
  return g_test_run ();
}
