/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-user.h"

#include "brevet-error.h"

#include <errno.h>
#include <unistd.h>

gboolean
brevet_service_user_become (const BrevetServiceUser *self, GError **error)
{
  if (setegid (self->gid) == 0 && seteuid (self->uid) == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot act as the user %lu of the service: %s",
               (unsigned long) self->uid, g_strerror (errno));
  return FALSE;
}

void
brevet_service_user_become_root (void)
{
  if (seteuid (0) != 0 || setegid (0) != 0)
    g_error ("Cannot be root again: %s", g_strerror (errno));
}
