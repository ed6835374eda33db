/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/* The commands of `brevet-dps store`. */

int brevet_dps_command_store_check (int argc, char **argv);

int brevet_dps_command_store_set_aside (int argc, char **argv);

int brevet_dps_command_store_bring_back (int argc, char **argv);

int brevet_dps_command_store_discard (int argc, char **argv);

/**
 * brevet_command_open_store:
 * @config_path: (nullable): configuration file of the service, %NULL for the usual one
 * @to_read: whether it is only looked into, so that a service may use it meanwhile
 *
 * Returns: (transfer full) (nullable): the store of the service, or %NULL with an error
 */
BrevetStore *brevet_command_open_store (const char *config_path, gboolean to_read, GError **error);

G_END_DECLS
