/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-text-file-private.h"

#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_SIZE 4096

/* Secrets may stand in the text, so what is given up is wiped. */
static char *
grow (char *text, gsize length, gsize size)
{
  char *larger = g_malloc (size);

  memcpy (larger, text, length);
  gnutls_memset (text, 0, length);
  g_free (text);
  return larger;
}

/* Files of the kernel do not know their size, so all are read until they end. Returns 0 or an error number. */
static int
read_all (int descriptor, gsize maximum, char **text, gsize *length)
{
  gsize size = MIN (FIRST_SIZE, maximum + 1) + 1;
  ssize_t seen;

  *length = 0;
  *text = g_malloc (size);
  while ((seen = TEMP_FAILURE_RETRY (read (descriptor, *text + *length, size - 1 - *length))) > 0)
    {
      *length += (gsize) seen;
      if (*length > maximum)
        return EFBIG;
      if (*length < size - 1)
        continue;
      size = MIN (2 * size, maximum + 2);
      *text = grow (*text, *length, size);
    }
  (*text)[*length] = '\0';
  return seen < 0 ? errno : 0;
}

static int
read_descriptor (int descriptor, gsize maximum, char **text, gsize *length)
{
  struct stat status;
  int code;

  if (fstat (descriptor, &status) != 0)
    return errno;
  if (S_ISDIR (status.st_mode))
    return EISDIR;
  if (S_ISFIFO (status.st_mode))
    return ESPIPE;
  code = read_all (descriptor, maximum, text, length);
  if (code == 0)
    return 0;
  gnutls_memset (*text, 0, *length);
  g_clear_pointer (text, g_free);
  return code;
}

char *
brevet_text_file_read (const char *path, gsize maximum, gsize *length, GError **error)
{
  int descriptor = TEMP_FAILURE_RETRY (open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  int code = descriptor < 0 ? errno : 0;
  char *text = NULL;

  if (descriptor >= 0)
    {
      code = read_descriptor (descriptor, maximum, &text, length);
      close (descriptor);
    }
  if (code == ESPIPE)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” cannot be read: it is a pipe; name a file", path);
  else if (code == EFBIG)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” cannot be read: it is longer than %" G_GSIZE_FORMAT
                 " bytes; is it the right file?", path, maximum);
  else if (code != 0)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” cannot be read: %s", path, g_strerror (code));
  return text;
}
