/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The commands of brevet-dps. Each takes its own name as argv[0] and returns a BrevetExitCode. */

#define BREVET_DPS_DEFAULT_CONFIGURATION BREVET_SYSCONF_DIR "/brevet/dps.conf"

int brevet_dps_command_init (int argc, char **argv);

int brevet_dps_command_run (int argc, char **argv);

int brevet_dps_command_ca (int argc, char **argv);

int brevet_dps_command_hub_config (int argc, char **argv);

int brevet_dps_command_store (int argc, char **argv);

G_END_DECLS
