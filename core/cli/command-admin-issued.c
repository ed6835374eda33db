/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificates that were issued for devices. */

#include "commands.h"

#include "admin-ca-view.h"
#include "admin-json.h"
#include "admin-service.h"
#include "brevet-command.h"
#include "brevet-identifier.h"
#include "brevet-revocation-reason.h"
#include "output.h"

#include <glib/gi18n-lib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COLLECTION "issuedCertificates"

static const char description[] =
  N_("The connection string reads HostName=HOST;SharedAccessKeyName=POLICY;SharedAccessKey=KEY, in the file or in the environment\n"
     "variable BREVET_CONNECTION_STRING.\n\n"
     "Exit codes: 0 done, 1 failed, or there is no such certificate, 2 wrong command line, 3 refused by the service, 4 service\n"
     "not reached, 5 a file is missing or wrong, or the service is not trusted.");

static BrevetAdminService *
begin (BrevetAdminOptions *options, const char *command, const char *arguments, int minimum, BrevetIdentifierKind kind,
       const GOptionEntry *entries, int *argc, char ***argv, int *exit_code)
{
  BrevetAdminService *service;
  g_autoptr(GError) error = NULL;

  if (!brevet_admin_options_parse_range (options, command, arguments, minimum, 1, entries, description, argc, argv, exit_code))
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

static void
print (JsonObject *certificate, gboolean json)
{
  if (json)
    brevet_output_print_json (certificate);
  else
    brevet_admin_issued_print (certificate);
}

static void
print_page (JsonArray *page, gboolean json, gboolean *first)
{
  for (guint i = 0; i < json_array_get_length (page); i++)
    {
      if (!json && !*first)
        g_print ("\n");
      *first = FALSE;
      print (brevet_admin_json_get_entry (page, i), json);
    }
}

int
brevet_command_admin_issued_list (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autofree char *continuation = NULL;
  gboolean first = TRUE;
  int exit_code;

  service = begin (&options, "admin issued list", N_("[REGISTRATION]"), 0, BREVET_IDENTIFIER_REGISTRATION_ID, NULL, &argc, &argv,
                   &exit_code);
  if (service == NULL)
    return exit_code;
  /* Page by page: there may be more of them than fit into the memory of this machine. */
  do
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(JsonArray) page = brevet_admin_service_list_page (service, (const char *const[]) { COLLECTION, NULL },
                                                                  argc > 1 ? argv[1] : NULL, &continuation, &error);

      if (page == NULL)
        return brevet_command_fail (error);
      print_page (page, options.json, &first);
    }
  while (continuation != NULL && !brevet_output_is_closed ());
  return brevet_output_finish (BREVET_EXIT_OK);
}

int
brevet_command_admin_issued_show (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonObject) certificate = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin issued show", N_("CERTIFICATE"), 1, BREVET_IDENTIFIER_ISSUED_CERTIFICATE, NULL, &argc, &argv,
                   &exit_code);
  if (service == NULL)
    return exit_code;
  if (!brevet_admin_service_call (service, "GET", (const char *const[]) { COLLECTION, argv[1], NULL }, NULL, NULL, &certificate,
                                  &error))
    return brevet_command_fail (error);
  print (certificate, options.json);
  return brevet_output_finish (BREVET_EXIT_OK);
}

/* There is no way back: a person is asked, and a program has to say that it means it. */
static gboolean
is_meant (const char *id, gboolean yes, int *exit_code)
{
  char answer[16] = "";

  if (yes)
    return TRUE;
  if (!isatty (STDIN_FILENO))
    {
      *exit_code = brevet_command_usage_error (_("Nobody can be asked whether this is meant; say so with --yes"));
      return FALSE;
    }
  g_printerr (_("Revoke the certificate %s for good? [y/N] "), id);
  if (fgets (answer, sizeof answer, stdin) != NULL && (*answer == 'y' || *answer == 'Y' || *answer == *_("y")))
    return TRUE;
  g_printerr (_("Nothing was changed\n"));
  *exit_code = BREVET_EXIT_FAILED;
  return FALSE;
}

static JsonObject *
make_body (const char *reason, const char *comment)
{
  JsonObject *body = json_object_new ();

  if (reason != NULL)
    json_object_set_string_member (body, "reason", reason);
  if (comment != NULL)
    json_object_set_string_member (body, "comment", comment);
  return body;
}

static gboolean
check_reason (const char *text, int *exit_code)
{
  BrevetRevocationReason reason;
  g_autoptr(GError) error = NULL;

  if (text == NULL || brevet_revocation_reason_parse (text, &reason, &error))
    return TRUE;
  *exit_code = brevet_command_usage_error ("%s", error->message);
  return FALSE;
}

int
brevet_command_admin_issued_revoke (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autofree char *reason = NULL, *comment = NULL;
  gboolean yes = FALSE;
  const GOptionEntry entries[] = {
    { "reason", 'r', 0, G_OPTION_ARG_STRING, &reason,
      N_("Why: keyCompromise, affiliationChanged, superseded, cessationOfOperation, certificateHold, privilegeWithdrawn; or "
         "removeFromCRL, which ends certificateHold (unspecified)"), N_("REASON") },
    { "comment", 0, 0, G_OPTION_ARG_STRING, &comment, N_("A line for the records"), N_("TEXT") },
    { "yes", 'y', 0, G_OPTION_ARG_NONE, &yes, N_("Do not ask whether this is meant"), NULL },
    { NULL },
  };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonObject) body = NULL;
  g_autoptr(JsonObject) certificate = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin issued revoke", N_("CERTIFICATE"), 1, BREVET_IDENTIFIER_ISSUED_CERTIFICATE, entries, &argc,
                   &argv, &exit_code);
  if (service == NULL || !check_reason (reason, &exit_code) || !is_meant (argv[1], yes, &exit_code))
    return exit_code;
  body = make_body (reason, comment);
  if (!brevet_admin_service_call (service, "POST", (const char *const[]) { COLLECTION, argv[1], "revoke", NULL }, NULL, body,
                                  &certificate, &error))
    return brevet_command_fail (error);
  print (certificate, options.json);
  return brevet_output_finish (BREVET_EXIT_OK);
}
