/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The switch: one file of the configuration, replaced as a whole. */

#include "ceremony-private.h"
#include "ceremony-terminal.h"

#include "brevet-ca-backend.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-registry.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
render (BrevetCeremony *self, const BrevetCeremonySettings *settings)
{
  g_autofree char *now = brevet_ceremony_format_date (brevet_clock_now_seconds ());
  GString *text = g_string_new (NULL);

  g_string_append_printf (text,
                          "# Written by “brevet-dps ca” at %s, and written anew by it. Other settings of the CA belong in\n"
                          "# another file.\n"
                          "[ca %s]\n"
                          "type=local\n"
                          "certificate=%s\n"
                          "key=%s\n",
                          now, self->name, settings->certificate, settings->key);
  if (settings->password_file != NULL)
    g_string_append_printf (text, "key-password-file=%s\n", settings->password_file);
  if (settings->trust != NULL)
    g_string_append_printf (text, "trust=%s\n", settings->trust);
  return g_string_free (text, FALSE);
}

/* What stands there now stays, unless it is replaced. */
static char *
dup_present (BrevetCeremony *self, const char *key, const char *coming)
{
  if (coming != NULL)
    return g_strdup (coming);
  return self->group != NULL ? brevet_settings_get_path (self->group, key) : NULL;
}

static void
set (BrevetSettings *group, const char *key, const char *value, const char *origin)
{
  if (value != NULL)
    brevet_settings_set (group, key, value, origin);
}

/* The plugin knows best what it can work with. It reads everything as the service's user would. */
static gboolean
try (BrevetCeremony *self, const BrevetCeremonySettings *settings, const char *origin, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) group = self->group != NULL ? brevet_settings_copy (self->group, "ca", self->name)
                                                        : brevet_settings_new ("ca", self->name, self->directory);
  g_autoptr(BrevetPlugin) plugin = NULL;

  set (group, "type", "local", origin);
  set (group, "certificate", settings->certificate, origin);
  set (group, "key", settings->key, origin);
  set (group, "key-password-file", settings->password_file, origin);
  set (group, "trust", settings->trust, origin);
  if (!brevet_ceremony_become_owner (self, error))
    return FALSE;
  plugin = brevet_registry_create_from_group (registry, BREVET_TYPE_CA_BACKEND, "ca", group, error);
  brevet_ceremony_become_self (self);
  return plugin != NULL;
}

/* Who may read the configuration may read this, which is its group above all: that of the service. */
static gboolean
write_like_config (BrevetCeremony *self, const char *path, const char *text, GError **error)
{
  struct stat status;

  if (stat (self->config_path, &status) != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s cannot be looked at: %s; nothing was changed",
                   self->config_path, g_strerror (errno));
      return FALSE;
    }
  if (!g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                 (int) (status.st_mode & 0444) | 0200, error))
    return FALSE;
  if (chown (path, (uid_t) -1, status.st_gid) == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "“%s” cannot be given to the group of %s (%s), so the service could not read it; do this as root. "
               "Nothing was changed",
               path, self->config_path, g_strerror (errno));
  return FALSE;
}

/* Its directory is made where there is none. */
static gboolean
write_drop_in (BrevetCeremony *self, const char *path, const char *text, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (path);

  if (g_mkdir_with_parents (directory, 0755) == 0)
    return write_like_config (self, path, text, error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The directory “%s” cannot be made: %s; nothing was changed",
               directory, g_strerror (errno));
  return FALSE;
}

/* Whoever reads that nothing was changed must know if that is not so. */
static void
restore (BrevetCeremony *self, const char *path, const char *before, GError **error)
{
  g_autoptr(GError) cause = NULL;

  if (before != NULL ? write_like_config (self, path, before, &cause) : g_unlink (path) == 0 || errno == ENOENT)
    return;
  g_prefix_error (error, "“%s” could not be put back as it was (%s); all the rest is unchanged: ", path,
                  cause != NULL ? cause->message : g_strerror (errno));
}

/* A file that is read later may say something else. */
static gboolean
is_in_force (BrevetCeremony *self, const char *certificate, GError **error)
{
  g_autoptr(BrevetConfig) config = brevet_config_load (self->config_path, error);
  BrevetSettings *group = config != NULL ? brevet_config_get_group (config, "ca", self->name) : NULL;
  g_autofree char *path = group != NULL ? brevet_settings_get_path (group, "certificate") : NULL;

  if (config == NULL)
    return FALSE;
  if (g_strcmp0 (path, certificate) == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "A file in “%s.d” that is read after the one of this command says that the certificate of [ca %s] is “%s”; remove "
               "that line. Nothing was changed", self->config_path, self->name, path);
  return FALSE;
}

static char *
switch_over (BrevetCeremony *self, const BrevetCeremonySettings *settings, GError **error)
{
  g_autofree char *file = g_strdup_printf ("50-ca-%s.conf", self->name);
  g_autofree char *directory = g_strconcat (self->config_path, ".d", NULL);
  g_autofree char *path = g_build_filename (directory, file, NULL);
  g_autofree char *text = render (self, settings);
  g_autofree char *before = NULL;

  if (!try (self, settings, path, error))
    return NULL;
  g_file_get_contents (path, &before, NULL, NULL);
  if (write_drop_in (self, path, text, error) && is_in_force (self, settings->certificate, error))
    return g_steal_pointer (&path);
  restore (self, path, before, error);
  return NULL;
}

char *
brevet_ceremony_configure (BrevetCeremony *self, const BrevetCeremonySettings *settings, GError **error)
{
  const char *present_key = self->group != NULL ? brevet_settings_get_string (self->group, "key", NULL) : NULL;
  g_autofree char *certificate = dup_present (self, "certificate", settings->certificate);
  g_autofree char *key = settings->key == NULL && present_key != NULL && g_str_has_prefix (present_key, "pkcs11:")
                           ? g_strdup (present_key) : dup_present (self, "key", settings->key);
  g_autofree char *password_file = dup_present (self, "key-password-file", settings->password_file);
  g_autofree char *trust = dup_present (self, "trust", settings->trust);
  const BrevetCeremonySettings all = { certificate, key, password_file, trust };

  return switch_over (self, &all, error);
}
