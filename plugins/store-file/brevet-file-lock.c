/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-lock.h"

#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
brevet_file_lock_take (const char *directory, GError **error)
{
  g_autofree char *file = g_build_filename (directory, BREVET_FILE_LOCK_NAME, NULL);
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
brevet_file_lock_check (int lock, const char *directory, GError **error)
{
  g_autofree char *file = g_build_filename (directory, BREVET_FILE_LOCK_NAME, NULL);
  struct stat named, held;

  if (stat (file, &named) == 0 && fstat (lock, &held) == 0 && named.st_dev == held.st_dev && named.st_ino == held.st_ino)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "The directory %s was deleted or replaced while it was in use; put it back and start the service again", directory);
  return FALSE;
}
