/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Trust bundles: what devices are told to trust. */

#include "commands.h"

#include "admin-ca-view.h"
#include "admin-file.h"
#include "admin-json.h"
#include "admin-service.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-trust-bundle.h"
#include "output.h"

#include <glib/gi18n-lib.h>

#define COLLECTION "trustBundles"

static const char description[] =
  N_("The connection string reads HostName=HOST;SharedAccessKeyName=POLICY;SharedAccessKey=KEY, in the file or in the environment\n"
     "variable BREVET_CONNECTION_STRING.\n\n"
     "Exit codes: 0 done, 1 failed, or there is no such trust bundle, 2 wrong command line, 3 refused by the service, 4 service\n"
     "not reached, 5 a file is missing or wrong, or the service is not trusted.");

static BrevetAdminService *
begin (BrevetAdminOptions *options, const char *command, const GOptionEntry *entries, int *argc, char ***argv, int *exit_code)
{
  return brevet_admin_service_begin (options, command, N_("ID"), 1, 1, BREVET_IDENTIFIER_NAME, entries, description, argc, argv,
                                     exit_code);
}

/* What the bundle is now, and which devices have which version of it. */
static int
show (BrevetAdminService *service, const BrevetAdminOptions *options, const char *id)
{
  g_autoptr(JsonObject) status = NULL;
  g_autoptr(JsonArray) one = json_array_new ();
  g_autoptr(GError) error = NULL;

  if (!brevet_admin_service_call (service, "GET", (const char *const[]) { "trustBundleStatus", id, NULL }, NULL, NULL, &status,
                                  &error))
    return brevet_command_fail (error);
  json_array_add_object_element (one, json_object_ref (status));
  if (options->json)
    brevet_output_print_json (status);
  else
    {
      brevet_admin_bundle_print_table (one);
      brevet_admin_ca_print_warning (one);
    }
  return brevet_output_finish (BREVET_EXIT_OK);
}

static gboolean
add_file (JsonArray *certificates, const char *path, GError **error)
{
  gsize length;
  g_autofree char *text = brevet_admin_load_text (path, &length, error);
  g_autoptr(BrevetTrustBundle) bundle = NULL;
  g_autoptr(GError) cause = NULL;

  if (text == NULL)
    return FALSE;
  bundle = brevet_trust_bundle_new_from_pem (text, &cause);
  if (bundle == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("Cannot use the certificates in %s: %s"), path,
                   cause->message);
      return FALSE;
    }
  for (guint i = 0; i < brevet_trust_bundle_get_length (bundle); i++)
    {
      g_autofree char *pem = brevet_certificate_to_pem (brevet_trust_bundle_get (bundle, i));
      JsonObject *entry = json_object_new ();

      json_object_set_string_member (entry, "certificate", pem);
      json_array_add_object_element (certificates, entry);
    }
  return TRUE;
}

static JsonObject *
make_body (char **files, char **authorities, GError **error)
{
  g_autoptr(JsonObject) body = json_object_new ();
  JsonArray *certificates = json_array_new ();
  JsonArray *names = json_array_new ();

  json_object_set_array_member (body, "certificates", certificates);
  json_object_set_array_member (body, "certificateAuthorities", names);
  for (guint i = 0; files != NULL && files[i] != NULL; i++)
    if (!add_file (certificates, files[i], error))
      return NULL;
  for (guint i = 0; authorities != NULL && authorities[i] != NULL; i++)
    json_array_add_string_element (names, authorities[i]);
  return g_steal_pointer (&body);
}

int
brevet_command_admin_trust_bundle_create (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_auto(GStrv) files = NULL, authorities = NULL;
  gboolean replace = FALSE;
  const GOptionEntry entries[] = {
    { "file", 'f', 0, G_OPTION_ARG_FILENAME_ARRAY, &files, N_("Certificates to trust (PEM); may stand several times"), N_("FILE") },
    { "ca", 0, 0, G_OPTION_ARG_STRING_ARRAY, &authorities,
      N_("Certificate authority to follow: what it says is to be trusted; may stand several times"), N_("NAME") },
    { "replace", 0, 0, G_OPTION_ARG_NONE, &replace, N_("Replace a trust bundle that exists"), NULL },
    { NULL },
  };
  const char *segments[] = { COLLECTION, NULL, NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonObject) body = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin trust-bundle create", entries, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  if (files == NULL && authorities == NULL)
    return brevet_command_usage_error (_("Say with --file or --ca what the devices shall trust"));
  segments[1] = argv[1];
  body = make_body (files, authorities, &error);
  if (body == NULL || (!replace && !brevet_admin_service_check_absent (service, segments, argv[1], &error)) ||
      !brevet_admin_service_call (service, "PUT", segments, NULL, body, NULL, &error))
    return brevet_command_fail (error);
  return show (service, &options, argv[1]);
}

int
brevet_command_admin_trust_bundle_show (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  int exit_code;

  service = begin (&options, "admin trust-bundle show", NULL, &argc, &argv, &exit_code);
  return service != NULL ? show (service, &options, argv[1]) : exit_code;
}

int
brevet_command_admin_trust_bundle_delete (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  service = begin (&options, "admin trust-bundle delete", NULL, &argc, &argv, &exit_code);
  if (service == NULL)
    return exit_code;
  if (!brevet_admin_service_call (service, "DELETE", (const char *const[]) { COLLECTION, argv[1], NULL }, "*", NULL, NULL, &error))
    return brevet_command_fail (error);
  return BREVET_EXIT_OK;
}
