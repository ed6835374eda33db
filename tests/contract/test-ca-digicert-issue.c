/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What DigiCert may answer to a request for a certificate, and how often it is asked for what. */

#include "digicert-world.h"
#include "test-wait.h"
#include "x509-world.h"

#include <string.h>

typedef struct
{
  DigicertWorld   *world;
  BrevetCaBackend *backend;
  BrevetCaRequest *request;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->world = digicert_world_new ();
  fixture->backend = digicert_world_backend (fixture->world, NULL, NULL);
  fixture->request = ca_request ("dev-1", 1);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  brevet_ca_request_unref (fixture->request);
  g_object_unref (fixture->backend);
  digicert_world_free (fixture->world);
}

static void
assert_calls (DigicertWorld *world, const char *expected)
{
  g_autofree char *calls = digicert_world_calls (world);

  g_assert_cmpstr (calls, ==, expected);
}

static guint
count_issued (DigicertWorld *world)
{
  g_autoptr(JsonObject) report = digicert_world_order (world, "{\"do\":\"report\"}");

  return json_array_get_length (json_object_get_array_member (report, "issued"));
}

static BrevetChain *
run_check (Fixture *fixture, BrevetCaOutcome *outcome, GError **error)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetTrustBundle) trust = ca_get_trust (fixture->backend);

  return brevet_issuance_check_run (check, fixture->request, outcome, trust, brevet_clock_now_seconds (), error);
}

static BrevetCertificate *
leaf_of (BrevetCaOutcome *outcome)
{
  return brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome));
}

/* --- what is sent --- */

static char *
show_last_body (DigicertWorld *world)
{
  g_autoptr(JsonObject) report = digicert_world_order (world, "{\"do\":\"report\"}");
  JsonArray *calls = json_object_get_array_member (report, "calls");
  JsonObject *call = json_array_get_object_element (calls, json_array_get_length (calls) - 1);
  JsonObject *body = json_object_get_object_member (call, "body");
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  g_assert_true (g_str_has_prefix (json_object_get_string_member (body, "csr"), "-----BEGIN "));
  json_object_set_string_member (body, "csr", "…");
  json_node_set_object (node, body);
  return json_to_string (node, FALSE);
}

static void
assert_body (DigicertWorld *world, const char *expected)
{
  g_autofree char *body = show_last_body (world);

  g_assert_cmpstr (body, ==, expected);
}

#define BODY_BEGIN "{\"profile\":{\"id\":\"" DIGICERT_PROFILE "\"},\"seat\":{\"seat_id\":\"dev-1\"},\"csr\":\"…\","
#define BODY_END   "\"delivery_format\":\"x509\",\"include_ca_chain\":true,\"attributes\":{\"subject\":{\"common_name\":\"dev-1\"}"

static void
test_body (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetCaOutcome) with_uri = NULL;

  brevet_ca_request_set_validity (fixture->request, 7 * 86400);
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  g_assert_true (brevet_ca_request_was_sent (fixture->request));
  assert_body (fixture->world, BODY_BEGIN BODY_END "}}");

  brevet_ca_request_set_uri (fixture->request, "urn:brevet:dev-1");
  with_uri = ca_assert_issue (fixture->backend, fixture->request);
  assert_body (fixture->world, BODY_BEGIN BODY_END ",\"extensions\":{\"san\":{\"uris\":[\"urn:brevet:dev-1\"]}}}}");
}

/* The common name and the seat are two things. */
static void
test_body_names (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  brevet_ca_request_set_common_name (fixture->request, "another name");
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  assert_body (fixture->world, BODY_BEGIN "\"delivery_format\":\"x509\",\"include_ca_chain\":true,\"attributes\":{\"subject\":"
               "{\"common_name\":\"another name\"}}}");
}

static void
test_body_validity (Fixture *fixture, gconstpointer data)
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
      assert_body (fixture->world, expected);
      lifetime = brevet_certificate_get_not_after (leaf_of (outcome)) - brevet_clock_now_seconds ();
      if (cases[i].seconds > 0)
        g_assert_cmpint (ABS (lifetime - cases[i].seconds), <, 120);
    }
}

static void
test_body_iot (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, fixture->request);

  assert_body (fixture->world, "{\"csr\":\"…\",\"enrollment_profile_id\":\"" DIGICERT_IOT_PROFILE "\","
               "\"certificate_profile_attributes\":[{\"id\":\"subject.common_name\",\"value\":\"dev-1\"}],"
               "\"device_attributes\":[{\"id\":\"DEVICE_IDENTIFIER\",\"value\":\"dev-1\"}]}");
  g_assert_true (g_uuid_string_is_valid (brevet_ca_outcome_get_backend_reference (outcome)));
}

/* --- shapes of the answer --- */

static const char *const shapes[] = { "right", "crlf", "shuffled", "extra", "leaf-only", "leaf-der", "ca-certs", "chain-array",
                                     "new-members" };

static void
test_shape (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", data);
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  chain = run_check (fixture, outcome, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_chain_get_length (chain), ==, 2);
  g_assert_cmpuint (brevet_chain_get_n_spares (brevet_ca_outcome_get_chain (outcome)), ==, g_str_equal (data, "extra"));
  g_assert_cmpstr (brevet_ca_outcome_get_backend_reference (outcome), ==, brevet_certificate_get_serial (leaf_of (outcome)));
  assert_calls (fixture->world, "issue profile");
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
test_unfit (Fixture *fixture, gconstpointer data)
{
  const Unfit *what = data;
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", what->name);
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  chain = run_check (fixture, outcome, &error);
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, what->says));
  g_clear_error (&error);
  g_assert_true (digicert_revoke (fixture->backend, outcome, BREVET_REVOCATION_SUPERSEDED, &error));
  g_assert_no_error (error);
  assert_calls (fixture->world, "issue profile revoke");
}

/* --- refusals --- */

typedef struct
{
  const char   *scenario;
  BrevetCaError code;
  int           retry_after; /* -1: none; -2: the date of the mock */
  const char   *says;
} Failure;

static const Failure failures[] = {
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
assert_failure (const GError *error, const Failure *failure)
{
  g_test_message ("%s", error->message);
  g_assert_error (error, BREVET_CA_ERROR, (int) failure->code);
  g_assert_nonnull (strstr (error->message, failure->says));
  g_assert_null (strstr (error->message, DIGICERT_API_KEY));
  if (failure->retry_after != -2)
    g_assert_cmpint (brevet_ca_error_get_retry_after (error), ==, failure->retry_after);
  else
    g_assert_cmpint (ABS (brevet_ca_error_get_retry_after (error) - 600), <, 60);
}

static void
test_failure (Fixture *fixture, gconstpointer data)
{
  const Failure *failure = data;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", failure->scenario);
  g_assert_null (ca_issue (fixture->backend, fixture->request, NULL, &error));
  assert_failure (error, failure);
  assert_calls (fixture->world, "issue");
  g_assert_cmpuint (count_issued (fixture->world), ==, 0);
}

/* Nothing can have been issued there: nobody was asked. */
static void
test_unreachable (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "endpoint", "https://127.0.0.1:1");
  g_autoptr(GError) error = NULL;

  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "nobody listens there"));
  g_assert_false (brevet_ca_request_was_sent (fixture->request));
}

static void
test_untrusted (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "ca-file", "root.pem");
  g_autoptr(GError) error = NULL;

  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  g_assert_false (brevet_ca_request_was_sent (fixture->request));
  assert_calls (fixture->world, "");
}

/* Somebody accepts the connection and says nothing: the request stays here. */
static void
test_mute (Fixture *fixture, gconstpointer data)
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
test_no_time_left (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  brevet_ca_request_set_deadline (fixture->request, brevet_clock_monotonic ());
  g_assert_null (ca_issue (fixture->backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_TIMEOUT);
  assert_calls (fixture->world, "");
}

/* --- ambiguity --- */

static const char *const losses[] = { "lost", "cut", "cut-0", "cut-1", "cut-100", "cut-1000", "504", "html-after", "garbage",
                                      "not-pem", "deep", "oversized", "unending", "no-certificate", "number" };

/* The certificate exists, and is found by its key: nothing is issued twice. */
static void
assert_found (Fixture *fixture)
{
  g_autoptr(BrevetCaOutcome) found = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  found = digicert_find (fixture->backend, fixture->request, &error);
  g_assert_no_error (error);
  chain = run_check (fixture, found, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_chain_get_length (chain), ==, 2);
  assert_calls (fixture->world, "issue search profile");
  g_assert_cmpuint (count_issued (fixture->world), ==, 1);
}

static void
test_loss (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", data);
  g_assert_null (ca_issue (fixture->backend, fixture->request, NULL, &error));
  g_test_message ("%s", error->message);
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_AMBIGUOUS);
  g_assert_cmpint (brevet_ca_error_classify (error), ==, BREVET_CA_ERROR_CLASS_AMBIGUOUS);
  if (g_str_equal (data, "oversized") || g_str_equal (data, "unending"))
    g_assert_nonnull (strstr (error->message, "the answer is longer than"));
  g_assert_true (brevet_ca_request_was_sent (fixture->request));
  assert_found (fixture);
}

static void
test_late (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", "late");
  brevet_ca_request_set_deadline (fixture->request, brevet_clock_monotonic () + G_USEC_PER_SEC);
  g_assert_null (ca_issue (fixture->backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_AMBIGUOUS);
  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"release\"}"));
  assert_found (fixture);
}

/* Whoever gave up knows from the request whether it must look. */
static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  gboolean asked = FALSE;

  digicert_world_plan (fixture->world, "issue", "late");
  brevet_ca_backend_issue_async (fixture->backend, fixture->request, cancellable, test_wait_store_result, &result);
  g_assert_false (brevet_ca_request_was_sent (fixture->request));
  while (!brevet_ca_request_was_sent (fixture->request))
    g_main_context_iteration (NULL, TRUE);
  while (!asked)
    {
      g_main_context_iteration (NULL, FALSE);
      asked = count_issued (fixture->world) == 1;
    }
  g_cancellable_cancel (cancellable);
  test_wait_for_result (&result);
  g_assert_null (brevet_ca_backend_issue_finish (fixture->backend, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"release\"}"));
}

/* --- find --- */

static void
assert_nothing (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (digicert_find (fixture->backend, fixture->request, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND);
}

/* Of the same seat are other keys, of the same key is a certificate that was revoked. */
static void
test_find_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) other = ca_request ("dev-1", 2);
  g_autoptr(BrevetCaOutcome) other_outcome = NULL;
  g_autoptr(BrevetCaOutcome) revoked = NULL;

  assert_nothing (fixture);
  other_outcome = ca_assert_issue (fixture->backend, other);
  assert_nothing (fixture);
  revoked = ca_assert_issue (fixture->backend, fixture->request);
  g_assert_true (digicert_revoke (fixture->backend, revoked, BREVET_REVOCATION_SUPERSEDED, NULL));
  assert_nothing (fixture);
  digicert_world_plan (fixture->world, "search", "all");
  assert_nothing (fixture);
}

/* A device may renew with the key that it has: what was issued last answers the last question. */
static void
test_find_newest (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaOutcome) newest = NULL;
  g_autoptr(BrevetCaOutcome) found = NULL;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", "old");
  brevet_ca_outcome_unref (ca_assert_issue (fixture->backend, fixture->request));
  newest = ca_assert_issue (fixture->backend, fixture->request);
  digicert_world_plan (fixture->world, "issue", "old");
  brevet_ca_outcome_unref (ca_assert_issue (fixture->backend, fixture->request));
  found = digicert_find (fixture->backend, fixture->request, &error);
  g_assert_no_error (error);
  g_assert_true (brevet_certificate_equal (leaf_of (newest), leaf_of (found)));
}

/* Behind the first page; and in the other spelling of a certificate. */
static void
test_find_far (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) other = ca_request ("dev-1", 2);
  g_autoptr(BrevetCaOutcome) issued = NULL;
  g_autoptr(BrevetCaOutcome) found = NULL;
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 50; i++)
    brevet_ca_outcome_unref (ca_assert_issue (fixture->backend, other));
  issued = ca_assert_issue (fixture->backend, fixture->request);
  g_free (digicert_world_calls (fixture->world));
  digicert_world_plan (fixture->world, "search", "pem");
  digicert_world_plan (fixture->world, "search", "pem");
  found = digicert_find (fixture->backend, fixture->request, &error);
  g_assert_no_error (error);
  g_assert_true (brevet_certificate_equal (leaf_of (issued), leaf_of (found)));
  assert_calls (fixture->world, "search search profile");
}

static const Failure find_failures[] = {
  { "429-later", BREVET_CA_ERROR_RATE_LIMITED, 17, "request_limit_exceeded" },
  { "500", BREVET_CA_ERROR_UNAVAILABLE, -1, "internal_error" },
  { "html", BREVET_CA_ERROR_UNAVAILABLE, -1, "login page" },
  { "401", BREVET_CA_ERROR_AUTH, -1, "check the API key" },
  { "closed", BREVET_CA_ERROR_UNAVAILABLE, -1, "transaction" },
};

static void
test_find_failure (Fixture *fixture, gconstpointer data)
{
  const Failure *failure = data;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "search", failure->scenario);
  g_assert_null (digicert_find (fixture->backend, fixture->request, &error));
  assert_failure (error, failure);
  assert_calls (fixture->world, "search");
}

/* --- seats and duplicates --- */

/* A renewal sits where the device sat before. */
static void
test_seats (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) renewal = ca_request ("dev-1", 2);
  g_autoptr(BrevetCaRequest) other = ca_request ("dev-2", 3);
  g_autoptr(BrevetCaOutcome) first = NULL;
  g_autoptr(BrevetCaOutcome) second = NULL;
  g_autoptr(GError) error = NULL;

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"seats\",\"limit\":1}"));
  first = ca_assert_issue (fixture->backend, fixture->request);
  second = ca_assert_issue (fixture->backend, renewal);
  g_assert_null (ca_issue (fixture->backend, other, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_QUOTA);
  g_assert_nonnull (strstr (error->message, "“Your account has no licensed seats left”"));
  g_assert_cmpint (brevet_ca_error_classify (error), ==, BREVET_CA_ERROR_CLASS_OPERATOR);
}

/* A profile that allows no second one: what there is already may be what was asked for. */
static void
test_duplicate (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) other = ca_request ("dev-1", 2);
  g_autoptr(BrevetCaOutcome) first = NULL;
  g_autoptr(BrevetCaOutcome) found = NULL;
  g_autoptr(BrevetCaOutcome) nothing = NULL;
  g_autoptr(GError) error = NULL;

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"profile\",\"set\":{\"duplicate_cert_policy\":false}}"));
  first = ca_assert_issue (fixture->backend, fixture->request);
  g_assert_null (ca_issue (fixture->backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFLICT);
  g_clear_error (&error);
  found = digicert_find (fixture->backend, fixture->request, &error);
  g_assert_no_error (error);
  g_assert_true (brevet_certificate_equal (leaf_of (first), leaf_of (found)));
  nothing = digicert_find (fixture->backend, other, &error);
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND);
}

/* --- pending --- */

static char *
begin_pending (Fixture *fixture)
{
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  digicert_world_plan (fixture->world, "issue", "pending");
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  g_assert_false (brevet_ca_outcome_is_issued (outcome));
  g_assert_cmpuint (brevet_ca_outcome_get_poll_after (outcome), >, 0);
  return g_strdup (brevet_ca_outcome_get_ticket (outcome));
}

/* Another instance asks, as after a restart. */
static void
test_pending (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(BrevetCaBackend) restarted = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetCaOutcome) waiting = NULL;
  g_autoptr(BrevetCaOutcome) still_waiting = NULL;
  g_autoptr(BrevetCaOutcome) issued = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  waiting = digicert_poll (restarted, ticket, fixture->request, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_ca_outcome_get_ticket (waiting), ==, ticket);
  digicert_world_plan (fixture->world, "pickup", "short");
  still_waiting = digicert_poll (restarted, ticket, fixture->request, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_ca_outcome_get_ticket (still_waiting), ==, ticket);

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"approve\"}"));
  issued = digicert_poll (restarted, ticket, fixture->request, &error);
  g_assert_no_error (error);
  chain = run_check (fixture, issued, &error);
  g_assert_no_error (error);
  assert_calls (fixture->world, "issue pickup pickup pickup profile");
  g_assert_cmpuint (count_issued (fixture->world), ==, 1);
}

/* The deadline is for the device that waits; nobody does while a human decides. */
static void
test_pending_after_deadline (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(BrevetCaOutcome) waiting = NULL;
  g_autoptr(GError) error = NULL;

  brevet_ca_request_set_deadline (fixture->request, brevet_clock_monotonic ());
  waiting = digicert_poll (fixture->backend, ticket, fixture->request, &error);
  g_assert_no_error (error);
}

static void
test_rejected (Fixture *fixture, gconstpointer data)
{
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(GError) error = NULL;

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"reject\"}"));
  g_assert_null (digicert_poll (fixture->backend, ticket, fixture->request, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_REJECTED);
}

static const char *const bad_tickets[] = { "", "tlm/", "tlm/../certificate", "iot/0123", "tlm/a b", "tlm/a?b=c", "0123" };

static void
test_bad_tickets (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad_tickets); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (digicert_poll (fixture->backend, bad_tickets[i], fixture->request, &error));
      g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_TICKET_EXPIRED);
    }
  assert_calls (fixture->world, "");
}

static const Failure poll_failures[] = {
  { "404", BREVET_CA_ERROR_TICKET_EXPIRED, -1, "register again" },
  { "429", BREVET_CA_ERROR_RATE_LIMITED, 5, "request_limit_exceeded" },
  { "500", BREVET_CA_ERROR_UNAVAILABLE, -1, "internal_error" },
  { "html", BREVET_CA_ERROR_UNAVAILABLE, -1, "login page" },
  { "closed", BREVET_CA_ERROR_UNAVAILABLE, -1, "transaction" },
};

static void
test_poll_failure (Fixture *fixture, gconstpointer data)
{
  const Failure *failure = data;
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "pickup", failure->scenario);
  g_assert_null (digicert_poll (fixture->backend, ticket, fixture->request, &error));
  assert_failure (error, failure);
  assert_calls (fixture->world, "issue pickup");
}

/* There is no way to ask what becomes of it, so an operator has to know. */
static void
test_iot_pending (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "iot-issue", "pending");
  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROFILE);
  g_assert_nonnull (strstr (error->message, "PENDING_APPROVAL"));
  assert_calls (fixture->world, "iot-issue");
}

#define ADD(path, function) g_test_add ("/ca-digicert/" path, Fixture, NULL, set_up, function, tear_down)
#define ADD_EACH(path, table, item_name, item, function)                                         \
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)                                               \
    {                                                                                            \
      g_autofree char *name = g_strconcat ("/ca-digicert/" path "/", item_name, NULL);           \
      g_test_add (name, Fixture, item, set_up, function, tear_down);                             \
    }

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  ADD ("body/lifecycle", test_body);
  ADD ("body/names", test_body_names);
  ADD ("body/validity", test_body_validity);
  ADD ("body/iot", test_body_iot);
  ADD_EACH ("shape", shapes, shapes[i], shapes[i], test_shape);
  ADD_EACH ("unfit", unfit, unfit[i].name, &unfit[i], test_unfit);
  ADD_EACH ("failure", failures, failures[i].scenario, &failures[i], test_failure);
  ADD ("failure/unreachable", test_unreachable);
  ADD ("failure/untrusted", test_untrusted);
  ADD ("failure/mute", test_mute);
  ADD ("failure/no-time-left", test_no_time_left);
  ADD_EACH ("ambiguous", losses, losses[i], losses[i], test_loss);
  ADD ("ambiguous/late", test_late);
  ADD ("ambiguous/cancelled", test_cancelled);
  ADD ("find/nothing", test_find_nothing);
  ADD ("find/newest", test_find_newest);
  ADD ("find/far", test_find_far);
  ADD_EACH ("find-failure", find_failures, find_failures[i].scenario, &find_failures[i], test_find_failure);
  ADD ("seats", test_seats);
  ADD ("duplicate", test_duplicate);
  ADD ("pending/issued", test_pending);
  ADD ("pending/after-deadline", test_pending_after_deadline);
  ADD ("pending/rejected", test_rejected);
  ADD ("pending/bad-tickets", test_bad_tickets);
  ADD_EACH ("poll-failure", poll_failures, poll_failures[i].scenario, &poll_failures[i], test_poll_failure);
  ADD ("pending/iot", test_iot_pending);
  return g_test_run ();
}
