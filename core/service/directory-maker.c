/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "directory-maker.h"

#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int
remove_entry (const char *path, const struct stat *status, int kind, struct FTW *walk)
{
  return remove (path);
}

void
brevet_directory_remove (const char *directory)
{
  if (nftw (directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
    g_warning ("Cannot remove the unfinished directory %s: %s", directory, g_strerror (errno));
}

static gboolean
sync_directory (const char *path, GError **error)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  gboolean synced = fd >= 0 && fsync (fd) == 0;
  int saved_errno = errno;

  if (fd >= 0)
    close (fd);
  if (!synced)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot bring the directory %s to disk: %s", path,
                 g_strerror (saved_errno));
  return synced;
}

/* rename() replaces an empty directory and nothing else, so this is the decisive test for a directory in use as well. */
static gboolean
move_into_place (const char *staging, const char *directory, GError **error)
{
  if (rename (staging, directory) == 0)
    return TRUE;
  if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "%s exists and is not an empty directory; nothing was changed there",
                 directory);
  else if (errno == EBUSY)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s is a mount point; name a new directory inside it",
                 directory);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot rename %s to %s: %s", staging, directory, g_strerror (errno));
  return FALSE;
}

static gboolean
is_free (const char *directory, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autoptr(GDir) entries = g_dir_open (directory, 0, &local_error);

  if (entries != NULL && g_dir_read_name (entries) == NULL)
    return TRUE;
  if (entries == NULL && g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return TRUE;
  if (entries == NULL && !g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOTDIR))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, local_error->message);
      return FALSE;
    }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "%s exists and is not an empty directory; nothing was changed there",
               directory);
  return FALSE;
}

static gboolean
create_beside (const char *directory, BrevetDirectoryFill fill, gpointer user_data, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (directory);
  g_autofree char *staging = g_strconcat (directory, ".partial-XXXXXX", NULL);

  if (g_mkdtemp_full (staging, 0700) == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "Cannot make a directory in %s: %s", parent,
                   g_strerror (errno));
      return FALSE;
    }
  if (!fill (staging, user_data, error) || !sync_directory (staging, error) || !move_into_place (staging, directory, error))
    {
      brevet_directory_remove (staging);
      return FALSE;
    }
  return sync_directory (parent, error);
}

gboolean
brevet_directory_make (const char *directory, BrevetDirectoryFill fill, gpointer user_data, GError **error)
{
  sigset_t interruptions;
  sigset_t before;
  gboolean created;

  if (!is_free (directory, error))
    return FALSE;

  /* An impatient Ctrl-C must not leave a half-made directory either: it takes effect when this is done, a moment later. */
  sigemptyset (&interruptions);
  sigaddset (&interruptions, SIGINT);
  sigaddset (&interruptions, SIGTERM);
  sigaddset (&interruptions, SIGHUP);
  pthread_sigmask (SIG_BLOCK, &interruptions, &before);
  created = create_beside (directory, fill, user_data, error);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return created;
}
