/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ceremony-private.h"

#include "commands.h"
#include "scaffold.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-pkcs11.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void
brevet_ceremony_free (BrevetCeremony *self)
{
  g_free (self->config_path);
  g_clear_object (&self->config);
  g_free (self->name);
  g_free (self->directory);
  g_free (self->state_path);
  g_clear_pointer (&self->state, g_key_file_unref);
  if (self->lock >= 0)
    close (self->lock);
  g_free (self);
}

static gboolean
load_config (BrevetCeremony *self, GError **error)
{
  self->config = brevet_config_load (self->config_path, error);
  if (self->config == NULL || !brevet_pkcs11_configure (self->config, error))
    return FALSE;
  self->group = brevet_config_get_group (self->config, "ca", self->name);
  if (self->group == NULL || strcmp (brevet_settings_get_string (self->group, "type", ""), "local") == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "%s: [ca %s] has type=%s, and only a CA of this machine (type=local) has keys and certificates here",
               self->config_path, self->name, brevet_settings_get_string (self->group, "type", ""));
  return FALSE;
}

/* Where the present certificate is; for the first one, where `brevet-dps init` would have put it. */
static char *
choose_directory (BrevetCeremony *self)
{
  g_autofree char *certificate = self->group != NULL ? brevet_settings_get_path (self->group, "certificate") : NULL;
  g_autofree char *beside = g_path_get_dirname (self->config_path);

  if (certificate != NULL)
    return g_path_get_dirname (certificate);
  if (strcmp (self->config_path, BREVET_DPS_DEFAULT_CONFIGURATION) == 0)
    return g_strdup (BREVET_SCAFFOLD_SYSTEM_DIRECTORY "/ca");
  return g_build_filename (beside, "ca", NULL);
}

static gboolean
open_directory (BrevetCeremony *self, gboolean exclusive, GError **error)
{
  struct stat status;

  self->lock = open (self->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (self->lock < 0 || fstat (self->lock, &status) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The directory “%s” for keys and certificates cannot be opened: %s; make it, or name another one with "
                   "--directory", self->directory, g_strerror (errno));
      return FALSE;
    }
  if (exclusive && flock (self->lock, LOCK_EX | LOCK_NB) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_BUSY, "Another command is at work in “%s”; wait until it is done",
                   self->directory);
      return FALSE;
    }
  self->has_owner = geteuid () == 0 && status.st_uid != 0;
  self->owner.uid = status.st_uid;
  self->owner.gid = status.st_gid;
  return TRUE;
}

static gboolean
load_state (BrevetCeremony *self, GError **error)
{
  g_autoptr(GError) local_error = NULL;

  self->state_path = brevet_ceremony_build_path (self, self->name, ".ceremony");
  self->state = g_key_file_new ();
  if (g_key_file_load_from_file (self->state, self->state_path, G_KEY_FILE_NONE, &local_error) ||
      g_error_matches (local_error, G_FILE_ERROR, G_FILE_ERROR_NOENT))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "“%s” cannot be read: %s", self->state_path,
               local_error->message);
  return FALSE;
}

BrevetCeremony *
brevet_ceremony_open (const char *config_path, const char *name, const char *directory, gboolean exclusive, GError **error)
{
  g_autoptr(BrevetCeremony) self = g_new0 (BrevetCeremony, 1);

  self->lock = -1;
  self->config_path = g_canonicalize_filename (config_path != NULL ? config_path : BREVET_DPS_DEFAULT_CONFIGURATION, NULL);
  self->name = g_strdup (name);
  if (!brevet_identifier_check (BREVET_IDENTIFIER_NAME, name, error) || !load_config (self, error))
    return NULL;
  self->directory = directory != NULL ? g_canonicalize_filename (directory, NULL) : choose_directory (self);
  return open_directory (self, exclusive, error) && load_state (self, error) ? g_steal_pointer (&self) : NULL;
}

BrevetSettings *
brevet_ceremony_get_group (BrevetCeremony *self)
{
  return self->group;
}

const char *
brevet_ceremony_get_name (BrevetCeremony *self)
{
  return self->name;
}

char *
brevet_ceremony_dup_config_option (BrevetCeremony *self)
{
  g_autofree char *usual = g_canonicalize_filename (BREVET_DPS_DEFAULT_CONFIGURATION, NULL);
  g_autofree char *quoted = g_shell_quote (self->config_path);

  return strcmp (self->config_path, usual) == 0 ? g_strdup ("") : g_strdup_printf (" --config=%s", quoted);
}

const char *
brevet_ceremony_get_directory (BrevetCeremony *self)
{
  return self->directory;
}

char *
brevet_ceremony_build_path (BrevetCeremony *self, const char *stem, const char *suffix)
{
  g_autofree char *file = g_strconcat (stem, suffix, NULL);

  return g_build_filename (self->directory, file, NULL);
}

gboolean
brevet_ceremony_become_owner (BrevetCeremony *self, GError **error)
{
  return !self->has_owner || brevet_service_user_become (&self->owner, error);
}

void
brevet_ceremony_become_self (BrevetCeremony *self)
{
  if (self->has_owner)
    brevet_service_user_become_root ();
}

char *
brevet_ceremony_dup_note (BrevetCeremony *self, const char *group, const char *key)
{
  return g_key_file_get_string (self->state, group, key, NULL);
}

gint64
brevet_ceremony_get_number (BrevetCeremony *self, const char *group, const char *key)
{
  return g_key_file_get_int64 (self->state, group, key, NULL);
}

void
brevet_ceremony_note (BrevetCeremony *self, const char *group, const char *key, const char *value)
{
  if (value != NULL)
    g_key_file_set_string (self->state, group, key, value);
}

void
brevet_ceremony_note_number (BrevetCeremony *self, const char *group, const char *key, gint64 value)
{
  g_key_file_set_int64 (self->state, group, key, value);
}

void
brevet_ceremony_forget (BrevetCeremony *self, const char *group)
{
  g_key_file_remove_group (self->state, group, NULL);
}

gboolean
brevet_ceremony_save (BrevetCeremony *self, GError **error)
{
  g_autofree char *text = g_key_file_to_data (self->state, NULL, NULL);

  return brevet_ceremony_write (self, self->state_path, text, 0600, error);
}

gboolean
brevet_ceremony_write (BrevetCeremony *self, const char *path, const char *text, int mode, GError **error)
{
  gboolean written;

  if (!brevet_ceremony_become_owner (self, error))
    return FALSE;
  written
    = g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, mode, error);
  brevet_ceremony_become_self (self);
  return written;
}

BrevetChain *
brevet_ceremony_load_current (BrevetCeremony *self, GError **error)
{
  g_autofree char *path = self->group != NULL ? brevet_settings_get_path (self->group, "certificate") : NULL;

  if (path != NULL)
    return brevet_chain_load (path, error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s has no group [ca %s] with a certificate; begin with “ca csr”",
               self->config_path, self->name);
  return NULL;
}

BrevetTrustBundle *
brevet_ceremony_load_trust (BrevetCeremony *self, GError **error)
{
  g_autofree char *path = self->group != NULL ? brevet_settings_get_path (self->group, "trust") : NULL;
  g_autoptr(GPtrArray) roots = NULL;
  g_autoptr(BrevetChain) chain = NULL;

  if (path != NULL)
    return brevet_trust_bundle_load (path, error);
  chain = brevet_ceremony_load_current (self, error);
  if (chain == NULL)
    return NULL;
  roots = g_ptr_array_new ();
  g_ptr_array_add (roots, brevet_chain_get (chain, brevet_chain_get_length (chain) - 1));
  return brevet_trust_bundle_new (roots);
}
