/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-fixture.h"

#include <string.h>

void
digicert_set_up (DigicertFixture *fixture, gconstpointer data)
{
  fixture->world = digicert_world_new ();
  fixture->backend = digicert_world_backend (fixture->world, NULL, NULL);
  fixture->request = ca_request ("dev-1", 1);
}

void
digicert_tear_down (DigicertFixture *fixture, gconstpointer data)
{
  brevet_ca_request_unref (fixture->request);
  g_object_unref (fixture->backend);
  digicert_world_free (fixture->world);
}

void
digicert_assert_calls (DigicertWorld *world, const char *expected)
{
  g_autofree char *calls = digicert_world_calls (world);

  g_assert_cmpstr (calls, ==, expected);
}

/* A CSR is another one on each run. */
static void
hide_csr (JsonObject *body)
{
  if (body == NULL || !json_object_has_member (body, "csr"))
    return;
  g_assert_true (g_str_has_prefix (json_object_get_string_member (body, "csr"), "-----BEGIN "));
  json_object_set_string_member (body, "csr", "…");
}

static char *
show (JsonObject *object)
{
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);

  json_node_set_object (node, object);
  return json_to_string (node, FALSE);
}

static JsonObject *
get_last_call (JsonObject *report)
{
  JsonArray *calls = json_object_get_array_member (report, "calls");

  return json_array_get_object_element (calls, json_array_get_length (calls) - 1);
}

void
digicert_assert_body (DigicertWorld *world, const char *expected)
{
  g_autoptr(JsonObject) report = digicert_world_order (world, "{\"do\":\"report\"}");
  JsonObject *body = json_object_get_object_member (get_last_call (report), "body");
  g_autofree char *text = NULL;

  hide_csr (body);
  text = show (body);
  g_assert_cmpstr (text, ==, expected);
}

void
digicert_assert_query (DigicertWorld *world, const char *path, const char *expected)
{
  g_autoptr(JsonObject) report = digicert_world_order (world, "{\"do\":\"report\"}");
  JsonObject *call = get_last_call (report);
  g_autofree char *query = show (json_object_get_object_member (call, "query"));

  g_assert_cmpstr (json_object_get_string_member (call, "path"), ==, path);
  g_assert_cmpstr (query, ==, expected);
}

guint
digicert_world_count_issued (DigicertWorld *world)
{
  g_autoptr(JsonObject) report = digicert_world_order (world, "{\"do\":\"report\"}");

  return json_array_get_length (json_object_get_array_member (report, "issued"));
}

BrevetChain *
digicert_run_check (DigicertFixture *fixture, BrevetCaOutcome *outcome, GError **error)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetTrustBundle) trust = ca_get_trust (fixture->backend);

  return brevet_issuance_check_run (check, fixture->request, outcome, trust, brevet_clock_now_seconds (), error);
}

BrevetCertificate *
digicert_leaf_of (BrevetCaOutcome *outcome)
{
  return brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome));
}

void
digicert_assert_failure (const GError *error, const DigicertFailure *failure)
{
  g_test_message ("%s", error->message);
  g_assert_error (error, BREVET_CA_ERROR, (int) failure->code);
  g_assert_nonnull (strstr (error->message, failure->says));
  g_assert_null (strstr (error->message, DIGICERT_API_KEY));
  g_assert_true (g_uuid_string_is_valid (brevet_ca_error_get_transaction_id (error)));
  if (failure->retry_after != -2)
    g_assert_cmpint (brevet_ca_error_get_retry_after (error), ==, failure->retry_after);
  else
    g_assert_cmpint (ABS (brevet_ca_error_get_retry_after (error) - 600), <, 60);
}
