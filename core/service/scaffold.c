/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scaffold.h"

#include "brevet-error.h"
#include "brevet-secret.h"
#include "directory-maker.h"

#include <errno.h>
#include <glib/gstdio.h>

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
fill (const char *directory, gpointer user_data, GError **error)
{
  const BrevetScaffold *self = user_data;

  return make_directory (directory, "tls", 0755, error)
         && make_directory (directory, "ca", 0755, error)
         && make_directory (directory, "keys", 0700, error)
         && make_directory (directory, "store", 0700, error)
         && brevet_scaffold_write_certificates (self, directory, error)
         && write_policy_key (directory, BREVET_SCAFFOLD_PRIMARY_KEY, error)
         && write_policy_key (directory, BREVET_SCAFFOLD_SECONDARY_KEY, error)
         && (self->for_system || write_config (self, directory, error));
}

gboolean
brevet_scaffold_create (const BrevetScaffold *self, const char *directory, GError **error)
{
  return brevet_directory_make (directory, fill, (gpointer) self, error);
}
