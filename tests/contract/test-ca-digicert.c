/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every CA must do, asked of both of DigiCert's products; and settings. */

#include "digicert-fixture.h"

#include <string.h>

static gpointer
suite_set_up (void)
{
  return digicert_world_new ();
}

static void
suite_tear_down (gpointer world)
{
  digicert_world_free (world);
}

static BrevetCaBackend *
suite_create_lifecycle (gpointer world)
{
  return digicert_world_backend (world, NULL, NULL);
}

static BrevetCaBackend *
suite_create_iot (gpointer world)
{
  return digicert_world_backend (world, "profile", DIGICERT_IOT_PROFILE);
}

/* --- settings --- */

static void
test_provides (void)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();

  g_assert_cmpstr (brevet_registry_find_module (registry, "ca", "DigiCertCertificateAuthority"), ==, "ca-digicert");
}

typedef struct
{
  const char *name;
  const char *key;
  const char *value;
  const char *begins;
  const char *says;
} Mistake;

static const Mistake mistakes[] = {
  { "endpoint-http", "endpoint", "http://one.digicert.com", "dps.conf:9: [ca factory] endpoint: ", "http://one.digicert.com" },
  { "endpoint-path", "endpoint", "https://one.digicert.com/mpki", "dps.conf:9: [ca factory] endpoint: ", "without a path" },
  { "endpoint-user", "endpoint", "https://me@one.digicert.com", "dps.conf:9: [ca factory] endpoint: ", "https address" },
  { "endpoint-query", "endpoint", "https://one.digicert.com?x=y", "dps.conf:9: [ca factory] endpoint: ", "https address" },
  { "endpoint-host", "endpoint", "one.digicert.com", "dps.conf:9: [ca factory] endpoint: ", "one.digicert.com" },
  { "api", "api", "certcentral", "dps.conf:9: [ca factory] api: ", "certcentral" },
  { "mpki8", "profile", "2.16.840.1.113733.1.16.1.2.3.1.1.1", "dps.conf:9: [ca factory] profile: ", "PKI Platform 8" },
  { "profile-shape", "profile", "1111-2222", "dps.conf:9: [ca factory] profile: ", "1111-2222" },
  { "profile-path", "profile", "../" DIGICERT_PROFILE, "dps.conf:9: [ca factory] profile: ", "UUID" },
  { "profile-empty", "profile", "", "dps.conf:9: [ca factory] profile: ", "" },
  { "key-blank", "api-key", "0123 4567", "dps.conf:9: [ca factory] api-key: ", "quotes, blanks" },
  { "key-quoted", "api-key", "\"01234567\"", "dps.conf:9: [ca factory] api-key: ", "quotes, blanks" },
  { "key-empty", "api-key", "", "dps.conf:9: [ca factory] api-key: ", "" },
  { "key-file", "api-key-file", "nowhere.key", "dps.conf:9: [ca factory] api-key", "nowhere.key" },
  { "trust", "trust", "nowhere.pem", "dps.conf:9: [ca factory] trust: ", "nowhere.pem" },
  { "ca-file", "ca-file", "nowhere.pem", "dps.conf:9: [ca factory] ca-file: ", "nowhere.pem" },
  { "iot-without-trust", "profile", DIGICERT_IOT_PROFILE, "[ca factory] trust: ", "PEM file" },
  { "validity", "override-validity", "perhaps", "dps.conf:9: [ca factory] override-validity: ", "perhaps" },
};

static BrevetSettings *
offline_settings (void)
{
  BrevetSettings *settings = brevet_settings_new ("ca", "factory", "/nonexistent");

  brevet_settings_set (settings, "profile", DIGICERT_PROFILE, "dps.conf:3");
  brevet_settings_set (settings, "api-key", "0123456789", "dps.conf:4");
  return settings;
}

static void
test_mistake (gconstpointer data)
{
  const Mistake *mistake = data;
  g_autoptr(BrevetSettings) settings = offline_settings ();
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, mistake->key, mistake->value, "dps.conf:9");
  g_assert_null (digicert_create (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, mistake->begins));
  g_assert_nonnull (strstr (error->message, mistake->says));
  g_assert_null (strstr (error->message, "4567"));
}

/* What the service API stores is enough: the endpoint is DigiCert's own then. */
static void
test_members_alone (void)
{
  g_autoptr(BrevetSettings) settings = offline_settings ();
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCaBackend) backend = digicert_create (settings, &error);

  g_assert_no_error (error);
  g_assert_true ((brevet_ca_backend_get_capabilities (backend) & BREVET_CA_CAPABILITY_FIND) != 0);
}

static void
test_override_api (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = digicert_world_settings (fixture->world, DIGICERT_IOT_PROFILE);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaHealth) health = NULL;
  g_autofree char *calls = NULL;

  brevet_settings_set (settings, "api", "tlm", "dps.conf:9");
  backend = digicert_create (settings, NULL);
  health = ca_check (backend);
  calls = digicert_world_calls (fixture->world);
  g_assert_cmpint (brevet_ca_health_get_state (health), ==, BREVET_CA_HEALTH_DOWN);
  g_assert_cmpstr (calls, ==, "profile");
}

/* --- what the core wants to know --- */

typedef struct
{
  const char *name;
  const char *profile;
  const char *key;
  const char *value;
  const char *expected;
} Identity;

static const Identity identities[] = {
  { "lifecycle", DIGICERT_PROFILE, "endpoint", "https://One.DigiCert.com/",
    "DigiCert Trust Lifecycle Manager, one.digicert.com:443, profile " DIGICERT_PROFILE },
  { "iot", DIGICERT_IOT_PROFILE, "endpoint", "https://one.nl.digicert.com:8443",
    "DigiCert IoT Trust Manager, one.nl.digicert.com:8443, profile " DIGICERT_IOT_PROFILE },
  { "another-key", DIGICERT_PROFILE, "api-key", "9876543210",
    "DigiCert Trust Lifecycle Manager, one.digicert.com:443, profile " DIGICERT_PROFILE },
  { "another-product", DIGICERT_PROFILE, "api", "iot",
    "DigiCert IoT Trust Manager, one.digicert.com:443, profile " DIGICERT_PROFILE },
};

/* Tickets and references are good wherever this is the same, so it must change with the CA and with nothing else. */
static void
test_identity (DigicertFixture *fixture, gconstpointer data)
{
  const Identity *identity = data;
  g_autoptr(BrevetSettings) settings = digicert_world_settings (fixture->world, identity->profile);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;

  brevet_settings_set (settings, "endpoint", "https://one.digicert.com", "dps.conf:5");
  brevet_settings_set (settings, "trust", "root.pem", "dps.conf:7");
  brevet_settings_set (settings, "timeout", "7s", "dps.conf:8");
  brevet_settings_set (settings, identity->key, identity->value, "dps.conf:9");
  backend = digicert_create (settings, &error);
  g_assert_no_error (error);
  text = brevet_ca_backend_dup_identity (backend);
  g_assert_cmpstr (text, ==, identity->expected);
}

static void
test_traffic (DigicertFixture *fixture, gconstpointer data)
{
  BrevetCaTraffic traffic;

  brevet_ca_backend_get_traffic (fixture->backend, &traffic);
  g_assert_cmpuint (traffic.maximum_in_flight, ==, 50);
  g_assert_cmpuint (traffic.burst, ==, 50);
  g_assert_cmpfloat (traffic.per_second, ==, 4);
}

static void
add_mistakes (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autofree char *path = g_strconcat ("/ca-digicert/settings/", mistakes[i].name, NULL);

      g_test_add_data_func (path, &mistakes[i], test_mistake);
    }
}

int
main (int argc, char *argv[])
{
  static const CaSuite lifecycle = { "digicert-lifecycle", suite_set_up, suite_create_lifecycle, suite_tear_down };
  static const CaSuite iot = { "digicert-iot", suite_set_up, suite_create_iot, suite_tear_down };

  g_test_init (&argc, &argv, NULL);
  ca_suite_add (&lifecycle);
  ca_suite_add (&iot);
  g_test_add_func ("/ca-digicert/provides", test_provides);
  add_mistakes ();
  g_test_add_func ("/ca-digicert/settings/members-alone", test_members_alone);
  DIGICERT_ADD ("settings/override-api", test_override_api);
  DIGICERT_ADD_EACH ("identity", identities, identities[i].name, &identities[i], test_identity);
  DIGICERT_ADD ("traffic", test_traffic);
  return g_test_run ();
}
