/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "secret-key-file.h"

#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
parse_line (const char *line, gsize length, guint number, GPtrArray *keys, GError **error)
{
  char *text = g_strndup (line, length);
  BrevetSecret *key = brevet_secret_new_from_base64 (text, NULL);
  gsize size = 0;

  brevet_secret_free_text (text);
  if (key != NULL)
    brevet_secret_get_data (key, &size);
  if (size == BREVET_SECRET_KEY_SIZE)
    {
      g_ptr_array_add (keys, key);
      return TRUE;
    }
  g_clear_pointer (&key, brevet_secret_unref);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "line %u is not a key of 32 bytes in base64; make one with "
               "“openssl rand -base64 32”", number);
  return FALSE;
}

gboolean
brevet_secret_keys_parse (BrevetSecret *text, GPtrArray *keys, GError **error)
{
  const char *line = (const char *) brevet_secret_get_data (text, NULL);
  guint number = 1;

  for (;; number++)
    {
      gsize length = strcspn (line, "\r\n");

      if (length > 0 && !parse_line (line, length, number, keys, error))
        return FALSE;
      line += length;
      line += *line == '\r' && line[1] == '\n' ? 2 : *line != '\0' ? 1 : 0;
      if (*line == '\0')
        break;
    }
  if (keys->len > 0)
    return TRUE;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "there is no key in it; make one with “openssl rand "
                       "-base64 32”");
  return FALSE;
}

gboolean
brevet_secret_key_file_check (const char *path, GError **error)
{
  struct stat status;

  if (stat (path, &status) < 0)
    {
      int code = errno;

      g_set_error (error, BREVET_ERROR, code == ENOENT ? BREVET_ERROR_NOT_FOUND : BREVET_ERROR_NOT_CONFIGURED,
                   "The file %s cannot be read: %s", path, g_strerror (code));
      return FALSE;
    }
  if (S_ISDIR (status.st_mode))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s is a directory; a file with the key of the service's "
                   "secrets belongs there", path);
      return FALSE;
    }
  if ((status.st_mode & (S_IWGRP | S_IRWXO)) == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The file %s holds the key of the service's secrets, and others "
               "may read or change it (mode %04o); make it private (chmod 0600), and if it may have been read, make a new key",
               path, (guint) (status.st_mode & 07777));
  return FALSE;
}

gboolean
brevet_secret_key_file_read (const char *path, GPtrArray *keys, GError **error)
{
  g_autoptr(BrevetSecret) text = NULL;

  if (!brevet_secret_key_file_check (path, error))
    return FALSE;
  text = brevet_secret_new_from_file (path, error);
  if (text == NULL)
    return FALSE;
  if (brevet_secret_keys_parse (text, keys, error))
    return TRUE;
  g_prefix_error (error, "The file %s holds the key of the service's secrets: ", path);
  return FALSE;
}

static gboolean
write_all (int fd, const char *text)
{
  gsize left = strlen (text);

  while (left > 0)
    {
      gssize written = write (fd, text, left);

      if (written < 0 && errno != EINTR)
        return FALSE;
      text += MAX (written, 0);
      left -= MAX (written, 0);
    }
  return fsync (fd) == 0;
}

static gboolean
sync_directory (const char *path)
{
  g_autofree char *directory = g_path_get_dirname (path);
  int fd = open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean is_synced = fd >= 0 && fsync (fd) == 0;

  if (fd >= 0)
    g_close (fd, NULL);
  return is_synced;
}

/* A link appears complete or not at all, and does not replace anything. */
static gboolean
publish (int fd, const char *temporary, const char *path, const char *text)
{
  return write_all (fd, text) && (link (temporary, path) == 0 || errno == EEXIST) && sync_directory (path);
}

static gboolean
make_file (const char *path, const char *text, GError **error)
{
  g_autofree char *temporary = g_strconcat (path, ".XXXXXX", NULL);
  int fd = g_mkstemp_full (temporary, O_RDWR | O_CLOEXEC, 0600);
  gboolean is_made = fd >= 0 && publish (fd, temporary, path, text);
  int code = errno;

  if (fd >= 0)
    {
      g_close (fd, NULL);
      unlink (temporary);
    }
  if (!is_made)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "The file %s for the key of the service's secrets could not be made: "
                 "%s%s", path, g_strerror (code), code == ENOSPC || code == EDQUOT ? "; make room there" : "");
  return is_made;
}

gboolean
brevet_secret_key_file_restore (const char *path, GPtrArray *keys, GError **error)
{
  gsize size = keys->len * (BREVET_SECRET_KEY_SIZE * 2) + 1;
  char *text = g_malloc0 (size);
  gboolean is_made;

  for (guint i = 0; i < keys->len; i++)
    {
      char *encoded = brevet_secret_to_base64 (g_ptr_array_index (keys, i));

      g_strlcat (text, encoded, size);
      g_strlcat (text, "\n", size);
      brevet_secret_free_text (encoded);
    }
  is_made = make_file (path, text, error);
  brevet_secret_free_text (text);
  return is_made;
}

gboolean
brevet_secret_key_file_make (const char *path, GPtrArray *keys, GError **error)
{
  g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_secret_unref);

  g_ptr_array_add (made, brevet_secret_new_random (BREVET_SECRET_KEY_SIZE));
  return brevet_secret_key_file_restore (path, made, error) && brevet_secret_key_file_read (path, keys, error);
}
