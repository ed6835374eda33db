/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gate below HTTP: protocols by name, and handing a connection over from one to the other. */
#include "brevet-gate.h"

#include "brevet-certificate-builder.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "test-wait.h"

#include <arpa/inet.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct
{
  char             *directory;
  BrevetGate       *gate;
  gnutls_session_t  session;
  gnutls_certificate_credentials_t credentials;
  int               fd;
} Fixture;

static void
reply (BrevetGateConnection *connection, const char *text)
{
  g_autoptr(GBytes) bytes = g_bytes_new (text, strlen (text));

  brevet_gate_connection_write (connection, bytes);
}

static void
ignore (BrevetGateConnection *connection)
{
}

static void
whisper_opened (BrevetGateConnection *connection, gpointer user_data)
{
  brevet_gate_connection_set_state (connection, user_data);
}

static void
start_websocket (BrevetGateConnection *connection, const char *protocol)
{
  g_assert_true (brevet_gate_connection_start_websocket (connection));
  if (!brevet_gate_connection_set_protocol (connection, protocol))
    brevet_gate_connection_close (connection);
}

/* `u` upgrades to shouting, `x` to something that is not there; every other byte is repeated. `w` and `v` do so over WebSocket. */
static gsize
whisper_received (BrevetGateConnection *connection, const guint8 *data, gsize length)
{
  char text[2] = { (char) data[0], '\0' };

  g_assert_cmpstr (brevet_gate_connection_get_state (connection), ==, "whisper");
  if (data[0] == 'u')
    g_assert_true (brevet_gate_connection_set_protocol (connection, "shout"));
  else if (data[0] == 'x')
    g_assert_false (brevet_gate_connection_set_protocol (connection, "no such protocol"));
  else if (data[0] == 'w')
    start_websocket (connection, "shout");
  else if (data[0] == 'v')
    start_websocket (connection, "no such protocol");
  else
    reply (connection, text);
  return 1;
}

static gsize
shout_received (BrevetGateConnection *connection, const guint8 *data, gsize length)
{
  g_autofree char *text = g_ascii_strup ((const char *) data, (gssize) length);

  g_assert_cmpstr (brevet_gate_connection_get_state (connection), ==, "shout");
  reply (connection, text);
  return length;
}

static const BrevetGateProtocol whisper = {
  .opened = whisper_opened, .received = whisper_received, .drained = ignore, .expired = ignore, .closed = ignore,
};

static const BrevetGateProtocol shout = {
  .opened = whisper_opened, .received = shout_received, .drained = ignore, .expired = ignore, .closed = ignore,
};

static void
write_certificate (Fixture *fixture, gint64 not_after)
{
  g_autofree char *certificate_path = g_build_filename (fixture->directory, "server.pem", NULL);
  g_autofree char *key_path = g_build_filename (fixture->directory, "server.key", NULL);
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_SERVER);
  g_autoptr(BrevetKey) key = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *pem = NULL;

  key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_assert_no_error (error);
  brevet_certificate_builder_set_common_name (builder, "gate.test");
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, not_after - 7200, not_after);
  certificate = brevet_certificate_builder_sign (g_steal_pointer (&builder), NULL, key, &error);
  g_assert_no_error (error);
  pem = brevet_certificate_to_pem (certificate);
  g_assert_true (g_file_set_contents (certificate_path, pem, -1, NULL));
  g_assert_true (brevet_key_save (key, key_path, &error));
  g_assert_no_error (error);
}

static void
start_gate (Fixture *fixture)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("listener", "test", fixture->directory);
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "address", "127.0.0.1", NULL);
  brevet_settings_set (settings, "certificate", "server.pem", NULL);
  brevet_settings_set (settings, "key", "server.key", NULL);
  fixture->gate = brevet_gate_new (settings, 0, &error);
  g_assert_no_error (error);
  brevet_gate_start (fixture->gate, "whisper", &error);
  g_assert_no_error (error);
}

static void
connect_client (Fixture *fixture)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };

  address.sin_port = htons (brevet_gate_get_port (fixture->gate));
  fixture->fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (fixture->fd, (struct sockaddr *) &address, sizeof address), ==, 0);
  gnutls_certificate_allocate_credentials (&fixture->credentials);
  gnutls_init (&fixture->session, GNUTLS_CLIENT);
  gnutls_set_default_priority (fixture->session);
  gnutls_credentials_set (fixture->session, GNUTLS_CRD_CERTIFICATE, fixture->credentials);
  gnutls_transport_set_int (fixture->session, fixture->fd);
  g_assert_cmpint (gnutls_handshake (fixture->session), ==, GNUTLS_E_SUCCESS);
}

/* @data: non-NULL for a certificate that has expired */
static void
setup (Fixture *fixture, gconstpointer data)
{
  gint64 not_after = brevet_clock_now_seconds () + (data == NULL ? 3600 : -60);
  g_autoptr(GError) error = NULL;

  fixture->directory = g_dir_make_tmp ("brevet-gate-XXXXXX", &error);
  g_assert_no_error (error);
  write_certificate (fixture, not_after);
  g_assert_true (brevet_gate_register_protocol ("whisper", &whisper, (gpointer) "whisper", NULL, &error));
  g_assert_true (brevet_gate_register_protocol ("shout", &shout, (gpointer) "shout", NULL, &error));
  if (data != NULL)
    g_test_expect_message ("brevet-gate", G_LOG_LEVEL_WARNING, "*server.pem has expired*");
  start_gate (fixture);
  g_test_assert_expected_messages ();
  connect_client (fixture);
}

static void
remove_file (Fixture *fixture, const char *name)
{
  g_autofree char *path = g_build_filename (fixture->directory, name, NULL);

  g_unlink (path);
}

static void
teardown (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GAsyncResult) result = NULL;

  gnutls_deinit (fixture->session);
  gnutls_certificate_free_credentials (fixture->credentials);
  close (fixture->fd);
  brevet_gate_stop_async (fixture->gate, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  g_assert_true (brevet_gate_stop_finish (fixture->gate, result, NULL));
  g_clear_object (&result);
  g_clear_object (&fixture->gate);
  brevet_gate_unregister_protocol ("whisper");
  brevet_gate_unregister_protocol ("shout");
  remove_file (fixture, "server.pem");
  remove_file (fixture, "server.key");
  g_rmdir (fixture->directory);
  g_free (fixture->directory);
}

static void
assert_bytes (Fixture *fixture, gconstpointer question, gsize question_length, gconstpointer answer, gsize answer_length)
{
  char text[64];
  gsize length = 0;

  g_assert_cmpint (gnutls_record_send (fixture->session, question, question_length), ==, question_length);
  while (length < answer_length)
    {
      gssize count = gnutls_record_recv (fixture->session, text + length, sizeof text - 1 - length);

      if (count == GNUTLS_E_AGAIN || count == GNUTLS_E_INTERRUPTED)
        continue;
      g_assert_cmpint (count, >, 0);
      length += count;
    }
  g_assert_cmpmem (text, length, answer, answer_length);
}

static void
assert_answer (Fixture *fixture, const char *question, const char *answer)
{
  assert_bytes (fixture, question, strlen (question), answer, strlen (answer));
}

static void
test_hand_over (Fixture *fixture, gconstpointer data)
{
  assert_answer (fixture, "ab", "ab");
  /* What came behind the request for it is already the new protocol's. */
  assert_answer (fixture, "cuand", "cAND");
  assert_answer (fixture, "more", "MORE");
}

static void
test_hand_over_to_nobody (Fixture *fixture, gconstpointer data)
{
  assert_answer (fixture, "axb", "ab");
}

static void
test_hand_over_as_websocket (Fixture *fixture, gconstpointer data)
{
  /* Masked with zeros, so that it can be read here. */
  static const char question[] = "aw\x82\x83\0\0\0\0and\x89\x80\0\0\0\0", answer[] = "a\x82\x03" "AND\x8a\0";
  static const char more[] = "\x02\x82\0\0\0\0is\x80\x81\0\0\0\0t", shouted[] = "\x82\x03IST";

  if (!brevet_gate_has_websocket ())
    {
      g_test_skip ("built without WebSocket");
      return;
    }
  assert_bytes (fixture, question, sizeof question - 1, answer, sizeof answer - 1);
  assert_bytes (fixture, more, sizeof more - 1, shouted, sizeof shouted - 1);
}

static void
test_hand_over_as_websocket_to_nobody (Fixture *fixture, gconstpointer data)
{
  static const char question[] = "av\x82\x83\0\0\0\0and", answer[] = "a\x88\x02\x03\xe8";

  if (!brevet_gate_has_websocket ())
    {
      g_test_skip ("built without WebSocket");
      return;
    }
  assert_bytes (fixture, question, sizeof question - 1, answer, sizeof answer - 1);
}

static void
test_protocols_are_known_by_name (Fixture *fixture, gconstpointer data)
{
  g_assert_true (brevet_gate_has_protocol ("shout"));
  g_assert_false (brevet_gate_has_protocol ("Shout"));
  brevet_gate_unregister_protocol ("shout");
  g_assert_false (brevet_gate_has_protocol ("shout"));
}

static void
test_expired_certificate (Fixture *fixture, gconstpointer data)
{
  /* Only a warning: some clients are better served with it than with nobody listening. */
  assert_answer (fixture, "ab", "ab");
}

static void
test_names_are_unique (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_gate_register_protocol ("whisper", &shout, NULL, NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/gate/hand-over", Fixture, NULL, setup, test_hand_over, teardown);
  g_test_add ("/gate/hand-over-to-nobody", Fixture, NULL, setup, test_hand_over_to_nobody, teardown);
  g_test_add ("/gate/hand-over-as-websocket", Fixture, NULL, setup, test_hand_over_as_websocket, teardown);
  g_test_add ("/gate/hand-over-as-websocket-to-nobody", Fixture, NULL, setup, test_hand_over_as_websocket_to_nobody, teardown);
  g_test_add ("/gate/protocols-are-known-by-name", Fixture, NULL, setup, test_protocols_are_known_by_name, teardown);
  g_test_add ("/gate/expired-certificate", Fixture, "expired", setup, test_expired_certificate, teardown);
  g_test_add ("/gate/names-are-unique", Fixture, NULL, setup, test_names_are_unique, teardown);
  return g_test_run ();
}
