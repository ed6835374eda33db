/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate authorities of a service: what they are, how they are, and who uses them. */

#include "commands.h"

#include "admin-ca-view.h"
#include "admin-json.h"
#include "admin-service.h"
#include "argument-file.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-secret.h"
#include "output.h"

#include <glib/gi18n-lib.h>

#define COLLECTION "certificateAuthorities"
#define STATUS "certificateAuthorityStatus"

static const char description[] =
  N_("The connection string reads HostName=HOST;SharedAccessKeyName=POLICY;SharedAccessKey=KEY, in the file or in the environment\n"
     "variable BREVET_CONNECTION_STRING.\n\n"
     "Exit codes: 0 done, 1 failed, or there is no such certificate authority, or one is down, 2 wrong command line, 3 refused by\n"
     "the service, 4 service not reached, 5 a file is missing or wrong, or the service is not trusted.");

/* Reads the options; the first argument, if there is one, is a name. */
static BrevetAdminService *
begin (BrevetAdminOptions *options, const char *command, const char *arguments, int minimum, int maximum,
       const GOptionEntry *entries, int *argc, char ***argv, int *exit_code)
{
  return brevet_admin_service_begin (options, command, arguments, minimum, maximum, BREVET_IDENTIFIER_NAME, entries, description,
                                     argc, argv, exit_code);
}

static int
print_document (JsonObject *authority, gboolean json)
{
  if (json)
    brevet_output_print_json (authority);
  else
    brevet_admin_ca_print_document (authority);
  return brevet_output_finish (BREVET_EXIT_OK);
}

/* --- what they are ------------------------------------------------------------------------------------------------------------ */

/* A key on the command line could be seen by everybody on the machine. */
static gboolean
add_api_key (JsonObject *body, const char *path, GError **error)
{
  g_autofree char *settled = brevet_argument_file_settle (g_str_equal (path, "-") ? "/dev/stdin" : path, error);
  g_autoptr(BrevetSecret) key = settled != NULL ? brevet_secret_new_from_file (settled, error) : NULL;

  if (key == NULL)
    return FALSE;
  json_object_set_string_member (body, "apiKey", (const char *) brevet_secret_get_data (key, NULL));
  return TRUE;
}

static int
create (BrevetAdminService *service, const BrevetAdminOptions *options, const char *name, const char *if_match, JsonObject *body,
        gboolean replace)
{
  const char *const segments[] = { COLLECTION, name, NULL };
  g_autoptr(JsonObject) created = NULL;
  g_autoptr(GError) error = NULL;

  if ((!replace && if_match == NULL && !brevet_admin_service_check_absent (service, segments, name, &error)) ||
      !brevet_admin_service_call (service, "PUT", segments, if_match, body, &created, &error))
    return brevet_command_fail (error);
  return print_document (created, options->json);
}

int
brevet_command_admin_ca_create (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autofree char *type = NULL, *profile = NULL, *key_file = NULL, *if_match = NULL;
  gboolean replace = FALSE;
  const GOptionEntry entries[] = {
    { "type", 't', 0, G_OPTION_ARG_STRING, &type, N_("Kind of certificate authority, such as DigiCertCertificateAuthority"),
      N_("TYPE") },
    { "profile", 'p', 0, G_OPTION_ARG_STRING, &profile, N_("Its profile, or a group [ca NAME] of the configuration"),
      N_("PROFILE") },
    { "api-key-file", 'k', 0, G_OPTION_ARG_FILENAME, &key_file, N_("File with the key to ask it with; - for standard input"),
      N_("FILE") },
    { "replace", 0, 0, G_OPTION_ARG_NONE, &replace, N_("Replace a certificate authority that exists: devices move to the new one"),
      NULL },
    { "if-match", 0, 0, G_OPTION_ARG_STRING, &if_match, N_("Replace it only if this is still its version"), N_("ETAG") },
    { NULL },
  };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonObject) body = json_object_new ();
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin ca create", N_("NAME"), 1, 1, entries, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  if (type == NULL)
    return brevet_command_usage_error (_("--type is missing: say what kind of certificate authority it is"));
  json_object_set_string_member (body, "certificateAuthorityType", type);
  if (profile != NULL)
    json_object_set_string_member (body, "profileName", profile);
  if (key_file != NULL && !add_api_key (body, key_file, &error))
    return brevet_command_fail (error);
  return create (service, &options, argv[1], if_match, body, replace);
}

int
brevet_command_admin_ca_show (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonObject) authority = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin ca show", N_("NAME"), 1, 1, NULL, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  if (!brevet_admin_service_call (service, "GET", (const char *const[]) { COLLECTION, argv[1], NULL }, NULL, NULL, &authority,
                                  &error))
    return brevet_command_fail (error);
  return print_document (authority, options.json);
}

int
brevet_command_admin_ca_delete (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autofree char *if_match = NULL;
  const GOptionEntry entries[] = {
    { "if-match", 0, 0, G_OPTION_ARG_STRING, &if_match, N_("Delete it only if this is still its version"), N_("ETAG") },
    { NULL },
  };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin ca delete", N_("NAME"), 1, 1, entries, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  if (!brevet_admin_service_call (service, "DELETE", (const char *const[]) { COLLECTION, argv[1], NULL },
                                  if_match != NULL ? if_match : "*", NULL, NULL, &error))
    return brevet_command_fail (error);
  return BREVET_EXIT_OK;
}

int
brevet_command_admin_ca_list (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonArray) list = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin ca list", NULL, 0, 0, NULL, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  list = brevet_admin_service_list (service, (const char *const[]) { COLLECTION, NULL }, &error);
  if (list == NULL)
    return brevet_command_fail (error);
  for (guint i = 0; i < json_array_get_length (list); i++)
    {
      if (!options.json && i > 0)
        g_print ("\n");
      print_document (brevet_admin_json_get_entry (list, i), options.json);
    }
  return brevet_output_finish (BREVET_EXIT_OK);
}

/* --- how they are ------------------------------------------------------------------------------------------------------------- */

static JsonObject *
get_status (BrevetAdminService *service, const char *name, gboolean check, GError **error)
{
  JsonObject *status = NULL;

  if (check)
    brevet_admin_service_call (service, "POST", (const char *const[]) { STATUS, name, "check", NULL }, NULL, NULL, &status, error);
  else
    brevet_admin_service_call (service, "GET", (const char *const[]) { STATUS, name, NULL }, NULL, NULL, &status, error);
  return status;
}

/* Replaces each status by that after a check. What devices still use although it is gone cannot be checked, and stays as it is. */
static gboolean
check_all (BrevetAdminService *service, JsonArray **authorities, GError **error)
{
  g_autoptr(JsonArray) checked = json_array_new ();

  for (guint i = 0; i < brevet_admin_json_length (*authorities); i++)
    {
      JsonObject *known = brevet_admin_json_get_entry (*authorities, i);
      const char *name = brevet_admin_json_get_text (known, "name");
      g_autoptr(GError) cause = NULL;
      JsonObject *status = name != NULL ? get_status (service, name, TRUE, &cause) : NULL;

      if (status == NULL && cause != NULL && !g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&cause));
          return FALSE;
        }
      json_array_add_object_element (checked, status != NULL ? status : json_object_ref (known));
    }
  json_array_unref (*authorities);
  *authorities = g_steal_pointer (&checked);
  return TRUE;
}

static gboolean
get_bundle_status (BrevetAdminService *service, const char *id, JsonObject **status, GError **error)
{
  return brevet_admin_service_call (service, "GET", (const char *const[]) { "trustBundleStatus", id, NULL }, NULL, NULL, status,
                                    error);
}

/* Returns the status of each trust bundle. */
static JsonArray *
list_bundles (BrevetAdminService *service, GError **error)
{
  g_autoptr(JsonArray) list = brevet_admin_service_list (service, (const char *const[]) { "trustBundles", NULL }, error);
  g_autoptr(JsonArray) bundles = list != NULL ? json_array_new () : NULL;

  for (guint i = 0; i < brevet_admin_json_length (list); i++)
    {
      const char *id = brevet_admin_json_get_text (brevet_admin_json_get_entry (list, i), "id");
      JsonObject *status = NULL;
      g_autoptr(GError) cause = NULL;

      if (id != NULL && !get_bundle_status (service, id, &status, &cause) &&
          !g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&cause));
          return NULL;
        }
      if (status != NULL)
        json_array_add_object_element (bundles, status);
    }
  return g_steal_pointer (&bundles);
}

static int
judge (JsonArray *authorities)
{
  for (guint i = 0; i < brevet_admin_json_length (authorities); i++)
    if (brevet_admin_ca_is_down (brevet_admin_json_get_entry (authorities, i)))
      return BREVET_EXIT_FAILED;
  return BREVET_EXIT_OK;
}

static void
print_all (JsonArray *authorities, JsonArray *bundles, gboolean json)
{
  if (json)
    {
      g_autoptr(JsonObject) object = json_object_new ();

      json_object_set_array_member (object, "certificateAuthorities", json_array_ref (authorities));
      json_object_set_array_member (object, "trustBundles", json_array_ref (bundles));
      brevet_output_print_json (object);
      return;
    }
  brevet_admin_ca_print_table (authorities);
  if (brevet_admin_json_length (bundles) > 0)
    {
      g_print ("\n");
      brevet_admin_bundle_print_table (bundles);
    }
  brevet_admin_ca_print_warning (authorities);
}

static int
show_all (BrevetAdminService *service, const BrevetAdminOptions *options, gboolean check)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonArray) authorities = brevet_admin_service_list (service, (const char *const[]) { STATUS, NULL }, &error);
  g_autoptr(JsonArray) bundles = NULL;

  if (authorities == NULL || (check && !check_all (service, &authorities, &error)))
    return brevet_command_fail (error);
  bundles = list_bundles (service, &error);
  if (bundles == NULL)
    return brevet_command_fail (error);
  print_all (authorities, bundles, options->json);
  return brevet_output_finish (judge (authorities));
}

static int
show_one (BrevetAdminService *service, const BrevetAdminOptions *options, const char *name, gboolean check)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) status = get_status (service, name, check, &error);

  if (status == NULL)
    return brevet_command_fail (error);
  if (options->json)
    brevet_output_print_json (status);
  else
    brevet_admin_ca_print_status (status);
  return brevet_output_finish (brevet_admin_ca_is_down (status) ? BREVET_EXIT_FAILED : BREVET_EXIT_OK);
}

int
brevet_command_admin_ca_status (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  gboolean check = FALSE;
  const GOptionEntry entries[] = {
    { "check", 0, 0, G_OPTION_ARG_NONE, &check, N_("Look at the certificate authority now, without issuing"), NULL },
    { NULL },
  };
  g_autoptr(BrevetAdminService) service = NULL;
  int exit_code;

  service = begin (&options, "admin ca status", N_("[NAME]"), 0, 1, entries, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  return argc > 1 ? show_one (service, &options, argv[1], check) : show_all (service, &options, check);
}
