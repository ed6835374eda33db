/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "scaffold.h"

#include "brevet-error.h"
#include "directory-maker.h"
#include "service-user.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <unistd.h>

static gboolean
find_user (BrevetServiceUser *user, GError **error)
{
  const struct passwd *entry = getpwnam (BREVET_SCAFFOLD_SYSTEM_USER);

  if (geteuid () != 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "Only root can set up the service of the system; be root, or "
                                                                     "name a directory of your own");
      return FALSE;
    }
  if (entry == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "There is no user " BREVET_SCAFFOLD_SYSTEM_USER
                                                                     "; run systemd-sysusers and systemd-tmpfiles --create first");
      return FALSE;
    }
  user->uid = entry->pw_uid;
  user->gid = entry->pw_gid;
  return TRUE;
}

static gboolean
create_directory (const BrevetScaffold *self, const BrevetServiceUser *user, GError **error)
{
  gboolean created = brevet_service_user_become (user, error) &&
                     brevet_scaffold_create (self, BREVET_SCAFFOLD_SYSTEM_DIRECTORY, error);

  brevet_service_user_become_root ();
  return created;
}

static gboolean
is_config_free (GError **error)
{
  if (!g_file_test (BREVET_SCAFFOLD_SYSTEM_CONFIG, G_FILE_TEST_EXISTS))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, BREVET_SCAFFOLD_SYSTEM_CONFIG " exists; nothing was changed");
  return FALSE;
}

static gboolean
write_config (const BrevetScaffold *self, const BrevetServiceUser *user, GError **error)
{
  g_autofree char *text = brevet_scaffold_render_config (self);

  if (!brevet_scaffold_write_file ("/", BREVET_SCAFFOLD_SYSTEM_CONFIG, text, 0640, error))
    return FALSE;
  if (chown (BREVET_SCAFFOLD_SYSTEM_CONFIG, 0, user->gid) == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot give " BREVET_SCAFFOLD_SYSTEM_CONFIG " to the group of the "
                                                         "service: %s", g_strerror (errno));
  g_unlink (BREVET_SCAFFOLD_SYSTEM_CONFIG);
  return FALSE;
}

gboolean
brevet_scaffold_create_system (const BrevetScaffold *self, GError **error)
{
  BrevetServiceUser user;

  if (!find_user (&user, error) || !is_config_free (error) || !create_directory (self, &user, error))
    return FALSE;
  if (write_config (self, &user, error))
    return TRUE;
  brevet_directory_remove (BREVET_SCAFFOLD_SYSTEM_DIRECTORY);
  return FALSE;
}

gboolean
brevet_scaffold_renew_system_server (const char *const *host_names, GError **error)
{
  BrevetServiceUser user;
  gboolean renewed;

  if (!find_user (&user, error))
    return FALSE;
  renewed = brevet_service_user_become (&user, error) &&
            brevet_scaffold_renew_server (BREVET_SCAFFOLD_SYSTEM_DIRECTORY, host_names, error);
  brevet_service_user_become_root ();
  return renewed;
}
