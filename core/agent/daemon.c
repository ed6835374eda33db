/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon.h"

#include "agent-bus.h"
#include "brevet-bus-names.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-log.h"
#include "brevet-manager.h"
#include "bus-name.h"

#include <glib-unix.h>
#include <signal.h>

/* Seconds for a former agent to go: far more than a bus needs to see that a process has ended. */
#define NAME_PATIENCE 5

typedef struct {
  GMainLoop *loop;
  GBusType bus_type;
  BrevetAgent *agent;
  GDBusConnection *connection;
  BrevetAgentBus *bus;
  gboolean loaded;
  gboolean ready;
  gboolean stopping;
  guint status; /* source id */
  int exit_code;
} Daemon;

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *daemon = user_data;

  brevet_agent_stop_finish (daemon->agent, result);
  g_main_loop_quit (daemon->loop);
}

static void
begin_stopping (Daemon *daemon)
{
  if (daemon->stopping)
    return;
  daemon->stopping = TRUE;
  brevet_manager_notify ("STOPPING=1");
  brevet_manager_set_status ("Stopping");
  brevet_agent_stop_async (daemon->agent, on_stopped, daemon);
}

static void
fail (Daemon *daemon, const GError *error)
{
  brevet_command_fail (error);
  daemon->exit_code = BREVET_EXIT_FAILED;
  begin_stopping (daemon);
}

static gboolean
on_terminate (gpointer user_data)
{
  begin_stopping (user_data);
  return G_SOURCE_CONTINUE;
}

/* “2 identities: 1 provisioned, 1 backing-off” */
static char *
summarise (GPtrArray *identities)
{
  GString *text = g_string_new (NULL);
  const char *separator = ": ";

  g_string_append_printf (text, "%u %s", identities->len, identities->len == 1 ? "identity" : "identities");
  for (guint state = 0; state <= BREVET_IDENTITY_DISABLED; state++)
    {
      guint count = 0;

      for (guint i = 0; i < identities->len; i++)
        count += brevet_identity_get_state (g_ptr_array_index (identities, i)) == state ? 1 : 0;
      if (count == 0)
        continue;
      g_string_append_printf (text, "%s%u %s", separator, count, brevet_identity_state_to_string (state));
      separator = ", ";
    }
  return g_string_free (text, FALSE);
}

static gboolean
show_status (gpointer user_data)
{
  Daemon *daemon = user_data;
  const char *error = brevet_agent_get_configuration_error (daemon->agent);
  g_autofree char *summary = summarise (brevet_agent_get_identities (daemon->agent));

  daemon->status = 0;
  if (daemon->stopping)
    return G_SOURCE_REMOVE;
  if (error != NULL)
    brevet_manager_set_status ("%s; the configuration is wrong: %s", summary, error);
  else
    brevet_manager_set_status ("%s", summary);
  return G_SOURCE_REMOVE;
}

/* An identity changes several times in one turn of the main loop. */
static void
plan_status (Daemon *daemon)
{
  if (daemon->status == 0)
    daemon->status = g_idle_add (show_status, daemon);
}

static void
follow_identity (Daemon *daemon, BrevetIdentity *identity)
{
  g_signal_connect_swapped (identity, "changed", G_CALLBACK (plan_status), daemon);
  plan_status (daemon);
}

static void
leave_identity (Daemon *daemon, BrevetIdentity *identity)
{
  g_signal_handlers_disconnect_by_data (identity, daemon);
  plan_status (daemon);
}

static void
on_reloaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *daemon = user_data;
  g_autoptr(GError) error = NULL;

  /* The agent has told of it already. */
  brevet_agent_reload_finish (daemon->agent, result, &error);
  if (daemon->stopping || !daemon->ready)
    return;
  brevet_manager_notify ("READY=1");
  plan_status (daemon);
}

static gboolean
on_reload (gpointer user_data)
{
  Daemon *daemon = user_data;

  if (daemon->stopping)
    return G_SOURCE_CONTINUE;
  if (daemon->ready)
    brevet_manager_notify_reloading ();
  brevet_agent_reload_async (daemon->agent, on_reloaded, daemon);
  return G_SOURCE_CONTINUE;
}

/* Nobody could reach the agent any more, and there is no way back to a bus but a new process. The service manager starts one when
 * this one ends with a failure; what is stored and planned is taken up again. */
static void
on_connection_closed (Daemon *daemon, gboolean remote_peer_vanished, const GError *reason)
{
  g_autoptr(GError) error = NULL;

  if (daemon->stopping)
    return;
  g_set_error (&error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "The connection to the bus was lost: %s",
               reason != NULL ? reason->message : "closed");
  fail (daemon, error);
}

static void
on_name_taken (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *daemon = user_data;
  g_autoptr(GError) error = NULL;
  gboolean taken = brevet_bus_name_take_finish (result, &error);

  if (daemon->stopping)
    return;
  if (!taken)
    {
      fail (daemon, error);
      return;
    }
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_AGENT_STARTED, "The agent is ready", "BREVET_VERSION",
                    BREVET_VERSION, NULL);
  daemon->ready = TRUE;
  brevet_manager_notify ("READY=1");
  plan_status (daemon);
  brevet_agent_start (daemon->agent);
}

/* Whoever finds the name finds everything below it: the name comes last. */
static void
go_on_bus (Daemon *daemon)
{
  g_autoptr(GError) error = NULL;

  if (daemon->stopping || !daemon->loaded || daemon->connection == NULL)
    return;
  daemon->bus = brevet_agent_bus_new (daemon->agent, daemon->connection, &error);
  if (daemon->bus == NULL)
    fail (daemon, error);
  else
    brevet_bus_name_take_async (daemon->connection, BREVET_BUS_NAME, NAME_PATIENCE, on_name_taken, daemon);
}

static void
on_connected (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *daemon = user_data;
  g_autoptr(GError) error = NULL;

  daemon->connection = g_bus_get_finish (result, &error);
  if (daemon->stopping)
    return;
  if (daemon->connection == NULL)
    {
      g_prefix_error (&error, "No connection to the bus: ");
      fail (daemon, error);
      return;
    }
  g_dbus_connection_set_exit_on_close (daemon->connection, FALSE);
  g_signal_connect_swapped (daemon->connection, "closed", G_CALLBACK (on_connection_closed), daemon);
  go_on_bus (daemon);
}

static void
on_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Daemon *daemon = user_data;

  brevet_agent_load_finish (daemon->agent, result);
  daemon->loaded = TRUE;
  go_on_bus (daemon);
}

static void
follow_agent (Daemon *daemon)
{
  g_signal_connect_swapped (daemon->agent, "identity-added", G_CALLBACK (follow_identity), daemon);
  g_signal_connect_swapped (daemon->agent, "identity-removed", G_CALLBACK (leave_identity), daemon);
  g_signal_connect_swapped (daemon->agent, "configuration-changed", G_CALLBACK (plan_status), daemon);
}

static void
serve (Daemon *daemon)
{
  guint sources[] = {
    g_unix_signal_add (SIGTERM, on_terminate, daemon),
    g_unix_signal_add (SIGINT, on_terminate, daemon),
    g_unix_signal_add (SIGHUP, on_reload, daemon),
  };
  guint watchdog = brevet_manager_start_watchdog ();

  follow_agent (daemon);
  /* Both at once: the bus answers on another thread while plugins are loaded on this one. */
  g_bus_get (daemon->bus_type, NULL, on_connected, daemon);
  brevet_agent_load_async (daemon->agent, on_loaded, daemon);
  g_main_loop_run (daemon->loop);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    g_source_remove (sources[i]);
  /* Impatience sends a second signal; it must not turn a clean end into a failure. */
  signal (SIGTERM, SIG_IGN);
  signal (SIGINT, SIG_IGN);
  signal (SIGHUP, SIG_IGN);
  g_clear_handle_id (&watchdog, g_source_remove);
  g_clear_handle_id (&daemon->status, g_source_remove);
}

static void
clear (Daemon *daemon)
{
  GPtrArray *identities = brevet_agent_get_identities (daemon->agent);

  for (guint i = 0; i < identities->len; i++)
    g_signal_handlers_disconnect_by_data (g_ptr_array_index (identities, i), daemon);
  g_signal_handlers_disconnect_by_data (daemon->agent, daemon);
  if (daemon->connection != NULL)
    {
      g_signal_handlers_disconnect_by_data (daemon->connection, daemon);
      g_dbus_connection_flush_sync (daemon->connection, NULL, NULL);
    }
  g_clear_object (&daemon->bus);
  g_clear_object (&daemon->connection);
  g_clear_object (&daemon->agent);
  g_main_loop_unref (daemon->loop);
}

int
brevet_daemon_run (const char *config_path, GBusType bus_type)
{
  Daemon daemon = { .bus_type = bus_type, .exit_code = BREVET_EXIT_OK };

  daemon.loop = g_main_loop_new (NULL, FALSE);
  daemon.agent = brevet_agent_new (config_path);
  serve (&daemon);
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_AGENT_STOPPED, "The agent has stopped", NULL);
  clear (&daemon);
  return brevet_command_end (daemon.exit_code);
}
