/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-disk.h"

#include "brevet-file-generation.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file system that accepts nothing and names no reason would be asked for ever. */
static int
write_all (int descriptor, const guint8 *data, gsize length)
{
  while (length > 0)
    {
      ssize_t written = TEMP_FAILURE_RETRY (write (descriptor, data, length));

      if (written <= 0)
        return written < 0 ? errno : EIO;
      data += written;
      length -= (gsize) written;
    }
  return 0;
}

static int
sync_descriptor (int descriptor)
{
  return TEMP_FAILURE_RETRY (fsync (descriptor)) != 0 ? errno : 0;
}

/* Some file systems report a failed write only now. Linux has closed the descriptor even if it was interrupted. */
static int
close_descriptor (int descriptor, int code)
{
  int close_code = close (descriptor) != 0 && errno != EINTR ? errno : 0;

  return code != 0 ? code : close_code;
}

int
brevet_file_disk_write (const char *path, gconstpointer data, gsize length, int *descriptor)
{
  int code;

  *descriptor = TEMP_FAILURE_RETRY (open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (*descriptor < 0)
    return errno;
  code = fchmod (*descriptor, 0600) != 0 ? errno : write_all (*descriptor, data, length);
  if (code != 0)
    close (g_steal_fd (descriptor));
  return code;
}

int
brevet_file_disk_sync (int descriptor)
{
  return close_descriptor (descriptor, sync_descriptor (descriptor));
}

static int
read_all (int descriptor, guint8 *data, gsize length)
{
  while (length > 0)
    {
      ssize_t seen = TEMP_FAILURE_RETRY (read (descriptor, data, length));

      if (seen <= 0)
        return seen < 0 ? errno : EIO;
      data += seen;
      length -= (gsize) seen;
    }
  return 0;
}

static int
read_descriptor (int descriptor, gsize maximum, guint8 **data, gsize *length)
{
  struct stat status;
  int code;

  if (fstat (descriptor, &status) != 0)
    return errno;
  if (!S_ISREG (status.st_mode))
    return S_ISDIR (status.st_mode) ? EISDIR : EINVAL;
  if ((guint64) status.st_size > maximum)
    return EFBIG;
  *length = (gsize) status.st_size;
  *data = g_try_malloc (*length + 1);
  if (*data == NULL)
    return ENOMEM;
  (*data)[*length] = '\0';
  code = read_all (descriptor, *data, *length);
  if (code != 0)
    brevet_file_disk_wipe (g_steal_pointer (data), *length);
  return code;
}

int
brevet_file_disk_read (const char *path, gsize maximum, guint8 **data, gsize *length)
{
  /* Opening a pipe would wait for a writer. */
  int descriptor = TEMP_FAILURE_RETRY (open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  int code;

  if (descriptor < 0)
    return errno;
  code = read_descriptor (descriptor, maximum, data, length);
  close (descriptor);
  return code;
}

void
brevet_file_disk_wipe (guint8 *data, gsize length)
{
  gnutls_memset (data, 0, length);
  g_free (data);
}

int
brevet_file_disk_make_directory (const char *path)
{
  return mkdir (path, 0700) != 0 || chmod (path, 0700) != 0 ? errno : 0;
}

int
brevet_file_disk_sync_directory (const char *path)
{
  int descriptor = TEMP_FAILURE_RETRY (open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

  if (descriptor < 0)
    return errno;
  return brevet_file_disk_sync (descriptor);
}

static int
remove_content (const char *path)
{
  g_autofree char *index = g_build_filename (path, BREVET_FILE_INDEX_NAME, NULL);
  g_autoptr(GDir) directory = g_dir_open (path, 0, NULL);
  const char *name;
  int code = 0;

  if (unlink (index) != 0 && errno != ENOENT)
    return errno;
  while (code == 0 && directory != NULL && (name = g_dir_read_name (directory)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);

      code = brevet_file_disk_remove (child);
    }
  return code;
}

int
brevet_file_disk_remove (const char *path)
{
  struct stat status;
  int code;

  if (lstat (path, &status) != 0)
    return errno == ENOENT ? 0 : errno;
  if (!S_ISDIR (status.st_mode))
    return unlink (path) != 0 ? errno : 0;
  code = remove_content (path);
  if (code != 0)
    return code;
  return rmdir (path) != 0 ? errno : 0;
}
