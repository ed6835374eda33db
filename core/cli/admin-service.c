/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "admin-service.h"

#include "admin-json.h"
#include "argument-file.h"
#include "brevet-clock.h"
#include "brevet-command.h"
#include "brevet-connection-string.h"
#include "brevet-dialect.h"
#include "brevet-error.h"
#include "brevet-evidence.h"
#include "brevet-json.h"
#include "brevet-registry.h"
#include "brevet-sas-token.h"
#include "brevet-transport.h"
#include "brevet-wire-error.h"
#include "brevet-wire-json.h"

#include <glib/gi18n-lib.h>
#include <string.h>

/* The service API is HTTPS; which plugin that is, the registry knows. */
#define TRANSPORT_TYPE "https"
#define DEFAULT_TIMEOUT 30
#define LONGEST_TIMEOUT 3600
#define ENVIRONMENT_VARIABLE "BREVET_CONNECTION_STRING"

#define CONTINUATION_FIELD "x-ms-continuation"
#define UNREADABLE_FIELD "x-brevet-unreadable-records"

/* Enough for one request, also where two clocks differ. */
#define TOKEN_LIFETIME 300

struct _BrevetAdminService
{
  BrevetConnectionString *connection;
  BrevetRegistry *registry;
  BrevetTransport *transport;
  guint64 gaps; /* records that are missing in the pages of a list so far */
};

void
brevet_admin_options_clear (BrevetAdminOptions *self)
{
  g_clear_pointer (&self->connection_string_file, g_free);
  g_clear_pointer (&self->ca_file, g_free);
}

static gboolean
parse_range (BrevetAdminOptions *self, const char *command, const char *arguments, int minimum, int maximum,
             const GOptionEntry *extra, const char *description, int *argc, char ***argv, int *exit_code)
{
  const GOptionEntry common[] = {
    { "connection-string-file", 'c', 0, G_OPTION_ARG_FILENAME, &self->connection_string_file,
      N_("File with the connection string of the service"), N_("FILE") },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &self->ca_file, N_("Trust only the certificates in FILE, not those of the system"),
      N_("FILE") },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &self->timeout, N_("Give up after so many seconds (30)"), N_("SECONDS") },
    { "json", 0, 0, G_OPTION_ARG_NONE, &self->json, N_("Print JSON"), NULL },
  };
  g_autoptr(GArray) entries = g_array_new (TRUE, FALSE, sizeof (GOptionEntry));

  for (; extra != NULL && extra->long_name != NULL; extra++)
    g_array_append_val (entries, *extra);
  g_array_append_vals (entries, common, G_N_ELEMENTS (common));
  self->timeout = DEFAULT_TIMEOUT;
  if (!brevet_command_parse (command, arguments, (const GOptionEntry *) (gpointer) entries->data, _(description), minimum, maximum,
                             argc, argv, exit_code))
    return FALSE;
  if (self->timeout >= 1 && self->timeout <= LONGEST_TIMEOUT)
    return TRUE;
  *exit_code = brevet_command_usage_error (_("--timeout %d is not possible; write a number of seconds from 1 to %d"), self->timeout,
                                           LONGEST_TIMEOUT);
  return FALSE;
}

gboolean
brevet_admin_options_parse (BrevetAdminOptions *self, const char *command, const char *arguments, int count,
                            const GOptionEntry *extra, const char *description, int *argc, char ***argv, int *exit_code)
{
  return parse_range (self, command, arguments, count, count, extra, description, argc, argv, exit_code);
}

static BrevetSecret *
read_connection_string (const BrevetAdminOptions *options, GError **error)
{
  const char *text = g_getenv (ENVIRONMENT_VARIABLE);
  g_autofree char *settled = NULL;

  if (options->connection_string_file != NULL)
    {
      settled = brevet_argument_file_settle (options->connection_string_file, error);
      return settled != NULL ? brevet_secret_new_from_file (settled, error) : NULL;
    }
  if (text != NULL && *text != '\0')
    return brevet_secret_new (text, strlen (text));
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               _("There is no connection string; name the file that holds it with --connection-string-file, or set the environment "
                 "variable %s"),
               ENVIRONMENT_VARIABLE);
  return NULL;
}

static BrevetConnectionString *
parse_connection_string (const BrevetAdminOptions *options, GError **error)
{
  g_autoptr(BrevetSecret) text = read_connection_string (options, error);
  g_autoptr(GError) cause = NULL;
  BrevetConnectionString *connection;

  if (text == NULL)
    return NULL;
  connection = brevet_connection_string_parse ((const char *) brevet_secret_get_data (text, NULL), &cause);
  if (connection == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s: %s",
                 options->connection_string_file != NULL ? options->connection_string_file : ENVIRONMENT_VARIABLE, cause->message);
  return connection;
}

static void
set_number (BrevetSettings *settings, const char *key, guint number, const char *origin)
{
  g_autofree char *text = g_strdup_printf ("%u", number);

  brevet_settings_set (settings, key, text, origin);
}

static BrevetTransport *
make_transport (BrevetAdminService *self, const BrevetAdminOptions *options, GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", "service", NULL);

  brevet_settings_set (settings, "type", TRANSPORT_TYPE, NULL);
  brevet_settings_set (settings, "host", self->connection->host, "HostName");
  if (self->connection->port != 0)
    set_number (settings, "port", self->connection->port, "HostName");
  set_number (settings, "timeout", (guint) options->timeout, "--timeout");
  if (options->ca_file != NULL)
    {
      g_autofree char *settled = brevet_argument_file_settle (options->ca_file, error);

      if (settled == NULL)
        return NULL;
      brevet_settings_set (settings, "ca-file", settled, "--ca-file");
    }
  return (BrevetTransport *) brevet_registry_create_from_group (self->registry, BREVET_TYPE_TRANSPORT, "transport", settings,
                                                                error);
}

BrevetAdminService *
brevet_admin_service_new (const BrevetAdminOptions *options, GError **error)
{
  g_autoptr(BrevetAdminService) self = g_new0 (BrevetAdminService, 1);

  self->connection = parse_connection_string (options, error);
  if (self->connection == NULL)
    return NULL;
  self->registry = brevet_registry_new ();
  self->transport = make_transport (self, options, error);
  return self->transport != NULL ? g_steal_pointer (&self) : NULL;
}

void
brevet_admin_service_free (BrevetAdminService *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->connection, brevet_connection_string_free);
  g_clear_object (&self->transport);
  g_clear_object (&self->registry);
  g_free (self);
}

BrevetAdminService *
brevet_admin_service_begin (BrevetAdminOptions *options, const char *command, const char *arguments, int minimum, int maximum,
                            BrevetIdentifierKind kind, const GOptionEntry *extra, const char *description, int *argc, char ***argv,
                            int *exit_code)
{
  BrevetAdminService *service;
  g_autoptr(GError) error = NULL;

  if (!parse_range (options, command, arguments, minimum, maximum, extra, description, argc, argv, exit_code))
    return NULL;
  if (*argc > 1 && !brevet_identifier_check (kind, (*argv)[1], &error))
    {
      *exit_code = brevet_command_usage_error ("%s", error->message);
      return NULL;
    }
  service = brevet_admin_service_new (options, &error);
  if (service == NULL)
    *exit_code = brevet_command_fail (error);
  return service;
}

static BrevetEvidence *
make_evidence (BrevetAdminService *self)
{
  BrevetEvidence *evidence = brevet_evidence_new ();
  char *token = brevet_sas_token_create (self->connection->host, self->connection->key,
                                         brevet_clock_now_seconds () + TOKEN_LIFETIME, self->connection->key_name);

  brevet_evidence_set_token (evidence, token);
  brevet_secret_free_text (token);
  return evidence;
}

static char *
make_query (const char *registration_id)
{
  g_autofree char *escaped = registration_id != NULL ? g_uri_escape_string (registration_id, NULL, FALSE) : NULL;

  return escaped != NULL ? g_strconcat ("api-version=" BREVET_API_VERSION_PREVIEW "&registrationId=", escaped, NULL)
                         : g_strdup ("api-version=" BREVET_API_VERSION_PREVIEW);
}

static BrevetRequest *
make_request (BrevetAdminService *self, const char *method, const char *const *segments, const char *registration_id,
              const char *if_match, JsonObject *body)
{
  g_autofree char *query = make_query (registration_id);
  g_autoptr(GString) path = g_string_new (NULL);
  g_autoptr(BrevetEvidence) evidence = make_evidence (self);
  BrevetRequest *request;

  for (; *segments != NULL; segments++)
    {
      g_string_append_c (path, '/');
      g_string_append_uri_escaped (path, *segments, NULL, FALSE);
    }
  request = brevet_request_new (method, path->str, query);
  brevet_request_set_evidence (request, evidence);
  if (if_match != NULL)
    brevet_request_set_header (request, "if-match", if_match);
  if (body != NULL)
    {
      g_autoptr(GBytes) bytes = brevet_wire_print_object (body);

      brevet_request_set_body (request, bytes);
    }
  return request;
}

static void
on_exchanged (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static BrevetReply *
exchange (BrevetAdminService *self, BrevetRequest *request, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_transport_exchange_async (self->transport, request, NULL, on_exchanged, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return brevet_transport_exchange_finish (self->transport, result, error);
}

static BrevetError
classify (guint status)
{
  if (status == 400)
    return BREVET_ERROR_INVALID;
  if (status == 404)
    return BREVET_ERROR_NOT_FOUND;
  if (status == 409 || status == 412)
    return BREVET_ERROR_CONFLICT;
  if (status == 429)
    return BREVET_ERROR_BUSY;
  return status >= 500 ? BREVET_ERROR_UNREACHABLE : BREVET_ERROR_REJECTED;
}

static gboolean
fail_with_reply (BrevetAdminService *self, BrevetReply *reply, GError **error)
{
  guint status = brevet_reply_get_status (reply);
  g_autoptr(BrevetWireProblem) problem = brevet_wire_problem_parse (reply);
  g_autofree char *tracking = NULL;

  if (problem->tracking_id != NULL)
    tracking = g_strdup_printf (_(" (tracking id %s)"), problem->tracking_id);
  if (status == 401)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                 _("%s does not accept the key of the policy “%s”, or the policy lacks the right; check the connection string and "
                   "the clock of this machine%s"),
                 self->connection->host, self->connection->key_name, tracking != NULL ? tracking : "");
  else
    g_set_error (error, BREVET_ERROR, classify (status), _("%s answered %u: %s%s"), self->connection->host, status,
                 problem->message != NULL ? problem->message : _("it does not say why"), tracking != NULL ? tracking : "");
  return FALSE;
}

/* The reply to one request, %NULL with an error if it is not the one that was hoped for. */
static BrevetReply *
send_request (BrevetAdminService *self, BrevetRequest *request, GError **error)
{
  g_autoptr(BrevetReply) reply = exchange (self, request, error);

  if (reply == NULL || (brevet_reply_get_status (reply) / 100 != 2 && !fail_with_reply (self, reply, error)))
    return NULL;
  return g_steal_pointer (&reply);
}

static BrevetReply *
ask (BrevetAdminService *self, const char *method, const char *const *segments, const char *if_match, JsonObject *body,
     GError **error)
{
  g_autoptr(BrevetRequest) request = make_request (self, method, segments, NULL, if_match, body);

  return send_request (self, request, error);
}

static GBytes *
require_content (BrevetAdminService *self, BrevetReply *reply, GError **error)
{
  GBytes *content = brevet_reply_get_body (reply);

  if (content != NULL && g_bytes_get_size (content) > 0)
    return content;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, _("%s answered %u without saying more"), self->connection->host,
               brevet_reply_get_status (reply));
  return NULL;
}

gboolean
brevet_admin_service_call (BrevetAdminService *self, const char *method, const char *const *segments, const char *if_match,
                           JsonObject *body, JsonObject **answer, GError **error)
{
  g_autoptr(BrevetReply) reply = ask (self, method, segments, if_match, body, error);
  GBytes *content;

  if (answer != NULL)
    *answer = NULL;
  if (reply == NULL || answer == NULL)
    return reply != NULL;
  content = require_content (self, reply, error);
  if (content != NULL)
    *answer = brevet_wire_parse_object (content, _("the reply"), error);
  return *answer != NULL;
}

/* As a member of an object, since what is read as one cannot do any harm by how it is nested or written. */
static JsonObject *
wrap_list (GBytes *content)
{
  GByteArray *text = g_byte_array_new ();
  g_autoptr(GBytes) object = NULL;

  g_byte_array_append (text, (const guint8 *) "{\"list\":", strlen ("{\"list\":"));
  g_byte_array_append (text, g_bytes_get_data (content, NULL), g_bytes_get_size (content));
  g_byte_array_append (text, (const guint8 *) "}", 1);
  object = g_byte_array_free_to_bytes (text);
  return brevet_json_read_object (object, NULL);
}

/* Beside the list, which a program may read, and once for all its pages. */
static void
warn_of_gaps (BrevetAdminService *self, BrevetReply *reply)
{
  const char *field = brevet_reply_get_header (reply, UNREADABLE_FIELD);
  guint64 number = 0;

  if (field != NULL && g_ascii_string_to_unsigned (field, 10, 1, G_MAXUINT32, &number, NULL))
    self->gaps += number;
  if (self->gaps == 0 || brevet_reply_get_header (reply, CONTINUATION_FIELD) != NULL)
    return;
  number = self->gaps;
  self->gaps = 0;
  g_printerr (g_dngettext (GETTEXT_PACKAGE,
                        "Warning: %u record of the service cannot be read and is missing here; “brevet-dps store check” says "
                        "which\n",
                        "Warning: %u records of the service cannot be read and are missing here; “brevet-dps store check” says "
                        "which\n", number), (guint) number);
}

static JsonArray *
read_list (BrevetAdminService *self, BrevetReply *reply, GError **error)
{
  GBytes *content = require_content (self, reply, error);
  g_autoptr(JsonObject) object = content != NULL ? wrap_list (content) : NULL;
  JsonArray *list = brevet_admin_json_get_array (object, "list");

  if (list != NULL)
    {
      warn_of_gaps (self, reply);
      return json_array_ref (list);
    }
  if (content != NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, _("%s answered with something else than a list"),
                 self->connection->host);
  return NULL;
}

JsonArray *
brevet_admin_service_list (BrevetAdminService *self, const char *const *segments, GError **error)
{
  g_autoptr(BrevetReply) reply = ask (self, "GET", segments, NULL, NULL, error);

  return reply != NULL ? read_list (self, reply, error) : NULL;
}

JsonArray *
brevet_admin_service_list_page (BrevetAdminService *self, const char *const *segments, const char *registration_id,
                                char **continuation, GError **error)
{
  g_autoptr(BrevetRequest) request = make_request (self, "GET", segments, registration_id, NULL, NULL);
  g_autoptr(BrevetReply) reply = NULL;
  g_autofree char *former = g_steal_pointer (continuation);

  if (former != NULL)
    brevet_request_set_header (request, CONTINUATION_FIELD, former);
  reply = send_request (self, request, error);
  if (reply == NULL)
    return NULL;
  *continuation = g_strdup (brevet_reply_get_header (reply, CONTINUATION_FIELD));
  if (former == NULL || g_strcmp0 (former, *continuation) != 0)
    return read_list (self, reply, error);
  g_clear_pointer (continuation, g_free);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, _("%s answered with the same part of the list again"),
               self->connection->host);
  return NULL;
}

gboolean
brevet_admin_service_check_absent (BrevetAdminService *self, const char *const *segments, const char *name, GError **error)
{
  g_autoptr(JsonObject) existing = NULL;
  g_autoptr(GError) cause = NULL;

  brevet_admin_service_call (self, "GET", segments, NULL, NULL, &existing, &cause);
  if (g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    return TRUE;
  if (existing == NULL)
    g_propagate_error (error, g_steal_pointer (&cause));
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, _("“%s” exists already; replace it with --replace"), name);
  return FALSE;
}
