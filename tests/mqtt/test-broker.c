/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Connections over the network and the client on top of them, against mosquitto with TLS and client certificates. */

#include "brevet-mqtt-client.h"
#include "brevet-network-peer.h"
#include "mosquitto-broker.h"
#include "test-wait.h"

#include <string.h>

typedef struct {
  TlsWorld *tls;
  MosquittoBroker *broker;
  BrevetKey *key;
  BrevetChain *chain;
} World;

static void
set_up (World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  world->tls = tls_world_new ();
  tls_world_write (world->tls, BREVET_CERTIFICATE_USAGE_SERVER, "localhost", "server", FALSE);
  world->key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  world->chain = tls_world_sign (world->tls, BREVET_CERTIFICATE_USAGE_CLIENT, "pump-07", world->key, FALSE);
  world->broker = mosquitto_broker_new (world->tls, "server", TRUE);
}

static void
tear_down (World *world, gconstpointer data)
{
  mosquitto_broker_free (world->broker);
  brevet_key_unref (world->key);
  brevet_chain_unref (world->chain);
  tls_world_free (world->tls);
}

static GIOStream *
open_stream (const BrevetNetworkPeer *peer, guint16 port, BrevetChain *chain, BrevetKey *key, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_network_connect_async (peer, port, 30, chain, key, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_network_connect_finish (result, error);
}

static void
on_message (BrevetMqttClient *client, const char *topic, GBytes *payload, gpointer user_data)
{
  g_string_append_printf (user_data, "%s=%.*s;", topic, (int) g_bytes_get_size (payload),
                          (const char *) g_bytes_get_data (payload, NULL));
}

static void
on_closed (BrevetMqttClient *client, const GError *reason, gpointer user_data)
{
  g_assert_no_error (reason);
  *(gboolean *) user_data = TRUE;
}

/* Connects, subscribes, publishes with both qualities, hears it all, and leaves. */
static void
converse (GIOStream *stream)
{
  g_autoptr(BrevetMqttChannel) channel = brevet_mqtt_channel_new_for_stream (stream);
  g_autoptr(BrevetMqttClient) client = brevet_mqtt_client_new (channel);
  g_autoptr(GString) heard = g_string_new (NULL);
  g_autoptr(GBytes) payload = g_bytes_new_static ("hello", 5);
  g_autoptr(GAsyncResult) connected = NULL;
  g_autoptr(GAsyncResult) subscribed = NULL;
  g_autoptr(GAsyncResult) published = NULL;
  g_autoptr(GError) error = NULL;
  gboolean closed = FALSE;

  g_signal_connect (client, "message", G_CALLBACK (on_message), heard);
  g_signal_connect (client, "closed", G_CALLBACK (on_closed), &closed);
  brevet_mqtt_client_connect_async (client, "pump-07", "pump-07", NULL, 60, NULL, test_wait_store_result, &connected);
  test_wait_for_result (&connected);
  brevet_mqtt_client_connect_finish (client, connected, NULL, &error);
  g_assert_no_error (error);
  brevet_mqtt_client_subscribe_async (client, "devices/+/events/#", 1, NULL, test_wait_store_result, &subscribed);
  test_wait_for_result (&subscribed);
  brevet_mqtt_client_subscribe_finish (client, subscribed, &error);
  g_assert_no_error (error);
  brevet_mqtt_client_publish_async (client, "devices/pump-07/events/", payload, 1, NULL, test_wait_store_result, &published);
  test_wait_for_result (&published);
  brevet_mqtt_client_publish_finish (client, published, &error);
  g_assert_no_error (error);
  brevet_mqtt_client_publish_async (client, "devices/pump-07/events/x", payload, 0, NULL, NULL, NULL);
  while (!g_str_equal (heard->str, "devices/pump-07/events/=hello;devices/pump-07/events/x=hello;"))
    g_main_context_iteration (NULL, TRUE);
  brevet_mqtt_client_disconnect (client);
  while (!closed)
    g_main_context_iteration (NULL, TRUE);
}

static BrevetNetworkPeer *
make_peer (World *world, const char *host)
{
  BrevetNetworkPeer *peer = brevet_network_peer_new (host, world->broker->port);

  peer->ca_file = g_strdup (world->tls->ca_file);
  return peer;
}

static void
test_file (World *world, gconstpointer data)
{
  g_autoptr(BrevetNetworkPeer) peer = make_peer (world, "localhost");
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) stream = open_stream (peer, peer->port, world->chain, world->key, &error);

  g_assert_no_error (error);
  converse (stream);
}

/* A trust bundle that is in no file; and the file that another peer was trusted by is gone. */
static void
test_memory (World *world, gconstpointer data)
{
  g_autoptr(BrevetNetworkPeer) peer = brevet_network_peer_new ("localhost", world->broker->port);
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) stream = NULL;

  peer->trust = brevet_trust_bundle_load (world->tls->ca_file, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (world->tls->ca_file, "", -1, &error));
  stream = open_stream (peer, peer->port, world->chain, world->key, &error);
  g_assert_no_error (error);
  converse (stream);
}

static void
assert_refused (const BrevetNetworkPeer *peer, guint16 port, BrevetChain *chain, BrevetKey *key, int code, const char *reason)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) stream = open_stream (peer, port, chain, key, &error);

  g_assert_null (stream);
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, reason) == NULL)
    g_error ("“%s” does not say “%s”", error->message, reason);
}

static void
test_untrusted (World *world, gconstpointer data)
{
  g_autoptr(BrevetNetworkPeer) by_file = make_peer (world, "localhost");
  g_autoptr(BrevetNetworkPeer) by_address = make_peer (world, "127.0.0.1");
  g_autoptr(BrevetNetworkPeer) by_system = brevet_network_peer_new ("localhost", world->broker->port);
  g_autoptr(BrevetNetworkPeer) by_bundle = brevet_network_peer_new ("localhost", world->broker->port);
  TlsWorld *other = tls_world_new ();
  g_autoptr(GIOStream) stream = NULL;
  g_autoptr(GError) error = NULL;
  guint16 port = world->broker->port;

  by_bundle->trust = brevet_trust_bundle_load (other->ca_file, &error);
  assert_refused (by_bundle, port, NULL, NULL, BREVET_ERROR_UNTRUSTED, "is in the trust bundle");
  assert_refused (by_system, port, NULL, NULL, BREVET_ERROR_UNTRUSTED, "this system trusts");
  assert_refused (by_address, port, NULL, NULL, BREVET_ERROR_UNTRUSTED, "not for the name 127.0.0.1");
  /* What one peer is trusted by is no business of the others. */
  stream = open_stream (by_file, port, world->chain, world->key, &error);
  g_assert_no_error (error);
  assert_refused (by_system, port, NULL, NULL, BREVET_ERROR_UNTRUSTED, "this system trusts");
  tls_world_free (other);
}

static void
test_trouble (World *world, gconstpointer data)
{
  g_autoptr(BrevetNetworkPeer) peer = make_peer (world, "localhost");
  g_autoptr(BrevetNetworkPeer) nobody = brevet_network_peer_new ("nowhere.localhost.invalid", 8883);

  assert_refused (peer, find_free_port (), NULL, NULL, BREVET_ERROR_UNREACHABLE, "refused");
  assert_refused (peer, world->broker->port, world->chain, NULL, BREVET_ERROR_NOT_CONFIGURED, "no private key");
  assert_refused (nobody, 8883, NULL, NULL, BREVET_ERROR_UNREACHABLE, "resolved");
}

static void
test_silence (void)
{
  g_autoptr(GSocketListener) listener = g_socket_listener_new ();
  guint16 port = g_socket_listener_add_any_inet_port (listener, NULL, NULL);
  g_autoptr(BrevetNetworkPeer) peer = brevet_network_peer_new ("localhost", port);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  brevet_network_connect_async (peer, port, 1, NULL, NULL, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  g_assert_null (brevet_network_connect_finish (result, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE);
  g_assert_nonnull (strstr (error->message, "time-out"));
}

static void
token_in_child (World *world)
{
  g_autoptr(BrevetKey) key = tls_world_make_token (world->tls);
  g_autoptr(BrevetChain) chain = tls_world_sign (world->tls, BREVET_CERTIFICATE_USAGE_CLIENT, "pump-07", key, FALSE);
  g_autoptr(BrevetNetworkPeer) peer = make_peer (world, "localhost");
  g_autoptr(BrevetSecret) uri = brevet_key_to_uri (key);
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) stream = NULL;

  g_assert_cmpstr ((const char *) brevet_secret_get_data (uri, NULL), ==,
                   "pkcs11:token=devices;object=device;type=private?pin-value=1234");
  stream = open_stream (peer, peer->port, chain, key, &error);
  g_assert_no_error (error);
  converse (stream);
}

/* In a process of its own, because the tokens of a process are found once. */
static void
test_token (World *world, gconstpointer data)
{
  if (!tls_world_has_token ())
    g_test_skip ("SoftHSM is not installed");
  else if (g_test_subprocess ())
    token_in_child (world);
  else
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add ("/mqtt/broker/" name, World, NULL, set_up, func, tear_down)
  ADD ("file", test_file);
  ADD ("memory", test_memory);
  ADD ("untrusted", test_untrusted);
  ADD ("trouble", test_trouble);
  ADD ("token", test_token);
#undef ADD
  g_test_add_func ("/mqtt/broker/silence", test_silence);
  return g_test_run ();
}
