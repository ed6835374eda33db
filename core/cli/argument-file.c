/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "argument-file.h"

#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_SIZE 4096

/* Returns 0 or an error number. */
static int
copy (int from, int to)
{
  guint8 piece[PIECE_SIZE];
  gsize length = 0;
  ssize_t seen;
  int code = 0;

  while (code == 0 && (seen = TEMP_FAILURE_RETRY (read (from, piece, sizeof piece))) != 0)
    {
      if (seen < 0 || TEMP_FAILURE_RETRY (write (to, piece, (gsize) seen)) != seen)
        code = errno;
      else if ((length += (gsize) seen) > BREVET_ARGUMENT_FILE_MAXIMUM)
        code = EFBIG;
    }
  /* It may have been a key. */
  explicit_bzero (piece, sizeof piece);
  return code;
}

static char *
keep (const char *path, int descriptor, GError **error)
{
  int memory = memfd_create ("brevet-argument", MFD_CLOEXEC);
  int code = memory >= 0 ? copy (descriptor, memory) : errno;

  if (code == 0)
    return g_strdup_printf ("/proc/self/fd/%d", memory);
  if (memory >= 0)
    close (memory);
  if (code == EFBIG)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("“%s” gives more than %d bytes; is it the right file?"), path,
                 BREVET_ARGUMENT_FILE_MAXIMUM);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("“%s” cannot be read: %s"), path, g_strerror (code));
  return NULL;
}

/* What cannot be opened, or is a file, is left to whoever reads it. */
static gboolean
is_read_once (int descriptor)
{
  struct stat status;

  return descriptor >= 0 && fstat (descriptor, &status) == 0 && (S_ISFIFO (status.st_mode) || S_ISCHR (status.st_mode));
}

char *
brevet_argument_file_settle (const char *path, GError **error)
{
  int descriptor;
  char *settled;

  g_return_val_if_fail (path != NULL, NULL);

  descriptor = TEMP_FAILURE_RETRY (open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
  settled = is_read_once (descriptor) ? keep (path, descriptor, error) : g_strdup (path);
  if (descriptor >= 0)
    close (descriptor);
  return settled;
}
