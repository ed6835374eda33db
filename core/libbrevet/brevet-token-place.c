/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

/* A module that may not read its files or its device shows no token, and does not say why. So whoever misses a token looks here:
 * the places that the modules of Debian use, and what lets a service in. */
static const struct
{
  const char *variable; /* NULL: always the path */
  const char *path;
  int         mode;
  const char *advice;
} places[] = {
  { NULL, "/dev/tpmrm0", R_OK | W_OK, "members of the group “tss” may use the TPM" },
  { "TPM2_PKCS11_STORE", "/etc/tpm2_pkcs11", R_OK | W_OK | X_OK,
    "the store of tpm2-pkcs11 must belong to the user that uses it; TPM2_PKCS11_STORE names it" },
  { "SOFTHSM2_CONF", "/etc/softhsm/softhsm2.conf", R_OK,
    "members of the group “softhsm” may read SoftHSM's configuration; SOFTHSM2_CONF names another one" },
};

/* Where SoftHSM keeps its tokens if no other configuration is named. */
#define SOFTHSM_DIRECTORY "/var/lib/softhsm/tokens"

static char *
describe (const char *path, const char *advice)
{
  int saved_errno = errno;

  return g_strdup_printf ("this process may not use “%s” (%s); %s", path, g_strerror (saved_errno), advice);
}

/* directories.tokendir in the configuration of SoftHSM that is in force. */
static char *
find_softhsm_directory (const char *configuration)
{
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;
  char *directory = NULL;

  if (!g_file_get_contents (configuration, &text, NULL, NULL))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (gsize i = 0; directory == NULL && lines[i] != NULL; i++)
    {
      g_auto(GStrv) pair = g_strsplit (lines[i], "=", 2);

      if (g_strcmp0 (g_strstrip (pair[0] != NULL ? pair[0] : lines[i]), "directories.tokendir") == 0 && pair[1] != NULL)
        directory = g_strdup (g_strstrip (pair[1]));
    }
  return directory;
}

static char *
check_softhsm_directory (void)
{
  const char *configuration = g_getenv ("SOFTHSM2_CONF");
  g_autofree char *directory = configuration != NULL ? find_softhsm_directory (configuration) : NULL;
  const char *path = configuration != NULL ? directory : SOFTHSM_DIRECTORY;

  if (path == NULL || g_access (path, R_OK | W_OK | X_OK) == 0)
    return NULL;
  if (configuration != NULL)
    return describe (path, "it is the directory of tokens that SOFTHSM2_CONF names");
  if (errno != EACCES && errno != EROFS)
    return NULL;
  return describe (path, "members of the group “softhsm” may use the tokens of SoftHSM");
}

/*
 * brevet_token_find_obstacle:
 *
 * Returns: (transfer full) (nullable): a clause about a place of tokens that exists, but not for this process; %NULL if there is
 * none
 */
char *
brevet_token_find_obstacle (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (places); i++)
    {
      const char *named = places[i].variable != NULL ? g_getenv (places[i].variable) : NULL;
      const char *path = named != NULL ? named : places[i].path;

      if (g_access (path, places[i].mode) != 0 && (errno == EACCES || errno == EROFS || named != NULL))
        return describe (path, places[i].advice);
    }
  return check_softhsm_directory ();
}
