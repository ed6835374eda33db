/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "agent-client.h"
#include "agent-options.h"
#include "brevet-clock.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "monitor-event.h"
#include "output.h"

#include <glib-unix.h>
#include <glib/gi18n-lib.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* What stands behind the options in the help. */
static const char description[] =
  N_("Runs until SIGINT or SIGTERM, also while the agent is started again; prints a line for each event, with --json\n"
     "an object in each line.\n\n"
     "Exit codes: 0 ended, 1 the output cannot be written, 2 wrong command line, 3 not allowed,\n"
     "4 agent or bus not reached.");

typedef struct {
  BrevetAgentClient *client;
  const char *name;
  gboolean json;
  gboolean stopped;
  gboolean over;
  gboolean lost;
} Monitor;

static void
print (Monitor *self, BrevetMonitorEvent *event)
{
  brevet_monitor_event_print (event, self->json);
  brevet_monitor_event_free (event);
  self->over |= ferror (stdout) != 0;
}

static gboolean
is_meant (Monitor *self, BrevetBusAgent1Identity *identity)
{
  return self->name == NULL || g_strcmp0 (self->name, brevet_bus_agent1_identity_get_name (identity)) == 0;
}

/* The identity of an object, if it has one that is to be watched. */
static BrevetBusAgent1Identity *
watched_identity (Monitor *self, GDBusObject *object)
{
  BrevetBusAgent1Identity *identity = brevet_bus_object_peek_agent1_identity (BREVET_BUS_OBJECT (object));

  return identity != NULL && is_meant (self, identity) ? identity : NULL;
}

static gint
compare_paths (gconstpointer a, gconstpointer b)
{
  return g_strcmp0 (g_dbus_object_get_object_path ((GDBusObject *) a), g_dbus_object_get_object_path ((GDBusObject *) b));
}

static void
print_states (Monitor *self)
{
  GList *objects = g_list_sort (g_dbus_object_manager_get_objects (self->client->objects), compare_paths);

  for (GList *l = objects; l != NULL; l = l->next)
    {
      BrevetBusAgent1Identity *identity = watched_identity (self, l->data);

      if (identity != NULL)
        print (self, brevet_monitor_event_new_state (identity));
    }
  g_list_free_full (objects, g_object_unref);
}

/* While the agent goes or comes, the manager has no owner, and removes or adds all its objects: that is told in one line. */
static gboolean
has_agent (Monitor *self)
{
  g_autofree char *owner = g_dbus_object_manager_client_get_name_owner (G_DBUS_OBJECT_MANAGER_CLIENT (self->client->objects));

  return owner != NULL;
}

static void
on_object_added (GDBusObjectManager *objects, GDBusObject *object, gpointer user_data)
{
  Monitor *self = user_data;
  BrevetBusAgent1Identity *identity = watched_identity (self, object);

  if (identity == NULL || !has_agent (self))
    return;
  print (self, brevet_monitor_event_new ("identity-added", identity, _("new in the configuration")));
  print (self, brevet_monitor_event_new_state (identity));
}

static void
on_object_removed (GDBusObjectManager *objects, GDBusObject *object, gpointer user_data)
{
  Monitor *self = user_data;
  BrevetBusAgent1Identity *identity = watched_identity (self, object);

  if (identity != NULL && has_agent (self))
    print (self, brevet_monitor_event_new ("identity-removed", identity, _("no longer in the configuration")));
}

static void
on_owner_changed (GObject *objects, GParamSpec *pspec, gpointer user_data)
{
  Monitor *self = user_data;

  /* The manager also says so when nothing has changed. */
  if (self->stopped == !has_agent (self))
    return;
  self->stopped = !has_agent (self);
  if (self->stopped)
    {
      print (self, brevet_monitor_event_new ("agent-stopped", NULL, _("stopped; waiting for it to come back")));
      return;
    }
  print (self, brevet_monitor_event_new ("agent-started", NULL, _("started")));
  print_states (self);
}

static void
on_properties_changed (GDBusObjectManagerClient *objects, GDBusObjectProxy *object, GDBusProxy *proxy, GVariant *changed,
                       const char *const *invalidated, gpointer user_data)
{
  Monitor *self = user_data;
  g_autoptr(GVariant) state = g_variant_lookup_value (changed, "State", NULL);
  g_autoptr(GVariant) cause = g_variant_lookup_value (changed, "Cause", NULL);

  if ((state == NULL && cause == NULL) || !BREVET_BUS_IS_AGENT1_IDENTITY (proxy))
    return;
  if (is_meant (self, BREVET_BUS_AGENT1_IDENTITY (proxy)))
    print (self, brevet_monitor_event_new_state (BREVET_BUS_AGENT1_IDENTITY (proxy)));
}

static void
on_signal (GDBusObjectManagerClient *objects, GDBusObjectProxy *object, GDBusProxy *proxy, const char *sender, const char *name,
           GVariant *arguments, gpointer user_data)
{
  Monitor *self = user_data;
  BrevetMonitorEvent *event = NULL;

  if (!BREVET_BUS_IS_AGENT1_IDENTITY (proxy) || !is_meant (self, BREVET_BUS_AGENT1_IDENTITY (proxy)))
    return;
  event = brevet_monitor_event_new_signal (BREVET_BUS_AGENT1_IDENTITY (proxy), name, arguments);
  if (event != NULL)
    print (self, event);
}

static void
on_bus_closed (GDBusConnection *connection, gboolean remote_peer_vanished, GError *error, gpointer user_data)
{
  Monitor *self = user_data;

  self->lost = TRUE;
  self->over = TRUE;
}

static gboolean
on_end (gpointer user_data)
{
  Monitor *self = user_data;

  self->over = TRUE;
  return G_SOURCE_CONTINUE;
}

static gboolean
on_output_closed (gint fd, GIOCondition condition, gpointer user_data)
{
  return on_end (user_data);
}

static void
watch (Monitor *self)
{
  guint sources[] = {
    g_unix_signal_add (SIGINT, on_end, self),
    g_unix_signal_add (SIGTERM, on_end, self),
    g_unix_fd_add (STDOUT_FILENO, G_IO_ERR | G_IO_HUP, on_output_closed, self),
  };
  GDBusObjectManager *objects = self->client->objects;

  g_signal_connect (objects, "object-added", G_CALLBACK (on_object_added), self);
  g_signal_connect (objects, "object-removed", G_CALLBACK (on_object_removed), self);
  g_signal_connect (objects, "notify::name-owner", G_CALLBACK (on_owner_changed), self);
  g_signal_connect (objects, "interface-proxy-properties-changed", G_CALLBACK (on_properties_changed), self);
  g_signal_connect (objects, "interface-proxy-signal", G_CALLBACK (on_signal), self);
  g_signal_connect (self->client->connection, "closed", G_CALLBACK (on_bus_closed), self);
  print_states (self);
  while (!self->over)
    g_main_context_iteration (NULL, TRUE);
  g_signal_handlers_disconnect_by_data (objects, self);
  g_signal_handlers_disconnect_by_data (self->client->connection, self);
  for (gsize i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
}

static int
run (const BrevetAgentOptions *options, const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAgentClient) client = brevet_agent_client_new (options->bus, &error);
  g_autoptr(GPtrArray) identities = client != NULL ? brevet_agent_client_select (client, name, &error) : NULL;
  Monitor monitor = { .client = client, .name = name, .json = options->json };

  if (identities == NULL)
    return brevet_command_fail (error);
  watch (&monitor);
  if (monitor.lost)
    {
      g_set_error (&error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, _("The bus has closed the connection"));
      return brevet_command_fail (error);
    }
  return brevet_output_finish (BREVET_EXIT_OK);
}

int
brevet_command_monitor (int argc, char **argv)
{
  g_auto(BrevetAgentOptions) options = { NULL };
  int exit_code;

  if (!brevet_agent_options_parse (&options, "monitor", N_("[NAME]"), NULL, description, 1, &argc, &argv, &exit_code))
    return exit_code;
  return run (&options, argv[1]);
}
