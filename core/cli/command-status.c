/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "agent-client.h"
#include "agent-options.h"
#include "brevet-clock.h"
#include "brevet-command.h"
#include "identity-health.h"
#include "identity-json.h"
#include "identity-view.h"
#include "output-text.h"
#include "output.h"

#include <glib/gi18n-lib.h>

#define LONGEST_WAIT 86400

/* What stands behind the options in the help. */
static const char description[] =
  N_("Without NAME, all identities are shown.\n\n"
     "Exit codes: 0 every identity shown is valid, 10 expired, 11 renewal overdue (its time is past, and the last\n"
     "attempt failed), 12 not provisioned, 13 refused or disabled and without valid identity; of several the worst: 13,\n"
     "10, 12, 11. Besides: 1 failed, 2 wrong command line, 3 not allowed, 4 agent not reached, 5 identities are valid but\n"
     "the configuration is not in effect, or there is none.");

/* Waits until all identities that are asked for are valid. */
typedef struct {
  BrevetAgentClient *client;
  const char *name;
  gboolean over;
} Wait;

static gboolean
is_valid (Wait *self)
{
  g_autoptr(GPtrArray) identities = brevet_agent_client_select (self->client, self->name, NULL);

  return identities != NULL && identities->len > 0 &&
         brevet_identity_health_judge_all (identities, brevet_clock_now_seconds ()) == BREVET_IDENTITY_HEALTH_VALID;
}

static void
on_news (Wait *self)
{
  self->over |= is_valid (self);
}

static gboolean
on_time_out (gpointer user_data)
{
  Wait *self = user_data;

  self->over = TRUE;
  return G_SOURCE_CONTINUE;
}

static void
on_closed (Wait *self)
{
  self->over = TRUE;
}

static void
wait_until_valid (Wait *self, guint seconds)
{
  BrevetAgentClient *client = self->client;
  guint source = g_timeout_add_seconds (seconds, on_time_out, self);

  g_signal_connect_swapped (client->objects, "object-added", G_CALLBACK (on_news), self);
  g_signal_connect_swapped (client->objects, "object-removed", G_CALLBACK (on_news), self);
  g_signal_connect_swapped (client->objects, "interface-proxy-properties-changed", G_CALLBACK (on_news), self);
  g_signal_connect_swapped (client->agent, "g-properties-changed", G_CALLBACK (on_news), self);
  g_signal_connect_swapped (client->connection, "closed", G_CALLBACK (on_closed), self);
  on_news (self);
  while (!self->over)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (source);
  g_signal_handlers_disconnect_by_data (client->objects, self);
  g_signal_handlers_disconnect_by_data (client->agent, self);
  g_signal_handlers_disconnect_by_data (client->connection, self);
}

static void
print_remark (BrevetOutputColour colour, const char *label, const char *text)
{
  g_autofree char *painted = brevet_output_paint (colour, label);
  g_autofree char *printable = brevet_command_make_printable (text);

  g_print ("%s: %s\n", painted, printable);
}

static gboolean
has_configuration_error (BrevetBusAgent1 *agent)
{
  const char *text = brevet_bus_agent1_get_configuration_error (agent);

  return text != NULL && *text != '\0';
}

static void
print_people (BrevetBusAgent1 *agent, GPtrArray *identities, gint64 now)
{
  const char *const *warnings = brevet_bus_agent1_get_configuration_warnings (agent);

  if (has_configuration_error (agent))
    print_remark (BREVET_OUTPUT_BAD, _("The configuration is not in effect"), brevet_bus_agent1_get_configuration_error (agent));
  else if (identities->len == 0)
    g_print ("%s\n", _("brevetd has no identity; add a group [identity NAME] to its configuration"));
  for (guint i = 0; warnings != NULL && warnings[i] != NULL; i++)
    print_remark (BREVET_OUTPUT_BUSY, _("Configuration"), warnings[i]);
  for (guint i = 0; i < identities->len; i++)
    {
      if (i > 0 || has_configuration_error (agent) || (warnings != NULL && warnings[0] != NULL))
        g_print ("\n");
      brevet_identity_view_print (identities->pdata[i], BREVET_IDENTITY_VIEW_STATUS, now);
    }
}

static void
print_json (BrevetBusAgent1 *agent, GPtrArray *identities, gint64 now)
{
  g_autoptr(JsonObject) object = json_object_new ();
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < identities->len; i++)
    json_array_add_object_element (array, brevet_identity_json_new (identities->pdata[i], now));
  brevet_output_set_text (object, "version", brevet_bus_agent1_get_version (agent));
  brevet_output_set_text (object, "configurationError", brevet_bus_agent1_get_configuration_error (agent));
  json_object_set_array_member (object, "configurationWarnings",
                                brevet_identity_json_new_list (brevet_bus_agent1_get_configuration_warnings (agent)));
  json_object_set_array_member (object, "identities", array);
  brevet_output_print_json (object);
}

static int
exit_code_of (BrevetBusAgent1 *agent, GPtrArray *identities, gint64 now)
{
  BrevetIdentityHealth health = brevet_identity_health_judge_all (identities, now);

  if (health != BREVET_IDENTITY_HEALTH_VALID)
    return (int) health;
  return identities->len == 0 || has_configuration_error (agent) ? BREVET_EXIT_NOT_CONFIGURED : BREVET_EXIT_OK;
}

static int
show_status (const BrevetAgentOptions *options, const char *name, int seconds)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAgentClient) client = brevet_agent_client_new (options->bus, &error);
  g_autoptr(GPtrArray) identities = client != NULL ? brevet_agent_client_select (client, name, &error) : NULL;
  gint64 now = 0;

  if (identities != NULL && seconds > 0)
    {
      Wait wait = { client, name, FALSE };

      wait_until_valid (&wait, (guint) seconds);
      g_clear_pointer (&identities, g_ptr_array_unref);
      identities = brevet_agent_client_select (client, name, &error);
    }
  if (identities == NULL)
    return brevet_command_fail (error);
  now = brevet_clock_now_seconds ();
  if (options->json)
    print_json (client->agent, identities, now);
  else
    print_people (client->agent, identities, now);
  return brevet_output_finish (exit_code_of (client->agent, identities, now));
}

int
brevet_command_status (int argc, char **argv)
{
  g_auto(BrevetAgentOptions) options = { NULL };
  int seconds = 0;
  const GOptionEntry entries[] = {
    { "wait", 0, 0, G_OPTION_ARG_INT, &seconds, N_("Wait up to so many seconds until all is well"), N_("SECONDS") },
    { NULL },
  };
  int exit_code;

  if (!brevet_agent_options_parse (&options, "status", N_("[NAME]"), entries, description, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (seconds < 0 || seconds > LONGEST_WAIT)
    return brevet_command_usage_error (_("--wait %d is not possible; write a number of seconds from 1 to %d"), seconds,
                                       LONGEST_WAIT);
  return show_status (&options, argv[1], seconds);
}
