/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetAgentOptions:
 * @bus_name: what `--bus` says
 * @bus: the bus of the agent
 * @json: print JSON
 *
 * The options of every command that talks to the agent.
 */
typedef struct {
  char *bus_name;
  GBusType bus;
  gboolean json;
} BrevetAgentOptions;

void brevet_agent_options_clear (BrevetAgentOptions *self);

/**
 * brevet_agent_options_parse:
 * @extra: (nullable): options that only this command has
 * @description: text behind the options in `--help`; translatable
 * @maximum: most positional arguments
 *
 * brevet_command_parse() with the common options in front of @extra.
 *
 * Returns: %FALSE if the command should stop now with @exit_code
 */
gboolean brevet_agent_options_parse (BrevetAgentOptions *self, const char *command, const char *arguments,
                                     const GOptionEntry *extra, const char *description, int maximum, int *argc, char ***argv,
                                     int *exit_code);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (BrevetAgentOptions, brevet_agent_options_clear)

G_END_DECLS
