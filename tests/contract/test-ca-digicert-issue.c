/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What DigiCert may answer to a request for a certificate, and how often it is asked for what. */

#include "digicert-fixture.h"
#include "test-wait.h"

#include <string.h>

/* --- what is sent --- */

#define BODY_BEGIN "{\"profile\":{\"id\":\"" DIGICERT_PROFILE "\"},\"seat\":{\"seat_id\":\"dev-1\"},\"csr\":\"…\","
#define BODY_END   "\"delivery_format\":\"x509\",\"include_ca_chain\":true,\"attributes\":{\"subject\":{\"common_name\":\"dev-1\"}"

static void
test_body (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetCaOutcome) with_uri = NULL;

  brevet_ca_request_set_validity (fixture->request, 7 * 86400);
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  g_assert_true (brevet_ca_request_was_sent (fixture->request));
  digicert_assert_body (fixture->world, BODY_BEGIN BODY_END "}}");

  brevet_ca_request_set_uri (fixture->request, "urn:brevet:dev-1");
  with_uri = ca_assert_issue (fixture->backend, fixture->request);
  digicert_assert_body (fixture->world, BODY_BEGIN BODY_END ",\"extensions\":{\"san\":{\"uris\":[\"urn:brevet:dev-1\"]}}}}");
}

/* The common name and the seat are two things. */
static void
test_body_names (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  brevet_ca_request_set_common_name (fixture->request, "another name");
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  digicert_assert_body (fixture->world,
                        BODY_BEGIN "\"delivery_format\":\"x509\",\"include_ca_chain\":true,\"attributes\":{\"subject\":"
                        "{\"common_name\":\"another name\"}}}");
}

static void
test_body_validity (DigicertFixture *fixture, gconstpointer data)
{
  static const struct
  {
    gint64      seconds;
    const char *expected;
  } cases[] = {
    { 7 * 86400, "{\"unit\":\"days\",\"duration\":7}" },
    { 5 * 3600, "{\"unit\":\"hours\",\"duration\":5}" },
    { 3601, "{\"unit\":\"minutes\",\"duration\":61}" },
    { 0, NULL },
  };
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "override-validity", "true");

  json_object_unref (digicert_world_order (fixture->world,
                                           "{\"do\":\"profile\",\"set\":{\"override_cert_validity_via_api\":true}}"));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *validity = cases[i].expected != NULL ? g_strdup_printf ("\"validity\":%s,", cases[i].expected)
        : g_strdup ("");
      g_autofree char *expected = g_strconcat (BODY_BEGIN, validity, BODY_END, "}}", NULL);
      g_autoptr(BrevetCaOutcome) outcome = NULL;
      gint64 lifetime;

      brevet_ca_request_set_validity (fixture->request, cases[i].seconds);
      outcome = ca_assert_issue (backend, fixture->request);
      digicert_assert_body (fixture->world, expected);
      lifetime = brevet_certificate_get_not_after (digicert_leaf_of (outcome)) - brevet_clock_now_seconds ();
      if (cases[i].seconds > 0)
        g_assert_cmpint (ABS (lifetime - cases[i].seconds), <, 120);
    }
}

static void
test_body_iot (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, fixture->request);

  digicert_assert_body (fixture->world, "{\"csr\":\"…\",\"enrollment_profile_id\":\"" DIGICERT_IOT_PROFILE "\","
                        "\"certificate_profile_attributes\":[{\"id\":\"subject.common_name\",\"value\":\"dev-1\"}],"
                        "\"device_attributes\":[{\"id\":\"DEVICE_IDENTIFIER\",\"value\":\"dev-1\"}]}");
  g_assert_true (g_uuid_string_is_valid (brevet_ca_outcome_get_backend_reference (outcome)));
}

/* --- shapes of the answer --- */

static const char *const shapes[] = { "right", "crlf", "shuffled", "extra", "leaf-only", "leaf-der", "ca-certs", "chain-array",
                                     "new-members", "other-serial", "status-200", "status-202" };

static void
test_shape (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", data);
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  chain = digicert_run_check (fixture, outcome, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_chain_get_length (chain), ==, 2);
  g_assert_cmpuint (brevet_chain_get_n_spares (brevet_ca_outcome_get_chain (outcome)), ==, g_str_equal (data, "extra"));
  g_assert_cmpstr (brevet_ca_outcome_get_backend_reference (outcome), ==,
                   brevet_certificate_get_serial (digicert_leaf_of (outcome)));
  digicert_assert_calls (fixture->world, "issue profile");
}

/* Leaf, issuing CA and root in one string, as IoT Trust Manager has them. */
static void
test_shape_iot (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "iot-issue", "crlf");
  outcome = ca_assert_issue (backend, fixture->request);
  chain = digicert_run_check (fixture, outcome, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_chain_get_length (chain), ==, 2);
  digicert_assert_calls (fixture->world, "iot-issue profile");
}

typedef struct
{
  const char *name;
  const char *says;
} Unfit;

/* It is the core's to notice; and what it refuses can be revoked. */
static const Unfit unfit[] = {
  { "wrong-key", "for another key" },
  { "wrong-subject", "common name is “dev-1-other”" },
  { "ca-true", "one of a CA" },
  { "foreign-issuer", "does not lead to a trusted root" },
};

static void
test_unfit (DigicertFixture *fixture, gconstpointer data)
{
  const Unfit *what = data;
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", what->name);
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  chain = digicert_run_check (fixture, outcome, &error);
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, what->says));
  g_clear_error (&error);
  g_assert_true (digicert_revoke (fixture->backend, outcome, BREVET_REVOCATION_SUPERSEDED, &error));
  g_assert_no_error (error);
  digicert_assert_calls (fixture->world, "issue profile revoke");
}

/* --- refusals --- */

static const DigicertFailure failures[] = {
  { "429", BREVET_CA_ERROR_RATE_LIMITED, 5, "request_limit_exceeded, “Too many requests”" },
  { "429-later", BREVET_CA_ERROR_RATE_LIMITED, 17, "asked again later" },
  { "503", BREVET_CA_ERROR_UNAVAILABLE, -2, "maintenance, “Back soon”" },
  { "500", BREVET_CA_ERROR_AMBIGUOUS, -1, "internal_error" },
  { "html-502", BREVET_CA_ERROR_AMBIGUOUS, -1, "DigiCert answered 502;" },
  { "401", BREVET_CA_ERROR_AUTH, -1, "check the API key" },
  { "403", BREVET_CA_ERROR_CONFIG, -1, "access_denied, “The service user may not use this profile”" },
  { "404", BREVET_CA_ERROR_CONFIG, -1, "check the profile's id" },
  { "409", BREVET_CA_ERROR_CONFLICT, -1, "duplicate certificate policy" },
  { "422", BREVET_CA_ERROR_INVALID_REQUEST, -1, "“Unprocessable”" },
  { "csr", BREVET_CA_ERROR_INVALID_CSR, -1, "“csr: Key size is not allowed”" },
  { "field", BREVET_CA_ERROR_INVALID_REQUEST, -1, "“attributes.subject.organization_name: must not be empty”" },
  { "error", BREVET_CA_ERROR_INVALID_REQUEST, -1, "invalid_request, “It is not right”" },
  { "text", BREVET_CA_ERROR_INVALID_REQUEST, -1, "400, “It is not right”" },
  { "empty", BREVET_CA_ERROR_INVALID_REQUEST, -1, "DigiCert answered 400;" },
  { "html", BREVET_CA_ERROR_AMBIGUOUS, -1, "login page" },
  { "redirect", BREVET_CA_ERROR_PROTOCOL, -1, "redirection is not followed" },
  { "key-echo", BREVET_CA_ERROR_INVALID_REQUEST, -1, "The header x-api-key: ****" },
  { "closed", BREVET_CA_ERROR_AMBIGUOUS, -1, "transaction" },
};

static void
test_failure (DigicertFixture *fixture, gconstpointer data)
{
  const DigicertFailure *failure = data;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", failure->scenario);
  g_assert_null (ca_issue (fixture->backend, fixture->request, NULL, &error));
  digicert_assert_failure (error, failure);
  digicert_assert_calls (fixture->world, "issue");
  g_assert_cmpuint (digicert_world_count_issued (fixture->world), ==, 0);
}

static const DigicertFailure iot_failures[] = {
  { "429", BREVET_CA_ERROR_RATE_LIMITED, 5, "request_limit_exceeded" },
  { "503", BREVET_CA_ERROR_UNAVAILABLE, -2, "maintenance" },
  { "401", BREVET_CA_ERROR_AUTH, -1, "check the API key" },
  { "404", BREVET_CA_ERROR_CONFIG, -1, "check the profile's id" },
  { "error", BREVET_CA_ERROR_INVALID_REQUEST, -1, "invalid_request, “It is not right”" },
  { "html", BREVET_CA_ERROR_AMBIGUOUS, -1, "login page" },
  { "lost", BREVET_CA_ERROR_AMBIGUOUS, -1, "transaction" },
  { "pemless", BREVET_CA_ERROR_AMBIGUOUS, -1, "no pem in it" },
};

static void
test_failure_iot (DigicertFixture *fixture, gconstpointer data)
{
  const DigicertFailure *failure = data;
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "iot-issue", failure->scenario);
  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  digicert_assert_failure (error, failure);
  digicert_assert_calls (fixture->world, "iot-issue");
}

/* Nothing can have been issued there: nobody was asked. */
static void
test_unreachable (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "endpoint", "https://127.0.0.1:1");
  g_autoptr(GError) error = NULL;

  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "nobody listens there"));
  g_assert_false (brevet_ca_request_was_sent (fixture->request));
}

static void
test_untrusted (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "ca-file", "root.pem");
  g_autoptr(GError) error = NULL;

  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_false (brevet_ca_request_was_sent (fixture->request));
  digicert_assert_calls (fixture->world, "");
}

/* Somebody accepts the connection and says nothing: the request stays here. */
static void
test_mute (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(GSocketListener) listener = g_socket_listener_new ();
  guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  g_autofree char *endpoint = g_strdup_printf ("https://127.0.0.1:%u", port);
  g_autoptr(BrevetSettings) settings = digicert_world_settings (fixture->world, DIGICERT_PROFILE);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "endpoint", endpoint, "dps.conf:8");
  brevet_settings_set (settings, "timeout", "1s", "dps.conf:9");
  backend = digicert_create (settings, NULL);
  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_TIMEOUT);
  g_assert_nonnull (strstr (error->message, "within 1 seconds"));
  g_assert_false (brevet_ca_request_was_sent (fixture->request));
}

static void
test_no_time_left (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  brevet_ca_request_set_deadline (fixture->request, brevet_clock_monotonic ());
  g_assert_null (ca_issue (fixture->backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_TIMEOUT);
  digicert_assert_calls (fixture->world, "");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  DIGICERT_ADD ("body/lifecycle", test_body);
  DIGICERT_ADD ("body/names", test_body_names);
  DIGICERT_ADD ("body/validity", test_body_validity);
  DIGICERT_ADD ("body/iot", test_body_iot);
  DIGICERT_ADD_EACH ("shape", shapes, shapes[i], shapes[i], test_shape);
  DIGICERT_ADD ("shape/iot", test_shape_iot);
  DIGICERT_ADD_EACH ("unfit", unfit, unfit[i].name, &unfit[i], test_unfit);
  DIGICERT_ADD_EACH ("failure", failures, failures[i].scenario, &failures[i], test_failure);
  DIGICERT_ADD_EACH ("failure/iot", iot_failures, iot_failures[i].scenario, &iot_failures[i], test_failure_iot);
  DIGICERT_ADD ("failure/unreachable", test_unreachable);
  DIGICERT_ADD ("failure/untrusted", test_untrusted);
  DIGICERT_ADD ("failure/mute", test_mute);
  DIGICERT_ADD ("failure/no-time-left", test_no_time_left);
  return g_test_run ();
}
