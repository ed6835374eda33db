/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"
#include "brevet-plugin.h"

G_BEGIN_DECLS

/**
 * BREVET_PLUGIN_ABI:
 *
 * Version of the contracts: one more whenever a plugin that was built before would be called wrongly. A plugin's `.plugin` file
 * says `X-Brevet-Abi=` this number; another number is refused.
 */
#define BREVET_PLUGIN_ABI 4

/**
 * BrevetRegistry:
 *
 * Finds plugins and makes instances of them. Use it on the main thread. Modules are found by their `.plugin` files alone; code is
 * loaded when the first instance is made.
 *
 * Search path, first hit wins: the directories of `$BREVET_PLUGIN_PATH` (separated by `:`), then the installation's.
 */
#define BREVET_TYPE_REGISTRY (brevet_registry_get_type ())
BREVET_API
G_DECLARE_FINAL_TYPE (BrevetRegistry, brevet_registry, BREVET, REGISTRY, GObject)

/**
 * brevet_registry_new:
 *
 * Returns: (transfer full): a registry over the search path
 */
BREVET_API
BrevetRegistry *brevet_registry_new (void);

/**
 * brevet_registry_get_search_path:
 *
 * Returns: (transfer none): the directories, separated by `:`
 */
BREVET_API
const char *brevet_registry_get_search_path (BrevetRegistry *self);

/**
 * brevet_registry_create:
 * @contract: the interface that is wanted, such as %BREVET_TYPE_STORE
 * @module: name of the module, such as `store-sqlite`
 * @name: name for the instance
 * @settings: (nullable): its settings; %NULL for an empty group
 *
 * Loads the module if need be, makes an instance and configures it.
 *
 * Returns: (transfer full) (nullable): the instance; %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the module and the search path
 *   if it is unknown, broken, made for other contracts or does not implement @contract
 */
BREVET_API
BrevetPlugin *brevet_registry_create (BrevetRegistry *self, GType contract, const char *module, const char *name,
                                      BrevetSettings *settings, GError **error);

/**
 * brevet_registry_check_defaults:
 * @contract: as for brevet_registry_create()
 * @module: as for brevet_registry_create()
 * @settings: what is common to instances that get the rest of their settings later
 *
 * Lets the module check @settings, with brevet_plugin_check_defaults() of an instance that is dropped again.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file, line and key, or the module
 */
BREVET_API
gboolean brevet_registry_check_defaults (BrevetRegistry *self, GType contract, const char *module, BrevetSettings *settings,
                                         GError **error);

/**
 * brevet_registry_create_from_group:
 * @contract: as for brevet_registry_create()
 * @prefix: first word of the module's name, such as `store`
 * @settings: a group; its key `type` is the rest of the module's name: `type=sqlite` means `store-sqlite`
 *
 * Makes the instance that a group of the configuration describes, under the name of the group.
 *
 * Returns: (transfer full) (nullable): the instance; %NULL with %BREVET_ERROR_NOT_CONFIGURED naming file and line
 */
BREVET_API
BrevetPlugin *brevet_registry_create_from_group (BrevetRegistry *self, GType contract, const char *prefix, BrevetSettings *settings,
                                                 GError **error);

/**
 * brevet_registry_has_type:
 * @contract_name: as for brevet_registry_find_module()
 * @type: value of a key `type`, such as `sqlite`
 *
 * Loads no code.
 *
 * Returns: %TRUE if a module is installed that brevet_registry_create_from_group() would take for @type
 */
BREVET_API
gboolean brevet_registry_has_type (BrevetRegistry *self, const char *contract_name, const char *type);

/**
 * brevet_registry_find_module:
 * @contract_name: prefix of the module names: `ca`, `attestation`, `transport` or `store`
 * @provides: a name of the outside world, such as a certificateAuthorityType or an attestation type
 *
 * Looks for a module whose `.plugin` file lists @provides in `X-Brevet-Provides`. Loads no code.
 *
 * Returns: (nullable) (transfer none): the module's name, or %NULL
 */
BREVET_API
const char *brevet_registry_find_module (BrevetRegistry *self, const char *contract_name, const char *provides);

/**
 * brevet_registry_list_provided:
 * @contract_name: as for brevet_registry_find_module()
 *
 * Returns: (transfer full) (array zero-terminated=1): everything that the modules of this kind provide, sorted
 */
BREVET_API
char **brevet_registry_list_provided (BrevetRegistry *self, const char *contract_name);

G_END_DECLS
