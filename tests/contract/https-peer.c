/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "https-peer.h"
#include "test-wait.h"
#include "transport-suite.h"

#include <stdio.h>
#include <string.h>

struct _HttpsPeer
{
  GSocketService *service;
  GTlsCertificate *certificate;   /* NULL: mute */
  GCancellable *cancellable;
  guint16 port;
  GMutex mutex;
  GHashTable *requests;           /* path → how often */
  guint connections;
};

typedef struct {
  char *method;
  char *path;
  char *query;
  char *prefer;
  char *authorization;
  char *body;
  gsize length;
} Asked;

static void
asked_clear (Asked *self)
{
  g_free (self->method);
  g_free (self->path);
  g_free (self->query);
  g_free (self->prefer);
  g_free (self->authorization);
  g_free (self->body);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Asked, asked_clear)

static gboolean
read_head_line (GDataInputStream *input, GCancellable *cancellable, Asked *asked, gboolean first, gboolean *more)
{
  g_autofree char *line = g_data_input_stream_read_line (input, NULL, cancellable, NULL);
  g_auto(GStrv) words = NULL;
  char *question;

  if (line == NULL)
    return FALSE;
  *more = *line != '\0';
  if (first)
    {
      words = g_strsplit (line, " ", 3);
      g_assert_cmpuint (g_strv_length (words), ==, 3);
      asked->method = g_strdup (words[0]);
      question = strchr (words[1], '?');
      asked->query = g_strdup (question != NULL ? question + 1 : "");
      asked->path = g_strndup (words[1], question != NULL ? (gsize) (question - words[1]) : strlen (words[1]));
      return TRUE;
    }
  words = g_strsplit (line, ": ", 2);
  if (words[0] != NULL && g_ascii_strcasecmp (words[0], "content-length") == 0)
    asked->length = g_ascii_strtoull (words[1], NULL, 10);
  if (words[0] != NULL && g_ascii_strcasecmp (words[0], "prefer") == 0)
    asked->prefer = g_strdup (words[1]);
  if (words[0] != NULL && g_ascii_strcasecmp (words[0], "authorization") == 0)
    asked->authorization = g_strdup (words[1]);
  return TRUE;
}

static gboolean
read_asked (GDataInputStream *input, GCancellable *cancellable, Asked *asked)
{
  gboolean more = TRUE;

  for (gboolean first = TRUE; more; first = FALSE)
    if (!read_head_line (input, cancellable, asked, first, &more))
      return FALSE;
  asked->body = g_malloc (asked->length + 1);
  return g_input_stream_read_all (G_INPUT_STREAM (input), asked->body, asked->length, NULL, cancellable, NULL);
}

static gboolean
say (GOutputStream *output, const char *text)
{
  return g_output_stream_write_all (output, text, strlen (text), NULL, NULL, NULL);
}

static gboolean
answer (GOutputStream *output, const char *status, const char *headers, const char *body, gsize length)
{
  g_autofree char *head = g_strdup_printf ("HTTP/1.1 %s\r\ncontent-type: application/json\r\n%s"
                                           "content-length: %" G_GSIZE_FORMAT "\r\n\r\n",
                                           status, headers, length);

  return say (output, head) && g_output_stream_write_all (output, body, length, NULL, NULL, NULL);
}

static gboolean
answer_echo (GOutputStream *output, const Asked *asked)
{
  g_autofree char *seen = g_strdup_printf ("X-Seen: %s %s %s %s %s\r\n", asked->method, asked->path, asked->query,
                                           asked->prefer != NULL ? asked->prefer : "",
                                           asked->authorization != NULL ? asked->authorization : "");

  return answer (output, "200 OK", seen, asked->body, asked->length);
}

static gboolean
answer_large (GOutputStream *output)
{
  gsize length = 1024 * 1024 + 1;
  g_autofree char *body = g_strnfill (length, ' ');

  return answer (output, "200 OK", "", body, length);
}

static gboolean
answer_endless (GOutputStream *output)
{
  g_autofree char *chunk = g_strnfill (4096, 'x');

  if (!say (output, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"))
    return FALSE;
  while (say (output, "1000\r\n") && say (output, chunk) && say (output, "\r\n"))
    ;
  return FALSE;
}

static gboolean
answer_who (GOutputStream *output, GTlsConnection *connection)
{
  GTlsCertificate *certificate = g_tls_connection_get_peer_certificate (connection);
  g_autofree char *subject = NULL;
  g_autofree char *header = NULL;

  if (certificate != NULL)
    g_object_get (certificate, "subject-name", &subject, NULL);
  header = g_strdup_printf ("x-who: %s\r\n", subject != NULL ? subject : "nobody");
  return answer (output, "200 OK", header, "", 0);
}

static gboolean
answer_busy (GOutputStream *output, int hours)
{
  g_autoptr(GDateTime) now = g_date_time_new_now_utc ();
  g_autoptr(GDateTime) then = g_date_time_add_hours (now, hours);
  g_autofree char *header = g_date_time_format (then, "retry-after: %a, %d %b %Y %H:%M:%S GMT\r\n");

  return answer (output, "503 Service Unavailable", hours != 0 ? header : "retry-after: 17\r\n", "", 0);
}

/* Returns FALSE when the connection should be closed. */
static gboolean
serve (HttpsPeer *self, GTlsConnection *connection, GDataInputStream *input, GOutputStream *output, const Asked *asked)
{
  if (g_str_has_prefix (asked->path, TRANSPORT_ECHO))
    return answer_echo (output, asked);
  if (g_str_equal (asked->path, TRANSPORT_MISSING))
    return answer (output, "404 Not Found", "", "{\"errorCode\":404201}", 20);
  if (g_str_equal (asked->path, TRANSPORT_LARGE))
    return answer_large (output);
  if (g_str_equal (asked->path, HTTPS_REDIRECT))
    return answer (output, "302 Found", "location: " TRANSPORT_ECHO "\r\n", "", 0);
  if (g_str_equal (asked->path, HTTPS_CHALLENGE))
    return answer (output, "401 Unauthorized", "www-authenticate: Basic realm=\"x\"\r\n", "", 0);
  if (g_str_equal (asked->path, HTTPS_LATER))
    return answer_busy (output, 1);
  if (g_str_equal (asked->path, HTTPS_SOON))
    return answer_busy (output, -1);
  if (g_str_equal (asked->path, HTTPS_SECONDS))
    return answer_busy (output, 0);
  if (g_str_equal (asked->path, HTTPS_GZIP))
    return answer (output, "200 OK", "content-encoding: gzip\r\n", "{}", 2);
  if (g_str_equal (asked->path, HTTPS_WHO))
    return answer_who (output, connection);
  if (g_str_equal (asked->path, HTTPS_ENDLESS))
    return answer_endless (output);
  if (g_str_equal (asked->path, HTTPS_CUT))
    say (output, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"cut\":");
  if (g_str_equal (asked->path, HTTPS_GARBAGE))
    say (output, "220 mail.example.net ESMTP\r\n\r\n");
  if (g_str_equal (asked->path, TRANSPORT_NEVER))
    g_input_stream_skip (G_INPUT_STREAM (input), 1, self->cancellable, NULL);
  return FALSE;
}

static void
note (HttpsPeer *self, const char *path)
{
  guint count;

  g_mutex_lock (&self->mutex);
  count = GPOINTER_TO_UINT (g_hash_table_lookup (self->requests, path));
  g_hash_table_insert (self->requests, g_strdup (path), GUINT_TO_POINTER (count + 1));
  g_mutex_unlock (&self->mutex);
}

static gboolean
on_accept_certificate (GTlsConnection *connection, GTlsCertificate *certificate, GTlsCertificateFlags errors, gpointer user_data)
{
  return TRUE;
}

static void
talk (HttpsPeer *self, GIOStream *stream)
{
  g_autoptr(GIOStream) secure = g_tls_server_connection_new (stream, self->certificate, NULL);
  g_autoptr(GDataInputStream) input = NULL;
  gboolean go_on = TRUE;

  g_object_set (secure, "authentication-mode", G_TLS_AUTHENTICATION_REQUESTED, NULL);
  g_signal_connect (secure, "accept-certificate", G_CALLBACK (on_accept_certificate), NULL);
  input = g_data_input_stream_new (g_io_stream_get_input_stream (secure));
  g_data_input_stream_set_newline_type (input, G_DATA_STREAM_NEWLINE_TYPE_CR_LF);
  while (go_on)
    {
      g_auto(Asked) asked = { NULL };

      if (!read_asked (input, self->cancellable, &asked))
        break;
      note (self, asked.path);
      go_on = serve (self, G_TLS_CONNECTION (secure), input, g_io_stream_get_output_stream (secure), &asked);
    }
  g_io_stream_close (secure, NULL, NULL);
}

static gboolean
on_run (GThreadedSocketService *service, GSocketConnection *connection, GObject *source, gpointer user_data)
{
  HttpsPeer *self = user_data;

  g_mutex_lock (&self->mutex);
  self->connections++;
  g_mutex_unlock (&self->mutex);
  if (self->certificate != NULL)
    talk (self, G_IO_STREAM (connection));
  else
    while (g_input_stream_skip (g_io_stream_get_input_stream (G_IO_STREAM (connection)), 4096, self->cancellable, NULL) > 0)
      ;
  return TRUE;
}

HttpsPeer *
https_peer_new_mute (void)
{
  HttpsPeer *self = g_new0 (HttpsPeer, 1);
  g_autoptr(GError) error = NULL;

  g_mutex_init (&self->mutex);
  self->requests = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->cancellable = g_cancellable_new ();
  self->service = g_threaded_socket_service_new (64);
  self->port = g_socket_listener_add_any_inet_port (G_SOCKET_LISTENER (self->service), NULL, &error);
  g_assert_no_error (error);
  g_signal_connect (self->service, "run", G_CALLBACK (on_run), self);
  g_socket_service_start (self->service);
  return self;
}

static GTlsCertificate *
make_identity (const char *name, BrevetCertificate *authority, BrevetKey *authority_key, gboolean expired)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_autoptr(BrevetCertificateBuilder) builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_SERVER);
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autofree char *directory = g_dir_make_tmp ("brevet-peer-XXXXXX", &error);
  g_autofree char *key_file = g_build_filename (directory, "key.pem", NULL);
  g_autofree char *certificate_file = g_build_filename (directory, "certificate.pem", NULL);
  g_autofree char *pem = NULL;
  gint64 now = brevet_clock_now_seconds ();
  GTlsCertificate *identity;

  brevet_certificate_builder_set_common_name (builder, name);
  brevet_certificate_builder_add_dns_name (builder, name);
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, now - 7200, expired ? now - 3600 : now + 3600);
  certificate = brevet_certificate_builder_sign (g_steal_pointer (&builder), authority, authority_key, &error);
  g_assert_no_error (error);
  pem = brevet_certificate_to_pem (certificate);
  g_assert_true (brevet_key_save (key, key_file, &error));
  g_assert_true (g_file_set_contents (certificate_file, pem, -1, &error));
  identity = g_tls_certificate_new_from_files (certificate_file, key_file, &error);
  g_assert_no_error (error);
  g_assert_cmpint (remove (key_file) | remove (certificate_file) | remove (directory), ==, 0);
  return identity;
}

HttpsPeer *
https_peer_new (const char *name, BrevetCertificate *authority, BrevetKey *authority_key, gboolean expired)
{
  GTlsCertificate *certificate = make_identity (name, authority, authority_key, expired);
  HttpsPeer *self = https_peer_new_mute ();

  self->certificate = certificate;
  return self;
}

guint16
https_peer_get_port (HttpsPeer *self)
{
  return self->port;
}

guint
https_peer_count_requests (HttpsPeer *self, const char *path)
{
  guint count;

  g_mutex_lock (&self->mutex);
  count = GPOINTER_TO_UINT (g_hash_table_lookup (self->requests, path));
  g_mutex_unlock (&self->mutex);
  return count;
}

guint
https_peer_count_connections (HttpsPeer *self)
{
  guint count;

  g_mutex_lock (&self->mutex);
  count = self->connections;
  g_mutex_unlock (&self->mutex);
  return count;
}

void
https_peer_free (HttpsPeer *self)
{
  test_wait_for_end_of_service (self->service, self->cancellable);
  g_clear_object (&self->certificate);
  g_clear_object (&self->cancellable);
  g_hash_table_unref (self->requests);
  g_mutex_clear (&self->mutex);
  g_free (self);
}
