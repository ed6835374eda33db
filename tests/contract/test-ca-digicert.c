/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every CA must do, asked of both of DigiCert's products; settings; and what is known about a profile. */

#include "digicert-world.h"
#include "test-wait.h"

#include <string.h>

typedef struct
{
  DigicertWorld *world;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->world = digicert_world_new ();
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  digicert_world_free (fixture->world);
}

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
test_override_api (Fixture *fixture, gconstpointer data)
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
test_check (Fixture *fixture, gconstpointer data)
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

static void
assert_calls (DigicertWorld *world, const char *expected)
{
  g_autofree char *calls = digicert_world_calls (world);

  g_assert_cmpstr (calls, ==, expected);
}

/* Each certificate is checked against it, so it is asked for once. */
static void
test_trust_is_kept (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetTrustBundle) first = ca_get_trust (backend);
  g_autoptr(BrevetTrustBundle) second = ca_get_trust (backend);

  assert_calls (fixture->world, "profile");
  g_assert_cmpuint (brevet_trust_bundle_get_length (first), ==, 2);
  g_assert_cmpstr (brevet_trust_bundle_get_etag (first), ==, brevet_trust_bundle_get_etag (second));
}

/* The other shapes of the same thing. */
static void
test_trust_shape (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetTrustBundle) trust = NULL;

  digicert_world_plan (fixture->world, "profile", "chain");
  trust = ca_get_trust (backend);
  g_assert_cmpuint (brevet_trust_bundle_get_length (trust), ==, 2);
}

/* A file of the operator's says it all: DigiCert is not asked. */
static void
test_trust_from_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "trust", "root.pem");
  g_autoptr(BrevetTrustBundle) trust = ca_get_trust (backend);

  g_assert_cmpuint (brevet_trust_bundle_get_length (trust), ==, 1);
  assert_calls (fixture->world, "");
}

/* A profile that moves to another issuing CA: the certificate is the first sign of it. */
static void
test_trust_rolls (Fixture *fixture, gconstpointer data)
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
  assert_calls (fixture->world, "profile issue profile");
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
test_trust_while_away (Fixture *fixture, gconstpointer data)
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
  assert_calls (fixture->world, "profile issue profile profile");
}

static void
test_trust_without_root (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "profile", "rootless");
  g_assert_null (get_trust (backend, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "with the key trust"));
}

/* --- revocation --- */

static JsonObject *
get_last_issued (DigicertWorld *world, JsonObject **report)
{
  JsonArray *issued;

  *report = digicert_world_order (world, "{\"do\":\"report\"}");
  issued = json_object_get_array_member (*report, "issued");
  return json_array_get_object_element (issued, json_array_get_length (issued) - 1);
}

typedef struct
{
  const char            *name;
  const char            *profile;
  BrevetRevocationReason reason;
  const char            *expected;
} Reason;

static const Reason reasons[] = {
  { "superseded", DIGICERT_PROFILE, BREVET_REVOCATION_SUPERSEDED, "superseded" },
  { "key-compromise", DIGICERT_PROFILE, BREVET_REVOCATION_KEY_COMPROMISE, "key_compromise" },
  { "ca-compromise", DIGICERT_PROFILE, BREVET_REVOCATION_CA_COMPROMISE, "ca_compromise" },
  { "unspecified", DIGICERT_PROFILE, BREVET_REVOCATION_UNSPECIFIED, "unspecified" },
  { "hold", DIGICERT_PROFILE, BREVET_REVOCATION_CERTIFICATE_HOLD, "certificate_hold" },
  { "iot-superseded", DIGICERT_IOT_PROFILE, BREVET_REVOCATION_SUPERSEDED, "unspecified" },
  { "iot-key-compromise", DIGICERT_IOT_PROFILE, BREVET_REVOCATION_KEY_COMPROMISE, "key_compromise" },
  { "iot-ca-compromise", DIGICERT_IOT_PROFILE, BREVET_REVOCATION_CA_COMPROMISE, "unspecified" },
};

/* The serial number has its top bit set: in the certificate, a zero stands before it. Twice is a success, too. */
static void
test_revoke (Fixture *fixture, gconstpointer data)
{
  const Reason *reason = data;
  g_autoptr(BrevetSettings) settings = digicert_world_settings (fixture->world, reason->profile);
  g_autoptr(BrevetCaBackend) backend = digicert_create (settings, NULL);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(JsonObject) report = NULL;
  g_autoptr(GError) error = NULL;
  JsonObject *issued;

  digicert_world_plan (fixture->world, "issue", "high-serial");
  digicert_world_plan (fixture->world, "iot-issue", "high-serial");
  outcome = ca_assert_issue (backend, request);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (digicert_revoke (backend, outcome, reason->reason, &error));
      g_assert_no_error (error);
    }
  issued = get_last_issued (fixture->world, &report);
  g_assert_cmpstr (json_object_get_string_member (issued, "status"), ==, "revoked");
  g_assert_cmpstr (json_object_get_string_member (issued, "reason"), ==, reason->expected);
  g_assert_cmpuint (json_array_get_length (json_object_get_array_member (report, "calls")), ==, 3);
}

/* Two issuers of one account may use the same number. */
static void
test_revoke_ambiguous (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, request);
  g_autoptr(GError) error = NULL;

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"ambiguous\"}"));
  g_assert_true (digicert_revoke (backend, outcome, BREVET_REVOCATION_SUPERSEDED, &error));
  g_assert_no_error (error);
  assert_calls (fixture->world, "issue revoke revoke");
}

typedef struct
{
  const char   *name;
  const char   *scenario;
  BrevetCaError code;
} RevokeFailure;

static const RevokeFailure revoke_failures[] = {
  { "401", "401", BREVET_CA_ERROR_AUTH },
  { "404", "404", BREVET_CA_ERROR_NOT_FOUND },
  { "429", "429", BREVET_CA_ERROR_RATE_LIMITED },
  { "500", "500", BREVET_CA_ERROR_UNAVAILABLE },
  { "html", "html", BREVET_CA_ERROR_UNAVAILABLE },
  { "redirect", "redirect", BREVET_CA_ERROR_PROTOCOL },
};

static void
test_revoke_failure (Fixture *fixture, gconstpointer data)
{
  const RevokeFailure *failure = data;
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, request);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "revoke", failure->scenario);
  g_assert_false (digicert_revoke (backend, outcome, BREVET_REVOCATION_SUPERSEDED, &error));
  g_assert_error (error, BREVET_CA_ERROR, (int) failure->code);
  assert_calls (fixture->world, "issue revoke");
}

/* IoT Trust Manager knows its certificates by another name only. */
static void
test_revoke_nameless (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) issued = ca_assert_issue (backend, request);
  g_autoptr(BrevetCaOutcome) nameless = brevet_ca_outcome_new_issued (brevet_ca_outcome_get_chain (issued), NULL, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (digicert_revoke (backend, nameless, BREVET_REVOCATION_SUPERSEDED, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND);
  assert_calls (fixture->world, "iot-issue");
}

#define ADD(path, function) g_test_add ("/ca-digicert/" path, Fixture, NULL, set_up, function, tear_down)
#define ADD_ALL(path, table, function)                                                           \
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)                                               \
    {                                                                                            \
      g_autofree char *name = g_strconcat ("/ca-digicert/" path "/", table[i].name, NULL);       \
      g_test_add (name, Fixture, &table[i], set_up, function, tear_down);                        \
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
  ADD ("settings/override-api", test_override_api);
  ADD_ALL ("check", checks, test_check);
  ADD ("trust/kept", test_trust_is_kept);
  ADD ("trust/shape", test_trust_shape);
  ADD ("trust/file", test_trust_from_file);
  ADD ("trust/rolls", test_trust_rolls);
  ADD ("trust/while-away", test_trust_while_away);
  ADD ("trust/rootless", test_trust_without_root);
  ADD_ALL ("revoke", reasons, test_revoke);
  ADD ("revoke/ambiguous-serial", test_revoke_ambiguous);
  ADD_ALL ("revoke-failure", revoke_failures, test_revoke_failure);
  ADD ("revoke/nameless", test_revoke_nameless);
  return g_test_run ();
}
