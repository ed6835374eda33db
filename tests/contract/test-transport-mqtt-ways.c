/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several ways to one service: their order, WebSocket, proxies, client certificates. */

#include "mqtt-world.h"
#include "test-wait.h"
#include "transport-suite.h"

#include <string.h>

static void
set_up (MqttWorld **world, gconstpointer data)
{
  *world = mqtt_world_new ();
}

static void
tear_down (MqttWorld **world, gconstpointer data)
{
  mqtt_world_free (*world);
}

static void
assert_echoed (BrevetTransport *transport, BrevetEvidence *evidence)
{
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", MQTT_ECHO);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = mqtt_ask (transport, request, evidence, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 200);
  g_assert_true (g_bytes_equal (brevet_reply_get_body (reply), brevet_request_get_body (request)));
}

static void
assert_fails (BrevetTransport *transport, BrevetEvidence *evidence, BrevetError code, const char *const *reasons)
{
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", MQTT_ECHO);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = mqtt_ask (transport, request, evidence, &error);

  g_assert_null (reply);
  for (guint i = 0; reasons[i] != NULL; i++)
    transport_assert_error (error, code, reasons[i]);
}

static gboolean
react_with_silence (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  return TRUE;
}

static gboolean
react_with_refusal (MqttPeer *peer, GOutputStream *output, const BrevetMqttPacket *packet)
{
  mqtt_peer_connack (output, BREVET_MQTT_NOT_AUTHORIZED);
  return FALSE;
}

/* Whatever is wrong with a way, the next one is tried; and the one that worked is tried first from then on. */
static void
test_order (MqttWorld **world, gconstpointer data)
{
  MqttPeer *mute = mqtt_world_add_mute (*world);
  MqttPeer *foreign = mqtt_world_add_foreign (*world);
  MqttPeer *garbage = mqtt_world_add_peer (*world, mqtt_peer_talk_garbage);
  MqttPeer *silent = mqtt_world_add_peer (*world, react_with_silence);
  g_autoptr(BrevetTransport) transport = NULL;
  g_autofree char *ways = NULL;

  mqtt_world_start (*world, FALSE);
  ways = g_strdup_printf ("tls:%u; tls:%u; websocket:%u/x; tls:%u; tls:%u; tls:%u; tls:%u", find_free_port (),
                          mqtt_peer_get_port (mute), mqtt_peer_get_port (garbage), mqtt_peer_get_port (foreign),
                          mqtt_peer_get_port (garbage), mqtt_peer_get_port (silent), (*world)->broker->port);
  transport = mqtt_world_create (*world, "ways", ways, "connect-timeout", "1s", NULL);
  assert_echoed (transport, NULL);
  g_assert_cmpuint (mqtt_peer_count (mute), ==, 1);
  g_assert_cmpuint (mqtt_peer_count (silent), ==, 1);
  assert_echoed (transport, NULL);
  g_assert_cmpuint (mqtt_peer_count (mute), ==, 1);
  g_assert_cmpuint (mqtt_peer_count (foreign), ==, 1);
  g_assert_cmpuint (mqtt_peer_count (silent), ==, 1);
}

/* When the way that worked is gone, the others are tried again. */
static void
test_way_lost (MqttWorld **world, gconstpointer data)
{
  g_autoptr(BrevetTransport) transport = NULL;
  g_autofree char *ways = NULL;
  MqttPeer *peer = mqtt_world_add_peer (*world, react_with_refusal);
  g_autoptr(BrevetRequest) request = mqtt_make_register ("pump-07", MQTT_ECHO);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = NULL;

  mqtt_world_start (*world, FALSE);
  ways = g_strdup_printf ("tls:%u; tls:%u", mqtt_peer_get_port (peer), (*world)->broker->port);
  transport = mqtt_world_create (*world, "ways", ways, NULL);
  /* A refusal is the answer of the service, nobody else is asked. */
  reply = mqtt_ask (transport, request, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 401);
  g_ptr_array_remove ((*world)->peers, peer);
  assert_echoed (transport, NULL);
}

static void
test_all_fail (MqttWorld **world, gconstpointer data)
{
  MqttPeer *mute = mqtt_world_add_mute (*world);
  MqttPeer *foreign = mqtt_world_add_foreign (*world);
  guint16 closed = find_free_port ();
  g_autofree char *first = g_strdup_printf ("tls:%u: the connection is refused", closed);
  g_autofree char *second = g_strdup_printf ("websocket:%u/x: time-out", mqtt_peer_get_port (mute));
  g_autofree char *third = g_strdup_printf ("tls:%u: TLS: its certificate is not issued", mqtt_peer_get_port (foreign));
  g_autofree char *ways = g_strdup_printf ("tls:%u; websocket:%u/x", closed, mqtt_peer_get_port (mute));
  g_autofree char *more = g_strdup_printf ("%s; tls:%u", ways, mqtt_peer_get_port (foreign));
  g_autoptr(BrevetTransport) unreachable = mqtt_world_create (*world, "ways", ways, "connect-timeout", "1s", NULL);
  g_autoptr(BrevetTransport) untrusted = mqtt_world_create (*world, "ways", more, "connect-timeout", "1s", NULL);
  const char *reasons[] = { first, second, NULL, NULL };

  assert_fails (unreachable, NULL, BREVET_ERROR_UNREACHABLE, reasons);
  reasons[2] = third;
  assert_fails (untrusted, NULL, BREVET_ERROR_UNTRUSTED, reasons);
}

/* What is wrong with several ways is said once. */
static void
test_same_trouble (MqttWorld **world, gconstpointer data)
{
  MqttPeer *foreign = mqtt_world_add_foreign (*world);
  guint16 one = find_free_port ();
  guint16 other = find_free_port ();
  g_autofree char *ways = g_strdup_printf ("tls:%u; websocket:%u/x; tls:%u", one, other, mqtt_peer_get_port (foreign));
  g_autofree char *both = g_strdup_printf ("localhost: tls:%u, websocket:%u/x: the connection is refused", one, other);
  g_autofree char *third = g_strdup_printf ("; tls:%u: TLS: its certificate is not issued", mqtt_peer_get_port (foreign));
  g_autoptr(BrevetTransport) transport = mqtt_world_create (*world, "ways", ways, NULL);
  const char *const reasons[] = { both, third, NULL };

  assert_fails (transport, NULL, BREVET_ERROR_UNTRUSTED, reasons);
}

/* The whole exchange has less time than a single way: what is known until then is told. */
static void
test_late (MqttWorld **world, gconstpointer data)
{
  MqttPeer *mute = mqtt_world_add_mute (*world);
  MqttPeer *foreign = mqtt_world_add_foreign (*world);
  guint16 closed = find_free_port ();
  g_autofree char *first = g_strdup_printf ("within 1 seconds: tls:%u: the connection is refused", closed);
  g_autofree char *second = g_strdup_printf ("; websocket:%u/x: no answer yet", mqtt_peer_get_port (mute));
  g_autofree char *before = g_strdup_printf ("tls:%u: TLS: its certificate is not issued", mqtt_peer_get_port (foreign));
  g_autofree char *ways = g_strdup_printf ("tls:%u; websocket:%u/x", closed, mqtt_peer_get_port (mute));
  g_autofree char *more = g_strdup_printf ("tls:%u; %s", mqtt_peer_get_port (foreign), ways);
  g_autoptr(BrevetTransport) unreachable = mqtt_world_create (*world, "ways", ways, "timeout", "1s", NULL);
  g_autoptr(BrevetTransport) untrusted = mqtt_world_create (*world, "ways", more, "timeout", "1s", NULL);
  const char *reasons[] = { first, second, NULL };

  assert_fails (unreachable, NULL, BREVET_ERROR_UNREACHABLE, reasons);
  reasons[0] = before;
  assert_fails (untrusted, NULL, BREVET_ERROR_UNTRUSTED, reasons);
}

static BrevetTransport *
create_websocket (MqttWorld *world, guint16 port, const char *proxy)
{
  g_autofree char *way = g_strdup_printf ("websocket:%u", port);

  return mqtt_world_create (world, "ways", way, proxy != NULL ? "proxy" : NULL, proxy, NULL);
}

static void
test_websocket (MqttWorld **world, gconstpointer data)
{
  MqttPeer *foreign = mqtt_world_add_foreign (*world);
  g_autoptr(BrevetTransport) transport = NULL;
  g_autoptr(BrevetTransport) wrong = create_websocket (*world, mqtt_peer_get_port (foreign), NULL);
  static const char *const reasons[] = { "not issued by an authority", NULL };

  mqtt_world_start (*world, FALSE);
  transport = create_websocket (*world, (*world)->broker->websocket_port, NULL);
  assert_echoed (transport, NULL);
  assert_echoed (transport, NULL);
  assert_fails (wrong, NULL, BREVET_ERROR_UNTRUSTED, reasons);
}

/* A proxy for HTTP that only tunnels. */
typedef struct {
  GSocketService *service;
  guint16 port;
  gint tunnels;              /* atomic */
  GCancellable *cancellable;
} Tunnel;

typedef struct {
  GIOStream *from;
  GIOStream *to;
  GCancellable *cancellable;
} Pump;

static gpointer
pump (gpointer data)
{
  Pump *self = data;

  g_output_stream_splice (g_io_stream_get_output_stream (self->to), g_io_stream_get_input_stream (self->from),
                          G_OUTPUT_STREAM_SPLICE_NONE, self->cancellable, NULL);
  g_socket_shutdown (g_socket_connection_get_socket (G_SOCKET_CONNECTION (self->to)), FALSE, TRUE, NULL);
  return NULL;
}

static guint16
read_target (GDataInputStream *input)
{
  g_autofree char *line = g_data_input_stream_read_line (input, NULL, NULL, NULL);
  const char *colon = line != NULL && g_str_has_prefix (line, "CONNECT localhost:") ? strchr (line, ':') : NULL;
  gboolean more = colon != NULL;

  while (more)
    {
      g_autofree char *field = g_data_input_stream_read_line (input, NULL, NULL, NULL);

      more = field != NULL && *field != '\0' && *field != '\r';
    }
  return colon != NULL ? (guint16) g_ascii_strtoull (colon + 1, NULL, 10) : 0;
}

static gboolean
on_tunnel (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer user_data)
{
  static const char yes[] = "HTTP/1.1 200 Connection established\r\n\r\n";
  Tunnel *self = user_data;
  g_autoptr(GDataInputStream) input = g_data_input_stream_new (g_io_stream_get_input_stream (G_IO_STREAM (connection)));
  g_autoptr(GSocketClient) client = g_socket_client_new ();
  g_autoptr(GSocketConnection) server = NULL;
  GThread *thread;

  g_filter_input_stream_set_close_base_stream (G_FILTER_INPUT_STREAM (input), FALSE);
  server = g_socket_client_connect_to_host (client, "127.0.0.1", read_target (input), NULL, NULL);
  if (server == NULL)
    return TRUE;
  g_atomic_int_inc (&self->tunnels);
  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)), yes, sizeof yes - 1, NULL, NULL, NULL);
  thread = g_thread_new ("back", pump, &(Pump) { G_IO_STREAM (server), G_IO_STREAM (connection), self->cancellable });
  pump (&(Pump) { G_IO_STREAM (connection), G_IO_STREAM (server), self->cancellable });
  g_thread_join (thread);
  return TRUE;
}

static void
tunnel_start (Tunnel *self)
{
  self->cancellable = g_cancellable_new ();
  self->service = g_threaded_socket_service_new (16);
  self->port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (self->service), NULL, NULL);
  g_signal_connect (self->service, "run", G_CALLBACK (on_tunnel), self);
  g_socket_service_start (self->service);
}

static void
tunnel_stop (Tunnel *self)
{
  test_wait_for_end_of_service (self->service, self->cancellable);
  g_object_unref (self->cancellable);
}

static void
test_proxy (MqttWorld **world, gconstpointer data)
{
  Tunnel tunnel = { NULL };
  g_autofree char *proxy = NULL;
  g_autofree char *port = NULL;
  g_autofree char *nowhere = g_strdup_printf ("http://127.0.0.1:%u", find_free_port ());
  g_autoptr(BrevetTransport) plain = NULL;
  g_autoptr(BrevetTransport) websocket = NULL;
  g_autoptr(BrevetTransport) lost = NULL;
  static const char *const reasons[] = { "refused", NULL };

  mqtt_world_start (*world, FALSE);
  tunnel_start (&tunnel);
  proxy = g_strdup_printf ("http://127.0.0.1:%u", tunnel.port);
  port = g_strdup_printf ("%u", (*world)->broker->port);
  plain = mqtt_world_create (*world, "port", port, "proxy", proxy, NULL);
  assert_echoed (plain, NULL);
  g_assert_cmpint (g_atomic_int_get (&tunnel.tunnels), ==, 1);
  websocket = create_websocket (*world, (*world)->broker->websocket_port, proxy);
  assert_echoed (websocket, NULL);
  g_assert_cmpint (g_atomic_int_get (&tunnel.tunnels), ==, 2);
  lost = mqtt_world_create (*world, "port", port, "proxy", nowhere, NULL);
  assert_fails (lost, NULL, BREVET_ERROR_UNREACHABLE, reasons);
  mqtt_settle ();
  tunnel_stop (&tunnel);
}

/* What desktop or environment say, as far as brevet sees it. */
typedef struct {
  GSimpleProxyResolver parent_instance;
} SystemResolver;

typedef struct {
  GSimpleProxyResolverClass parent_class;
} SystemResolverClass;

GType system_resolver_get_type (void);

static gboolean
is_supported (GProxyResolver *resolver)
{
  return TRUE;
}

/* The rest is that of the parent. */
static void
system_resolver_iface_init (GProxyResolverInterface *iface)
{
  iface->is_supported = is_supported;
}

G_DEFINE_TYPE_WITH_CODE (SystemResolver, system_resolver, G_TYPE_SIMPLE_PROXY_RESOLVER,
                         G_IMPLEMENT_INTERFACE (G_TYPE_PROXY_RESOLVER, system_resolver_iface_init))

static void
system_resolver_class_init (SystemResolverClass *class)
{
}

static void
system_resolver_init (SystemResolver *self)
{
}

static void
test_system_proxy (MqttWorld **world, gconstpointer data)
{
  GSimpleProxyResolver *resolver = G_SIMPLE_PROXY_RESOLVER (g_proxy_resolver_get_default ());
  Tunnel tunnel = { NULL };
  g_autofree char *proxy = NULL;
  g_autofree char *port = NULL;
  g_autoptr(BrevetTransport) plain = NULL;
  g_autoptr(BrevetTransport) websocket = NULL;
  g_autoptr(BrevetTransport) without = NULL;

  mqtt_world_start (*world, FALSE);
  tunnel_start (&tunnel);
  proxy = g_strdup_printf ("http://127.0.0.1:%u", tunnel.port);
  g_simple_proxy_resolver_set_uri_proxy (resolver, "https", proxy);
  g_simple_proxy_resolver_set_uri_proxy (resolver, "wss", proxy);
  port = g_strdup_printf ("%u", (*world)->broker->port);
  plain = mqtt_world_create (*world, "port", port, "proxy", "system", NULL);
  assert_echoed (plain, NULL);
  g_assert_cmpint (g_atomic_int_get (&tunnel.tunnels), ==, 1);
  websocket = create_websocket (*world, (*world)->broker->websocket_port, "system");
  assert_echoed (websocket, NULL);
  g_assert_cmpint (g_atomic_int_get (&tunnel.tunnels), ==, 2);
  without = mqtt_world_create (*world, "port", port, NULL);
  assert_echoed (without, NULL);
  g_assert_cmpint (g_atomic_int_get (&tunnel.tunnels), ==, 2);
  mqtt_settle ();
  tunnel_stop (&tunnel);
}

/* The broker takes nobody without a certificate of the world. */
static void
assert_seen (MqttWorld *world, BrevetKey *key)
{
  g_autoptr(BrevetChain) chain = tls_world_sign (world->tls, BREVET_CERTIFICATE_USAGE_CLIENT, "pump-07", key, FALSE);
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autoptr(BrevetEvidence) nothing = brevet_evidence_new ();
  g_autofree char *port = NULL;
  g_autoptr(BrevetTransport) plain = NULL;
  g_autoptr(BrevetTransport) websocket = NULL;
  static const char *const reasons[] = { "", NULL };

  mqtt_world_start (world, TRUE);
  port = g_strdup_printf ("%u", world->broker->port);
  plain = mqtt_world_create (world, "port", port, NULL);
  websocket = create_websocket (world, world->broker->websocket_port, NULL);
  brevet_evidence_set_credential (evidence, chain, key);
  assert_fails (plain, nothing, BREVET_ERROR_UNREACHABLE, reasons);
  assert_echoed (plain, evidence);
  assert_echoed (websocket, evidence);
}

static void
test_certificate (MqttWorld **world, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);

  assert_seen (*world, key);
}

/* In a process of its own, because the tokens of a process are found once. */
static void
test_token (MqttWorld **world, gconstpointer data)
{
  if (!tls_world_has_token ())
    g_test_skip ("SoftHSM is not installed");
  else if (g_test_subprocess ())
    {
      g_autoptr(BrevetKey) key = tls_world_make_token ((*world)->tls);

      assert_seen (*world, key);
    }
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
  g_setenv ("GIO_USE_PROXY_RESOLVER", "test", TRUE);
  g_io_extension_point_register (G_PROXY_RESOLVER_EXTENSION_POINT_NAME);
  g_io_extension_point_implement (G_PROXY_RESOLVER_EXTENSION_POINT_NAME, system_resolver_get_type (), "test", 0);
#define ADD(name, func) g_test_add ("/transport-mqtt/ways/" name, MqttWorld *, NULL, set_up, func, tear_down)
  ADD ("order", test_order);
  ADD ("way-lost", test_way_lost);
  ADD ("all-fail", test_all_fail);
  ADD ("same-trouble", test_same_trouble);
  ADD ("late", test_late);
  ADD ("websocket", test_websocket);
  ADD ("proxy", test_proxy);
  ADD ("system-proxy", test_system_proxy);
  ADD ("certificate", test_certificate);
  ADD ("token", test_token);
#undef ADD
  return g_test_run ();
}
