/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Revocation, with the words of each product. */

#include "digicert-fixture.h"

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
test_revoke (DigicertFixture *fixture, gconstpointer data)
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
test_revoke_ambiguous (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, request);
  g_autoptr(GError) error = NULL;

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"ambiguous\"}"));
  g_assert_true (digicert_revoke (backend, outcome, BREVET_REVOCATION_SUPERSEDED, &error));
  g_assert_no_error (error);
  digicert_assert_calls (fixture->world, "issue revoke revoke");
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
test_revoke_failure (DigicertFixture *fixture, gconstpointer data)
{
  const RevokeFailure *failure = data;
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, request);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "revoke", failure->scenario);
  g_assert_false (digicert_revoke (backend, outcome, BREVET_REVOCATION_SUPERSEDED, &error));
  g_assert_error (error, BREVET_CA_ERROR, (int) failure->code);
  digicert_assert_calls (fixture->world, "issue revoke");
}

/* IoT Trust Manager knows its certificates by another name only. */
static void
test_revoke_nameless (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) issued = ca_assert_issue (backend, request);
  g_autoptr(BrevetCaOutcome) nameless = brevet_ca_outcome_new_issued (brevet_ca_outcome_get_chain (issued), NULL, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_false (digicert_revoke (backend, nameless, BREVET_REVOCATION_SUPERSEDED, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND);
  digicert_assert_calls (fixture->world, "iot-issue");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  DIGICERT_ADD_EACH ("revoke", reasons, reasons[i].name, &reasons[i], test_revoke);
  DIGICERT_ADD ("revoke/ambiguous-serial", test_revoke_ambiguous);
  DIGICERT_ADD_EACH ("revoke-failure", revoke_failures, revoke_failures[i].name, &revoke_failures[i], test_revoke_failure);
  DIGICERT_ADD ("revoke/nameless", test_revoke_nameless);
  return g_test_run ();
}
