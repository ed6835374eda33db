/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"
#include "brevet-settings.h"

G_BEGIN_DECLS

/**
 * BrevetPlugin:
 *
 * Base class of everything replaceable. Construct-only properties: `name`, what the configuration calls this instance, and
 * `config`, the group it is configured with.
 *
 * Threads: an instance is made and configured on the main thread; afterwards its verbs may be called from any thread that runs a
 * main context, several at once, and each is answered on the thread-default main context of its caller. A plugin hides its own
 * threads.
 */
#define BREVET_TYPE_PLUGIN (brevet_plugin_get_type ())
BREVET_API
G_DECLARE_DERIVABLE_TYPE (BrevetPlugin, brevet_plugin, BREVET, PLUGIN, GObject)

/**
 * BrevetPluginClass:
 * @configure: reads the settings, completely and without waiting for a network: every mistake in them is reported here.
 *   Called once, before any other verb. Optional.
 * @check_defaults: see brevet_plugin_check_defaults(). Optional.
 */
struct _BrevetPluginClass
{
  GObjectClass parent_class;

  gboolean (*configure) (BrevetPlugin *self, GError **error);
  gboolean (*check_defaults) (BrevetPlugin *self, GError **error);

  /*< private >*/
  gpointer padding[7];
};

/**
 * brevet_plugin_get_name:
 *
 * Returns: (transfer none): what the configuration calls this instance
 */
BREVET_API
const char *brevet_plugin_get_name (BrevetPlugin *self);

/**
 * brevet_plugin_get_settings:
 *
 * Returns: (transfer none): the group it is configured with; never %NULL
 */
BREVET_API
BrevetSettings *brevet_plugin_get_settings (BrevetPlugin *self);

/**
 * brevet_plugin_configure:
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file, line and key
 */
BREVET_API
gboolean brevet_plugin_configure (BrevetPlugin *self, GError **error);

/**
 * brevet_plugin_check_defaults:
 *
 * Instead of brevet_plugin_configure(), and nothing else follows: the settings are what an operator has said once for instances of
 * which only `profile` and `api-key` are known later. Reads all that these do not decide, so that mistakes are found at once. A
 * plugin without such defaults to check leaves it to brevet_plugin_configure() of the instances.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file, line and key
 */
BREVET_API
gboolean brevet_plugin_check_defaults (BrevetPlugin *self, GError **error);

G_END_DECLS
