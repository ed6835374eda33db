/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others see of the agent on the bus, and what they can ask it for. */
#include "agent-bus.h"
#include "agent-fixture.h"

#include "brevet-bus-names.h"
#include "brevet-error.h"

#include <string.h>

#define IDENTITY BREVET_BUS_IDENTITIES_PATH "/main"
#define IDENTITY_INTERFACE "org.brevet.Agent1.Identity"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"
#define MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"

typedef struct {
  AgentFixture base;
  GTestDBus *bus;
  GDBusConnection *server;
  GDBusConnection *client;
  BrevetAgentBus *agent_bus;
  GPtrArray *heard; /* "PATH MEMBER what", in the order of arrival */
} Fixture;

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names of a dictionary of properties, sorted. */
static char *
list_names (GVariant *dictionary)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (gsize i = 0; i < g_variant_n_children (dictionary); i++)
    {
      g_autoptr(GVariant) entry = g_variant_get_child_value (dictionary, i);
      g_autoptr(GVariant) name = g_variant_get_child_value (entry, 0);

      g_ptr_array_add (names, g_variant_dup_string (name, NULL));
    }
  g_ptr_array_sort (names, compare_texts);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

static void
on_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *name,
           GVariant *parameters, gpointer user_data)
{
  Fixture *f = user_data;
  g_autoptr(GVariant) changed = NULL;
  g_autofree char *what = NULL;

  if (!g_str_has_prefix (path, BREVET_BUS_PATH))
    return;
  if (g_str_equal (name, "PropertiesChanged"))
    {
      g_variant_get (parameters, "(s@a{sv}@as)", NULL, &changed, NULL);
      what = list_names (changed);
    }
  else if (g_str_has_prefix (name, "Interfaces"))
    g_variant_get_child (parameters, 0, "o", &what);
  else
    what = g_variant_print (parameters, FALSE);
  g_ptr_array_add (f->heard, g_strdup_printf ("%s %s %s", strrchr (path, '/') + 1, name, what));
}

static GDBusConnection *
connect_to_bus (Fixture *f)
{
  g_autoptr(GError) error = NULL;
  GDBusConnection *connection = g_dbus_connection_new_for_address_sync (
    g_test_dbus_get_bus_address (f->bus),
    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);

  g_assert_no_error (error);
  return connection;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  agent_fixture_set_up (&f->base, data);
  agent_fixture_load (&f->base);
  f->heard = g_ptr_array_new_with_free_func (g_free);
  f->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (f->bus);
  f->server = connect_to_bus (f);
  f->client = connect_to_bus (f);
  f->agent_bus = brevet_agent_bus_new (f->base.agent, f->server, &error);
  g_assert_no_error (error);
  g_dbus_connection_signal_subscribe (f->client, g_dbus_connection_get_unique_name (f->server), NULL, NULL, NULL, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NONE, on_signal, f, NULL);
}

static void
close_connection (GDBusConnection **connection)
{
  if (*connection == NULL)
    return;
  g_dbus_connection_close_sync (*connection, NULL, NULL);
  g_clear_object (connection);
}

static void
turn (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_assert_finalize_object (g_steal_pointer (&f->agent_bus));
  agent_fixture_tear_down (&f->base, data);
  close_connection (&f->client);
  close_connection (&f->server);
  turn ();
  g_test_dbus_down (f->bus);
  g_object_unref (f->bus);
  g_ptr_array_unref (f->heard);
}

static void
begin_call (Fixture *f, const char *path, const char *interface, const char *method, GVariant *arguments, GAsyncResult **result)
{
  g_dbus_connection_call (f->client, g_dbus_connection_get_unique_name (f->server), path, interface, method, arguments, NULL,
                          G_DBUS_CALL_FLAGS_NONE, -1, NULL, agent_fixture_store_result, result);
}

static GVariant *
finish_call (Fixture *f, GAsyncResult *result, GError **error)
{
  return g_dbus_connection_call_finish (f->client, result, error);
}

static GVariant *
try_call (Fixture *f, const char *path, const char *interface, const char *method, GVariant *arguments, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  begin_call (f, path, interface, method, arguments, &result);
  agent_fixture_wait_for (result != NULL);
  return finish_call (f, result, error);
}

static GVariant *
call (Fixture *f, const char *path, const char *interface, const char *method, GVariant *arguments)
{
  g_autoptr(GError) error = NULL;
  GVariant *reply = try_call (f, path, interface, method, arguments, &error);

  g_assert_no_error (error);
  return reply;
}

static void
assert_call_fails (Fixture *f, const char *method, GVariant *arguments, int code, const char *part)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = try_call (f, IDENTITY, IDENTITY_INTERFACE, method, arguments, &error);

  g_assert_null (reply);
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, part) == NULL)
    g_error ("%s does not mention “%s”", error->message, part);
}

/* Everything that was sent before has arrived. */
static void
settle (Fixture *f)
{
  g_autoptr(GVariant) pong = NULL;

  turn ();
  pong = call (f, IDENTITY, "org.freedesktop.DBus.Peer", "Ping", NULL);
  turn ();
}

static void
assert_heard (Fixture *f, ...)
{
  va_list expected;
  const char *text;
  guint i = 0;

  settle (f);
  va_start (expected, f);
  while ((text = va_arg (expected, const char *)) != NULL)
    {
      if (i >= f->heard->len)
        g_error ("“%s” was not heard", text);
      if (!g_pattern_match_simple (text, g_ptr_array_index (f->heard, i)))
        g_error ("Heard “%s” in place of “%s”", (char *) g_ptr_array_index (f->heard, i), text);
      i++;
    }
  va_end (expected);
  if (i < f->heard->len)
    g_error ("“%s” was heard too", (char *) g_ptr_array_index (f->heard, i));
  g_ptr_array_set_size (f->heard, 0);
}

static char *
get_property (Fixture *f, const char *path, const char *interface, const char *name)
{
  g_autoptr(GVariant) reply = call (f, path, PROPERTIES_INTERFACE, "Get", g_variant_new ("(ss)", interface, name));
  g_autoptr(GVariant) value = NULL;

  g_variant_get (reply, "(v)", &value);
  return g_variant_print (value, FALSE);
}

static void
assert_property (Fixture *f, const char *path, const char *interface, const char *name, const char *expected)
{
  g_autofree char *text = get_property (f, path, interface, name);

  if (!g_pattern_match_simple (expected, text))
    g_error ("%s is %s, not %s", name, text, expected);
}

#define assert_identity(name, expected) assert_property (f, IDENTITY, IDENTITY_INTERFACE, name, expected)
#define assert_agent(name, expected) assert_property (f, BREVET_BUS_PATH, "org.brevet.Agent1", name, expected)

static BrevetIdentity *
get_main (Fixture *f)
{
  return agent_fixture_get (&f->base, "main");
}

static void
install (Fixture *f, guint64 number)
{
  g_autoptr(BrevetGeneration) generation = agent_fixture_make_generation (&f->base, number);

  scripted_identity_install (get_main (f), generation);
}

static GVariant *
options (const char *text)
{
  return g_variant_new_parsed ("(%@a{sv},)", g_variant_new_parsed (text));
}

static void
test_objects (Fixture *f, gconstpointer data)
{
  g_autoptr(GVariant) reply = call (f, BREVET_BUS_PATH, MANAGER_INTERFACE, "GetManagedObjects", NULL);
  g_autoptr(GVariant) objects = g_variant_get_child_value (reply, 0);
  g_autofree char *paths = list_names (objects);
  g_autoptr(GVariant) interfaces = NULL;
  g_autoptr(GVariant) properties = NULL;
  const char *scope = NULL;

  g_assert_cmpstr (paths, ==, BREVET_BUS_IDENTITIES_PATH "/hub_2d2 " IDENTITY);
  interfaces = g_variant_lookup_value (objects, IDENTITY, NULL);
  properties = g_variant_lookup_value (interfaces, IDENTITY_INTERFACE, NULL);
  g_assert_true (g_variant_lookup (properties, "IdScope", "&s", &scope));
  g_assert_cmpstr (scope, ==, "0ne000A1B2C");
  assert_agent ("Identities", "['" IDENTITY "', '" BREVET_BUS_IDENTITIES_PATH "/hub_2d2']");
  assert_agent ("Version", "'" BREVET_VERSION "'");
  assert_agent ("ConfigurationError", "''");
  assert_agent ("ConfigurationWarnings", "[]");
  assert_heard (f, NULL);
}

static void
test_nothing_yet (Fixture *f, gconstpointer data)
{
  assert_identity ("Name", "'main'");
  assert_identity ("State", "'unprovisioned'");
  assert_identity ("Service", "'dps.example.net*'");
  assert_identity ("RegistrationId", "'main'");
  assert_identity ("Generation", "0");
  assert_identity ("NotAfter", "0");
  assert_identity ("Sha256", "''");
  assert_identity ("KeyLocation", "''");
  assert_identity ("TrustBundleProblems", "[]");
}

/* One change of state is one message with what has changed and nothing else. */
static void
test_changes (Fixture *f, gconstpointer data)
{
  scripted_identity_enter (get_main (f), BREVET_IDENTITY_REGISTERING, "The service was asked", 0);
  assert_heard (f, "main PropertiesChanged Cause State", NULL);
  scripted_identity_touch (get_main (f));
  assert_heard (f, NULL);
  scripted_identity_enter (get_main (f), BREVET_IDENTITY_ASSIGNING, "The service works on it", 0);
  scripted_identity_enter (get_main (f), BREVET_IDENTITY_INSTALLING, "The answer is being checked", 0);
  assert_heard (f, "main PropertiesChanged Cause State", NULL);
  assert_identity ("State", "'installing'");
}

static void
test_renewed (Fixture *f, gconstpointer data)
{
  BrevetCertificate *leaf;
  g_autofree char *heard = NULL;
  g_autofree char *sha256 = NULL;

  install (f, 7);
  leaf = brevet_chain_get_leaf (brevet_identity_get_current (get_main (f))->chain);
  heard = g_strdup_printf ("main Renewed (7, '%s', %" G_GINT64_FORMAT ")", brevet_certificate_get_sha256 (leaf),
                           brevet_certificate_get_not_after (leaf));
  sha256 = g_strdup_printf ("'%s'", brevet_certificate_get_sha256 (leaf));
  assert_heard (f, "main PropertiesChanged AssignedHub Cause * State * TrustBundleLocation", heard, NULL);
  assert_identity ("Generation", "7");
  assert_identity ("PreviousGeneration", "0");
  assert_identity ("Sha256", sha256);
  assert_identity ("Subject", "'CN=device 7'");
  assert_identity ("Serial", "'?*'");
  assert_identity ("AssignedHub", "'hub.example.net'");
  assert_identity ("DeviceId", "'device'");
  assert_identity ("RenewalTime", "1900000000");
  assert_identity ("KeyLocation", "'/*/store/current/identity-main/aziot-dps-identity-cert-key'");
  assert_identity ("CertificateLocation", "'/*/store/current/identity-main/aziot-dps-identity-cert'");
  assert_identity ("TrustBundleLocation", "'/*/store/current/identity-main/aziot-dps-trust-bundle'");
  install (f, 8);
  assert_identity ("Generation", "8");
  assert_identity ("PreviousGeneration", "7");
}

static void
test_failed (Fixture *f, gconstpointer data)
{
  scripted_identity_fail (get_main (f), "org.brevet.Error.Rejected", 401002, "The service refused the token", "id-7");
  assert_heard (f, "main PropertiesChanged Cause Failures LastErrorCode LastErrorName LastErrorText LastErrorTime "
                "LastErrorTrackingId NextAttempt State",
                "main Failed ('org.brevet.Error.Rejected', 'The service refused the token', 'id-7', 1800000060)", NULL);
  assert_identity ("LastErrorCode", "401002");
  assert_identity ("LastErrorTime", "1800000000");
  assert_identity ("Failures", "1");
}

static void
test_trust_bundle_changed (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetGeneration) other = agent_fixture_make_generation (&f->base, 9);

  install (f, 1);
  settle (f);
  g_ptr_array_set_size (f->heard, 0);
  scripted_identity_trust (get_main (f), other->trust_bundle, "etag-2");
  assert_heard (f, "main PropertiesChanged TrustBundleEtag", "main TrustBundleChanged ('etag-2',)", NULL);
}

static void
test_options (Fixture *f, gconstpointer data)
{
  assert_call_fails (f, "Provision", options ("{'force': <true>}"), BREVET_ERROR_INVALID, "“force”");
  assert_call_fails (f, "Reprovision", options ("{'wait': <true>, 'speed': <1>}"), BREVET_ERROR_INVALID, "“speed”");
  assert_call_fails (f, "Renew", options ("{'wait': <'yes'>}"), BREVET_ERROR_INVALID, "“wait” has type s");
  g_assert_cmpuint (scripted_identity_get (get_main (f))->acting, ==, 0);
}

static void
check_action (Fixture *f, const char *method, BrevetIdentityAction action)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;

  begin_call (f, IDENTITY, IDENTITY_INTERFACE, method, options ("@a{sv} {}"), &result);
  agent_fixture_wait_for (scripted_identity_get (get_main (f))->acting == 1);
  g_assert_cmpint (scripted_identity_get (get_main (f))->last_action, ==, action);
  settle (f);
  g_assert_null (result);
  scripted_identity_answer (get_main (f), NULL);
  agent_fixture_wait_for (result != NULL);
  reply = finish_call (f, result, &error);
  g_assert_no_error (error);
}

/* Whoever waits is answered at the end, and finds the properties as they are then. */
static void
test_actions_wait (Fixture *f, gconstpointer data)
{
  install (f, 1);
  check_action (f, "Provision", BREVET_IDENTITY_PROVISION);
  check_action (f, "Renew", BREVET_IDENTITY_RENEW);
  check_action (f, "Reprovision", BREVET_IDENTITY_REPROVISION);
}

static void
test_actions_do_not_wait (Fixture *f, gconstpointer data)
{
  g_autoptr(GVariant) reply = NULL;

  assert_call_fails (f, "Renew", options ("{'wait': <false>}"), BREVET_ERROR_NOT_FOUND, "nothing to renew");
  install (f, 1);
  reply = call (f, IDENTITY, IDENTITY_INTERFACE, "Renew", options ("{'wait': <false>}"));
  g_assert_cmpuint (scripted_identity_get (get_main (f))->acting, ==, 1);
  scripted_identity_answer (get_main (f), g_error_new (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "Nobody answered"));
  settle (f);
}

static gboolean
on_busy (gpointer user_data)
{
  return G_SOURCE_CONTINUE;
}

/* Whoever does not wait for the end does not wait for other work of the agent either. */
static void
test_no_wait_while_busy (Fixture *f, gconstpointer data)
{
  guint busy = g_idle_add_full (G_PRIORITY_DEFAULT, on_busy, NULL, NULL);
  g_autoptr(GVariant) reply = call (f, IDENTITY, IDENTITY_INTERFACE, "Provision", options ("{'wait': <false>}"));

  g_source_remove (busy);
  scripted_identity_answer (get_main (f), NULL);
  settle (f);
}

#define MANY 1000
/* The bus lets a connection wait for no more replies at a time than 128. */
#define WAITING 100

static void
assert_answered (Fixture *f, GAsyncResult **results)
{
  for (guint i = 0; i < WAITING; i++)
    {
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(GVariant) reply = NULL;
      g_autoptr(GError) error = NULL;

      agent_fixture_wait_for (results[i] != NULL);
      result = g_steal_pointer (&results[i]);
      reply = finish_call (f, result, &error);
      g_assert_no_error (error);
    }
}

/* A thousand calls of one client end together, and hold nobody else up. Most of them want no answer. */
static void
test_many_actions (Fixture *f, gconstpointer data)
{
  GAsyncResult *results[WAITING] = { NULL };

  for (guint i = 0; i < MANY - WAITING; i++)
    g_dbus_connection_call (f->client, g_dbus_connection_get_unique_name (f->server), IDENTITY, IDENTITY_INTERFACE, "Provision",
                            options ("@a{sv} {}"), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
  for (guint i = 0; i < WAITING; i++)
    begin_call (f, IDENTITY, IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &results[i]);
  agent_fixture_wait_for (scripted_identity_get (get_main (f))->acting == MANY);
  settle (f);
  scripted_identity_answer (get_main (f), NULL);
  assert_answered (f, results);
  assert_heard (f, NULL);
}

static void
test_action_errors (Fixture *f, gconstpointer data)
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

      begin_call (f, IDENTITY, IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &result);
      agent_fixture_wait_for (scripted_identity_get (get_main (f))->acting == 1);
      scripted_identity_answer (get_main (f), g_error_new (BREVET_ERROR, cases[i].code, "It is so"));
      agent_fixture_wait_for (result != NULL);
      g_assert_null (finish_call (f, result, &error));
      name = g_dbus_error_get_remote_error (error);
      g_assert_cmpstr (name, ==, cases[i].name);
      g_assert_cmpstr (strstr (error->message, "It is so"), !=, NULL);
    }
}

static void
test_cancel (Fixture *f, gconstpointer data)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GVariant) reply = NULL;
  g_autoptr(GError) error = NULL;

  begin_call (f, IDENTITY, IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &result);
  agent_fixture_wait_for (scripted_identity_get (get_main (f))->acting == 1);
  reply = call (f, IDENTITY, IDENTITY_INTERFACE, "Cancel", NULL);
  agent_fixture_wait_for (result != NULL);
  g_assert_null (finish_call (f, result, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, "ended before there was a result"));
}

static void
test_caller_vanishes (Fixture *f, gconstpointer data)
{
  g_autoptr(GAsyncResult) result = NULL;

  begin_call (f, IDENTITY, IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &result);
  agent_fixture_wait_for (scripted_identity_get (get_main (f))->acting == 1);
  close_connection (&f->client);
  scripted_identity_answer (get_main (f), NULL);
  turn ();
  f->client = connect_to_bus (f);
  settle (f);
}

static void
test_get (Fixture *f, gconstpointer data)
{
  g_autoptr(GVariant) certificate = NULL;
  g_autoptr(GVariant) bundle = NULL;
  g_autofree char *expected = NULL;
  const char *pem = NULL;

  assert_call_fails (f, "GetCertificate", NULL, BREVET_ERROR_NOT_FOUND, "“main” has no certificate");
  assert_call_fails (f, "GetTrustBundle", NULL, BREVET_ERROR_NOT_FOUND, "“main” has no trust bundle");
  g_assert_cmpuint (scripted_identity_get (get_main (f))->marked_used, ==, 0);
  install (f, 1);
  certificate = call (f, IDENTITY, IDENTITY_INTERFACE, "GetCertificate", NULL);
  bundle = call (f, IDENTITY, IDENTITY_INTERFACE, "GetTrustBundle", NULL);
  expected = brevet_chain_to_pem (brevet_identity_get_current (get_main (f))->chain);
  g_variant_get (certificate, "(&s)", &pem);
  g_assert_cmpstr (pem, ==, expected);
  g_variant_get (bundle, "(&s)", &pem);
  g_assert_cmpstr (pem, ==, expected);
}

/* Who reads the certificate as the agent's own user can read the key, and uses it. The trust bundle alone is no use. */
static void
test_use (Fixture *f, gconstpointer data)
{
  ScriptedIdentity *asked = scripted_identity_get (get_main (f));
  g_autoptr(GVariant) certificate = NULL;
  g_autoptr(GVariant) bundle = NULL;

  install (f, 1);
  bundle = call (f, IDENTITY, IDENTITY_INTERFACE, "GetTrustBundle", NULL);
  settle (f);
  g_assert_cmpuint (asked->marked_used, ==, 0);
  certificate = call (f, IDENTITY, IDENTITY_INTERFACE, "GetCertificate", NULL);
  agent_fixture_wait_for (asked->marked_used == 1);
}

static gboolean
install_next (gpointer user_data)
{
  install (user_data, 2);
  return G_SOURCE_REMOVE;
}

/* On the thread of the connection. The reply to this comes later than what is begun before it is sent. */
static GDBusMessage *
on_message (GDBusConnection *connection, GDBusMessage *message, gboolean incoming, gpointer user_data)
{
  if (!incoming && g_strcmp0 (g_dbus_message_get_member (message), "GetConnectionUnixUser") == 0)
    g_idle_add_full (G_PRIORITY_HIGH, install_next, user_data, NULL);
  return message;
}

/* While the bus is asked who called, another generation may come into use: that one was not read. */
static void
test_use_of_former (Fixture *f, gconstpointer data)
{
  guint filter = g_dbus_connection_add_filter (f->server, on_message, f, NULL);
  g_autoptr(GVariant) certificate = NULL;

  install (f, 1);
  certificate = call (f, IDENTITY, IDENTITY_INTERFACE, "GetCertificate", NULL);
  agent_fixture_wait_for (brevet_identity_get_current (get_main (f))->number == 2);
  g_dbus_connection_remove_filter (f->server, filter);
  /* Behind the reply of the bus that the agent waits for. */
  g_assert_true (g_dbus_connection_flush_sync (f->server, NULL, NULL));
  settle (f);
  g_assert_cmpuint (scripted_identity_get (get_main (f))->marked_used, ==, 0);
}

static void
test_reload (Fixture *f, gconstpointer data)
{
  g_autoptr(GVariant) good = NULL;
  g_autoptr(GVariant) again = NULL;
  g_autoptr(GError) error = NULL;

  agent_fixture_configure (&f->base, AGENT_FIXTURE_IDENTITY ("spare") AGENT_FIXTURE_IDENTITY ("main"));
  good = call (f, BREVET_BUS_PATH, "org.brevet.Agent1", "Reload", NULL);
  assert_heard (f, "Agent1 InterfacesAdded " BREVET_BUS_IDENTITIES_PATH "/spare", "Agent1 PropertiesChanged Identities", NULL);

  agent_fixture_write (&f->base, "nonsense\n");
  g_assert_null (try_call (f, BREVET_BUS_PATH, "org.brevet.Agent1", "Reload", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "agent.conf:1"));
  assert_heard (f, "Agent1 PropertiesChanged ConfigurationError", NULL);
  assert_agent ("ConfigurationError", "*agent.conf:1*");

  agent_fixture_configure (&f->base, AGENT_FIXTURE_IDENTITY ("main") "colour=blue\n");
  again = call (f, BREVET_BUS_PATH, "org.brevet.Agent1", "Reload", NULL);
  assert_heard (f, "Agent1 InterfacesRemoved " BREVET_BUS_IDENTITIES_PATH "/spare",
                "Agent1 PropertiesChanged ConfigurationError ConfigurationWarnings Identities", NULL);
  assert_agent ("ConfigurationError", "''");
  assert_agent ("ConfigurationWarnings", "['*colour*has no effect']");
}

/* A call for an identity that a reload removes is answered. */
static void
test_removed_while_acting (Fixture *f, gconstpointer data)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GVariant) reloaded = NULL;
  g_autoptr(GError) error = NULL;

  begin_call (f, IDENTITY, IDENTITY_INTERFACE, "Provision", options ("@a{sv} {}"), &result);
  agent_fixture_wait_for (scripted_identity_get (get_main (f))->acting == 1);
  agent_fixture_configure (&f->base, AGENT_FIXTURE_IDENTITY ("spare"));
  reloaded = call (f, BREVET_BUS_PATH, "org.brevet.Agent1", "Reload", NULL);
  agent_fixture_wait_for (result != NULL);
  g_assert_null (finish_call (f, result, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
}

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  /* Wrong configurations are part of this, and told of. */
  if (level & (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG))
    return G_LOG_WRITER_HANDLED;
  return g_log_writer_default (level, fields, n_fields, user_data);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  /* Errors that come back from the bus are ours again. */
  g_assert_cmpuint (BREVET_ERROR, !=, 0);
#define ADD(path, identities, function) g_test_add ("/agent-bus/" path, Fixture, identities, set_up, function, tear_down)
  ADD ("objects", AGENT_FIXTURE_IDENTITY ("main") AGENT_FIXTURE_IDENTITY ("hub-2"), test_objects);
  ADD ("nothing-yet", NULL, test_nothing_yet);
  ADD ("changes", NULL, test_changes);
  ADD ("renewed", NULL, test_renewed);
  ADD ("failed", NULL, test_failed);
  ADD ("trust-bundle-changed", NULL, test_trust_bundle_changed);
  ADD ("options", NULL, test_options);
  ADD ("actions/wait", NULL, test_actions_wait);
  ADD ("actions/no-wait", NULL, test_actions_do_not_wait);
  ADD ("actions/no-wait-while-busy", NULL, test_no_wait_while_busy);
  ADD ("actions/many", NULL, test_many_actions);
  ADD ("actions/errors", NULL, test_action_errors);
  ADD ("cancel", NULL, test_cancel);
  ADD ("caller-vanishes", NULL, test_caller_vanishes);
  ADD ("get", NULL, test_get);
  ADD ("use", NULL, test_use);
  ADD ("use/former", NULL, test_use_of_former);
  ADD ("reload", NULL, test_reload);
  ADD ("removed-while-acting", NULL, test_removed_while_acting);
  return g_test_run ();
}
