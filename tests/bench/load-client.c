/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A load client that knows little but sockets, TLS and what is to be said: so cheap that the service is what is measured. Prints
 * one line of JSON: requests, errors, seconds, handshakes, resumed. Every answer is checked. */

#include "load-protocol.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-key.h"
#include "brevet-registration-request.h"
#include "brevet-sas-token.h"

#include <stdio.h>
#include <sys/resource.h>

typedef enum {
  MODE_KEEP_ALIVE,
  MODE_NEW,
  MODE_RESUMED,
} Mode;

static struct {
  char *id_scope;
  char *ca_file;
  char *group_key_file;
  char *credentials;
  char *attestation_file;
  gboolean challenge;
  char *mode_name;
  char *protocol_name;
  char *name;
  gboolean connect;
  int threads;
  int devices;
  double seconds;
  int idle;
  Mode mode;
  const LoadProtocol *protocol;
} options = { .threads = 2, .devices = 32, .seconds = 3.0, .name = "bench" };

static LoadPlan plan = { .target.port = 443, .expected_status = 200 };

typedef struct {
  LoadConnection connection;
  LoadDialog *dialog; /* NULL while not connected */
} Line;

/* A thread whose devices register one after another: whoever registers again before the service has noted that the last answer was
 * delivered gets the same certificate again, which is cheap and not what is measured. */
typedef struct {
  GPtrArray *devices; /* LoadDevice */
  guint next;
  Line *lines; /* one for all devices or, where a connection that is kept belongs to a device, one for each */
  guint line_count;
  guint64 answered;
  guint64 errors;
} Client;

static const GOptionEntry entries[] = {
  { "host", 0, 0, G_OPTION_ARG_STRING, &plan.target.host, "Name of the service, on 127.0.0.1", "NAME" },
  { "port", 0, 0, G_OPTION_ARG_INT, &plan.target.port, "Port", "PORT" },
  { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &options.ca_file, "Trusted certificates", "FILE" },
  { "protocol", 0, 0, G_OPTION_ARG_STRING, &options.protocol_name, "https, mqtt or websocket (default: https)", "NAME" },
  { "id-scope", 0, 0, G_OPTION_ARG_STRING, &options.id_scope, "Scope", "SCOPE" },
  { "group-key-file", 0, 0, G_OPTION_ARG_FILENAME, &options.group_key_file, "Key of the enrollment group", "FILE" },
  { "credentials", 0, 0, G_OPTION_ARG_FILENAME, &options.credentials,
    "What devices have instead: files ID.pem and ID.key, or ID.token, or nothing", "DIRECTORY" },
  { "attestation", 0, 0, G_OPTION_ARG_FILENAME, &options.attestation_file,
    "JSON object that stands in every registration", "FILE" },
  { "challenge", 0, 0, G_OPTION_ARG_NONE, &options.challenge, "HTTPS: register without a token, and want a challenge", NULL },
  { "name", 0, 0, G_OPTION_ARG_STRING, &options.name, "What the names of devices begin with: NAME-CLIENT-NUMBER", "NAME" },
  { "mode", 0, 0, G_OPTION_ARG_STRING, &options.mode_name, "keep-alive, new or resumed", "MODE" },
  { "wait", 0, 0, G_OPTION_ARG_NONE, &plan.wait, "HTTPS: prefer to wait for the final result instead of polling", NULL },
  { "get", 0, 0, G_OPTION_ARG_STRING, &plan.path, "HTTPS: send GET requests for PATH instead of registrations", "PATH" },
  { "expect", 0, 0, G_OPTION_ARG_INT, &plan.expected_status, "Status that every reply to GET must have", "STATUS" },
  { "connect", 0, 0, G_OPTION_ARG_NONE, &options.connect, "MQTT: only connect instead of registering", NULL },
  { "threads", 0, 0, G_OPTION_ARG_INT, &options.threads, "Clients that work at the same time", "N" },
  { "devices", 0, 0, G_OPTION_ARG_INT, &options.devices, "Devices of each", "N" },
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

static JsonObject *
load_attestation (void)
{
  g_autoptr(JsonParser) parser = json_parser_new ();
  g_autoptr(GError) error = NULL;

  if (!json_parser_load_from_file (parser, options.attestation_file, &error))
    g_error ("%s", error->message);
  return json_object_ref (json_node_get_object (json_parser_get_root (parser)));
}

static GBytes *
make_registration (const char *id)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_autoptr(BrevetRegistrationRequest) request = brevet_registration_request_new ();

  request->registration_id = g_strdup (id);
  request->csr = brevet_key_create_csr (key, id, &error);
  if (options.attestation_file != NULL)
    request->attestation = load_attestation ();
  return brevet_registration_request_print (request, BREVET_DIALECT_2021_11_01_PREVIEW);
}

/* A file of a device, if it is there. */
static char *
find_credential (const char *id, const char *suffix)
{
  g_autofree char *name = g_strconcat (id, suffix, NULL);
  g_autofree char *path = g_build_filename (options.credentials, name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS) ? g_steal_pointer (&path) : NULL;
}

static void
load_credential (LoadDevice *device)
{
  g_autofree char *certificate = find_credential (device->id, ".pem");
  g_autofree char *key = find_credential (device->id, ".key");
  g_autofree char *token = find_credential (device->id, ".token");

  if (token != NULL && !g_file_get_contents (token, &device->token, NULL, NULL))
    g_error ("%s cannot be read", token);
  if (certificate == NULL)
    return;
  gnutls_certificate_allocate_credentials (&device->credentials);
  if (gnutls_certificate_set_x509_trust_file (device->credentials, options.ca_file, GNUTLS_X509_FMT_PEM) < 1 ||
      gnutls_certificate_set_x509_key_file (device->credentials, certificate, key, GNUTLS_X509_FMT_PEM) < 0)
    g_error ("%s cannot be used", certificate);
}

static LoadDevice *
make_device (BrevetSecret *group_key, const char *id, gboolean registers)
{
  LoadDevice *device = g_new0 (LoadDevice, 1);

  device->id = g_strdup (id);
  device->id_scope = options.id_scope;
  if (group_key != NULL)
    {
      g_autoptr(BrevetSecret) key = brevet_sas_derive_key (group_key, id);
      g_autofree char *resource = g_strdup_printf ("%s/registrations/%s", options.id_scope, id);

      device->token = brevet_sas_token_create (resource, key, brevet_clock_now_seconds () + 86400, "registration");
    }
  if (options.credentials != NULL)
    load_credential (device);
  if (registers)
    device->body = make_registration (id);
  return device;
}

static void
prepare_devices (Client *client, BrevetSecret *group_key, guint index)
{
  client->devices = g_ptr_array_new ();
  for (int i = 0; i < options.devices; i++)
    {
      g_autofree char *id = g_strdup_printf ("%s-%u-%d", options.name, index, i);

      g_ptr_array_add (client->devices, make_device (group_key, id, plan.task == LOAD_REGISTER || plan.task == LOAD_CHALLENGE));
    }
}

static gboolean
open_line (Line *line, const LoadDevice *device)
{
  if (!load_connection_open (&line->connection, &plan.target, device->credentials))
    return FALSE;
  line->dialog = options.protocol->open (&plan, &line->connection, device);
  if (line->dialog == NULL)
    load_connection_close (&line->connection, FALSE);
  return line->dialog != NULL;
}

static void
close_line (Line *line)
{
  g_clear_pointer (&line->dialog, options.protocol->close);
  load_connection_close (&line->connection, options.mode == MODE_RESUMED);
}

/* Connections that are kept are no part of what is measured. One with a certificate belongs to the device that has that. */
static void
prepare_lines (Client *client)
{
  gboolean one_device = options.protocol->one_device || options.credentials != NULL;

  client->line_count = options.mode == MODE_KEEP_ALIVE && one_device ? client->devices->len : 1;
  client->lines = g_new0 (Line, client->line_count);
  for (guint i = 0; i < client->line_count && options.mode == MODE_KEEP_ALIVE; i++)
    if (!open_line (&client->lines[i], g_ptr_array_index (client->devices, i)))
      g_error ("The connection of device %u was not accepted", i);
}

static gpointer
run_client (gpointer data)
{
  Client *client = data;
  gint64 end = g_get_monotonic_time () + (gint64) (options.seconds * G_USEC_PER_SEC);

  for (; g_get_monotonic_time () < end; client->next++)
    {
      const LoadDevice *device = g_ptr_array_index (client->devices, client->next % client->devices->len);
      Line *line = &client->lines[client->next % client->line_count];

      if (line->dialog == NULL && !open_line (line, device))
        {
          client->errors++;
          break;
        }
      if (options.protocol->exchange (line->dialog, device))
        client->answered++;
      else
        {
          client->errors++;
          close_line (line);
        }
      if (options.mode != MODE_KEEP_ALIVE)
        close_line (line);
    }
  for (guint i = 0; i < client->line_count; i++)
    close_line (&client->lines[i]);
  return NULL;
}

/* They stay open until the process ends. */
static void
open_idle_connections (BrevetSecret *group_key)
{
  for (int i = 0; i < options.idle; i++)
    {
      g_autofree char *id = g_strdup_printf ("bench-idle-%d", i);

      if (!open_line (g_new0 (Line, 1), make_device (group_key, id, FALSE)))
        g_error ("The idle connection %d was not accepted", i);
    }
}

static void
print_result (Client *clients, double seconds)
{
  Client sum = { 0 };
  Line lines = { 0 };

  for (int i = 0; i < options.threads; i++)
    {
      sum.answered += clients[i].answered;
      sum.errors += clients[i].errors;
      for (guint j = 0; j < clients[i].line_count; j++)
        {
          lines.connection.handshakes += clients[i].lines[j].connection.handshakes;
          lines.connection.resumed += clients[i].lines[j].connection.resumed;
        }
    }
  g_print ("{\"requests\":%" G_GUINT64_FORMAT ",\"errors\":%" G_GUINT64_FORMAT ",\"seconds\":%.3f,\"handshakes\":%" G_GUINT64_FORMAT
           ",\"resumed\":%" G_GUINT64_FORMAT "}\n",
           sum.answered, sum.errors, seconds, lines.connection.handshakes, lines.connection.resumed);
}

static void
read_names (void)
{
  if (g_strcmp0 (options.mode_name, "new") == 0)
    options.mode = MODE_NEW;
  else if (g_strcmp0 (options.mode_name, "resumed") == 0)
    options.mode = MODE_RESUMED;
  else if (options.mode_name != NULL && g_strcmp0 (options.mode_name, "keep-alive") != 0)
    g_error ("--mode is keep-alive, new or resumed");

  if (g_strcmp0 (options.protocol_name, "mqtt") == 0)
    options.protocol = &load_mqtt;
  else if (g_strcmp0 (options.protocol_name, "websocket") == 0)
    options.protocol = &load_mqtt_websocket;
  else if (options.protocol_name == NULL || g_strcmp0 (options.protocol_name, "https") == 0)
    options.protocol = &load_http;
  else
    g_error ("--protocol is https, mqtt or websocket");

  plan.task = plan.path != NULL   ? LOAD_GET
              : options.connect   ? LOAD_CONNECT
              : options.challenge ? LOAD_CHALLENGE
                                  : LOAD_REGISTER;
}

static void
raise_file_limit (void)
{
  struct rlimit limit;

  if (getrlimit (RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit (RLIMIT_NOFILE, &limit);
}

int
main (int argc, char **argv)
{
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;
  g_autofree Client *clients = NULL;
  g_autofree GThread **threads = NULL;
  g_autoptr(BrevetSecret) group_key = NULL;
  char line[8];
  gint64 start;

  g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || plan.target.host == NULL || options.ca_file == NULL)
    g_error ("%s", error != NULL ? error->message : "--host and --ca-file are needed");
  read_names ();
  raise_file_limit ();
  gnutls_certificate_allocate_credentials (&plan.target.credentials);
  if (gnutls_certificate_set_x509_trust_file (plan.target.credentials, options.ca_file, GNUTLS_X509_FMT_PEM) < 1)
    g_error ("%s holds no certificate", options.ca_file);
  group_key = options.group_key_file != NULL ? load_group_key () : NULL;
  clients = g_new0 (Client, options.threads);
  threads = g_new0 (GThread *, options.threads);
  for (int i = 0; i < options.threads; i++)
    {
      prepare_devices (&clients[i], group_key, i);
      prepare_lines (&clients[i]);
    }
  open_idle_connections (group_key);
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
