/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known about a profile, and what it says to trust. */

#include "digicert-fixture.h"
#include "test-wait.h"

#include <string.h>

/* --- profiles --- */

typedef struct
{
  const char         *name;
  const char         *key; /* setting */
  const char         *value;
  const char         *profile;
  const char         *scenario;
  BrevetCaHealthState state;
  const char         *says;
} Check;

static const Check checks[] = {
  { "good", NULL, NULL, "{}", "right", BREVET_CA_HEALTH_OK, "“Devices” can issue" },
  { "inactive", NULL, NULL, "{\"status\":\"Suspended\"}", "right", BREVET_CA_HEALTH_DOWN, "Suspended; activate" },
  { "method", NULL, NULL, "{\"enrollment_method\":\"scep\"}", "right", BREVET_CA_HEALTH_DOWN, "scep; brevet needs rest_api" },
  { "authentication", NULL, NULL, "{\"authentication_method\":\"manual_approval\"}", "right", BREVET_CA_HEALTH_DOWN,
   "third_party_app" },
  { "duplicates", NULL, NULL, "{\"duplicate_cert_policy\":false}", "right", BREVET_CA_HEALTH_DEGRADED, "second certificate" },
  { "demands", NULL, NULL, "{\"mandatory\":[\"organization_name\"]}", "right", BREVET_CA_HEALTH_DEGRADED, "organization_name" },
  { "validity", "override-validity", "true", "{}", "right", BREVET_CA_HEALTH_DEGRADED, "override-validity" },
  { "wrong-key", "api-key", "0123456789", "{}", "right", BREVET_CA_HEALTH_DOWN, "check the API key" },
  { "other-profile", "profile", "00f011b7-5fa1-4c6d-83f3-ee59c4d54bb0", "{}", "right", BREVET_CA_HEALTH_DOWN, "profile's id" },
  { "html", NULL, NULL, "{}", "html", BREVET_CA_HEALTH_DOWN, "login page" },
  { "wrong-type", NULL, NULL, "{\"duplicate_cert_policy\":\"yes\"}", "right", BREVET_CA_HEALTH_DOWN, "duplicate_cert_policy" },
  { "untrusted", "ca-file", "root.pem", "{}", "right", BREVET_CA_HEALTH_DOWN, "is not issued by an authority" },
  { "iot", "profile", DIGICERT_IOT_PROFILE, "{}", "right", BREVET_CA_HEALTH_OK, "accepts the API key" },
};

static void
test_check (DigicertFixture *fixture, gconstpointer data)
{
  const Check *check = data;
  g_autoptr(BrevetSettings) settings = digicert_world_settings (fixture->world, DIGICERT_PROFILE);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaHealth) health = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *calls = NULL;

  if (g_strcmp0 (check->value, DIGICERT_IOT_PROFILE) == 0)
    brevet_settings_set (settings, "trust", "root.pem", "dps.conf:8");
  if (check->key != NULL)
    brevet_settings_set (settings, check->key, check->value, "dps.conf:9");
  backend = digicert_create (settings, &error);
  g_assert_no_error (error);
  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"profile\",\"set\":%s}", check->profile));
  digicert_world_plan (fixture->world, "profile", check->scenario);

  health = ca_check (backend);
  g_test_message ("%s", brevet_ca_health_get_message (health));
  g_assert_cmpint (brevet_ca_health_get_state (health), ==, check->state);
  g_assert_nonnull (strstr (brevet_ca_health_get_message (health), check->says));
  g_assert_null (strstr (brevet_ca_health_get_message (health), DIGICERT_API_KEY));
  calls = digicert_world_calls (fixture->world);
  g_assert_cmpstr (calls, ==, g_str_equal (check->name, "iot") ? "iot-records" : g_str_equal (check->name, "untrusted") ? "" :
                   "profile");
}

/* Each certificate is checked against it, so it is asked for once. */
static void
test_trust_is_kept (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetTrustBundle) first = ca_get_trust (backend);
  g_autoptr(BrevetTrustBundle) second = ca_get_trust (backend);

  digicert_assert_calls (fixture->world, "profile");
  g_assert_cmpuint (brevet_trust_bundle_get_length (first), ==, 2);
  g_assert_cmpstr (brevet_trust_bundle_get_etag (first), ==, brevet_trust_bundle_get_etag (second));
}

/* The other shapes of the same thing. */
static void
test_trust_shape (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetTrustBundle) trust = NULL;

  digicert_world_plan (fixture->world, "profile", "chain");
  trust = ca_get_trust (backend);
  g_assert_cmpuint (brevet_trust_bundle_get_length (trust), ==, 2);
}

/* A file of the operator's says it all: DigiCert is not asked. */
static void
test_trust_from_file (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "trust", "root.pem");
  g_autoptr(BrevetTrustBundle) trust = ca_get_trust (backend);

  g_assert_cmpuint (brevet_trust_bundle_get_length (trust), ==, 1);
  digicert_assert_calls (fixture->world, "");
}

/* A profile that moves to another issuing CA: the certificate is the first sign of it. */
static void
test_trust_rolls (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetTrustBundle) before = ca_get_trust (backend);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetTrustBundle) after = NULL;
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"roll\"}"));
  outcome = ca_assert_issue (backend, request);
  after = ca_get_trust (backend);
  chain = brevet_issuance_check_run (check, request, outcome, after, brevet_clock_now_seconds (), &error);
  g_assert_no_error (error);
  digicert_assert_calls (fixture->world, "profile issue profile");
  g_assert_cmpstr (brevet_trust_bundle_get_etag (before), !=, brevet_trust_bundle_get_etag (after));
}

static BrevetTrustBundle *
get_trust (BrevetCaBackend *backend, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_ca_backend_get_trust_async (backend, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_ca_backend_get_trust_finish (backend, result, error);
}

/* Trust that was good a moment ago is better than none while DigiCert is away; but not when it says that the key is wrong. */
static void
test_trust_while_away (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetTrustBundle) before = ca_get_trust (backend);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetTrustBundle) away = NULL;
  g_autoptr(BrevetTrustBundle) refused = NULL;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", "foreign-issuer");
  outcome = ca_assert_issue (backend, request);
  digicert_world_plan (fixture->world, "profile", "503");
  away = ca_get_trust (backend);
  g_assert_cmpstr (brevet_trust_bundle_get_etag (before), ==, brevet_trust_bundle_get_etag (away));
  digicert_world_plan (fixture->world, "profile", "401");
  refused = get_trust (backend, &error);
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_AUTH);
  digicert_assert_calls (fixture->world, "profile issue profile profile");
}

static void
test_trust_without_root (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "profile", "rootless");
  g_assert_null (get_trust (backend, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "with the key trust"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  DIGICERT_ADD_EACH ("check", checks, checks[i].name, &checks[i], test_check);
  DIGICERT_ADD ("trust/kept", test_trust_is_kept);
  DIGICERT_ADD ("trust/shape", test_trust_shape);
  DIGICERT_ADD ("trust/file", test_trust_from_file);
  DIGICERT_ADD ("trust/rolls", test_trust_rolls);
  DIGICERT_ADD ("trust/while-away", test_trust_while_away);
  DIGICERT_ADD ("trust/rootless", test_trust_without_root);
  return g_test_run ();
}
