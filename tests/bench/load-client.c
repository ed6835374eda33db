/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A load client that knows nothing but sockets, TLS and one prepared request per device: so cheap that the service is what is
 * measured. Prints one line of JSON: requests, errors, seconds, handshakes, resumed. Every answer is checked. */

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-key.h"
#include "brevet-registration-request.h"
#include "brevet-route.h"
#include "brevet-sas-token.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REPLY_SIZE 65536

typedef enum {
  MODE_KEEP_ALIVE,
  MODE_NEW,
  MODE_RESUMED,
} Mode;

static struct {
  char *host;
  int port;
  char *ca_file;
  char *id_scope;
  char *group_key_file;
  char *mode_name;
  char *get_path; /* for measuring plain TLS: a GET of this path instead of registrations */
  int threads;
  int devices;
  double seconds;
  int idle;
  int expected_status;
  Mode mode;
  gnutls_certificate_credentials_t credentials;
} options = { .port = 443, .threads = 2, .devices = 32, .seconds = 3.0, .expected_status = 200 };

typedef struct {
  GPtrArray *requests; /* GString, one per device */
  guint next;
  gnutls_session_t session;
  int socket;
  gnutls_datum_t ticket;
  guint64 answered;
  guint64 errors;
  guint64 handshakes;
  guint64 resumed;
} Client;

static const GOptionEntry entries[] = {
  { "host", 0, 0, G_OPTION_ARG_STRING, &options.host, "Name of the service, on 127.0.0.1", "NAME" },
  { "port", 0, 0, G_OPTION_ARG_INT, &options.port, "Port", "PORT" },
  { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &options.ca_file, "Trusted certificates", "FILE" },
  { "id-scope", 0, 0, G_OPTION_ARG_STRING, &options.id_scope, "Scope", "SCOPE" },
  { "group-key-file", 0, 0, G_OPTION_ARG_FILENAME, &options.group_key_file, "Key of the enrollment group", "FILE" },
  { "mode", 0, 0, G_OPTION_ARG_STRING, &options.mode_name, "keep-alive, new or resumed", "MODE" },
  { "get", 0, 0, G_OPTION_ARG_STRING, &options.get_path, "Send GET requests for PATH instead of registrations", "PATH" },
  { "expect", 0, 0, G_OPTION_ARG_INT, &options.expected_status, "Status that every reply must have", "STATUS" },
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads, "Simultaneous connections", "N" },
  { "devices", 0, 0, G_OPTION_ARG_INT, &options.devices, "Devices per connection", "N" },
  { "seconds", 0, 0, G_OPTION_ARG_DOUBLE, &options.seconds, "How long", "S" },
  { "idle", 0, 0, G_OPTION_ARG_INT, &options.idle, "Idle connections beside", "N" },
  { NULL },
};

static BrevetSecret *
load_group_key (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetSecret) text = brevet_secret_new_from_file (options.group_key_file, &error);
  BrevetSecret *key = text != NULL ? brevet_secret_new_from_base64 ((const char *) brevet_secret_get_data (text, NULL), &error)
                                   : NULL;

  if (key == NULL)
    g_error ("%s", error->message);
  return key;
}

static GString *
make_registration (BrevetSecret *group_key, const char *id)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_autoptr(BrevetRegistrationRequest) request = brevet_registration_request_new ();
  g_autoptr(BrevetSecret) device_key = brevet_sas_derive_key (group_key, id);
  g_autofree char *resource = g_strdup_printf ("%s/registrations/%s", options.id_scope, id);
  g_autofree char *token =
    brevet_sas_token_create (resource, device_key, brevet_clock_now_seconds () + 86400, "registration");
  g_autofree char *path = brevet_route_build_registration_path (options.id_scope, id, "register");
  g_autoptr(GBytes) body = NULL;
  GString *text = g_string_new (NULL);

  request->registration_id = g_strdup (id);
  request->csr = brevet_key_create_csr (key, id, &error);
  body = brevet_registration_request_print (request, BREVET_DIALECT_2021_11_01_PREVIEW);
  g_string_append_printf (text,
                          "PUT %s?api-version=2021-11-01-preview HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nPrefer: wait=20\r\n"
                          "Content-Type: application/json\r\nContent-Length: %" G_GSIZE_FORMAT "\r\n\r\n",
                          path, options.host, token, g_bytes_get_size (body));
  g_string_append_len (text, g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  return text;
}

static void
prepare_requests (Client *client, BrevetSecret *group_key, guint index)
{
  client->requests = g_ptr_array_new ();
  for (int i = 0; i < options.devices; i++)
    {
      g_autofree char *id = g_strdup_printf ("bench-%u-%d", index, i);
      GString *text = g_string_new (NULL);

      if (options.get_path != NULL)
        g_string_append_printf (text, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", options.get_path, options.host);
      else
        {
          g_string_free (text, TRUE);
          text = make_registration (group_key, id);
        }
      g_ptr_array_add (client->requests, text);
    }
}

static int
connect_socket (void)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons (options.port) };
  int one = 1;
  int fd = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  address.sin_addr.s_addr = htonl (INADDR_LOOPBACK);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    {
      if (fd >= 0)
        close (fd);
      return -1;
    }
  setsockopt (fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void
disconnect_client (Client *client)
{
  if (client->session == NULL)
    return;
  if (options.mode == MODE_RESUMED)
    {
      g_clear_pointer (&client->ticket.data, gnutls_free);
      gnutls_session_get_data2 (client->session, &client->ticket);
    }
  gnutls_bye (client->session, GNUTLS_SHUT_WR);
  g_clear_pointer (&client->session, gnutls_deinit);
  close (client->socket);
}

static gboolean
connect_client (Client *client)
{
  int status;

  client->socket = connect_socket ();
  if (client->socket < 0)
    return FALSE;
  gnutls_init (&client->session, GNUTLS_CLIENT);
  gnutls_set_default_priority (client->session);
  gnutls_credentials_set (client->session, GNUTLS_CRD_CERTIFICATE, options.credentials);
  gnutls_server_name_set (client->session, GNUTLS_NAME_DNS, options.host, strlen (options.host));
  gnutls_session_set_verify_cert (client->session, options.host, 0);
  gnutls_transport_set_int (client->session, client->socket);
  if (client->ticket.data != NULL)
    gnutls_session_set_data (client->session, client->ticket.data, client->ticket.size);
  do
    status = gnutls_handshake (client->session);
  while (status < 0 && !gnutls_error_is_fatal (status));
  if (status < 0)
    {
      g_printerr ("handshake: %s\n", gnutls_strerror (status));
      g_clear_pointer (&client->session, gnutls_deinit);
      close (client->socket);
      return FALSE;
    }
  client->handshakes++;
  client->resumed += gnutls_session_is_resumed (client->session);
  return TRUE;
}

static gssize
receive (Client *client, char *buffer, gsize size)
{
  gssize got;

  do
    got = gnutls_record_recv (client->session, buffer, size);
  while (got == GNUTLS_E_INTERRUPTED || got == GNUTLS_E_AGAIN);
  return got;
}

/* Reads one reply with Content-Length; returns its status, 0 if the connection broke. */
static guint
read_reply (Client *client, char *buffer)
{
  gsize length = 0;
  const char *head_end = NULL;
  const char *field;
  gsize wanted = G_MAXSIZE;

  while (length < wanted)
    {
      gssize got = receive (client, buffer + length, REPLY_SIZE - 1 - length);

      if (got <= 0)
        return 0;
      length += got;
      buffer[length] = '\0';
      if (head_end == NULL && (head_end = strstr (buffer, "\r\n\r\n")) != NULL)
        {
          field = strcasestr (buffer, "content-length:");
          wanted = (head_end - buffer) + 4 + (field != NULL ? strtoul (field + 15, NULL, 10) : 0);
        }
    }
  return strtoul (buffer + 9, NULL, 10);
}

static gboolean
exchange (Client *client, char *buffer)
{
  GString *request = g_ptr_array_index (client->requests, client->next++ % client->requests->len);

  if (gnutls_record_send (client->session, request->str, request->len) != (gssize) request->len)
    return FALSE;
  if (read_reply (client, buffer) != (guint) options.expected_status)
    return FALSE;
  return options.get_path != NULL || strstr (buffer, "\"issuedClientCertificate\"") != NULL;
}

static gpointer
run_client (gpointer data)
{
  Client *client = data;
  g_autofree char *buffer = g_malloc (REPLY_SIZE);
  gint64 end = g_get_monotonic_time () + (gint64) (options.seconds * G_USEC_PER_SEC);

  while (g_get_monotonic_time () < end)
    {
      if (client->session == NULL && !connect_client (client))
        {
          client->errors++;
          break;
        }
      if (exchange (client, buffer))
        client->answered++;
      else
        {
          if (client->errors++ == 0)
            g_printerr ("unexpected reply: %.300s\n", buffer);
          disconnect_client (client);
        }
      if (options.mode != MODE_KEEP_ALIVE)
        disconnect_client (client);
    }
  disconnect_client (client);
  return NULL;
}

static void
open_idle_connections (GPtrArray *idle)
{
  for (int i = 0; i < options.idle; i++)
    {
      Client *client = g_new0 (Client, 1);

      if (!connect_client (client))
        g_error ("The idle connection %d was not accepted", i);
      g_ptr_array_add (idle, client);
    }
}

static void
print_result (Client *clients, double seconds)
{
  Client sum = { 0 };

  for (int i = 0; i < options.threads; i++)
    {
      sum.answered += clients[i].answered;
      sum.errors += clients[i].errors;
      sum.handshakes += clients[i].handshakes;
      sum.resumed += clients[i].resumed;
    }
  g_print ("{\"requests\":%" G_GUINT64_FORMAT ",\"errors\":%" G_GUINT64_FORMAT ",\"seconds\":%.3f,\"handshakes\":%" G_GUINT64_FORMAT
           ",\"resumed\":%" G_GUINT64_FORMAT "}\n",
           sum.answered, sum.errors, seconds, sum.handshakes, sum.resumed);
}

static void
read_mode (void)
{
  if (g_strcmp0 (options.mode_name, "new") == 0)
    options.mode = MODE_NEW;
  else if (g_strcmp0 (options.mode_name, "resumed") == 0)
    options.mode = MODE_RESUMED;
  else if (options.mode_name != NULL && g_strcmp0 (options.mode_name, "keep-alive") != 0)
    g_error ("--mode is keep-alive, new or resumed");
}

int
main (int argc, char **argv)
{
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) idle = g_ptr_array_new ();
  g_autofree Client *clients = NULL;
  g_autofree GThread **threads = NULL;
  g_autoptr(BrevetSecret) group_key = NULL;
  char line[8];
  gint64 start;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || options.host == NULL || options.ca_file == NULL)
    g_error ("%s", error != NULL ? error->message : "--host and --ca-file are needed");
  read_mode ();
  gnutls_certificate_allocate_credentials (&options.credentials);
  if (gnutls_certificate_set_x509_trust_file (options.credentials, options.ca_file, GNUTLS_X509_FMT_PEM) < 1)
    g_error ("%s holds no certificate", options.ca_file);
  group_key = options.get_path == NULL ? load_group_key () : NULL;
  clients = g_new0 (Client, options.threads);
  threads = g_new0 (GThread *, options.threads);
  for (int i = 0; i < options.threads; i++)
    prepare_requests (&clients[i], group_key, i);
  open_idle_connections (idle);
  /* Whoever measures the service's processor time says when to go. */
  g_print ("ready\n");
  if (fgets (line, sizeof line, stdin) == NULL)
    return 1;
  start = g_get_monotonic_time ();
  for (int i = 0; i < options.threads; i++)
    threads[i] = g_thread_new ("client", run_client, &clients[i]);
  for (int i = 0; i < options.threads; i++)
    g_thread_join (threads[i]);
  print_result (clients, (g_get_monotonic_time () - start) / (double) G_USEC_PER_SEC);
  return 0;
}
