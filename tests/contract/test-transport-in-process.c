/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One exchange with a service in the same process. */

#include "one-machine.h"
#include "test-wait.h"
#include "transport-suite.h"

#include <json-glib/json-glib.h>
#include <string.h>

typedef struct {
  OneMachine *machine;
  BrevetConfig *config;
  BrevetTransport *keeper;   /* so that the service goes on when a test has dropped its own */
  BrevetRequest *slow;       /* that the slow CA was asked for */
  int echoes;                /* atomic */
} World;

static gpointer
world_new (void)
{
  World *world = g_new0 (World, 1);

  world->machine = one_machine_new ();
  world->config = one_machine_load (world->machine);
  world->keeper = one_machine_create (world->machine, world->config);
  return world;
}

static BrevetTransport *
world_create (gpointer data, TransportPeer peer, guint timeout)
{
  World *world = data;

  return one_machine_create (world->machine, world->config);
}

static BrevetRequest *
make_echo (World *world)
{
  int number = g_atomic_int_add (&world->echoes, 1);
  g_autofree char *path = g_strdup_printf ("/enrollments/echo%%2D%d", number);
  g_autofree char *body = g_strdup_printf ("{\"registrationId\":\"echo-%d\",\"attestation\":{\"type\":\"symmetricKey\"},"
                                           "\"initialTwin\":{\"tags\":{\"a\":\"\\u00e9\"}}}", number);
  BrevetRequest *request = one_machine_make_operator ("PUT", path, body);

  brevet_request_set_header (request, "If-Match", "*");
  return request;
}

static BrevetRequest *
world_make_request (gpointer data, TransportQuestion question)
{
  World *world = data;

  if (question == TRANSPORT_QUESTION_ECHO)
    return make_echo (world);
  if (question == TRANSPORT_QUESTION_MISSING)
    return one_machine_make_operator ("GET", "/enrollments/nobody", NULL);
  if (world->slow == NULL)
    {
      g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);

      world->slow = one_machine_make_register ("slow-07", key);
    }
  return brevet_request_ref (world->slow);
}

static JsonObject *
parse (GBytes *body)
{
  g_autofree char *text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  g_autoptr(JsonNode) node = json_from_string (text, NULL);

  return json_object_ref (json_node_get_object (node));
}

static void
world_check_echo (gpointer data, BrevetRequest *request, BrevetReply *reply)
{
  g_autoptr(JsonObject) sent = parse (brevet_request_get_body (request));
  g_autoptr(JsonObject) heard = parse (brevet_reply_get_body (reply));
  JsonNode *twin = json_object_get_member (heard, "initialTwin");

  g_assert_cmpstr (json_object_get_string_member (heard, "registrationId"), ==,
                   json_object_get_string_member (sent, "registrationId"));
  g_assert_true (json_node_equal (twin, json_object_get_member (sent, "initialTwin")));
  g_assert_nonnull (brevet_reply_get_header (reply, "etag"));
  g_assert_nonnull (brevet_reply_get_header (reply, "x-ms-request-id"));
}

/* What was begun for somebody who has gone is finished: whoever asks the same finds it. */
static void
finish_slow (World *world)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = NULL;

  one_machine_open_gate (world->machine);
  reply = transport_exchange (world->keeper, world->slow, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 200);
}

static void
world_free (gpointer data)
{
  World *world = data;

  if (world->slow != NULL)
    finish_slow (world);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_clear_pointer (&world->slow, brevet_request_unref);
  g_assert_finalize_object (world->keeper);
  g_object_unref (world->config);
  one_machine_free (world->machine);
  g_free (world);
}

static const TransportSuite suite = {
  .plugin = "transport-in-process",
  .set_up = world_new,
  .create = world_create,
  .make_request = world_make_request,
  .check_echo = world_check_echo,
  .tear_down = world_free,
};

/* The service writes one thing after the other: when this is written, all that was begun before is, too. */
static void
wait_for_writes (World *world)
{
  g_autoptr(BrevetRequest) request = make_echo (world);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = transport_exchange (world->keeper, request, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 200);
}

/* A certificate that the caller has taken is delivered, and one that he did not take is handed out again. */
static void
test_delivery (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetRequest) request = one_machine_make_register ("counted-07", key);

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(GCancellable) cancellable = g_cancellable_new ();
      g_autoptr(GAsyncResult) result = NULL;
      g_autoptr(BrevetReply) reply = NULL;
      g_autoptr(GError) error = NULL;

      brevet_transport_exchange_async (world->keeper, request, cancellable, test_wait_store_result, &result);
      test_wait_for_result (&result);
      if (i == 0)
        g_cancellable_cancel (cancellable);
      reply = brevet_transport_exchange_finish (world->keeper, result, &error);
      if (i == 0)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      else
        g_assert_cmpuint (brevet_reply_get_status (reply), ==, 200);
      g_assert_cmpuint (one_machine_count (world->machine), ==, i < 2 ? 1 : 2);
      wait_for_writes (world);
    }
}

/* The device is known by what it presents, as at a listener. */
static void
test_strangers (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetRequest) request = one_machine_make_register ("pump-07", key);
  g_autoptr(BrevetEvidence) nothing = brevet_evidence_new ();
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  brevet_request_set_evidence (request, nothing);
  reply = transport_exchange (world->keeper, request, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 401);
}

/* A token in the header field counts as it does over HTTPS, and does not stay where it could be logged. */
static void
test_token_in_header (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetRequest) request = one_machine_make_operator ("GET", "/trustBundles", NULL);
  g_autofree char *token = g_strdup (brevet_evidence_get_token (brevet_request_get_evidence (request)));
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  brevet_request_set_evidence (request, NULL);
  brevet_request_set_header (request, "Authorization", token);
  reply = transport_exchange (world->keeper, request, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 200);
}

/* Nobody is taken for the holder of a certificate whose key he does not hold. */
static void
test_borrowed_certificate (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetRequest) request = one_machine_make_operator ("GET", "/trustBundles", NULL);
  g_autoptr(BrevetChain) chain = brevet_chain_new_from_pem (world->machine->root_pem, NULL);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  brevet_evidence_set_credential (evidence, chain, key);
  brevet_request_set_evidence (request, evidence);
  reply = transport_exchange (world->keeper, request, NULL, &error);
  g_assert_null (reply);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
}

static void
test_body_limit (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetRequest) request = one_machine_make_register ("pump-07", key);
  g_autofree char *blanks = g_strnfill (64 * 1024 + 1, ' ');
  g_autoptr(GBytes) body = g_bytes_new (blanks, strlen (blanks));
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  brevet_request_set_body (request, body);
  reply = transport_exchange (world->keeper, request, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 413);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* A service that tells of a refusal does what it should. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  transport_suite_add (&suite);
  transport_suite_add_test (&suite, "delivery", test_delivery);
  transport_suite_add_test (&suite, "strangers", test_strangers);
  transport_suite_add_test (&suite, "token-in-header", test_token_in_header);
  transport_suite_add_test (&suite, "borrowed-certificate", test_borrowed_certificate);
  transport_suite_add_test (&suite, "body-limit", test_body_limit);
  return g_test_run ();
}
