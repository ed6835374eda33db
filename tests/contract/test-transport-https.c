/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "https-peer.h"
#include "transport-suite.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *ca_file;
  BrevetKey *key;
  BrevetCertificate *authority;
  HttpsPeer *peer;
} World;

static BrevetCertificate *
make_authority (BrevetKey *key, const char *name)
{
  g_autoptr(BrevetCertificateBuilder) builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CA);
  g_autoptr(GError) error = NULL;
  gint64 now = brevet_clock_now_seconds ();
  BrevetCertificate *authority;

  brevet_certificate_builder_set_common_name (builder, name);
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, now - 86400, now + 86400);
  authority = brevet_certificate_builder_sign (g_steal_pointer (&builder), NULL, key, &error);
  g_assert_no_error (error);
  return authority;
}

static gpointer
world_new (void)
{
  World *world = g_new0 (World, 1);
  g_autoptr(GError) error = NULL;
  g_autofree char *pem = NULL;
  int descriptor;

  world->key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_assert_no_error (error);
  world->authority = make_authority (world->key, "Test Root");
  pem = brevet_certificate_to_pem (world->authority);
  descriptor = g_file_open_tmp ("brevet-ca-XXXXXX.pem", &world->ca_file, &error);
  g_assert_no_error (error);
  g_close (descriptor, NULL);
  g_assert_true (g_file_set_contents (world->ca_file, pem, -1, NULL));
  return world;
}

static void
world_free (gpointer data)
{
  World *world = data;

  g_clear_pointer (&world->peer, https_peer_free);
  g_unlink (world->ca_file);
  g_free (world->ca_file);
  brevet_certificate_unref (world->authority);
  brevet_key_unref (world->key);
  g_free (world);
}

static HttpsPeer *
make_peer (World *world, TransportPeer kind)
{
  if (kind == TRANSPORT_PEER_MUTE || kind == TRANSPORT_PEER_ABSENT)
    return https_peer_new_mute ();
  if (kind == TRANSPORT_PEER_FOREIGN)
    {
      g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
      g_autoptr(BrevetCertificate) authority = make_authority (key, "Foreign Root");

      return https_peer_new ("localhost", authority, key, FALSE);
    }
  return https_peer_new (kind == TRANSPORT_PEER_MISNAMED ? "elsewhere.example" : "localhost", world->authority, world->key,
                         kind == TRANSPORT_PEER_EXPIRED);
}

static BrevetTransport *
create_transport (const char *host, guint16 port, const char *ca_file, guint timeout)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", NULL, NULL);
  g_autofree char *port_text = g_strdup_printf ("%u", port);
  g_autofree char *timeout_text = g_strdup_printf ("%us", timeout);
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin;

  brevet_settings_set (settings, "host", host, NULL);
  brevet_settings_set (settings, "port", port_text, NULL);
  brevet_settings_set (settings, "timeout", timeout_text, NULL);
  if (ca_file != NULL)
    brevet_settings_set (settings, "ca-file", ca_file, NULL);
  plugin = brevet_registry_create (registry, BREVET_TYPE_TRANSPORT, "transport-https", "test", settings, &error);
  g_assert_no_error (error);
  return BREVET_TRANSPORT (plugin);
}

static BrevetTransport *
world_create (gpointer data, TransportPeer kind, guint timeout)
{
  World *world = data;
  guint16 port;

  g_clear_pointer (&world->peer, https_peer_free);
  world->peer = make_peer (world, kind);
  port = https_peer_get_port (world->peer);
  if (kind == TRANSPORT_PEER_ABSENT)
    g_clear_pointer (&world->peer, https_peer_free);
  return create_transport ("localhost", port, world->ca_file, timeout);
}

static BrevetRequest *
world_make_request (gpointer data, TransportQuestion question)
{
  static const char *const paths[] = { TRANSPORT_ECHO "/a%20b/%C3%A9", TRANSPORT_MISSING, TRANSPORT_NEVER, TRANSPORT_LARGE };
  BrevetRequest *request = brevet_request_new ("PUT", paths[question], "api-version=2021-10-01&x=%26");
  g_autoptr(BrevetEvidence) evidence = brevet_evidence_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("{\"a\":\"\\u00e9\"}", 14);

  brevet_evidence_set_token (evidence, "SharedAccessSignature sr=x&sig=y&se=1");
  brevet_request_set_evidence (request, evidence);
  brevet_request_set_header (request, "Prefer", "wait=7");
  brevet_request_set_body (request, body);
  return request;
}

static void
world_check_echo (gpointer data, BrevetRequest *request, BrevetReply *reply)
{
  g_assert_true (g_bytes_equal (brevet_reply_get_body (reply), brevet_request_get_body (request)));
  g_assert_cmpstr (brevet_reply_get_header (reply, "x-seen"), ==,
                   "PUT " TRANSPORT_ECHO "/a%20b/%C3%A9 api-version=2021-10-01&x=%26 wait=7 SharedAccessSignature sr=x&sig=y&se=1");
}

static const TransportSuite suite = {
  .plugin = "transport-https",
  .set_up = world_new,
  .create = world_create,
  .make_request = world_make_request,
  .check_echo = world_check_echo,
  .tear_down = world_free,
};

static void
assert_breaks (TransportFixture *fixture, const char *path, const char *reason)
{
  g_autoptr(BrevetTransport) transport = world_create (fixture->world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_ask (transport, path, &error);
  g_assert_null (reply);
  transport_assert_error (error, BREVET_ERROR_UNREACHABLE, reason);
}

static void
test_broken_answers (TransportFixture *fixture, gconstpointer data)
{
  assert_breaks (fixture, HTTPS_CUT, "closed");
  assert_breaks (fixture, HTTPS_GARBAGE, "");
  assert_breaks (fixture, HTTPS_ENDLESS, "longer than");
  assert_breaks (fixture, HTTPS_DROP, "closed");
}

static void
test_redirect_is_a_reply (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetTransport) transport = world_create (world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_ask (transport, HTTPS_REDIRECT, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 302);
  g_assert_cmpstr (brevet_reply_get_header (reply, "location"), ==, TRANSPORT_ECHO);
  g_assert_cmpuint (https_peer_count_requests (world->peer, TRANSPORT_ECHO), ==, 0);
}

static void
test_challenge_is_a_reply (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetTransport) transport = world_create (world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_ask (transport, HTTPS_CHALLENGE, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 401);
  g_assert_cmpuint (https_peer_count_requests (world->peer, HTTPS_CHALLENGE), ==, 1);
}

static gint64
ask_retry_after (TransportFixture *fixture, const char *path)
{
  g_autoptr(BrevetTransport) transport = world_create (fixture->world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;
  gint64 seconds = -1;

  reply = transport_ask (transport, path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 503);
  g_ascii_string_to_signed (brevet_reply_get_header (reply, "retry-after"), 10, 0, G_MAXINT64, &seconds, &error);
  g_assert_no_error (error);
  return seconds;
}

/* A proxy may name a moment where a service names a number. */
static void
test_retry_after (TransportFixture *fixture, gconstpointer data)
{
  gint64 seconds = ask_retry_after (fixture, HTTPS_LATER);

  g_assert_cmpint (seconds, >, 3600 - 120);
  g_assert_cmpint (seconds, <=, 3600);
  g_assert_cmpint (ask_retry_after (fixture, HTTPS_SOON), ==, 0);
  g_assert_cmpint (ask_retry_after (fixture, HTTPS_SECONDS), ==, 17);
}

/* A body is taken as it comes: a small one must not grow into a large one. */
static void
test_nothing_is_decoded (TransportFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetTransport) transport = world_create (fixture->world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_ask (transport, HTTPS_GZIP, &error);
  g_assert_no_error (error);
  g_assert_cmpmem (g_bytes_get_data (brevet_reply_get_body (reply), NULL), g_bytes_get_size (brevet_reply_get_body (reply)), "{}",
                   2);
}

/* The connection is kept for the next request, and a request that dies on a kept connection is not sent a second time. */
static void
test_kept_and_never_repeated (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetTransport) transport = world_create (world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetRequest) request = brevet_request_new ("PUT", HTTPS_DROP, NULL);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(BrevetReply) echo = transport_ask (transport, TRANSPORT_ECHO, &error);

      g_assert_no_error (error);
    }
  g_assert_cmpuint (https_peer_count_connections (world->peer), ==, 1);
  reply = transport_exchange (transport, request, NULL, &error);
  g_assert_null (reply);
  transport_assert_error (error, BREVET_ERROR_UNREACHABLE, "closed");
  g_clear_error (&error);
  g_assert_cmpuint (https_peer_count_requests (world->peer, HTTPS_DROP), ==, 1);

  {
    g_autoptr(BrevetReply) echo = transport_ask (transport, TRANSPORT_ECHO, &error);

    g_assert_no_error (error);
  }
  g_assert_cmpuint (https_peer_count_requests (world->peer, HTTPS_DROP), ==, 1);
}

static BrevetEvidence *
make_credential (World *world, const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_autoptr(BrevetCertificateBuilder) builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT);
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  g_autoptr(BrevetChain) chain = NULL;
  BrevetEvidence *evidence = brevet_evidence_new ();
  gint64 now = brevet_clock_now_seconds ();

  brevet_certificate_builder_set_common_name (builder, name);
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, now - 3600, now + 3600);
  g_ptr_array_add (certificates, brevet_certificate_builder_sign (g_steal_pointer (&builder), world->authority, world->key,
                                                                  &error));
  g_assert_no_error (error);
  chain = brevet_chain_new (certificates, &error);
  g_assert_no_error (error);
  brevet_evidence_set_credential (evidence, chain, key);
  return evidence;
}

static void
assert_seen_as (BrevetTransport *transport, BrevetEvidence *evidence, const char *expected)
{
  g_autoptr(BrevetRequest) request = brevet_request_new ("GET", HTTPS_WHO, NULL);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  brevet_request_set_evidence (request, evidence);
  reply = transport_exchange (transport, request, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_reply_get_header (reply, "x-who"), ==, expected);
}

/* Who presents a certificate is seen with it, and nobody is seen with that of another. */
static void
test_client_certificates (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetTransport) transport = world_create (world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetEvidence) nobody = brevet_evidence_new ();
  g_autoptr(BrevetEvidence) first = make_credential (world, "device-1");
  g_autoptr(BrevetEvidence) second = make_credential (world, "device-2");

  assert_seen_as (transport, nobody, "nobody");
  assert_seen_as (transport, first, "CN=device-1");
  assert_seen_as (transport, second, "CN=device-2");
  assert_seen_as (transport, nobody, "nobody");
  assert_seen_as (transport, first, "CN=device-1");
}

static void
test_system_trust (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  g_autoptr(BrevetTransport) trusting = world_create (world, TRANSPORT_PEER_GOOD, 30);
  g_autoptr(BrevetTransport) transport = create_transport ("localhost", https_peer_get_port (world->peer), NULL, 30);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  /* What one transport trusts is no business of the other, in either direction. */
  reply = transport_ask (transport, TRANSPORT_ECHO, &error);
  g_assert_null (reply);
  transport_assert_error (error, BREVET_ERROR_UNTRUSTED, "this system trusts");
  g_clear_error (&error);
  reply = transport_ask (trusting, TRANSPORT_ECHO, &error);
  g_assert_no_error (error);
}

/* A transport that is only configured, for a change that is rejected afterwards, leaves everything as it is. */
static void
test_not_used_changes_nothing (TransportFixture *fixture, gconstpointer data)
{
  World *world = fixture->world;
  GTlsBackend *backend = g_tls_backend_get_default ();
  g_autoptr(GTlsDatabase) before = g_tls_backend_get_default_database (backend);
  g_autoptr(BrevetTransport) rejected = create_transport ("localhost", 443, world->ca_file, 30);
  g_autoptr(GTlsDatabase) after = g_tls_backend_get_default_database (backend);

  g_assert_true (before == after);
}

static void
test_unknown_name (void)
{
  g_autoptr(BrevetTransport) transport = create_transport ("nowhere.localhost.invalid", 443, NULL, 30);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_ask (transport, TRANSPORT_ECHO, &error);
  g_assert_null (reply);
  transport_assert_error (error, BREVET_ERROR_UNREACHABLE, "resolved");
}

static void
assert_refused_setting (const char *key, const char *value, const char *reason)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", NULL, NULL);
  g_autoptr(BrevetPlugin) plugin = NULL;
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "host", "localhost", NULL);
  brevet_settings_set (settings, key, value, NULL);
  plugin = brevet_registry_create (registry, BREVET_TYPE_TRANSPORT, "transport-https", "test", settings, &error);
  g_assert_null (plugin);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  if (strstr (error->message, reason) == NULL)
    g_error ("“%s” does not say “%s”", error->message, reason);
}

static void
test_settings (void)
{
  assert_refused_setting ("host", "", "host");
  assert_refused_setting ("host", "a/b", "host");
  assert_refused_setting ("host", "dps.example.net:443", "port");
  assert_refused_setting ("port", "70000", "port");
  assert_refused_setting ("timeout", "0", "timeout");
  assert_refused_setting ("proxy", "proxy:3128", "proxy");
  assert_refused_setting ("ca-file", "/nowhere/ca.pem", "/nowhere/ca.pem");
  assert_refused_setting ("ca-file", "/nowhere/ca.pem", "[transport] ca-file");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  transport_suite_add (&suite);
  transport_suite_add_network (&suite);
  transport_suite_add_test (&suite, "broken-answers", test_broken_answers);
  transport_suite_add_test (&suite, "redirect-is-a-reply", test_redirect_is_a_reply);
  transport_suite_add_test (&suite, "challenge-is-a-reply", test_challenge_is_a_reply);
  transport_suite_add_test (&suite, "retry-after", test_retry_after);
  transport_suite_add_test (&suite, "nothing-is-decoded", test_nothing_is_decoded);
  transport_suite_add_test (&suite, "kept-and-never-repeated", test_kept_and_never_repeated);
  transport_suite_add_test (&suite, "client-certificates", test_client_certificates);
  transport_suite_add_test (&suite, "system-trust", test_system_trust);
  transport_suite_add_test (&suite, "not-used-changes-nothing", test_not_used_changes_nothing);
  g_test_add_func ("/transport-https/unknown-name", test_unknown_name);
  g_test_add_func ("/transport-https/settings", test_settings);
  return g_test_run ();
}
