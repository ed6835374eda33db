/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-registration-client.h"
#include "scripted-service.h"

#include <string.h>

#define ASSIGNED \
  "{\"operationId\":\"op-1\",\"status\":\"assigned\"," \
  "\"registrationState\":{\"registrationId\":\"pump-07\",\"status\":\"assigned\"," \
  "\"assignedHub\":\"hub.example.net\",\"deviceId\":\"pump-07\",\"issuedClientCertificate\":\"PEM\"}}"
#define ASSIGNED_WITH(gift) \
  "{\"operationId\":\"op-1\",\"status\":\"assigned\"," \
  "\"registrationState\":{\"registrationId\":\"pump-07\",\"status\":\"assigned\",\"assignedHub\":\"hub.example.net\"," \
  "\"tpm\":{\"gift\":\"" gift "\"}}}"
#define ASSIGNING "{\"operationId\":\"op 1/x\",\"status\":\"assigning\"}"
#define FAILED \
  "{\"operationId\":\"op-1\",\"status\":\"failed\",\"registrationState\":{\"registrationId\":\"pump-07\",\"status\":\"failed\"," \
  "\"errorCode\":400208,\"errorMessage\":\"No hub is linked\"}}"
#define DISABLED \
  "{\"operationId\":\"op-1\",\"status\":\"disabled\"," \
  "\"registrationState\":{\"registrationId\":\"pump-07\",\"status\":\"disabled\"," \
  "\"errorCode\":403001,\"errorMessage\":\"Switched off\"}}"
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
  g_clear_object (&fixture->result);
  g_clear_object (&fixture->cancellable);
  g_assert_finalize_object (fixture->transport);
  g_assert_finalize_object (fixture->prover);
}

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ((Fixture *) user_data)->result = g_object_ref (result);
}

static BrevetRegistrationState *
run (Fixture *fixture, GBytes *csr, JsonNode *payload, guint timeout, GError **error)
{
  g_autoptr(BrevetRegistrationClient) client = brevet_registration_client_new (BREVET_TRANSPORT (fixture->transport),
                                                                               BREVET_PROVER (fixture->prover), "0ne0001",
                                                                               "pump-07");
  BrevetRegistrationState *state;

  brevet_registration_client_register_async (client, csr, payload, timeout, fixture->cancellable, store_result, fixture);
  while (fixture->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  state = brevet_registration_client_register_finish (client, fixture->result, error);
  g_clear_object (&fixture->result);
  return state;
}

static void
assert_assigned (Fixture *fixture, guint requests)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationState) state = run (fixture, NULL, NULL, 60, &error);

  g_assert_no_error (error);
  g_assert_cmpint (state->status, ==, BREVET_REGISTRATION_ASSIGNED);
  g_assert_cmpstr (state->assigned_hub, ==, "hub.example.net");
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, requests);
}

static void
assert_error (Fixture *fixture, guint timeout, int code, const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationState) state = run (fixture, NULL, NULL, timeout, &error);

  g_assert_null (state);
  g_assert_nonnull (error);
  g_assert_true (g_error_matches (error, BREVET_ERROR, code));
  if (strstr (error->message, text) == NULL)
    g_error ("“%s” does not say “%s”", error->message, text);
}

static void
test_at_once (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GBytes) csr = g_bytes_new_static ("\x30\x03\x02\x01\x00", 5);
  g_autoptr(JsonNode) payload = json_from_string ("{\"model\":\"P7\"}", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationState) state = NULL;

  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  state = run (fixture, csr, payload, 60, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (state->certificate_pem, ==, "PEM");
  g_assert_cmpstr (scripted_transport_get_line (fixture->transport, 0), ==,
                   "PUT /0ne0001/registrations/pump-07/register?api-version=2021-11-01-preview");
  g_assert_cmpstr (scripted_transport_get_body (fixture->transport, 0), ==,
                   "{\"registrationId\":\"pump-07\",\"clientCertificateCsr\":\"MAMCAQA=\",\"payload\":{\"model\":\"P7\"}}");
  g_assert_cmpstr (scripted_transport_get_prefer (fixture->transport, 0), ==, "wait=30");
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 0), ==, "token-1");
}

static void
test_polls (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 202, "0", ASSIGNING);
  scripted_transport_reply (fixture->transport, 202, "3", ASSIGNING);
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  assert_assigned (fixture, 3);
  g_assert_cmpstr (scripted_transport_get_line (fixture->transport, 1), ==,
                   "GET /0ne0001/registrations/pump-07/operations/op%201%2Fx?api-version=2021-11-01-preview");
  g_assert_null (scripted_transport_get_body (fixture->transport, 1));
  g_assert_nonnull (scripted_transport_get_prefer (fixture->transport, 1));
  /* A pause is two seconds at least, whatever the service says. */
  g_assert_cmpint (scripted_transport_get_pause (fixture->transport, 0), >=, 1900000);
  g_assert_cmpint (scripted_transport_get_pause (fixture->transport, 1), >=, 2900000);
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 2), ==, "token-1");
}

static void
test_challenge (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n1\",\"message\":\"prove it\"}");
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  assert_assigned (fixture, 2);
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 1), ==, "token-2-n1");
}

static void
test_second_challenge_is_a_refusal (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n1\"}");
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n2\"}");
  assert_error (fixture, 60, BREVET_ERROR_REJECTED, "401");
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, 2);
}

/* The key of the challenge has expired at the service while the device was waiting. */
static void
test_challenge_while_polling (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n1\"}");
  scripted_transport_reply (fixture->transport, 202, NULL, ASSIGNING);
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n2\"}");
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  assert_assigned (fixture, 4);
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 2), ==, "token-2-n1");
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 3), ==, "token-3-n2");
  g_assert_true (g_str_has_prefix (scripted_transport_get_line (fixture->transport, 3), "GET "));
}

static void
test_begins_anew (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n1\"}");
  scripted_transport_reply (fixture->transport, 202, NULL, ASSIGNING);
  scripted_transport_reply (fixture->transport, 401, NULL, REFUSED);
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n2\"}");
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  g_test_expect_message ("brevet-client", G_LOG_LEVEL_MESSAGE, "*401*; beginning anew");
  assert_assigned (fixture, 5);
  g_test_assert_expected_messages ();
  g_assert_true (g_str_has_prefix (scripted_transport_get_line (fixture->transport, 3), "PUT "));
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 3), ==, "token-3");
  g_assert_cmpstr (scripted_transport_get_token (fixture->transport, 4), ==, "token-4-n2");
}

static void
test_begins_anew_once (Fixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < 2; i++)
    {
      scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n\"}");
      scripted_transport_reply (fixture->transport, 202, NULL, ASSIGNING);
      scripted_transport_reply (fixture->transport, 401, NULL, REFUSED);
    }
  g_test_expect_message ("brevet-client", G_LOG_LEVEL_MESSAGE, "*401*; beginning anew");
  assert_error (fixture, 60, BREVET_ERROR_REJECTED, "Unauthorized");
  g_test_assert_expected_messages ();
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, 6);
}

/* What comes along with the assignment is the prover's, and the device is assigned whatever that makes of it. */
static void
test_prover_accepts (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED_WITH ("key"));
  assert_assigned (fixture, 1);
  g_assert_cmpstr (scripted_prover_get_accepted (fixture->prover), ==, "key");
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED_WITH ("poisoned"));
  g_test_expect_message ("brevet-client", G_LOG_LEVEL_WARNING, "*pump-07 is assigned, but*The hands are full");
  assert_assigned (fixture, 2);
  g_test_assert_expected_messages ();
  g_assert_cmpstr (scripted_prover_get_accepted (fixture->prover), ==, "poisoned");
}

static void
test_refused (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 401, NULL, REFUSED);
  assert_error (fixture, 60, BREVET_ERROR_REJECTED, "Unauthorized (code 401002, tracking id track-9)");
  scripted_transport_reply (fixture->transport, 404, NULL, "{\"errorCode\":404201}");
  assert_error (fixture, 60, BREVET_ERROR_REJECTED, "404 (code 404201, tracking id request-7)");
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, 2);
}

/* A network that wants a login first answers everything with a page of its own, until somebody has logged in. */
static void
test_stranger_refuses (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 403, NULL, "<html>Please log in");
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  assert_assigned (fixture, 2);
}

static void
test_failed (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 200, NULL, FAILED);
  assert_error (fixture, 60, BREVET_ERROR_REJECTED, "No hub is linked (code 400208, tracking id request-7)");
}

static void
test_trouble_passes (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 503, NULL, "<html>");
  scripted_transport_fail (fixture->transport, BREVET_ERROR_UNREACHABLE, "Nobody there");
  scripted_transport_reply (fixture->transport, 200, NULL, "no JSON");
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  for (guint i = 0; i < 3; i++)
    g_test_expect_message ("brevet-client", G_LOG_LEVEL_MESSAGE, "*; trying again in * s");
  assert_assigned (fixture, 4);
  g_test_assert_expected_messages ();
}

static void
test_stranger_answers (Fixture *fixture, gconstpointer data)
{
  scripted_transport_fail (fixture->transport, BREVET_ERROR_UNTRUSTED, "Somebody else is there");
  assert_error (fixture, 60, BREVET_ERROR_UNTRUSTED, "Somebody else is there");
}

static void
test_throttled (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 429, "1", REFUSED);
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  g_test_expect_message ("brevet-client", G_LOG_LEVEL_MESSAGE, "*429*");
  assert_assigned (fixture, 2);
  g_test_assert_expected_messages ();
  g_assert_cmpint (scripted_transport_get_pause (fixture->transport, 0), >=, 990000);
}

static void
test_trouble_while_polling (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 202, NULL, ASSIGNING);
  scripted_transport_reply (fixture->transport, 500, NULL, NULL);
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  g_test_expect_message ("brevet-client", G_LOG_LEVEL_MESSAGE, "*500*");
  assert_assigned (fixture, 3);
  g_test_assert_expected_messages ();
  /* It is the operation that is asked for again, not a new registration. */
  g_assert_true (g_str_has_prefix (scripted_transport_get_line (fixture->transport, 2), "GET "));
}

static void
test_too_late_while_paused (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 429, "3600", REFUSED);
  g_test_expect_message ("brevet-client", G_LOG_LEVEL_MESSAGE, "*");
  assert_error (fixture, 1, BREVET_ERROR_UNREACHABLE,
                "no result after 1 seconds: The service answers with 429: Unauthorized");
  g_test_assert_expected_messages ();
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, 1);
}

static void
test_too_late_while_waiting (Fixture *fixture, gconstpointer data)
{
  scripted_transport_hang (fixture->transport);
  assert_error (fixture, 1, BREVET_ERROR_UNREACHABLE, "no result after 1 seconds");
  g_assert_cmpstr (scripted_transport_get_prefer (fixture->transport, 0), ==, "wait=1");
}

static gboolean
on_cancel (gpointer user_data)
{
  g_cancellable_cancel (G_CANCELLABLE (user_data));
  return G_SOURCE_REMOVE;
}

static void
assert_cancelled (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationState) state = NULL;

  g_timeout_add (100, on_cancel, fixture->cancellable);
  state = run (fixture, NULL, NULL, 60, &error);
  g_assert_null (state);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_cancellable_reset (fixture->cancellable);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  scripted_transport_hang (fixture->transport);
  assert_cancelled (fixture);
  scripted_transport_reply (fixture->transport, 202, "59", ASSIGNING);
  assert_cancelled (fixture);
}

static void
take_cancelled (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_registration_client_register_finish (BREVET_REGISTRATION_CLIENT (source), result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  *(gboolean *) user_data = TRUE;
}

/* A transport that ends in the middle of the cancelling must not hang the program: nobody may wait there for the end of it. */
static void
test_cancelled_on_signal (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetRegistrationClient) client = NULL;
  gboolean done = FALSE;

  scripted_transport_hang_on_signal (fixture->transport);
  client = brevet_registration_client_new (BREVET_TRANSPORT (fixture->transport), BREVET_PROVER (fixture->prover), "s", "d");
  brevet_registration_client_register_async (client, NULL, NULL, 60, fixture->cancellable, take_cancelled, &done);
  g_timeout_add (100, on_cancel, fixture->cancellable);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
  g_cancellable_reset (fixture->cancellable);
}

static void
test_broken_credential (Fixture *fixture, gconstpointer data)
{
  assert_error (fixture, 60, BREVET_ERROR_NOT_CONFIGURED, "key is missing");
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, 0);
}

static void
test_wrong_configuration_is_final (Fixture *fixture, gconstpointer data)
{
  scripted_transport_fail (fixture->transport, BREVET_ERROR_NOT_CONFIGURED, "Bad key");
  assert_error (fixture, 60, BREVET_ERROR_NOT_CONFIGURED, "Bad key");
}

static void
note_stage (BrevetRegistrationClient *client, guint stage, gpointer user_data)
{
  static const char *const words[] = { "proving ", "registering ", "assigning " };

  g_assert_cmpuint (stage, <, G_N_ELEMENTS (words));
  g_string_append (user_data, words[stage]);
}

static BrevetRegistrationClient *
make_impatient_client (Fixture *fixture)
{
  BrevetRegistrationClient *client = brevet_registration_client_new (BREVET_TRANSPORT (fixture->transport),
                                                                     BREVET_PROVER (fixture->prover), "0ne0001", "pump-07");

  brevet_registration_client_set_patient (client, FALSE);
  return client;
}

static BrevetRegistrationState *
run_client (Fixture *fixture, BrevetRegistrationClient *client, GError **error)
{
  BrevetRegistrationState *state;

  brevet_registration_client_register_async (client, NULL, NULL, 60, fixture->cancellable, store_result, fixture);
  while (fixture->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  state = brevet_registration_client_register_finish (client, fixture->result, error);
  g_clear_object (&fixture->result);
  return state;
}

static void
test_stages (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetRegistrationClient) client = make_impatient_client (fixture);
  g_autoptr(BrevetRegistrationState) state = NULL;
  g_autoptr(GString) stages = g_string_new (NULL);
  g_autoptr(GError) error = NULL;

  g_signal_connect (client, "stage-changed", G_CALLBACK (note_stage), stages);
  scripted_transport_reply (fixture->transport, 401, NULL, "{\"nonce\":\"-n1\",\"message\":\"prove it\"}");
  scripted_transport_reply (fixture->transport, 202, NULL, ASSIGNING);
  scripted_transport_reply (fixture->transport, 202, NULL, ASSIGNING);
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  state = run_client (fixture, client, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (stages->str, ==, "proving registering proving registering assigning ");
  g_assert_null (brevet_registration_client_get_failure (client)->tracking_id);
}

static void
assert_gives_up (Fixture *fixture, BrevetRegistrationClient *client, int code, guint error_code, const char *tracking_id,
                 int retry_after)
{
  const BrevetRegistrationFailure *failure = brevet_registration_client_get_failure (client);
  g_autoptr(BrevetRegistrationState) state = NULL;
  g_autoptr(GError) error = NULL;
  guint asked = scripted_transport_get_count (fixture->transport);

  state = run_client (fixture, client, &error);
  g_assert_error (error, BREVET_ERROR, code);
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, asked + 1);
  g_assert_cmpuint (failure->error_code, ==, error_code);
  g_assert_cmpstr (failure->tracking_id, ==, tracking_id);
  g_assert_cmpint (failure->retry_after, ==, retry_after);
}

/* The agent has its own pauses, which survive a restart: trouble ends the registration, with all that the service said about it. */
static void
test_impatient (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetRegistrationClient) client = make_impatient_client (fixture);

  scripted_transport_reply (fixture->transport, 429, "120", REFUSED);
  assert_gives_up (fixture, client, BREVET_ERROR_UNREACHABLE, 401002, "track-9", 120);
  scripted_transport_reply (fixture->transport, 429, "1000000", REFUSED);
  assert_gives_up (fixture, client, BREVET_ERROR_UNREACHABLE, 401002, "track-9", 86400);
  scripted_transport_reply (fixture->transport, 503, NULL, "<html>");
  assert_gives_up (fixture, client, BREVET_ERROR_UNREACHABLE, 0, "request-7", -1);
  scripted_transport_reply (fixture->transport, 302, NULL, NULL);
  assert_gives_up (fixture, client, BREVET_ERROR_UNREACHABLE, 0, "request-7", -1);
  scripted_transport_reply (fixture->transport, 401, NULL, "[]");
  assert_gives_up (fixture, client, BREVET_ERROR_UNREACHABLE, 0, "request-7", -1);
  scripted_transport_fail (fixture->transport, BREVET_ERROR_UNREACHABLE, "Nobody there");
  assert_gives_up (fixture, client, BREVET_ERROR_UNREACHABLE, 0, NULL, -1);
  scripted_transport_reply (fixture->transport, 401, NULL, REFUSED);
  assert_gives_up (fixture, client, BREVET_ERROR_REJECTED, 401002, "track-9", -1);
  g_assert_false (brevet_registration_client_get_failure (client)->disabled);
}

static void
test_disabled (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetRegistrationClient) client = make_impatient_client (fixture);

  scripted_transport_reply (fixture->transport, 200, NULL, DISABLED);
  assert_gives_up (fixture, client, BREVET_ERROR_REJECTED, 403001, "request-7", -1);
  g_assert_true (brevet_registration_client_get_failure (client)->disabled);
}

static gpointer
run_in_thread (gpointer data)
{
  Fixture *fixture = data;
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(BrevetRegistrationClient) client = NULL;
  g_autoptr(BrevetRegistrationState) state = NULL;
  g_autoptr(GError) error = NULL;

  g_main_context_push_thread_default (context);
  client = brevet_registration_client_new (BREVET_TRANSPORT (fixture->transport), BREVET_PROVER (fixture->prover), "s", "d");
  brevet_registration_client_register_async (client, NULL, NULL, 60, NULL, store_result, fixture);
  while (fixture->result == NULL)
    g_main_context_iteration (context, TRUE);
  state = brevet_registration_client_register_finish (client, fixture->result, &error);
  g_assert_no_error (error);
  g_clear_object (&fixture->result);
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* Timers too run on the caller's context: nobody iterates the default one here. */
static void
test_own_context (Fixture *fixture, gconstpointer data)
{
  scripted_transport_reply (fixture->transport, 202, NULL, ASSIGNING);
  scripted_transport_reply (fixture->transport, 200, NULL, ASSIGNED);
  g_thread_join (g_thread_new ("caller", run_in_thread, fixture));
  g_assert_cmpuint (scripted_transport_get_count (fixture->transport), ==, 2);
}

#define ADD(name, function) g_test_add ("/registration-client/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("at-once", test_at_once);
  ADD ("polls", test_polls);
  ADD ("challenge", test_challenge);
  ADD ("second-challenge-is-a-refusal", test_second_challenge_is_a_refusal);
  ADD ("challenge-while-polling", test_challenge_while_polling);
  ADD ("begins-anew", test_begins_anew);
  ADD ("begins-anew-once", test_begins_anew_once);
  ADD ("prover-accepts", test_prover_accepts);
  ADD ("refused", test_refused);
  ADD ("stranger-refuses", test_stranger_refuses);
  ADD ("failed", test_failed);
  ADD ("trouble-passes", test_trouble_passes);
  ADD ("stranger-answers", test_stranger_answers);
  ADD ("throttled", test_throttled);
  ADD ("trouble-while-polling", test_trouble_while_polling);
  ADD ("too-late-while-paused", test_too_late_while_paused);
  ADD ("too-late-while-waiting", test_too_late_while_waiting);
  ADD ("cancelled", test_cancelled);
  ADD ("cancelled-on-signal", test_cancelled_on_signal);
  ADD ("wrong-configuration-is-final", test_wrong_configuration_is_final);
  ADD ("own-context", test_own_context);
  ADD ("stages", test_stages);
  ADD ("impatient", test_impatient);
  ADD ("disabled", test_disabled);
  g_test_add ("/registration-client/broken-credential", Fixture, GINT_TO_POINTER (TRUE), set_up, test_broken_credential, tear_down);
  return g_test_run ();
}
