/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What others see of the agent on the bus. */
#include "bus-world.h"

#include "brevet-error.h"

#include <string.h>

#define assert_identity(name, expected) bus_world_assert_property (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, name, expected)
#define assert_agent(name, expected) bus_world_assert_property (f, BREVET_BUS_PATH, "org.brevet.Agent1", name, expected)

static void
test_objects (BusWorld *f, gconstpointer data)
{
  g_autoptr(GVariant) reply = bus_world_call (f, BREVET_BUS_PATH, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", NULL);
  g_autoptr(GVariant) objects = g_variant_get_child_value (reply, 0);
  g_autofree char *paths = bus_world_list_names (objects);
  g_autoptr(GVariant) interfaces = NULL;
  g_autoptr(GVariant) properties = NULL;
  const char *scope = NULL;

  g_assert_cmpstr (paths, ==, BREVET_BUS_IDENTITIES_PATH "/hub_2d2 " BUS_IDENTITY);
  interfaces = g_variant_lookup_value (objects, BUS_IDENTITY, NULL);
  properties = g_variant_lookup_value (interfaces, BUS_IDENTITY_INTERFACE, NULL);
  g_assert_true (g_variant_lookup (properties, "IdScope", "&s", &scope));
  g_assert_cmpstr (scope, ==, "0ne000A1B2C");
  assert_agent ("Identities", "['" BUS_IDENTITY "', '" BREVET_BUS_IDENTITIES_PATH "/hub_2d2']");
  assert_agent ("Version", "'" BREVET_VERSION "'");
  assert_agent ("ConfigurationError", "''");
  assert_agent ("ConfigurationWarnings", "[]");
  bus_world_assert_heard (f, NULL);
}

static void
test_nothing_yet (BusWorld *f, gconstpointer data)
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
test_changes (BusWorld *f, gconstpointer data)
{
  scripted_identity_enter (bus_world_get_main (f), BREVET_IDENTITY_REGISTERING, "The service was asked", 0);
  bus_world_assert_heard (f, "main PropertiesChanged Cause State", NULL);
  scripted_identity_touch (bus_world_get_main (f));
  bus_world_assert_heard (f, NULL);
  scripted_identity_enter (bus_world_get_main (f), BREVET_IDENTITY_ASSIGNING, "The service works on it", 0);
  scripted_identity_enter (bus_world_get_main (f), BREVET_IDENTITY_INSTALLING, "The answer is being checked", 0);
  bus_world_assert_heard (f, "main PropertiesChanged Cause State", NULL);
  assert_identity ("State", "'installing'");
}

static void
test_renewed (BusWorld *f, gconstpointer data)
{
  BrevetCertificate *leaf;
  g_autofree char *heard = NULL;
  g_autofree char *sha256 = NULL;

  bus_world_install (f, 7);
  leaf = brevet_chain_get_leaf (brevet_identity_get_current (bus_world_get_main (f))->chain);
  heard = g_strdup_printf ("main Renewed (7, '%s', %" G_GINT64_FORMAT ")", brevet_certificate_get_sha256 (leaf),
                           brevet_certificate_get_not_after (leaf));
  sha256 = g_strdup_printf ("'%s'", brevet_certificate_get_sha256 (leaf));
  bus_world_assert_heard (f, "main PropertiesChanged AssignedHub Cause * State * TrustBundleLocation", heard, NULL);
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
  bus_world_install (f, 8);
  assert_identity ("Generation", "8");
  assert_identity ("PreviousGeneration", "7");
}

static void
test_failed (BusWorld *f, gconstpointer data)
{
  scripted_identity_fail (bus_world_get_main (f), "org.brevet.Error.Rejected", 401002, "The service refused the token", "id-7");
  bus_world_assert_heard (f, "main PropertiesChanged Cause Failures LastErrorCode LastErrorName LastErrorText LastErrorTime "
                "LastErrorTrackingId NextAttempt State",
                "main Failed ('org.brevet.Error.Rejected', 'The service refused the token', 'id-7', 1800000060)", NULL);
  assert_identity ("LastErrorCode", "401002");
  assert_identity ("LastErrorTime", "1800000000");
  assert_identity ("Failures", "1");
}

static void
test_trust_bundle_changed (BusWorld *f, gconstpointer data)
{
  g_autoptr(BrevetGeneration) other = agent_fixture_make_generation (&f->base, 9);

  bus_world_install (f, 1);
  bus_world_settle (f);
  g_ptr_array_set_size (f->heard, 0);
  scripted_identity_trust (bus_world_get_main (f), other->trust_bundle, "etag-2");
  bus_world_assert_heard (f, "main PropertiesChanged TrustBundleEtag", "main TrustBundleChanged ('etag-2',)", NULL);
}

static void
test_get (BusWorld *f, gconstpointer data)
{
  g_autoptr(GVariant) certificate = NULL;
  g_autoptr(GVariant) bundle = NULL;
  g_autofree char *expected = NULL;
  const char *pem = NULL;

  bus_world_assert_call_fails (f, "GetCertificate", NULL, BREVET_ERROR_NOT_FOUND, "“main” has no certificate");
  bus_world_assert_call_fails (f, "GetTrustBundle", NULL, BREVET_ERROR_NOT_FOUND, "“main” has no trust bundle");
  g_assert_cmpuint (scripted_identity_get (bus_world_get_main (f))->marked_used, ==, 0);
  bus_world_install (f, 1);
  certificate = bus_world_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "GetCertificate", NULL);
  bundle = bus_world_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "GetTrustBundle", NULL);
  expected = brevet_chain_to_pem (brevet_identity_get_current (bus_world_get_main (f))->chain);
  g_variant_get (certificate, "(&s)", &pem);
  g_assert_cmpstr (pem, ==, expected);
  g_variant_get (bundle, "(&s)", &pem);
  g_assert_cmpstr (pem, ==, expected);
}

/* Who reads the certificate as the agent's own user can read the key, and uses it. The trust bundle alone is no use. */
static void
test_use (BusWorld *f, gconstpointer data)
{
  ScriptedIdentity *asked = scripted_identity_get (bus_world_get_main (f));
  g_autoptr(GVariant) certificate = NULL;
  g_autoptr(GVariant) bundle = NULL;

  bus_world_install (f, 1);
  bundle = bus_world_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "GetTrustBundle", NULL);
  bus_world_settle (f);
  g_assert_cmpuint (asked->marked_used, ==, 0);
  certificate = bus_world_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "GetCertificate", NULL);
  agent_fixture_wait_for (asked->marked_used == 1);
}

static gboolean
install_next (gpointer user_data)
{
  bus_world_install (user_data, 2);
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
test_use_of_former (BusWorld *f, gconstpointer data)
{
  guint filter = g_dbus_connection_add_filter (f->server, on_message, f, NULL);
  g_autoptr(GVariant) certificate = NULL;

  bus_world_install (f, 1);
  certificate = bus_world_call (f, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, "GetCertificate", NULL);
  agent_fixture_wait_for (brevet_identity_get_current (bus_world_get_main (f))->number == 2);
  g_dbus_connection_remove_filter (f->server, filter);
  /* Behind the reply of the bus that the agent waits for. */
  g_assert_true (g_dbus_connection_flush_sync (f->server, NULL, NULL));
  bus_world_settle (f);
  g_assert_cmpuint (scripted_identity_get (bus_world_get_main (f))->marked_used, ==, 0);
}

static void
test_reload (BusWorld *f, gconstpointer data)
{
  g_autoptr(GVariant) good = NULL;
  g_autoptr(GVariant) again = NULL;
  g_autoptr(GError) error = NULL;

  agent_fixture_configure (&f->base, AGENT_FIXTURE_IDENTITY ("spare") AGENT_FIXTURE_IDENTITY ("main"));
  good = bus_world_call (f, BREVET_BUS_PATH, "org.brevet.Agent1", "Reload", NULL);
  bus_world_assert_heard (f, "Agent1 InterfacesAdded " BREVET_BUS_IDENTITIES_PATH "/spare",
                          "Agent1 PropertiesChanged Identities", NULL);

  agent_fixture_write (&f->base, "nonsense\n");
  g_assert_null (bus_world_try_call (f, BREVET_BUS_PATH, "org.brevet.Agent1", "Reload", NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "agent.conf:1"));
  bus_world_assert_heard (f, "Agent1 PropertiesChanged ConfigurationError", NULL);
  assert_agent ("ConfigurationError", "*agent.conf:1*");

  agent_fixture_configure (&f->base, AGENT_FIXTURE_IDENTITY ("main") "colour=blue\n");
  again = bus_world_call (f, BREVET_BUS_PATH, "org.brevet.Agent1", "Reload", NULL);
  bus_world_assert_heard (f, "Agent1 InterfacesRemoved " BREVET_BUS_IDENTITIES_PATH "/spare",
                "Agent1 PropertiesChanged ConfigurationError ConfigurationWarnings Identities", NULL);
  assert_agent ("ConfigurationError", "''");
  assert_agent ("ConfigurationWarnings", "['*colour*has no effect']");
}

int
main (int argc, char **argv)
{
  bus_world_init (&argc, &argv);
#define ADD(path, identities, function) \
  g_test_add ("/agent-bus/" path, BusWorld, identities, bus_world_set_up, function, bus_world_tear_down)
  ADD ("objects", AGENT_FIXTURE_IDENTITY ("main") AGENT_FIXTURE_IDENTITY ("hub-2"), test_objects);
  ADD ("nothing-yet", NULL, test_nothing_yet);
  ADD ("changes", NULL, test_changes);
  ADD ("renewed", NULL, test_renewed);
  ADD ("failed", NULL, test_failed);
  ADD ("trust-bundle-changed", NULL, test_trust_bundle_changed);
  ADD ("get", NULL, test_get);
  ADD ("use", NULL, test_use);
  ADD ("use/former", NULL, test_use_of_former);
  ADD ("reload", NULL, test_reload);
  return g_test_run ();
}
