/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scaffold.h"

#include "brevet-error.h"
#include "brevet-secret.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

void
brevet_scaffold_free (BrevetScaffold *self)
{
  g_strfreev (self->host_names);
  g_free (self->address);
  g_strfreev (self->hubs);
  g_free (self->id_scope);
  g_free (self->ca_name);
  g_free (self);
}

gboolean
brevet_scaffold_write_file (const char *directory, const char *name, const char *contents, int mode, GError **error)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  return g_file_set_contents_full (path, contents, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, mode, error);
}

static gboolean
make_directory (const char *parent, const char *name, int mode, GError **error)
{
  g_autofree char *path = g_build_filename (parent, name, NULL);

  if (g_mkdir (path, mode) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot make the directory %s: %s", path, g_strerror (errno));
      return FALSE;
    }
  return TRUE;
}

static gboolean
write_policy_key (const char *directory, const char *name, GError **error)
{
  g_autoptr(BrevetSecret) secret = brevet_secret_new_random (32);
  char *encoded = brevet_secret_to_base64 (secret);
  char *line = g_strconcat (encoded, "\n", NULL);
  gboolean written = brevet_scaffold_write_file (directory, name, line, 0600, error);

  brevet_secret_free_text (line);
  brevet_secret_free_text (encoded);
  return written;
}

static gboolean
write_config (const BrevetScaffold *self, const char *directory, GError **error)
{
  g_autofree char *config = brevet_scaffold_render_config (self);

  return make_directory (directory, BREVET_SCAFFOLD_DROP_INS, 0755, error)
         && brevet_scaffold_write_file (directory, BREVET_SCAFFOLD_CONFIG, config, 0644, error);
}

static gboolean
fill (const BrevetScaffold *self, const char *directory, GError **error)
{
  return make_directory (directory, "tls", 0755, error)
         && make_directory (directory, "ca", 0755, error)
         && make_directory (directory, "keys", 0700, error)
         && make_directory (directory, "store", 0700, error)
         && brevet_scaffold_write_certificates (self, directory, error)
         && write_policy_key (directory, BREVET_SCAFFOLD_PRIMARY_KEY, error)
         && write_policy_key (directory, BREVET_SCAFFOLD_SECONDARY_KEY, error)
         && (self->for_system || write_config (self, directory, error));
}

static int
remove_entry (const char *path, const struct stat *status, int kind, struct FTW *walk)
{
  return remove (path);
}

void
brevet_scaffold_remove (const char *directory)
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
create_beside (const BrevetScaffold *self, const char *directory, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (directory);
  g_autofree char *staging = g_strconcat (directory, ".partial-XXXXXX", NULL);

  if (g_mkdtemp_full (staging, 0700) == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "Cannot make a directory in %s: %s", parent,
                   g_strerror (errno));
      return FALSE;
    }
  if (!fill (self, staging, error) || !sync_directory (staging, error) || !move_into_place (staging, directory, error))
    {
      brevet_scaffold_remove (staging);
      return FALSE;
    }
  return sync_directory (parent, error);
}

gboolean
brevet_scaffold_create (const BrevetScaffold *self, const char *directory, GError **error)
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
  created = create_beside (self, directory, error);
  pthread_sigmask (SIG_SETMASK, &before, NULL);
  return created;
}
