/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command-store.h"

#include "commands.h"

#include "brevet-command.h"
#include "brevet-pkcs11.h"
#include "service.h"

#include <glib/gi18n-lib.h>

/* Whoever is to write would make a store where there is none, and often as another user than the service. */
static gboolean
check_existence (BrevetConfig *config, BrevetRegistry *registry, GError **error)
{
  g_autoptr(BrevetStore) store = brevet_service_make_store (config, registry, error);

  return store != NULL && brevet_store_open_to_read (store, error);
}

BrevetStore *
brevet_command_open_store (const char *config_path, gboolean to_read, GError **error)
{
  g_autoptr(BrevetConfig) config = brevet_config_load (config_path != NULL ? config_path : BREVET_DPS_DEFAULT_CONFIGURATION, error);
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetStore) store = NULL;

  if (config == NULL || !brevet_pkcs11_configure (config, error) || !check_existence (config, registry, error))
    return NULL;
  store = brevet_service_make_store (config, registry, error);
  if (store == NULL || !(to_read ? brevet_store_open_to_read (store, error) : brevet_store_open (store, error)))
    return NULL;
  return g_steal_pointer (&store);
}

int
brevet_dps_command_store (int argc, char **argv)
{
  static const BrevetCommand commands[] = {
    { "check", NULL, N_("Look for records that cannot be read"), brevet_dps_command_store_check },
    { "set-aside", N_("[COLLECTION KEY]"), N_("Put a record that cannot be read out of the way"),
      brevet_dps_command_store_set_aside },
    { "bring-back", N_("COLLECTION KEY"), N_("Put a record that was set aside back in its place"),
      brevet_dps_command_store_bring_back },
    { "discard", N_("COLLECTION KEY"), N_("Delete a record that was set aside"), brevet_dps_command_store_discard },
    { NULL },
  };

  return brevet_command_dispatch ("store", N_("What the service has stored"), commands, argc, argv);
}
