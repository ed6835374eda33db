/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-text-file.h"

#include "brevet-error.h"
#include "brevet-text-file-private.h"

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
check_kind (int descriptor)
{
  struct stat status;

  if (fstat (descriptor, &status) != 0)
    return errno;
  if (S_ISDIR (status.st_mode))
    return EISDIR;
  return S_ISFIFO (status.st_mode) ? ESPIPE : 0;
}

int
brevet_text_file_open (const char *path, int *descriptor)
{
  int code;

  *descriptor = TEMP_FAILURE_RETRY (open (path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (*descriptor < 0)
    return errno;
  code = check_kind (*descriptor);
  if (code != 0)
    close (g_steal_fd (descriptor));
  return code;
}

const char *
brevet_text_file_explain (int code)
{
  return code == ESPIPE ? "it is a pipe; name a file" : g_strerror (code);
}

char *
brevet_text_file_read (const char *path, gsize maximum, gsize *length, GError **error)
{
  char *text = NULL;
  int descriptor;
  int code;

  g_return_val_if_fail (path != NULL && length != NULL, NULL);

  code = brevet_text_file_open (path, &descriptor);
  if (code == 0)
    {
      code = read_all (descriptor, maximum, &text, length);
      close (descriptor);
    }
  if (code == 0)
    return text;
  if (text != NULL)
    gnutls_memset (text, 0, *length);
  g_free (text);
  if (code == EFBIG)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” cannot be read: it is longer than %" G_GSIZE_FORMAT
                 " bytes; is it the right file?", path, maximum);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” cannot be read: %s", path,
                 brevet_text_file_explain (code));
  return NULL;
}
