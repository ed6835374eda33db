/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-settings.h"

#include "brevet-settings-private.h"

#include <string.h>

/* Characters of 24 bytes in base64. */
#define SHORTEST_KEY 32

/* Keys are 32 bytes as a rule, in base64; names of files seldom look like that, and keys are pasted into the wrong line. */
static gboolean
looks_like_key (const char *value)
{
  gsize length = strspn (value, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");

  return length >= SHORTEST_KEY && value[length] == '\0' && value[0] != '/';
}

static gboolean
refuse_key (BrevetSettings *self, const char *key, const char *value, GError **error)
{
  if (value == NULL || !looks_like_key (value))
    return FALSE;
  g_propagate_error (error, brevet_settings_error (self, key, "the value names nothing that can be read, and looks like a key "
                                                   "itself; write the key into a file that nobody else can read, and name that "
                                                   "file here"));
  return TRUE;
}

/* Path of a systemd credential, see “Credentials” in systemd.exec(5). */
static char *
credential_path (BrevetSettings *self, const char *key, const char *name, GError **error)
{
  const char *directory = g_getenv ("CREDENTIALS_DIRECTORY");

  if (*name == '\0' || strchr (name, '/') != NULL || g_str_equal (name, "..") || g_str_equal (name, "."))
    {
      if (!refuse_key (self, key, name, error))
        g_propagate_error (error, brevet_settings_error (self, key, "“%s” is not the name of a credential", name));
      return NULL;
    }
  if (directory == NULL)
    {
      if (refuse_key (self, key, name, error))
        return NULL;
      g_propagate_error (error, brevet_settings_error (self, key, "there are no credentials, as $CREDENTIALS_DIRECTORY is not set; "
                                                       "add “LoadCredential=%s:…” to the unit", name));
      return NULL;
    }
  return g_build_filename (directory, name, NULL);
}

/* Errors are read by many: what may be the secret itself does not get into one. */
static BrevetSecret *
read_secret (BrevetSettings *self, const char *key, const char *path, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  BrevetSecret *secret = brevet_secret_new_from_file (path, &local_error);

  if (secret == NULL && !refuse_key (self, key, brevet_settings_lookup (self, key), error))
    g_propagate_error (error, brevet_settings_error (self, key, "%s", local_error->message));
  return secret;
}

gboolean
brevet_settings_get_secret (BrevetSettings *self, const char *key, BrevetSecret **secret, GError **error)
{
  g_autofree char *file_key = NULL;
  g_autofree char *credential_key = NULL;
  g_autofree char *path = NULL;
  const char *credential = NULL;
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL && secret != NULL, FALSE);

  file_key = g_strconcat (key, "-file", NULL);
  credential_key = g_strconcat (key, "-credential", NULL);
  path = brevet_settings_get_path (self, file_key);
  credential = brevet_settings_lookup (self, credential_key);
  value = brevet_settings_lookup (self, key);
  brevet_settings_note_secret (self, key);
  *secret = NULL;

  if (path != NULL)
    *secret = read_secret (self, file_key, path, error);
  else if (credential != NULL)
    {
      path = credential_path (self, credential_key, credential, error);
      if (path != NULL)
        *secret = read_secret (self, credential_key, path, error);
    }
  else
    {
      if (value != NULL && *value != '\0')
        *secret = brevet_secret_new (value, strlen (value));
      return TRUE;
    }
  return *secret != NULL;
}

gboolean
brevet_settings_read_named (BrevetSettings *self, const char *key, BrevetSecret **content, GError **error)
{
  const char *value = brevet_settings_peek (self, key);
  g_autofree char *path = NULL;

  *content = NULL;
  if (value == NULL || *value == '\0' || (!g_str_has_suffix (key, "-file") && !g_str_has_suffix (key, "-credential")))
    return TRUE;
  path = g_str_has_suffix (key, "-file") ? g_canonicalize_filename (value, brevet_settings_get_base_directory (self))
                                         : credential_path (self, key, value, error);
  if (path != NULL)
    *content = read_secret (self, key, path, error);
  return *content != NULL;
}
