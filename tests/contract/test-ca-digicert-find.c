/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When nobody knows whether DigiCert has issued: it is looked for, and never asked for again. */

#include "digicert-fixture.h"
#include "test-wait.h"

#include <string.h>

/* --- ambiguity --- */

static const char *const losses[] = { "lost", "cut", "cut-0", "cut-1", "cut-100", "cut-1000", "504", "html-after", "garbage",
                                      "not-pem", "deep", "oversized", "unending", "no-certificate", "number" };

/* The certificate exists, and is found by its key: nothing is issued twice. */
static void
assert_found (DigicertFixture *fixture)
{
  g_autoptr(BrevetCaOutcome) found = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  found = digicert_find (fixture->backend, fixture->request, &error);
  g_assert_no_error (error);
  chain = digicert_run_check (fixture, found, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_chain_get_length (chain), ==, 2);
  digicert_assert_calls (fixture->world, "issue search profile");
  g_assert_cmpuint (digicert_world_count_issued (fixture->world), ==, 1);
}

static void
test_loss (DigicertFixture *fixture, gconstpointer data)
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
test_late (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", "late");
  brevet_ca_request_set_deadline (fixture->request, brevet_clock_monotonic () + G_USEC_PER_SEC);
  g_assert_null (ca_issue (fixture->backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_AMBIGUOUS);
  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"release\"}"));
  assert_found (fixture);
}

/* IoT Trust Manager cannot be asked: the core is told so, and asks for another certificate when it must. */
static void
test_loss_iot (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "iot-issue", "lost");
  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_AMBIGUOUS);
  g_clear_error (&error);
  g_assert_null (digicert_find (backend, fixture->request, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED);
  digicert_assert_calls (fixture->world, "iot-issue");
  g_assert_cmpuint (digicert_world_count_issued (fixture->world), ==, 1);
}

/* Whoever gave up knows from the request whether it must look. */
static void
test_cancelled (DigicertFixture *fixture, gconstpointer data)
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
      asked = digicert_world_count_issued (fixture->world) == 1;
    }
  g_cancellable_cancel (cancellable);
  test_wait_for_result (&result);
  g_assert_null (brevet_ca_backend_issue_finish (fixture->backend, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"release\"}"));
}

/* --- find --- */

static void
assert_nothing (DigicertFixture *fixture)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (digicert_find (fixture->backend, fixture->request, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND);
}

/* Of the same seat are other keys, of the same key is a certificate that was revoked. */
static void
test_find_nothing (DigicertFixture *fixture, gconstpointer data)
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

/* Only this device's certificates, of this profile, that are not revoked. */
static void
test_find_query (DigicertFixture *fixture, gconstpointer data)
{
  assert_nothing (fixture);
  digicert_assert_query (fixture->world, "/mpki/api/v1/certificate-search",
                         "{\"seat_id\":\"dev-1\",\"profile_id\":\"" DIGICERT_PROFILE "\",\"status\":\"ISSUED\",\"limit\":\"50\","
                         "\"offset\":\"0\"}");
}

/* A device may renew with the key that it has: what was issued last answers the last question. */
static void
test_find_newest (DigicertFixture *fixture, gconstpointer data)
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
  g_assert_true (brevet_certificate_equal (digicert_leaf_of (newest), digicert_leaf_of (found)));
}

/* What the core has already answers nothing: the one before it may be what was lost. */
static void
test_find_unknown (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaOutcome) older = NULL, newer = NULL;
  g_autoptr(BrevetCaOutcome) found = NULL;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "issue", "old");
  older = ca_assert_issue (fixture->backend, fixture->request);
  newer = ca_assert_issue (fixture->backend, fixture->request);
  brevet_ca_request_add_known (fixture->request, brevet_certificate_get_sha256 (digicert_leaf_of (newer)));
  found = digicert_find (fixture->backend, fixture->request, &error);
  g_assert_no_error (error);
  g_assert_true (brevet_certificate_equal (digicert_leaf_of (older), digicert_leaf_of (found)));
  brevet_ca_request_add_known (fixture->request, brevet_certificate_get_sha256 (digicert_leaf_of (older)));
  assert_nothing (fixture);
}

/* Behind the first page; and in the other spelling of a certificate. */
static void
test_find_far (DigicertFixture *fixture, gconstpointer data)
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
  g_assert_true (brevet_certificate_equal (digicert_leaf_of (issued), digicert_leaf_of (found)));
  digicert_assert_calls (fixture->world, "search search profile");
}

static const DigicertFailure find_failures[] = {
  { "429-later", BREVET_CA_ERROR_RATE_LIMITED, 17, "request_limit_exceeded" },
  { "500", BREVET_CA_ERROR_UNAVAILABLE, -1, "internal_error" },
  { "html", BREVET_CA_ERROR_UNAVAILABLE, -1, "login page" },
  { "401", BREVET_CA_ERROR_AUTH, -1, "check the API key" },
  { "closed", BREVET_CA_ERROR_UNAVAILABLE, -1, "transaction" },
};

static void
test_find_failure (DigicertFixture *fixture, gconstpointer data)
{
  const DigicertFailure *failure = data;
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "search", failure->scenario);
  g_assert_null (digicert_find (fixture->backend, fixture->request, &error));
  digicert_assert_failure (error, failure);
  digicert_assert_calls (fixture->world, "search");
}

/* --- seats and duplicates --- */

/* A renewal sits where the device sat before. */
static void
test_seats (DigicertFixture *fixture, gconstpointer data)
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
test_duplicate (DigicertFixture *fixture, gconstpointer data)
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
  g_assert_true (brevet_certificate_equal (digicert_leaf_of (first), digicert_leaf_of (found)));
  nothing = digicert_find (fixture->backend, other, &error);
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_NOT_FOUND);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  DIGICERT_ADD_EACH ("ambiguous", losses, losses[i], losses[i], test_loss);
  DIGICERT_ADD ("ambiguous/iot", test_loss_iot);
  DIGICERT_ADD ("ambiguous/late", test_late);
  DIGICERT_ADD ("ambiguous/cancelled", test_cancelled);
  DIGICERT_ADD ("find/nothing", test_find_nothing);
  DIGICERT_ADD ("find/query", test_find_query);
  DIGICERT_ADD ("find/newest", test_find_newest);
  DIGICERT_ADD ("find/unknown", test_find_unknown);
  DIGICERT_ADD ("find/far", test_find_far);
  DIGICERT_ADD_EACH ("find-failure", find_failures, find_failures[i].scenario, &find_failures[i], test_find_failure);
  DIGICERT_ADD ("seats", test_seats);
  DIGICERT_ADD ("duplicate", test_duplicate);
  return g_test_run ();
}
