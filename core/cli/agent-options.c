/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-options.h"

#include "brevet-bus-names.h"
#include "brevet-command.h"

#include <glib/gi18n-lib.h>

void
brevet_agent_options_clear (BrevetAgentOptions *self)
{
  g_clear_pointer (&self->bus_name, g_free);
}

gboolean
brevet_agent_options_parse (BrevetAgentOptions *self, const char *command, const char *arguments, const GOptionEntry *extra,
                            const char *description, int maximum, int *argc, char ***argv, int *exit_code)
{
  const GOptionEntry common[] = {
    { "bus", 0, 0, G_OPTION_ARG_STRING, &self->bus_name, N_("Bus of the agent: system or session (system)"), N_("BUS") },
    { "json", 0, 0, G_OPTION_ARG_NONE, &self->json, N_("Print JSON"), NULL },
  };
  g_autoptr(GArray) entries = g_array_new (TRUE, FALSE, sizeof (GOptionEntry));
  g_autoptr(GError) error = NULL;
  const GOptionEntry *options = NULL;

  g_array_append_vals (entries, common, G_N_ELEMENTS (common));
  for (; extra != NULL && extra->long_name != NULL; extra++)
    g_array_append_val (entries, *extra);
  options = (const GOptionEntry *) (gpointer) entries->data;
  if (!brevet_command_parse (command, arguments, options, _(description), 0, maximum, argc, argv, exit_code))
    return FALSE;

  self->bus = G_BUS_TYPE_SYSTEM;
  if (self->bus_name == NULL || brevet_bus_type_from_string (self->bus_name, &self->bus, &error))
    return TRUE;
  *exit_code = brevet_command_usage_error ("--bus: %s", error->message);
  return FALSE;
}
