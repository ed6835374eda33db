/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <brevet.h>

static void
test_request (void)
{
  g_autoptr(BrevetRequest) request = brevet_request_new ("PUT", "/scope/registrations/a%20b/register", "api-version=2021-06-01");
  g_autoptr(BrevetRequest) other = brevet_request_new ("GET", "/", NULL);
  g_autoptr(GBytes) body = g_bytes_new_static ("{}", 2);

  g_assert_cmpstr (brevet_request_get_method (request), ==, "PUT");
  g_assert_cmpstr (brevet_request_get_path (request), ==, "/scope/registrations/a%20b/register");
  g_assert_cmpstr (brevet_request_get_query (request), ==, "api-version=2021-06-01");
  g_assert_null (brevet_request_get_query (other));
  g_assert_true (g_uuid_string_is_valid (brevet_request_get_tracking_id (request)));
  g_assert_cmpstr (brevet_request_get_tracking_id (request), !=, brevet_request_get_tracking_id (other));

  g_assert_null (brevet_request_get_body (request));
  brevet_request_set_body (request, body);
  g_assert_true (brevet_request_get_body (request) == body);
  brevet_request_set_body (request, body);
  brevet_request_set_body (request, NULL);
  g_assert_null (brevet_request_get_body (request));
}

static void
collect (const char *name, const char *value, gpointer user_data)
{
  g_string_append_printf (user_data, "%s=%s;", name, value);
}

static void
test_headers (void)
{
  g_autoptr(BrevetRequest) request = brevet_request_new ("GET", "/", NULL);
  g_autoptr(BrevetReply) reply = brevet_reply_new (202, NULL);
  g_autoptr(GString) seen = g_string_new (NULL);

  brevet_request_set_header (request, "Content-Type", "application/json");
  brevet_request_set_header (request, "If-Match", "\"1\"");
  brevet_request_set_header (request, "X-Gone", "soon");
  brevet_request_set_header (request, "IF-MATCH", "*");
  brevet_request_set_header (request, "x-gone", NULL);
  brevet_request_set_header (request, "never-there", NULL);
  g_assert_cmpstr (brevet_request_get_header (request, "if-match"), ==, "*");
  g_assert_null (brevet_request_get_header (request, "x-gone"));
  brevet_request_foreach_header (request, collect, seen);
  g_assert_cmpstr (seen->str, ==, "content-type=application/json;if-match=*;");

  brevet_reply_set_header (reply, "Retry-After", "3");
  g_assert_cmpstr (brevet_reply_get_header (reply, "retry-after"), ==, "3");
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 202);
}

static void
count (gpointer user_data)
{
  ++*(int *) user_data;
}

static void
test_admission (void)
{
  BrevetRequest *request = brevet_request_new ("GET", "/", NULL);
  int first = 0;
  int second = 0;

  brevet_request_set_admission (request, &first, count);
  g_assert_true (brevet_request_get_admission (request) == &first);
  brevet_request_set_admission (request, &second, count);
  g_assert_cmpint (first, ==, 1);
  brevet_request_unref (request);
  g_assert_cmpint (second, ==, 1);
}

typedef struct {
  int delivered;
  int destroyed;
} Fate;

static void
on_delivered (gpointer user_data)
{
  ((Fate *) user_data)->delivered++;
}

static void
on_destroyed (gpointer user_data)
{
  ((Fate *) user_data)->destroyed++;
}

static void
test_delivered (void)
{
  BrevetReply *reply = brevet_reply_new (200, NULL);
  Fate fate = { 0, 0 };

  brevet_reply_set_delivered_callback (reply, on_delivered, &fate, on_destroyed);
  brevet_reply_delivered (reply);
  brevet_reply_delivered (reply);
  g_assert_cmpint (fate.delivered, ==, 1);
  g_assert_cmpint (fate.destroyed, ==, 1);
  brevet_reply_unref (reply);
  g_assert_cmpint (fate.destroyed, ==, 1);
}

static void
test_undelivered (void)
{
  BrevetReply *reply = brevet_reply_new (200, NULL);
  Fate fate = { 0, 0 };

  brevet_reply_set_delivered_callback (reply, on_delivered, &fate, on_destroyed);
  brevet_reply_unref (reply);
  g_assert_cmpint (fate.delivered, ==, 0);
  g_assert_cmpint (fate.destroyed, ==, 1);
}

static void
test_claims (void)
{
  g_autoptr(BrevetRequest) request = brevet_request_new ("GET", "/", NULL);
  g_autoptr(BrevetClaims) claims = brevet_claims_new ();
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autoptr(JsonObject) parameters = json_object_new ();

  brevet_claims_set_token (claims, "SharedAccessSignature sr=…");
  brevet_claims_set_token (claims, brevet_claims_get_token (claims));
  brevet_claims_set_device (claims, "0ne000", "pump-07");
  brevet_claims_set_remote_address (claims, "192.0.2.1");
  brevet_claims_set_parameters (claims, parameters);
  brevet_request_set_claims (request, claims);
  g_assert_cmpstr (brevet_claims_get_token (brevet_request_get_claims (request)), ==, "SharedAccessSignature sr=…");
  g_assert_cmpstr (brevet_claims_get_registration_id (claims), ==, "pump-07");
  g_assert_cmpstr (brevet_claims_get_id_scope (claims), ==, "0ne000");
  g_assert_true (brevet_claims_get_parameters (claims) == parameters);

  brevet_evidence_set_token (evidence, "token");
  brevet_evidence_set_parameters (evidence, parameters);
  brevet_request_set_evidence (request, evidence);
  g_assert_cmpstr (brevet_evidence_get_token (brevet_request_get_evidence (request)), ==, "token");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/message/request", test_request);
  g_test_add_func ("/message/headers", test_headers);
  g_test_add_func ("/message/admission", test_admission);
  g_test_add_func ("/message/delivered", test_delivered);
  g_test_add_func ("/message/undelivered", test_undelivered);
  g_test_add_func ("/message/claims", test_claims);
  return g_test_run ();
}
