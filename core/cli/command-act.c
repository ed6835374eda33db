/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "agent-client.h"
#include "agent-options.h"
#include "brevet-clock.h"
#include "brevet-command.h"
#include "identity-json.h"
#include "identity-view.h"
#include "output-text.h"
#include "output.h"

#include <glib-unix.h>
#include <glib/gi18n-lib.h>
#include <signal.h>
#include <unistd.h>

/* What stands behind the options in the help. */
static const char description[] =
  N_("Without NAME, the only identity is meant, or else the one called main. Ctrl-C ends the waiting, not the work.\n\n"
     "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 refused by the service, or not allowed,\n"
     "4 service or agent not reached, 5 the configuration is wrong, or the service is not trusted.");

/* A command, and the method that it calls. */
typedef struct {
  const char *command;
  void (*call) (BrevetBusAgent1Identity *identity, GVariant *options, GCancellable *cancellable, GAsyncReadyCallback callback,
                gpointer user_data);
  gboolean (*finish) (BrevetBusAgent1Identity *identity, GAsyncResult *result, GError **error);
} Action;

static const Action actions[] = {
  { "provision", brevet_bus_agent1_identity_call_provision, brevet_bus_agent1_identity_call_provision_finish },
  { "renew", brevet_bus_agent1_identity_call_renew, brevet_bus_agent1_identity_call_renew_finish },
  { "reprovision", brevet_bus_agent1_identity_call_reprovision, brevet_bus_agent1_identity_call_reprovision_finish },
};

/* One call, until it is answered or nobody wants to wait any more. */
typedef struct {
  GAsyncResult *result;
  int signal;
} Call;

static void
on_answer (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Call *self = user_data;

  self->result = g_object_ref (result);
}

static gboolean
on_interrupt (gpointer user_data)
{
  Call *self = user_data;

  self->signal = SIGINT;
  return G_SOURCE_CONTINUE;
}

static gboolean
on_terminate (gpointer user_data)
{
  Call *self = user_data;

  self->signal = SIGTERM;
  return G_SOURCE_CONTINUE;
}

static void
on_progress (GDBusProxy *proxy, GVariant *changed, const char *const *invalidated, gpointer user_data)
{
  BrevetBusAgent1Identity *identity = BREVET_BUS_AGENT1_IDENTITY (proxy);
  g_autoptr(GVariant) state = g_variant_lookup_value (changed, "State", G_VARIANT_TYPE_STRING);
  g_autoptr(GVariant) cause = g_variant_lookup_value (changed, "Cause", G_VARIANT_TYPE_STRING);
  g_autofree char *raw = NULL;
  g_autofree char *line = NULL;

  if (state == NULL && cause == NULL)
    return;
  raw = g_strdup_printf ("%s: %s", brevet_bus_agent1_identity_get_state (identity),
                         brevet_bus_agent1_identity_get_cause (identity));
  line = brevet_command_make_printable (raw);
  g_printerr ("%s\n", line);
}

/* Ends as the signal would have ended this process, so that a shell script ends with it. */
static int
stop_waiting (int signal_number)
{
  g_printerr (_("No longer waiting; brevetd goes on with it, and “brevet status” shows how far it is\n"));
  signal (signal_number, SIG_DFL);
  raise (signal_number);
  return BREVET_EXIT_FAILED;
}

static GVariant *
make_options (gboolean wait)
{
  GVariantDict options;

  g_variant_dict_init (&options, NULL);
  g_variant_dict_insert (&options, "wait", "b", wait);
  return g_variant_dict_end (&options);
}

/* FALSE with an error if it failed, without one if nobody waits any more. */
static gboolean
call (const Action *action, BrevetBusAgent1Identity *identity, gboolean wait, int *signal_number, GError **error)
{
  Call pending = { NULL, 0 };
  guint interrupt = g_unix_signal_add (SIGINT, on_interrupt, &pending);
  guint terminate = g_unix_signal_add (SIGTERM, on_terminate, &pending);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GError) local_error = NULL;
  gboolean done = FALSE;

  if (isatty (STDERR_FILENO))
    g_signal_connect (identity, "g-properties-changed", G_CALLBACK (on_progress), NULL);
  g_dbus_proxy_set_default_timeout (G_DBUS_PROXY (identity), G_MAXINT);
  action->call (identity, make_options (wait), cancellable, on_answer, &pending);
  while (pending.result == NULL && pending.signal == 0)
    g_main_context_iteration (NULL, TRUE);
  *signal_number = pending.signal;
  if (pending.result == NULL)
    g_cancellable_cancel (cancellable);
  while (pending.result == NULL)
    g_main_context_iteration (NULL, TRUE);

  done = action->finish (identity, pending.result, &local_error);
  if (!done && *signal_number == 0)
    g_propagate_error (error, brevet_agent_client_explain (g_steal_pointer (&local_error)));
  g_object_unref (pending.result);
  g_source_remove (interrupt);
  g_source_remove (terminate);
  return done;
}

/* Whoever reads that it failed need not fear that this was all. */
static void
tell_next_attempt (BrevetAgentClient *client, BrevetBusAgent1Identity *identity)
{
  g_autoptr(BrevetBusAgent1Identity) fresh = brevet_agent_client_reload (client, identity, NULL);
  const char *state = fresh != NULL ? brevet_bus_agent1_identity_get_state (fresh) : NULL;
  g_autofree char *next = NULL;

  if (g_strcmp0 (state, "backing-off") != 0 && g_strcmp0 (state, "refused") != 0)
    return;
  next = brevet_output_describe_time (brevet_bus_agent1_identity_get_next_attempt (fresh), brevet_clock_now_seconds ());
  if (next != NULL)
    g_printerr (_("brevetd tries again by itself %s\n"), next);
}

static void
print_result (BrevetBusAgent1Identity *identity, const BrevetAgentOptions *options, gboolean wait)
{
  gint64 now = brevet_clock_now_seconds ();

  if (options->json)
    {
      g_autoptr(JsonObject) object = brevet_identity_json_new (identity, now);

      brevet_output_print_json (object);
    }
  else if (wait)
    brevet_identity_view_print (identity, BREVET_IDENTITY_VIEW_RESULT, now);
  else
    g_print (_("Begun; “brevet monitor” shows how it goes on\n"));
}

static int
run (const Action *action, const BrevetAgentOptions *options, const char *name, gboolean wait)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAgentClient) client = brevet_agent_client_new (options->bus, &error);
  g_autoptr(BrevetBusAgent1Identity) identity = client != NULL ? brevet_agent_client_find (client, name, &error) : NULL;
  g_autoptr(BrevetBusAgent1Identity) fresh = NULL;
  int signal_number = 0;
  gboolean done = identity != NULL && call (action, identity, wait, &signal_number, &error);
  int exit_code;

  if (signal_number != 0)
    return stop_waiting (signal_number);
  if (done)
    fresh = brevet_agent_client_reload (client, identity, &error);
  if (fresh != NULL)
    {
      print_result (fresh, options, wait);
      return brevet_output_finish (BREVET_EXIT_OK);
    }
  exit_code = brevet_command_fail (error);
  if (identity != NULL && !done)
    tell_next_attempt (client, identity);
  return exit_code;
}

static int
parse_and_run (const Action *action, int argc, char **argv)
{
  g_auto(BrevetAgentOptions) options = { NULL };
  gboolean no_wait = FALSE;
  const GOptionEntry entries[] = {
    { "no-wait", 0, 0, G_OPTION_ARG_NONE, &no_wait, N_("Only begin it, do not wait for the result"), NULL },
    { NULL },
  };
  int exit_code;

  if (!brevet_agent_options_parse (&options, action->command, N_("[NAME]"), entries, description, 1, &argc, &argv, &exit_code))
    return exit_code;
  return run (action, &options, argv[1], !no_wait);
}

int
brevet_command_provision (int argc, char **argv)
{
  return parse_and_run (&actions[0], argc, argv);
}

int
brevet_command_renew (int argc, char **argv)
{
  return parse_and_run (&actions[1], argc, argv);
}

int
brevet_command_reprovision (int argc, char **argv)
{
  return parse_and_run (&actions[2], argc, argv);
}
