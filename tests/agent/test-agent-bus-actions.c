/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others can ask the agent for on the bus, and how they are answered. */
#include "bus-world.h"

#include "brevet-error.h"
#include "test-bus.h"

#include <string.h>

static GVariant *
options (const char *text)
{
  return g_variant_new_parsed ("(%@a{sv},)", g_variant_new_parsed (text));
}

static void
test_options (BusWorld *f, gconstpointer data)
{
  bus_world_assert_call_fails (f, "Provision", options ("{'force': <true>}"), BREVET_ERROR_INVALID, "“force”");
  bus_world_assert_call_fails (f, "Reprovision", options ("{'wait': <true>, 'speed': <1>}"), BREVET_ERROR_INVALID, "“speed”");
  bus_world_assert_call_fails (f, "Renew", options ("{'wait': <'yes'>}"), BREVET_ERROR_INVALID, "“wait” has type s");
  g_assert_cmpuint (scripted_identity_get (bus_world_get_main (f))->acting, ==, 0);
}

static void
check_action (BusWorld *f, const char *method, BrevetIdentityAction action)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;

  bus_world_begin_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, method, options ("@a{sv} {}"), &result);
  agent_fixture_wait_for (scripted_identity_get (bus_world_get_main (f))->acting == 1);
  g_assert_cmpint (scripted_identity_get (bus_world_get_main (f))->last_action, ==, action);
  bus_world_settle (f);
  g_assert_null (result);
  scripted_identity_answer (bus_world_get_main (f), NULL);
  agent_fixture_wait_for (result != NULL);
  reply = bus_world_finish_call (f, result, &error);
  g_assert_no_error (error);
}

/* Whoever waits is answered at the end, and finds the properties as they are then. */
static void
test_actions_wait (BusWorld *f, gconstpointer data)
{
  bus_world_install (f, 1);
  check_action (f, "Provision", BREVET_IDENTITY_PROVISION);
  check_action (f, "Renew", BREVET_IDENTITY_RENEW);
  check_action (f, "Reprovision", BREVET_IDENTITY_REPROVISION);
}

static void
test_actions_do_not_wait (BusWorld *f, gconstpointer data)
{
  g_autoptr(GVariant) reply = NULL;

  bus_world_assert_call_fails (f, "Renew", options ("{'wait': <false>}"), BREVET_ERROR_NOT_FOUND, "nothing to renew");
  bus_world_install (f, 1);
  reply = bus_world_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "Renew", options ("{'wait': <false>}"));
  g_assert_cmpuint (scripted_identity_get (bus_world_get_main (f))->acting, ==, 1);
  scripted_identity_answer (bus_world_get_main (f), g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "Nobody answered"));
  bus_world_settle (f);
}

static gboolean
on_busy (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* Whoever does not wait for the end does not wait for other work of the agent either. */
static void
test_no_wait_while_busy (BusWorld *f, gconstpointer data)
{
  guint busy = g_idle_add_full (G_PRIORITY_DEFAULT, on_busy, NULL, NULL);
  g_autoptr(GVariant) reply = bus_world_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "Provision", options ("{'wait': <false>}"));

  g_source_remove (busy);
  scripted_identity_answer (bus_world_get_main (f), NULL);
  bus_world_settle (f);
}

#define MANY 1000
/* The bus lets a connection wait for no more replies at a time than 128. */
#define WAITING 100

static void
assert_answered (BusWorld *f, GAsyncResult **results)
{
  for (guint i = 0; i < WAITING; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GVariant) reply = NULL;
      g_autoptr(GError) error = NULL;

      agent_fixture_wait_for (results[i] != NULL);
      result = g_steal_pointer (&results[i]);
      reply = bus_world_finish_call (f, result, &error);
      g_assert_no_error (error);
    }
}

/* A thousand calls of one client end together, and hold nobody else up. Most of them want no answer. */
static void
test_many_actions (BusWorld *f, gconstpointer data)
{
  GAsyncResult *results[WAITING] = { NULL };

  for (guint i = 0; i < MANY - WAITING; i++)
    g_dbus_connection_call (f->client, g_dbus_connection_get_unique_name (f->server), BUS_IDENTITY, BUS_IDENTITY_INTERFACE,
                            "Provision", options ("@a{sv} {}"), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
  for (guint i = 0; i < WAITING; i++)
    bus_world_begin_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &results[i]);
  agent_fixture_wait_for (scripted_identity_get (bus_world_get_main (f))->acting == MANY);
  bus_world_settle (f);
  scripted_identity_answer (bus_world_get_main (f), NULL);
  assert_answered (f, results);
  bus_world_assert_heard (f, NULL);
}

static void
test_action_errors (BusWorld *f, gconstpointer data)
{
  static const struct {
    int code;
    const char *name;
  } cases[] = {
    { BREVET_ERROR_REJECTED, "org.brevet.Error.Rejected" },
    { BREVET_ERROR_UNREACHABLE, "org.brevet.Error.Unreachable" },
    { BREVET_ERROR_NOT_CONFIGURED, "org.brevet.Error.NotConfigured" },
    { BREVET_ERROR_BUSY, "org.brevet.Error.Busy" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GError) error = NULL;
      g_autofree char *name = NULL;

      bus_world_begin_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &result);
      agent_fixture_wait_for (scripted_identity_get (bus_world_get_main (f))->acting == 1);
      scripted_identity_answer (bus_world_get_main (f), g_error_new (BREVET_ERROR, cases[i].code, "It is so"));
      agent_fixture_wait_for (result != NULL);
      g_assert_null (bus_world_finish_call (f, result, &error));
      name = g_dbus_error_get_remote_error (error);
      g_assert_cmpstr (name, ==, cases[i].name);
      g_assert_cmpstr (strstr (error->message, "It is so"), !=, NULL);
    }
}

static void
test_cancel (BusWorld *f, gconstpointer data)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;

  bus_world_begin_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &result);
  agent_fixture_wait_for (scripted_identity_get (bus_world_get_main (f))->acting == 1);
  reply = bus_world_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "Cancel", NULL);
  agent_fixture_wait_for (result != NULL);
  g_assert_null (bus_world_finish_call (f, result, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "ended before there was a result"));
}

static void
test_caller_vanishes (BusWorld *f, gconstpointer data)
{
  g_autoptr(GAsyncResult) result = NULL;

  bus_world_begin_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &result);
  agent_fixture_wait_for (scripted_identity_get (bus_world_get_main (f))->acting == 1);
  test_bus_close (&f->client);
  scripted_identity_answer (bus_world_get_main (f), NULL);
  bus_world_turn ();
  f->client = test_bus_connect (f->bus);
  bus_world_settle (f);
}

/* A call for an identity that a reload removes is answered. */
static void
test_removed_while_acting (BusWorld *f, gconstpointer data)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GVariant) reloaded = NULL;
  g_autoptr(GError) error = NULL;

  bus_world_begin_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &result);
  agent_fixture_wait_for (scripted_identity_get (bus_world_get_main (f))->acting == 1);
  agent_fixture_configure (&f->base, AGENT_FIXTURE_IDENTITY ("spare"));
  reloaded = bus_world_call (f, BREVET_BUS_PATH, "org.brevet.Agent1", "Reload", NULL);
  agent_fixture_wait_for (result != NULL);
  g_assert_null (bus_world_finish_call (f, result, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
}

int
main (int argc, char **argv)
{
  bus_world_init (&argc, &argv);
#define ADD(path, identities, function) \
  g_test_add ("/agent-bus/" path, BusWorld, identities, bus_world_set_up, function, bus_world_tear_down)
  ADD ("options", NULL, test_options);
  ADD ("actions/wait", NULL, test_actions_wait);
  ADD ("actions/no-wait", NULL, test_actions_do_not_wait);
  ADD ("actions/no-wait-while-busy", NULL, test_no_wait_while_busy);
  ADD ("actions/many", NULL, test_many_actions);
  ADD ("actions/errors", NULL, test_action_errors);
  ADD ("cancel", NULL, test_cancel);
  ADD ("caller-vanishes", NULL, test_caller_vanishes);
  ADD ("removed-while-acting", NULL, test_removed_while_acting);
  return g_test_run ();
}
