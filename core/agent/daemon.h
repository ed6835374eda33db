/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * brevet_daemon_run:
 * @config_path: the configuration file
 * @bus_type: on which bus the agent is to be found
 *
 * Runs the agent until SIGTERM or SIGINT.
 *
 * Returns: exit code for main()
 */
int brevet_daemon_run (const char *config_path, GBusType bus_type);

G_END_DECLS
