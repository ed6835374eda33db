/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-pkcs11.h"

#include "brevet-error.h"
#include "brevet-token-private.h"
#include "brevet-token.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/pkcs11.h>
#include <string.h>
#include <unistd.h>

#define SYSTEM "system"

/* Which modules a process has is decided once: GnuTLS can load more, but give none back. */
static GMutex lock;
static gboolean decided;
static gboolean configured;
static GPtrArray *loaded; /* NULL: p11-kit's list */

static gboolean
load (const char *module, GError **error)
{
  g_autofree char *obstacle = NULL;
  int code;

  if (!brevet_token_enter (error))
    return FALSE;
  code = gnutls_pkcs11_add_provider (module, NULL);
  brevet_token_leave ();
  obstacle = code < 0 ? brevet_token_find_obstacle () : NULL;
  if (code >= 0)
    {
      g_ptr_array_add (loaded, g_strdup (module));
      return TRUE;
    }
  if (g_path_is_absolute (module) && g_access (module, R_OK) != 0)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The PKCS#11 module “%s” cannot be read: %s", module,
                 g_strerror (errno));
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 "The PKCS#11 module “%s” cannot be loaded (%s): it is none, is for another kind of machine, or cannot begin, for "
                 "instance because it may not read its configuration%s%s", module, gnutls_strerror (code),
                 obstacle != NULL ? "; " : "", obstacle != NULL ? obstacle : "");
  return FALSE;
}

static gboolean
is_loaded (const char *module)
{
  return loaded != NULL && g_ptr_array_find_with_equal_func (loaded, module, g_str_equal, NULL);
}

static gboolean
use_modules (const char *const *modules, GError **error)
{
  if (!decided)
    {
      gnutls_pkcs11_init (GNUTLS_PKCS11_FLAG_MANUAL, NULL);
      loaded = g_ptr_array_new_with_free_func (g_free);
      decided = TRUE;
    }
  for (gsize i = 0; modules[i] != NULL; i++)
    if (!is_loaded (modules[i]) && !load (modules[i], error))
      return FALSE;
  return TRUE;
}

gboolean
brevet_pkcs11_use_modules (const char *const *modules, GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  g_return_val_if_fail (modules != NULL, FALSE);

  return use_modules (modules, error);
}

/*
 * brevet_pkcs11_get_modules:
 *
 * Returns: (transfer full) (nullable): the modules that were named; %NULL if p11-kit's list is used
 */
char **
brevet_pkcs11_get_modules (void)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  char **names = loaded != NULL ? g_new0 (char *, loaded->len + 1) : NULL;

  for (guint i = 0; loaded != NULL && i < loaded->len; i++)
    names[i] = g_strdup (loaded->pdata[i]);
  return names;
}

static void
warn_of_restart (BrevetSettings *settings, const char *what)
{
  g_autoptr(GError) error = brevet_settings_error (settings, "module", "%s; restart the program", what);

  g_warning ("%s", error->message);
}

static void
warn_of_rest (BrevetSettings *settings, const char *const *modules)
{
  for (guint i = 0; i < loaded->len; i++)
    if (!g_strv_contains (modules, loaded->pdata[i]))
      {
        g_autofree char *what = g_strdup_printf ("“%s” is no longer named, and stays loaded", (const char *) loaded->pdata[i]);

        warn_of_restart (settings, what);
      }
}

static gboolean
configure (BrevetSettings *settings, GError **error)
{
  g_auto(GStrv) modules = brevet_settings_get_strings (settings, "module");
  gboolean system = modules[0] == NULL || (g_str_equal (modules[0], SYSTEM) && modules[1] == NULL);
  g_autoptr(GError) local_error = NULL;

  if (system && loaded != NULL)
    warn_of_restart (settings, "Modules were named before, and no others are loaded now");
  else if (!system && decided && loaded == NULL)
    warn_of_restart (settings, "The modules of p11-kit's list are in use since the start");
  else if (!system && !use_modules ((const char *const *) modules, &local_error))
    {
      g_propagate_error (error, brevet_settings_error (settings, "module", "%s", local_error->message));
      return FALSE;
    }
  else if (!system)
    warn_of_rest (settings, (const char *const *) modules);
  decided = TRUE;
  return TRUE;
}

gboolean
brevet_pkcs11_configure (BrevetConfig *config, GError **error)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);

  g_return_val_if_fail (BREVET_IS_CONFIG (config), FALSE);

  /* A program that is started again is not one that somebody has corrected. */
  if (configured)
    brevet_token_forget_refused_pins ();
  configured = TRUE;
  return configure (brevet_config_ensure_group (config, "pkcs11", NULL), error);
}
