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
  return brevet_admin_service_begin (options, command, arguments, minimum, 1, kind, entries, description, argc, argv,
                                     exit_code);
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

/* There may be no way back: a person is asked, and a program has to say that it means it. */
static void
print_question (const char *id, BrevetRevocationReason reason)
{
  if (reason == BREVET_REVOCATION_REMOVE_FROM_CRL)
    g_printerr (_("Accept the certificate %s again? [y/N] "), id);
  else if (reason == BREVET_REVOCATION_CERTIFICATE_HOLD)
    g_printerr (_("Revoke the certificate %s until this is taken back, if its certificate authority can do that? [y/N] "), id);
  else
    g_printerr (_("Revoke the certificate %s for good? [y/N] "), id);
}

static gboolean
is_meant (const char *id, BrevetRevocationReason reason, gboolean yes, int *exit_code)
{
  char answer[16] = "";

  if (yes)
    return TRUE;
  if (!isatty (STDIN_FILENO))
    {
      *exit_code = brevet_command_usage_error (_("Nobody can be asked whether this is meant; say so with --yes"));
      return FALSE;
    }
  print_question (id, reason);
  if (fgets (answer, sizeof answer, stdin) != NULL && (*answer == 'y' || *answer == 'Y' || *answer == *_("y")))
    return TRUE;
  g_printerr (_("Nothing was changed\n"));
  *exit_code = BREVET_EXIT_FAILED;
  return FALSE;
}

static JsonObject *
make_body (gboolean has_reason, BrevetRevocationReason reason, const char *comment)
{
  JsonObject *body = json_object_new ();

  if (has_reason)
    json_object_set_string_member (body, "reason", brevet_revocation_reason_get_name (reason));
  if (comment != NULL)
    json_object_set_string_member (body, "comment", comment);
  return body;
}

/* Also as others spell them: key-compromise, key_compromise. */
static gboolean
read_reason (const char *text, BrevetRevocationReason *reason, int *exit_code)
{
  g_auto(GStrv) words = text != NULL ? g_strsplit_set (text, "-_", -1) : NULL;
  g_autofree char *joined = words != NULL ? g_strjoinv (NULL, words) : NULL;
  g_autoptr(GError) error = NULL;

  if (text == NULL || brevet_revocation_reason_parse (joined, reason, NULL) ||
      brevet_revocation_reason_parse (text, reason, &error))
    return TRUE;
  *exit_code = brevet_command_usage_error ("%s", error->message);
  return FALSE;
}

int
brevet_command_admin_issued_revoke (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autofree char *reason_text = NULL, *comment = NULL;
  BrevetRevocationReason reason = BREVET_REVOCATION_UNSPECIFIED;
  gboolean yes = FALSE;
  const GOptionEntry entries[] = {
    { "reason", 'r', 0, G_OPTION_ARG_STRING, &reason_text,
      N_("Why, such as keyCompromise or superseded; brevet-admin(1) lists them (unspecified)"), N_("REASON") },
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
  if (service == NULL || !read_reason (reason_text, &reason, &exit_code) || !is_meant (argv[1], reason, yes, &exit_code))
    return exit_code;
  body = make_body (reason_text != NULL, reason, comment);
  if (!brevet_admin_service_call (service, "POST", (const char *const[]) { COLLECTION, argv[1], "revoke", NULL }, NULL, body,
                                  &certificate, &error))
    return brevet_command_fail (error);
  print (certificate, options.json);
  return brevet_output_finish (BREVET_EXIT_OK);
}
