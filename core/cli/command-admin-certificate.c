/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CA certificates that enrollment groups refer to, and the proof that their keys are the operator's. */

#include "commands.h"

#include "admin-file.h"
#include "admin-service.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-wire-json.h"
#include "output-text.h"
#include "output.h"

#include <glib/gi18n-lib.h>

#define COLLECTION "certificates"

static const char description[] =
  N_("The connection string reads HostName=HOST;SharedAccessKeyName=POLICY;SharedAccessKey=KEY, in the file or in the environment\n"
     "variable BREVET_CONNECTION_STRING.\n\n"
     "Exit codes: 0 done, 1 failed, or there is no such certificate, 2 wrong command line, 3 refused by the service, 4 service\n"
     "not reached, 5 a file is missing or wrong, or the service is not trusted.");

/* Reads the options, of which the first argument is a name. */
static BrevetAdminService *
begin (BrevetAdminOptions *options, const char *command, const char *arguments, int count, const GOptionEntry *entries, int *argc,
       char ***argv, int *exit_code)
{
  return brevet_admin_service_begin (options, command, arguments, count, count, BREVET_IDENTIFIER_CERTIFICATE_NAME, entries,
                                     description, argc, argv, exit_code);
}

static const char *
get_text (JsonObject *certificate, const char *member)
{
  const char *text = NULL;

  return brevet_wire_get_string (certificate, member, &text, NULL) ? text : NULL;
}

static gboolean
is_verified (JsonObject *certificate)
{
  gboolean verified = FALSE;

  return brevet_wire_get_boolean (certificate, "isVerified", FALSE, &verified, NULL) && verified;
}

static void
print_for_people (JsonObject *certificate)
{
  g_autoptr(BrevetOutputTable) table = brevet_output_table_new ();

  brevet_output_table_add (table, _("CA certificate"), get_text (certificate, "name"));
  brevet_output_table_add (table, _("Status"), is_verified (certificate) ? _("verified") : _("not verified; admits no device"));
  brevet_output_table_add (table, _("Subject"), get_text (certificate, "subject"));
  brevet_output_table_add (table, _("Expires"), get_text (certificate, "expiry"));
  brevet_output_table_add (table, _("SHA-256"), get_text (certificate, "sha256Thumbprint"));
  brevet_output_table_add (table, _("Verification code"), get_text (certificate, "verificationCode"));
  brevet_output_table_add (table, _("Code expires"), get_text (certificate, "verificationCodeExpiry"));
  brevet_output_table_print (table);
}

static int
print (JsonObject *certificate, gboolean json)
{
  if (json)
    brevet_output_print_json (certificate);
  else
    print_for_people (certificate);
  return brevet_output_finish (BREVET_EXIT_OK);
}

/* One request about the certificate @name, and what the service shows of it then. */
static int
call_and_print (BrevetAdminService *service, const BrevetAdminOptions *options, const char *method, const char *name,
                const char *below, JsonObject *body)
{
  const char *const segments[] = { COLLECTION, name, below, NULL };
  g_autoptr(JsonObject) certificate = NULL;
  g_autoptr(GError) error = NULL;

  if (!brevet_admin_service_call (service, method, segments, NULL, body, &certificate, &error))
    return brevet_command_fail (error);
  return print (certificate, options->json);
}

static JsonObject *
make_body (const char *path, GError **error)
{
  g_autofree char *pem = brevet_admin_load_certificate (path, error);
  JsonObject *body;

  if (pem == NULL)
    return NULL;
  body = json_object_new ();
  json_object_set_string_member (body, "certificate", pem);
  return body;
}

int
brevet_command_admin_certificate_create (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  gboolean verified = FALSE, replace = FALSE;
  const GOptionEntry entries[] = {
    { "verified", 0, 0, G_OPTION_ARG_NONE, &verified, N_("Vouch for it: no proof that its key is yours is asked for"), NULL },
    { "replace", 0, 0, G_OPTION_ARG_NONE, &replace, N_("Replace a certificate that exists"), NULL },
    { NULL },
  };
  const char *segments[] = { COLLECTION, NULL, NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonObject) body = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin certificate create", N_("NAME FILE"), 2, entries, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  segments[1] = argv[1];
  body = make_body (argv[2], &error);
  if (body == NULL || (!replace && !brevet_admin_service_check_absent (service, segments, argv[1], &error)))
    return brevet_command_fail (error);
  if (verified)
    json_object_set_boolean_member (body, "isVerified", TRUE);
  return call_and_print (service, &options, "PUT", argv[1], NULL, body);
}

int
brevet_command_admin_certificate_show (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  int exit_code;

  service = begin (&options, "admin certificate show", N_("NAME"), 1, NULL, &argc, &argv, &exit_code);
  return service != NULL ? call_and_print (service, &options, "GET", argv[1], NULL, NULL) : exit_code;
}

int
brevet_command_admin_certificate_code (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  int exit_code;

  service = begin (&options, "admin certificate code", N_("NAME"), 1, NULL, &argc, &argv, &exit_code);
  return service != NULL ? call_and_print (service, &options, "POST", argv[1], "generateVerificationCode", NULL) : exit_code;
}

int
brevet_command_admin_certificate_verify (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonObject) body = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin certificate verify", N_("NAME FILE"), 2, NULL, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  body = make_body (argv[2], &error);
  return body != NULL ? call_and_print (service, &options, "POST", argv[1], "verify", body) : brevet_command_fail (error);
}

int
brevet_command_admin_certificate_delete (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin certificate delete", N_("NAME"), 1, NULL, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  if (!brevet_admin_service_call (service, "DELETE", (const char *const[]) { COLLECTION, argv[1], NULL }, "*", NULL, NULL, &error))
    return brevet_command_fail (error);
  return BREVET_EXIT_OK;
}

static void
print_list_entry (JsonArray *list, guint index, JsonNode *node, gpointer user_data)
{
  const BrevetAdminOptions *options = user_data;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    return;
  if (!options->json && index > 0)
    g_print ("\n");
  if (options->json)
    brevet_output_print_json (json_node_get_object (node));
  else
    print_for_people (json_node_get_object (node));
}

int
brevet_command_admin_certificate_list (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonArray) list = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin certificate list", NULL, 0, NULL, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  list = brevet_admin_service_list (service, (const char *const[]) { COLLECTION, NULL }, &error);
  if (list == NULL)
    return brevet_command_fail (error);
  json_array_foreach_element (list, print_list_entry, &options);
  return brevet_output_finish (BREVET_EXIT_OK);
}
