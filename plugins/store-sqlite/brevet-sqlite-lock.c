/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-lock.h"

#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/file.h>
#include <unistd.h>

/* The number is a hint for people; only the lock itself decides. */
static gint64
read_holder (int descriptor)
{
  char text[32];
  ssize_t length;

  length = pread (descriptor, text, sizeof text - 1, 0);
  if (length <= 0)
    return 0;
  text[length] = '\0';
  return g_ascii_strtoll (text, NULL, 10);
}

static void
set_busy_error (int descriptor, const char *file, GError **error)
{
  gint64 holder = read_holder (descriptor);

  if (holder > 0)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_BUSY,
                 "The database %s is in use by process %" G_GINT64_FORMAT "; stop that process first", file, holder);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_BUSY, "The database %s is in use by another process; stop that process first",
                 file);
}

static void
write_holder (int descriptor)
{
  char text[32];
  int length;

  length = g_snprintf (text, sizeof text, "%ld\n", (long) getpid ());
  if (ftruncate (descriptor, 0) != 0 || pwrite (descriptor, text, length, 0) != length)
    g_debug ("Cannot write the process id into the lock file: %s", g_strerror (errno));
}

int
brevet_sqlite_lock_take (const char *file, GError **error)
{
  g_autofree char *lock_file = g_strconcat (file, ".lock", NULL);
  int descriptor;

  descriptor = g_open (lock_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "Cannot create the lock file %s: %s; its directory must exist and be writable", lock_file, g_strerror (errno));
      return -1;
    }
  if (flock (descriptor, LOCK_EX | LOCK_NB) != 0)
    {
      if (errno == EWOULDBLOCK)
        set_busy_error (descriptor, file, error);
      else
        g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot lock %s: %s", lock_file, g_strerror (errno));
      close (descriptor);
      return -1;
    }
  write_holder (descriptor);
  return descriptor;
}
