/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One way to one service: what every transport must do, against mosquitto; and what only a peer that misbehaves shows. */

#include "brevet-mqtt-dialog.h"
#include "mqtt-world.h"
#include "test-wait.h"
#include "transport-suite.h"

#include <string.h>

static gpointer
set_up (void)
{
  MqttWorld *world = mqtt_world_new ();

  mqtt_world_start (world, FALSE);
  return world;
}

static guint16
find_port (MqttWorld *world, TransportPeer kind)
{
  switch (kind)
    {
    case TRANSPORT_PEER_GOOD:
      return world->broker->port;
    case TRANSPORT_PEER_MUTE:
      return mqtt_peer_get_port (mqtt_world_add_mute (world));
    case TRANSPORT_PEER_FOREIGN:
      return mqtt_peer_get_port (mqtt_world_add_foreign (world));
    case TRANSPORT_PEER_MISNAMED:
      return mqtt_peer_get_port (mqtt_world_add_misnamed (world));
    case TRANSPORT_PEER_EXPIRED:
      return mqtt_peer_get_port (mqtt_world_add_expired (world));
    case TRANSPORT_PEER_ABSENT:
    default:
      return find_free_port ();
    }
}

static BrevetTransport *
create (gpointer data, TransportPeer kind, guint timeout)
{
  MqttWorld *world = data;
  g_autofree char *port = g_strdup_printf ("%u", find_port (world, kind));
  g_autofree char *seconds = g_strdup_printf ("%us", timeout);

  return mqtt_world_create (world, "port", port, "timeout", seconds, NULL);
}

/* A device of its own for each thread: two connections of one device would throw each other out. */
static BrevetRequest *
make_request (gpointer data, TransportQuestion question)
{
  static const char *const payloads[] = { MQTT_ECHO, MQTT_MISSING, MQTT_NEVER, MQTT_LARGE };
  g_autofree char *id = g_strdup_printf ("pump-%p", (void *) g_thread_self ());

  return mqtt_make_register (id, payloads[question]);
}

static void
check_echo (gpointer data, BrevetRequest *request, BrevetReply *reply)
{
  g_assert_true (g_bytes_equal (brevet_reply_get_body (reply), brevet_request_get_body (request)));
}

static void
tear_down (gpointer data)
{
  mqtt_world_free (data);
}

static const TransportSuite suite = {
  .plugin = "transport-mqtt",
  .set_up = set_up,
  .create = create,
  .make_request = make_request,
  .check_echo = check_echo,
  .tear_down = tear_down,
};

static void
assert_reply (BrevetReply *reply, GError *error, guint status, const char *text)
{
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, status);
  g_assert_nonnull (g_strstr_len (g_bytes_get_data (brevet_reply_get_body (reply), NULL),
                                  (gssize) g_bytes_get_size (brevet_reply_get_body (reply)), text));
}

static void
assert_asked (BrevetTransport *transport, const char *payload, guint status, const char *text)
{
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", payload);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = mqtt_ask (transport, request, NULL, &error);

  assert_reply (reply, error, status, text);
}

static void
assert_polled (BrevetTransport *transport)
{
  g_autoptr(BrevetRequest) request = mqtt_make_poll ("pump-07");
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = mqtt_ask (transport, request, NULL, &error);

  assert_reply (reply, error, 200, "assigned");
}

static void
test_retry_after (TransportFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetTransport) transport = create (fixture->world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", MQTT_ASSIGN);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = mqtt_ask (transport, request, NULL, &error);

  assert_reply (reply, error, 202, "op-1");
  g_assert_cmpstr (brevet_reply_get_header (reply, "retry-after"), ==, "7");
  assert_polled (transport);
}

/* Answers to others, to nobody, and the second one to the same question. */
static void
test_strange_answers (TransportFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetTransport) transport = create (fixture->world, TRANSPORT_PEER_GOOD, 30);

  assert_asked (transport, MQTT_STRANGE, 200, "{\"number\":1}");
  assert_asked (transport, MQTT_ECHO, 200, "echo");
}

static void
test_other_routes (TransportFixture *fixture, gconstpointer data)
{
  static const char *const paths[] = { "/" MQTT_SCOPE "/registrations/pump-07/trustBundle", "/enrollments/pump-07", "/echo" };
  g_autoptr(BrevetTransport) transport = create (fixture->world, TRANSPORT_PEER_GOOD, 30);

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      g_autoptr(BrevetRequest) request = brevet_request_new ("GET", paths[i], "api-version=2021-11-01-preview");
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetReply) reply = mqtt_ask (transport, request, NULL, &error);

      g_assert_null (reply);
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED);
      g_assert_nonnull (strstr (error->message, "over MQTT"));
    }
}

/* Answers like the responder of the world, without a broker between, and looks at what the client says. */
static gboolean
react_well (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  g_autoptr(BrevetMqttQuestion) question = NULL;
  g_autofree char *topic = NULL;

  if (packet->type == BREVET_MQTT_CONNECT)
    {
      g_assert_cmpstr (packet->client_id, ==, "pump-07");
      g_assert_cmpstr (packet->user_name, ==, MQTT_SCOPE "/registrations/pump-07/api-version=2021-11-01-preview&ClientVersion="
                                              "brevet%2F" BREVET_VERSION);
      g_assert_cmpmem (g_bytes_get_data (packet->password, NULL), g_bytes_get_size (packet->password), MQTT_TOKEN,
                       strlen (MQTT_TOKEN));
      g_assert_true (packet->clean_session);
    }
  if (packet->type == BREVET_MQTT_SUBSCRIBE)
    g_assert_cmpstr (((BrevetMqttSubscription *) g_ptr_array_index (packet->subscriptions, 0))->filter, ==,
                     BREVET_MQTT_RESPONSE_FILTER);
  if (!mqtt_peer_acknowledge (peer, output, packet))
    return FALSE;
  if (packet->type != BREVET_MQTT_PUBLISH)
    return TRUE;
  question = brevet_mqtt_question_parse (packet->topic, NULL);
  topic = g_strdup_printf ("$dps/registrations/res/%u/?$rid=%s", question->is_register ? 202 : 200, question->rid);
  mqtt_peer_publish (output, topic, question->is_register ? "{\"operationId\":\"op-1\"}" : "{\"status\":\"assigned\"}");
  return TRUE;
}

static BrevetTransport *
create_for_peer (MqttWorld *world, MqttPeer *peer)
{
  g_autofree char *port = g_strdup_printf ("%u", mqtt_peer_get_port (peer));

  return mqtt_world_create (world, "port", port, "timeout", "30s", NULL);
}

/* One connection lasts from the first question to the final answer. */
static void
test_connection_kept (TransportFixture *fixture, gconstpointer data)
{
  MqttPeer *peer = mqtt_world_add_peer (fixture->world, react_well);
  g_autoptr(BrevetTransport) transport = create_for_peer (fixture->world, peer);

  assert_asked (transport, MQTT_ASSIGN, 202, "op-1");
  assert_polled (transport);
  g_assert_cmpuint (mqtt_peer_count (peer), ==, 1);
  assert_asked (transport, MQTT_ASSIGN, 202, "op-1");
  g_assert_cmpuint (mqtt_peer_count (peer), ==, 2);
}

/* Nobody is seen with the proof of before. */
static void
test_other_evidence (TransportFixture *fixture, gconstpointer data)
{
  MqttPeer *peer = mqtt_world_add_peer (fixture->world, react_well);
  g_autoptr(BrevetTransport) transport = create_for_peer (fixture->world, peer);
  g_autoptr(BrevetRequest) request = mqtt_make_poll ("pump-07");
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  MqttWorld *world = fixture->world;
  g_autoptr(BrevetChain) chain = tls_world_sign (world->tls, BREVET_CERTIFICATE_USAGE_CLIENT, "pump-07", key, FALSE);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = NULL;

  assert_asked (transport, MQTT_ASSIGN, 202, "op-1");
  brevet_evidence_set_token (evidence, MQTT_TOKEN);
  brevet_evidence_set_credential (evidence, chain, key);
  reply = mqtt_ask (transport, request, evidence, &error);
  assert_reply (reply, error, 200, "assigned");
  g_assert_cmpuint (mqtt_peer_count (peer), ==, 2);
}

/* The thread of a device between two questions, which sees what comes only when it is told to. */
typedef struct {
  BrevetTransport *transport;
  GMutex lock;
  GCond changed;
  guint step;             /* 1: asked once, 2: the transport is gone */
} Device;

static void
reach (Device *device, guint step)
{
  g_mutex_lock (&device->lock);
  device->step = step;
  g_cond_broadcast (&device->changed);
  g_mutex_unlock (&device->lock);
  g_main_context_wakeup (NULL);
}

static gboolean
has_reached (Device *device, guint step)
{
  gboolean reached;

  g_mutex_lock (&device->lock);
  reached = device->step >= step;
  g_mutex_unlock (&device->lock);
  return reached;
}

static void
wait_until (Device *device, guint step)
{
  g_mutex_lock (&device->lock);
  while (device->step < step)
    g_cond_wait (&device->changed, &device->lock);
  g_mutex_unlock (&device->lock);
}

static void
ask_on (GMainContext *context, BrevetTransport *transport)
{
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", MQTT_ASSIGN);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = NULL;

  brevet_transport_exchange_async (transport, request, NULL, test_wait_store_result, &result);
  while (result == NULL)
    g_main_context_iteration (context, TRUE);
  reply = brevet_transport_exchange_finish (transport, result, &error);
  assert_reply (reply, error, 202, "op-1");
}

static gpointer
ask_and_linger (gpointer data)
{
  Device *device = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  ask_on (context, device->transport);
  reach (device, 1);
  wait_until (device, 2);
  /* The connection ends here, and what has come before is seen before that. */
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* Answers, and says more than anybody has asked for. */
static gboolean
react_too_often (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  g_autoptr(BrevetMqttQuestion) question = NULL;
  g_autofree char *topic = NULL;

  if (!mqtt_peer_acknowledge (peer, output, packet))
    return FALSE;
  if (packet->type != BREVET_MQTT_PUBLISH)
    return TRUE;
  question = brevet_mqtt_question_parse (packet->topic, NULL);
  topic = g_strdup_printf ("$dps/registrations/res/202/?$rid=%s", question->rid);
  mqtt_peer_publish (output, topic, "{\"operationId\":\"op-1\"}");
  mqtt_peer_publish (output, topic, "{}");
  mqtt_peer_publish (output, topic, "{}");
  return TRUE;
}

/* The last reference goes on another thread than that of the connection, on which messages still come. */
static void
test_transport_gone (TransportFixture *fixture, gconstpointer data)
{
  MqttPeer *peer = mqtt_world_add_peer (fixture->world, react_too_often);
  Device device = { .transport = create_for_peer (fixture->world, peer) };
  GThread *thread;

  g_mutex_init (&device.lock);
  g_cond_init (&device.changed);
  thread = g_thread_new ("device", ask_and_linger, &device);
  /* The peer takes connections on this thread. */
  while (!has_reached (&device, 1))
    g_main_context_iteration (NULL, TRUE);
  g_assert_finalize_object (device.transport);
  reach (&device, 2);
  g_thread_join (thread);
  g_cond_clear (&device.changed);
  g_mutex_clear (&device.lock);
}

static gboolean
react_once (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  return react_well (peer, output, packet) && packet->type != BREVET_MQTT_PUBLISH;
}

/* A broker that dies after its answer is connected to again for the next question. */
static void
test_broker_restarts (TransportFixture *fixture, gconstpointer data)
{
  MqttPeer *peer = mqtt_world_add_peer (fixture->world, react_once);
  g_autoptr(BrevetTransport) transport = create_for_peer (fixture->world, peer);
  g_autoptr(BrevetRequest) request = mqtt_make_poll ("pump-07");
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = NULL;

  assert_asked (transport, MQTT_ASSIGN, 202, "op-1");
  /* Whether its end is heard of before the next question, or in the middle of it, is chance; after that it is known. */
  reply = mqtt_ask (transport, request, NULL, &error);
  if (reply == NULL)
    {
      transport_assert_error (error, BREVET_ERROR_UNREACHABLE, "");
      assert_polled (transport);
    }
  g_assert_cmpuint (mqtt_peer_count (peer), ==, 2);
}

static gboolean
react_until_question (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  return packet->type != BREVET_MQTT_PUBLISH && mqtt_peer_acknowledge (peer, output, packet);
}

/* A question is never asked twice. */
static void
test_broker_dies (TransportFixture *fixture, gconstpointer data)
{
  MqttPeer *peer = mqtt_world_add_peer (fixture->world, react_until_question);
  g_autoptr(BrevetTransport) transport = create_for_peer (fixture->world, peer);
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", MQTT_ECHO);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = mqtt_ask (transport, request, NULL, &error);

  g_assert_null (reply);
  transport_assert_error (error, BREVET_ERROR_UNREACHABLE, "broker");
  g_assert_cmpuint (mqtt_peer_count (peer), ==, 1);
}

static guint8 refusal;

static gboolean
react_with_refusal (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  mqtt_peer_connack (output, refusal);
  return FALSE;
}

/* A refusal is an answer of the service, and as over HTTPS. */
static void
test_refusals (TransportFixture *fixture, gconstpointer data)
{
  static const struct {
    guint8 code;
    guint status;
    const char *words;
  } refusals[] = {
    { BREVET_MQTT_IDENTIFIER_REJECTED, 400, "refused the connection: client identifier rejected (2)" },
    { BREVET_MQTT_UNAVAILABLE, 503, "service unavailable (3)" },
    { BREVET_MQTT_BAD_CREDENTIALS, 401, "bad user name or password (4)" },
    { BREVET_MQTT_NOT_AUTHORIZED, 401, "\"message\":\"the service refused the connection: not authorized (5)\"" },
  };
  MqttPeer *peer = mqtt_world_add_peer (fixture->world, react_with_refusal);
  g_autoptr(BrevetTransport) transport = create_for_peer (fixture->world, peer);
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", MQTT_ECHO);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      refusal = refusals[i].code;
      assert_asked (transport, MQTT_ECHO, refusals[i].status, refusals[i].words);
    }
  refusal = BREVET_MQTT_UNACCEPTABLE_PROTOCOL;
  reply = mqtt_ask (transport, request, NULL, &error);
  g_assert_null (reply);
  transport_assert_error (error, BREVET_ERROR_UNREACHABLE, "version of MQTT");
}

static char *
refuse_setting (const char *key, const char *value)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", NULL, NULL);
  g_autoptr(BrevetPlugin) plugin = NULL;
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "host", "localhost", NULL);
  brevet_settings_set (settings, "ways", "tls", NULL);
  brevet_settings_set (settings, key, value, NULL);
  plugin = brevet_registry_create (registry, BREVET_TYPE_TRANSPORT, "transport-mqtt", "test", settings, &error);
  g_assert_null (plugin);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  return g_strdup (error->message);
}

static void
assert_refused_setting (const char *key, const char *value, const char *reason)
{
  g_autofree char *message = refuse_setting (key, value);

  if (strstr (message, reason) == NULL)
    g_error ("“%s” does not say “%s”", message, reason);
}

static void
test_settings (void)
{
  static const char *const ways[] = { "http", "tls:0", "tls:70000", "tls:x", "tls:8883/path", "websocket:443path", "websocket:",
                                      "tls;websocket:443/a b", "websocket:443/a?b" };
  /* What may hold a password is not repeated. */
  g_autofree char *message = refuse_setting ("proxy", "https://device:secret@proxy:3128");

  g_assert_null (strstr (message, "secret"));
  for (guint i = 0; i < G_N_ELEMENTS (ways); i++)
    assert_refused_setting ("ways", ways[i], "is not a way");
  assert_refused_setting ("port", "8883", "together with ways");
  assert_refused_setting ("host", "a/b", "host");
  assert_refused_setting ("timeout", "0", "timeout");
  assert_refused_setting ("connect-timeout", "0", "connect-timeout");
  assert_refused_setting ("proxy", "proxy:3128", "proxy");
  assert_refused_setting ("ca-file", "/nowhere/ca.pem", "/nowhere/ca.pem");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  transport_suite_add (&suite);
  transport_suite_add_network (&suite);
  transport_suite_add_test (&suite, "retry-after", test_retry_after);
  transport_suite_add_test (&suite, "strange-answers", test_strange_answers);
  transport_suite_add_test (&suite, "other-routes", test_other_routes);
  transport_suite_add_test (&suite, "connection-kept", test_connection_kept);
  transport_suite_add_test (&suite, "other-evidence", test_other_evidence);
  transport_suite_add_test (&suite, "transport-gone", test_transport_gone);
  transport_suite_add_test (&suite, "broker-restarts", test_broker_restarts);
  transport_suite_add_test (&suite, "broker-dies", test_broker_dies);
  transport_suite_add_test (&suite, "refusals", test_refusals);
  g_test_add_func ("/transport-mqtt/settings", test_settings);
  return g_test_run ();
}
