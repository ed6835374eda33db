/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The client against a peer that misbehaves. That it also gets along with a broker of others is tested in test-broker.c. */

#include "brevet-error.h"
#include "brevet-mqtt-client.h"
#include "mqtt-peer.h"
#include "test-wait.h"

#include <string.h>

#define LONG_PACKET "\x30\x81\x80\x10"      /* PUBLISH of 262145 bytes */

typedef struct {
  BrevetMqttChannel *channel;
  BrevetMqttClient *client;
  GString *heard;               /* topics and payloads */
  gboolean closed;
  GError *reason;
} World;

static void
on_message (BrevetMqttClient *client, const char *topic, GBytes *payload, gpointer user_data)
{
  World *world = user_data;

  g_string_append_printf (world->heard, "%s=%.*s;", topic, (int) g_bytes_get_size (payload),
                          (const char *) g_bytes_get_data (payload, NULL));
}

static void
on_closed (BrevetMqttClient *client, const GError *reason, gpointer user_data)
{
  World *world = user_data;

  g_assert_false (world->closed);
  world->closed = TRUE;
  world->reason = reason != NULL ? g_error_copy (reason) : NULL;
}

static World *
world_new (MqttPeer *peer)
{
  World *world = g_new0 (World, 1);
  g_autoptr(GSocketClient) socket = g_socket_client_new ();
  g_autoptr(GSocketConnection) connection = NULL;
  g_autoptr(GError) error = NULL;

  connection = g_socket_client_connect_to_host (socket, "127.0.0.1", mqtt_peer_get_port (peer), NULL, &error);
  g_assert_no_error (error);
  world->channel = brevet_mqtt_channel_new_for_stream (G_IO_STREAM (connection));
  world->client = brevet_mqtt_client_new (world->channel);
  world->heard = g_string_new (NULL);
  g_signal_connect (world->client, "message", G_CALLBACK (on_message), world);
  g_signal_connect (world->client, "closed", G_CALLBACK (on_closed), world);
  return world;
}

static void
world_free (World *world)
{
  brevet_mqtt_client_disconnect (world->client);
  while (!world->closed)
    g_main_context_iteration (NULL, TRUE);
  g_signal_handlers_disconnect_by_data (world->client, world);
  g_object_unref (world->client);
  g_object_unref (world->channel);
  g_string_free (world->heard, TRUE);
  g_clear_error (&world->reason);
  g_free (world);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (World, world_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (MqttPeer, mqtt_peer_free)

static gboolean
connect_with (World *world, guint16 keep_alive, GCancellable *cancellable, BrevetMqttConnectCode *code, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_mqtt_client_connect_async (world->client, "pump-07", "user", "secret", keep_alive, cancellable,
                                    test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_mqtt_client_connect_finish (world->client, result, code, error);
}

static gboolean
publish (World *world, const char *topic, guint8 qos, GCancellable *cancellable, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GBytes) payload = g_bytes_new_static ("hello", 5);

  brevet_mqtt_client_publish_async (world->client, topic, payload, qos, cancellable, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_mqtt_client_publish_finish (world->client, result, error);
}

static gboolean
subscribe (World *world, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_mqtt_client_subscribe_async (world->client, "a/#", 1, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_mqtt_client_subscribe_finish (world->client, result, error);
}

static void
assert_says (const GError *error, int code, const char *text)
{
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, text) == NULL)
    g_error ("“%s” does not say “%s”", error->message, text);
}

/* Echoes what is published, first as one that it has no identifier for: nothing of it may confuse the client. */
static gboolean
react_well (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  if (packet->type == BREVET_MQTT_CONNECT)
    {
      g_assert_cmpstr (packet->client_id, ==, "pump-07");
      g_assert_cmpstr (packet->user_name, ==, "user");
      g_assert_cmpmem (g_bytes_get_data (packet->password, NULL), g_bytes_get_size (packet->password), "secret", 6);
      g_assert_true (packet->clean_session);
    }
  if (packet->type == BREVET_MQTT_PUBLISH)
    mqtt_peer_publish (output, packet->topic, "echo");
  return mqtt_peer_acknowledge (peer, output, packet);
}

static void
test_conversation (void)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react_well);
  g_autoptr(World) world = world_new (peer);
  g_autoptr(GError) error = NULL;
  BrevetMqttConnectCode code;

  g_assert_true (connect_with (world, 0, NULL, &code, &error));
  g_assert_cmpint (code, ==, BREVET_MQTT_ACCEPTED);
  g_assert_true (subscribe (world, &error));
  g_assert_true (publish (world, "a/1", 1, NULL, &error));
  g_assert_true (publish (world, "a/2", 0, NULL, &error));
  while (!g_str_equal (world->heard->str, "a/1=echo;a/2=echo;"))
    g_main_context_iteration (NULL, TRUE);
  brevet_mqtt_client_disconnect (world->client);
  while (!world->closed)
    g_main_context_iteration (NULL, TRUE);
  g_assert_no_error (world->reason);
  g_assert_false (publish (world, "a/3", 1, NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE);
}

static gboolean
react_with_refusal (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  mqtt_peer_connack (output, (guint8) packet->keep_alive);
  return FALSE;
}

static void
test_refused (void)
{
  static const char *const words[] = { "", "protocol version (1)", "identifier rejected (2)", "unavailable (3)",
                                       "bad user name or password (4)", "not authorized (5)" };
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react_with_refusal);

  for (guint16 i = 1; i < G_N_ELEMENTS (words); i++)
    {
      g_autoptr(World) world = world_new (peer);
      g_autoptr(GError) error = NULL;
      BrevetMqttConnectCode code;

      g_assert_false (connect_with (world, i, NULL, &code, &error));
      g_assert_cmpint (code, ==, i);
      assert_says (error, BREVET_ERROR_REJECTED, words[i]);
    }
}

static gboolean
react_by_closing (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  return FALSE;
}

static gboolean
react_out_of_turn (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  mqtt_peer_publish (output, "early", "bird");
  return TRUE;
}

static void
assert_no_connection (MqttPeerReact react, const char *reason)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react);
  g_autoptr(World) world = world_new (peer);
  g_autoptr(GError) error = NULL;
  BrevetMqttConnectCode code;

  g_assert_false (connect_with (world, 60, NULL, &code, &error));
  assert_says (error, BREVET_ERROR_UNREACHABLE, reason);
  g_assert_cmpint (code, ==, BREVET_MQTT_ACCEPTED);
  while (!world->closed)
    g_main_context_iteration (NULL, TRUE);
  assert_says (world->reason, BREVET_ERROR_UNREACHABLE, reason);
}

static void
test_no_broker (void)
{
  assert_no_connection (mqtt_peer_talk_garbage, "does not keep to MQTT");
  assert_no_connection (react_by_closing, "closed");
  assert_no_connection (react_out_of_turn, "nobody has asked for");
}

static gboolean
react_with_silence (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  return TRUE;
}

/* A broker that takes everything and answers nothing is left when the caller says so. */
static void
test_cancelled (void)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react_with_silence);
  g_autoptr(World) world = world_new (peer);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  brevet_mqtt_client_connect_async (world->client, "pump-07", NULL, NULL, 0, cancellable, test_wait_store_result, &result);
  g_main_context_iteration (NULL, FALSE);
  g_assert_null (result);
  g_cancellable_cancel (cancellable);
  test_wait_for_result (&result);
  g_assert_false (brevet_mqtt_client_connect_finish (world->client, result, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

/* Says yes to a connection, and nothing more. */
static gboolean
react_until_connected (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  return packet->type != BREVET_MQTT_CONNECT || mqtt_peer_acknowledge (peer, output, packet);
}

static void
test_dead_broker (void)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react_until_connected);
  g_autoptr(World) world = world_new (peer);
  g_autoptr(GError) error = NULL;

  g_assert_true (connect_with (world, 1, NULL, NULL, &error));
  g_assert_false (subscribe (world, &error));
  assert_says (error, BREVET_ERROR_UNREACHABLE, "does not answer any more");
  g_assert_true (world->closed);
}

static gboolean
react_and_count_pings (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  if (packet->type == BREVET_MQTT_PINGREQ)
    mqtt_peer_publish (output, "ping", "");
  return mqtt_peer_acknowledge (peer, output, packet);
}

static void
test_keep_alive (void)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react_and_count_pings);
  g_autoptr(World) world = world_new (peer);
  g_autoptr(GError) error = NULL;
  gint64 start = g_get_monotonic_time ();

  g_assert_true (connect_with (world, 1, NULL, NULL, &error));
  while (!g_str_equal (world->heard->str, "ping=;ping=;"))
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, G_TIME_SPAN_SECOND);
  g_assert_false (world->closed);
}

static gboolean
react_at_length (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  if (packet->type == BREVET_MQTT_SUBSCRIBE)
    mqtt_peer_send_bytes (output, LONG_PACKET, sizeof LONG_PACKET - 1);
  return mqtt_peer_acknowledge (peer, output, packet);
}

static void
test_too_long (void)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react_at_length);
  g_autoptr(World) world = world_new (peer);
  g_autoptr(GError) error = NULL;

  g_assert_true (connect_with (world, 60, NULL, NULL, &error));
  g_assert_false (subscribe (world, &error));
  assert_says (error, BREVET_ERROR_UNREACHABLE, "too long");
}

static gboolean
react_by_denying (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  g_autoptr(BrevetMqttPacket) answer = NULL;

  if (packet->type != BREVET_MQTT_SUBSCRIBE)
    return mqtt_peer_acknowledge (peer, output, packet);
  answer = brevet_mqtt_packet_new (BREVET_MQTT_SUBACK);
  answer->packet_id = packet->packet_id;
  answer->granted = g_bytes_new_static ("\x80", 1);
  mqtt_peer_send (output, answer);
  return TRUE;
}

static void
test_subscription_refused (void)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react_by_denying);
  g_autoptr(World) world = world_new (peer);
  g_autoptr(GError) error = NULL;

  g_assert_true (connect_with (world, 60, NULL, NULL, &error));
  g_assert_false (subscribe (world, &error));
  assert_says (error, BREVET_ERROR_REJECTED, "subscription");
  g_clear_error (&error);
  g_assert_true (publish (world, "a/1", 1, NULL, &error));
}

static gboolean
react_until_message (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  return packet->type != BREVET_MQTT_PUBLISH && mqtt_peer_acknowledge (peer, output, packet);
}

/* Whoever waits when the connection ends hears of it. */
static void
test_lost (void)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, react_until_message);
  g_autoptr(World) world = world_new (peer);
  g_autoptr(GError) error = NULL;

  g_assert_true (connect_with (world, 60, NULL, NULL, &error));
  g_assert_false (publish (world, "a/1", 1, NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE);
}

/* What waits for a broker that sends and never reads does not grow for ever. */
static void
test_greedy_broker (void)
{
  g_autoptr(MqttPeer) peer = mqtt_peer_new (NULL, NULL);
  g_autoptr(World) world = world_new (peer);
  g_autofree char *megabyte = g_malloc0 (1024 * 1024);
  g_autoptr(GBytes) bytes = g_bytes_new (megabyte, 1024 * 1024);
  BrevetMqttChannel *channel = world->channel;
  guint sent;

  for (sent = 0; sent < 100 && !world->closed; sent++)
    {
      brevet_mqtt_channel_send (channel, bytes);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  g_assert_cmpuint (sent, <, 100);
  assert_says (world->reason, BREVET_ERROR_UNREACHABLE, "does not take what it is sent");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/mqtt/client/conversation", test_conversation);
  g_test_add_func ("/mqtt/client/refused", test_refused);
  g_test_add_func ("/mqtt/client/no-broker", test_no_broker);
  g_test_add_func ("/mqtt/client/cancelled", test_cancelled);
  g_test_add_func ("/mqtt/client/dead-broker", test_dead_broker);
  g_test_add_func ("/mqtt/client/keep-alive", test_keep_alive);
  g_test_add_func ("/mqtt/client/too-long", test_too_long);
  g_test_add_func ("/mqtt/client/subscription-refused", test_subscription_refused);
  g_test_add_func ("/mqtt/client/lost", test_lost);
  g_test_add_func ("/mqtt/client/greedy-broker", test_greedy_broker);
  return g_test_run ();
}
