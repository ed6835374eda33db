/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-trust-bundle-poll.h"
#include "scripted-service.h"

#include <string.h>

#define BUNDLE "{\"id\":\"plant-roots\",\"certificates\":[{\"certificate\":\"PEM\"}],\"etag\":\"0a02\"}"
#define REFUSED "{\"errorCode\":401002,\"trackingId\":\"track-9\",\"message\":\"Unauthorized\"}"

typedef struct {
  ScriptedTransport *transport;
  ScriptedProver *prover;
  GCancellable *cancellable;
  GAsyncResult *result;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->transport = scripted_transport_new ();
  fixture->prover = scripted_prover_new (GPOINTER_TO_INT (data));
  fixture->cancellable = g_cancellable_new ();
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_assert_finalize_object (fixture->transport);
  g_assert_finalize_object (fixture->prover);
  g_clear_object (&fixture->cancellable);
}

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ((Fixture *) user_data)->result = g_object_ref (result);
}

static gboolean
look (Fixture *fixture, const char *etag, BrevetTrustBundlePoll *poll, GError **error)
{
  gboolean done;

  brevet_trust_bundle_poll_async (BREVET_TRANSPORT (fixture->transport), BREVET_PROVER (fixture->prover), "0ne0001", "pump:07",
                                  etag, fixture->cancellable, store_result, fixture);
  while (fixture->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  done = brevet_trust_bundle_poll_finish (fixture->result, poll, error);
  g_clear_object (&fixture->result);
  return done;
}

static void
assert_kind (Fixture *fixture, const char *etag, BrevetTrustBundlePollKind kind)
{
  g_auto(BrevetTrustBundlePoll) poll = { 0 };
  g_autoptr(GError) error = NULL;

  look (fixture, etag, &poll, &error);
  g_assert_no_error (error);
  g_assert_cmpint (poll.kind, ==, kind);
  g_assert_null (poll.document);
  g_assert_null (poll.etag);
}

static void
assert_fails (Fixture *fixture, int code, const char *text, int retry_after)
{
  g_auto(BrevetTrustBundlePoll) poll = { 0 };
  g_autoptr(GError) error = NULL;

  g_assert_false (look (fixture, "0a01", &poll, &error));
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, text) == NULL)
    g_error ("“%s” does not say “%s”", error->message, text);
  g_assert_cmpint (poll.retry_after, ==, retry_after);
}

static void
test_changed (Fixture *fixture, gconstpointer data)
{
  g_auto(BrevetTrustBundlePoll) poll = { 0 };
  g_autoptr(GError) error = NULL;

  scripted_transport_reply_with_etag (fixture->transport, 200, "W/\"0a03\"", BUNDLE);
  look (fixture, "0a01", &poll, &error);
  g_assert_no_error (error);
  g_assert_cmpint (poll.kind, ==, BREVET_TRUST_BUNDLE_CHANGED);
  g_assert_cmpstr (json_object_get_string_member (poll.document, "id"), ==, "plant-roots");
  g_assert_cmpstr (poll.etag, ==, "0a03");
  g_assert_cmpstr (scripted_transport_get_line (fixture->transport, 0), ==,
                   "GET /0ne0001/registrations/pump%3A07/trustBundle?api-version=2021-11-01-preview");
  g_assert_cmpstr (scripted_transport_get_if_none_match (fixture->transport, 0), ==, "\"0a01\"");
  g_assert_null (scripted_transport_get_body (fixture->transport, 0));
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 0), ==, "token-1");
}

static void
test_first (Fixture *fixture, gconstpointer data)
{
  g_auto(BrevetTrustBundlePoll) poll = { 0 };
  g_autoptr(GError) error = NULL;

  scripted_transport_reply (fixture->transport, 200, NULL, BUNDLE);
  look (fixture, NULL, &poll, &error);
  g_assert_no_error (error);
  g_assert_null (scripted_transport_get_if_none_match (fixture->transport, 0));
  g_assert_cmpstr (poll.etag, ==, "0a02");
}

static void
test_nothing_new (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply_with_etag (fixture->transport, 304, "\"0a01\"", NULL);
  assert_kind (fixture, "\"0a01\"", BREVET_TRUST_BUNDLE_UNCHANGED);
  g_assert_cmpstr (scripted_transport_get_if_none_match (fixture->transport, 0), ==, "\"0a01\"");
  scripted_transport_reply (fixture->transport, 204, NULL, NULL);
  assert_kind (fixture, "0a01", BREVET_TRUST_BUNDLE_NONE);
}

static void
test_other_services (Fixture *fixture, gconstpointer data)
{
  static const guint statuses[] = { 400, 404, 405 };

  for (guint i = 0; i < G_N_ELEMENTS (statuses); i++)
    {
      scripted_transport_reply (fixture->transport, statuses[i], NULL, "{\"message\":\"Resource not found\"}");
      assert_kind (fixture, "0a01", BREVET_TRUST_BUNDLE_UNSUPPORTED);
    }
  /* The way to the service may have no words for it either. */
  scripted_transport_fail (fixture->transport, BREVET_ERROR_UNSUPPORTED, "There is no topic for that");
  assert_kind (fixture, "0a01", BREVET_TRUST_BUNDLE_UNSUPPORTED);
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 401, NULL, REFUSED);
  assert_fails (fixture, BREVET_ERROR_REJECTED, "Unauthorized (code 401002, tracking id track-9)", -1);
  scripted_transport_reply (fixture->transport, 403, NULL, NULL);
  assert_fails (fixture, BREVET_ERROR_UNREACHABLE, "Whoever answers with 403 is perhaps not the service", -1);
}

static void
test_trouble (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 429, "17", NULL);
  assert_fails (fixture, BREVET_ERROR_BUSY, "429", 17);
  scripted_transport_reply (fixture->transport, 503, "120", NULL);
  assert_fails (fixture, BREVET_ERROR_UNREACHABLE, "503", 120);
  scripted_transport_reply (fixture->transport, 502, NULL, "<html>");
  assert_fails (fixture, BREVET_ERROR_UNREACHABLE, "502", -1);
  scripted_transport_fail (fixture->transport, BREVET_ERROR_UNREACHABLE, "refused");
  assert_fails (fixture, BREVET_ERROR_UNREACHABLE, "refused", -1);
  scripted_transport_fail (fixture->transport, BREVET_ERROR_UNTRUSTED, "foreign");
  assert_fails (fixture, BREVET_ERROR_UNTRUSTED, "foreign", -1);
}

/* A portal that answers everything with a page must not make the caller forget its bundle. */
static void
test_strange_answers (Fixture *fixture, gconstpointer data)
{
  static const char *const bodies[] = { NULL, "", "<html>", "[]", "{}", "{\"certificates\":{}}" };

  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      scripted_transport_reply (fixture->transport, 200, NULL, bodies[i]);
      assert_fails (fixture, BREVET_ERROR_UNREACHABLE, "no trust bundle", -1);
    }
  scripted_transport_reply (fixture->transport, 302, NULL, NULL);
  assert_fails (fixture, BREVET_ERROR_UNREACHABLE, "302", -1);
}

static void
test_challenge (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"message\":\"Authorization required.\",\"nonce\":\"xyz\"}");
  scripted_transport_reply (fixture->transport, 304, NULL, NULL);
  assert_kind (fixture, "0a01", BREVET_TRUST_BUNDLE_UNCHANGED);
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 1), ==, "token-2xyz");
  for (guint i = 0; i < 2; i++)
    scripted_transport_reply (fixture->transport, 401, NULL, "{\"message\":\"Authorization required.\",\"nonce\":\"xyz\"}");
  assert_fails (fixture, BREVET_ERROR_REJECTED, "Authorization required", -1);
}

static gboolean
cancel (gpointer user_data)
{
  g_cancellable_cancel (G_CANCELLABLE (user_data));
  return G_SOURCE_REMOVE;
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_auto(BrevetTrustBundlePoll) poll = { 0 };
  g_autoptr(GError) error = NULL;

  scripted_transport_hang (fixture->transport);
  g_idle_add (cancel, fixture->cancellable);
  g_assert_false (look (fixture, NULL, &poll, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_broken_credential (Fixture *fixture, gconstpointer data)
{
  assert_fails (fixture, BREVET_ERROR_NOT_CONFIGURED, "The key is missing", -1);
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, 0);
}

#define ADD(name, function) g_test_add ("/trust-bundle-poll/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("changed", test_changed);
  ADD ("first", test_first);
  ADD ("nothing-new", test_nothing_new);
  ADD ("other-services", test_other_services);
  ADD ("refused", test_refused);
  ADD ("trouble", test_trouble);
  ADD ("strange-answers", test_strange_answers);
  ADD ("challenge", test_challenge);
  ADD ("cancelled", test_cancelled);
  g_test_add ("/trust-bundle-poll/broken-credential", Fixture, GINT_TO_POINTER (TRUE), set_up, test_broken_credential, tear_down);
  return g_test_run ();
}
