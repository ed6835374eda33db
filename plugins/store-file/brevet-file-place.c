/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-place.h"

#include "brevet-error.h"
#include "brevet-file-disk.h"
#include "brevet-file-generation.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_NAME "lock"

static gboolean
fail (const char *directory, const char *action, int code, GError **error)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "Cannot %s the directory %s of the store: %s; create it with mode 0700 for the user that runs the service", action,
               directory, g_strerror (code));
  return FALSE;
}

static gboolean
create (const char *directory, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (directory);
  int code = brevet_file_disk_make_directory (directory);

  if (code == 0)
    code = brevet_file_disk_sync_directory (parent);
  return code == 0 || fail (directory, "create", code, error);
}

/* Returns the name of something in the directory, or NULL if it is a store, or was about to become one. */
static char *
find_foreign (const char *directory)
{
  g_autofree char *link_path = g_build_filename (directory, BREVET_FILE_LINK_NAME, NULL);
  g_autoptr(GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  if (dir == NULL || g_file_test (link_path, G_FILE_TEST_IS_SYMLINK))
    return NULL;
  while ((name = g_dir_read_name (dir)) != NULL)
    if (!g_str_equal (name, LOCK_NAME) && !g_str_equal (name, BREVET_FILE_LINK_TEMPORARY_NAME) &&
        !g_str_has_prefix (name, BREVET_FILE_GENERATION_PREFIX))
      break;
  return g_strdup (name);
}

static gboolean
correct_mode (const char *directory, guint mode, GError **error)
{
  g_autofree char *foreign = find_foreign (directory);

  if (foreign != NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The directory %s has mode %04o, which lets others in, and holds other things (%s) and no store; name a "
                   "directory for the store alone, or change its mode to 0700",
                   directory, mode, foreign);
      return FALSE;
    }
  if (chmod (directory, 0700) != 0)
    return fail (directory, "close for others", errno, error);
  g_warning ("The directory %s of the store had mode %04o, which lets others in; it has mode 0700 now", directory, mode);
  return TRUE;
}

gboolean
brevet_file_place_prepare (const char *directory, GError **error)
{
  struct stat status;

  if (stat (directory, &status) != 0)
    return errno == ENOENT ? create (directory, error) : fail (directory, "use", errno, error);
  if (!S_ISDIR (status.st_mode))
    return fail (directory, "use", ENOTDIR, error);
  if ((status.st_mode & 077) != 0)
    return correct_mode (directory, status.st_mode & 07777, error);
  return TRUE;
}

/* The number is a hint for people; only the lock itself decides. */
static void
set_busy_error (int descriptor, const char *directory, GError **error)
{
  char text[32] = "";
  gint64 holder;

  holder = pread (descriptor, text, sizeof text - 1, 0) > 0 ? g_ascii_strtoll (text, NULL, 10) : 0;
  if (holder > 0)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_BUSY,
                 "The store in %s is in use by process %" G_GINT64_FORMAT "; stop that process first", directory, holder);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_BUSY, "The store in %s is in use by another process; stop that process first",
                 directory);
}

static void
write_holder (int descriptor)
{
  char text[32];
  int length = g_snprintf (text, sizeof text, "%ld\n", (long) getpid ());

  if (ftruncate (descriptor, 0) != 0 || pwrite (descriptor, text, length, 0) != length)
    g_debug ("Cannot write the process id into the lock file: %s", g_strerror (errno));
}

int
brevet_file_place_lock (const char *directory, GError **error)
{
  g_autofree char *file = g_build_filename (directory, LOCK_NAME, NULL);
  int descriptor = open (file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (descriptor < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "Cannot create the lock file %s: %s; its directory must be writable", file, g_strerror (errno));
      return -1;
    }
  if (flock (descriptor, LOCK_EX | LOCK_NB) != 0 || fchmod (descriptor, 0600) != 0)
    {
      if (errno == EWOULDBLOCK)
        set_busy_error (descriptor, directory, error);
      else
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot lock %s: %s", file, g_strerror (errno));
      close (descriptor);
      return -1;
    }
  write_holder (descriptor);
  return descriptor;
}

gboolean
brevet_file_place_check_lock (int lock, const char *directory, GError **error)
{
  g_autofree char *file = g_build_filename (directory, LOCK_NAME, NULL);
  struct stat named, held;

  if (stat (file, &named) == 0 && fstat (lock, &held) == 0 && named.st_dev == held.st_dev && named.st_ino == held.st_ino)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "The directory %s was deleted or replaced while it was in use; put it back and start the service again", directory);
  return FALSE;
}
