/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "hub-config.h"

G_BEGIN_DECLS

/**
 * BrevetHubChange:
 * @BREVET_HUB_CHANGE_NONE: every file was as it is now
 * @BREVET_HUB_CHANGE_RELOAD: a running broker must read its files again
 * @BREVET_HUB_CHANGE_RESTART: a running broker must start again
 *
 * What a new configuration asks of a broker that runs with the one before.
 */
typedef enum {
  BREVET_HUB_CHANGE_NONE,
  BREVET_HUB_CHANGE_RELOAD,
  BREVET_HUB_CHANGE_RESTART,
} BrevetHubChange;

/**
 * brevet_hub_config_write:
 * @change: (out): what changed
 *
 * Writes all files into their directory, which is made if need be, each atomically; the main file comes last.
 *
 * Returns: %FALSE with an error that names the file
 */
gboolean brevet_hub_config_write (const BrevetHubConfig *self, BrevetHubChange *change, GError **error);

/**
 * brevet_hub_config_print_written:
 * @json: for programs instead of people
 *
 * Says on standard output what was written, and what to do next.
 */
void brevet_hub_config_print_written (const BrevetHubConfig *self, BrevetHubChange change, gboolean json);

/**
 * brevet_hub_config_print:
 *
 * Prints the main file, and all others in comments behind it.
 */
void brevet_hub_config_print (const BrevetHubConfig *self, gboolean json);

/**
 * brevet_hub_config_warn:
 *
 * Says on standard error what will not be as somebody may expect.
 */
void brevet_hub_config_warn (const BrevetHubConfig *self);

G_END_DECLS
