/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "admin-enrollment-document.h"
#include "admin-enrollment-view.h"
#include "admin-service.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-wire-json.h"
#include "output.h"

#include <glib/gi18n-lib.h>

static const char description[] =
  N_("The connection string reads HostName=HOST;SharedAccessKeyName=POLICY;SharedAccessKey=KEY, in the file or in the environment\n"
     "variable BREVET_CONNECTION_STRING.\n\n"
     "Exit codes: 0 done, 1 failed, or there is no such enrollment, 2 wrong command line, 3 refused by the service, 4 service not\n"
     "reached, 5 a file is missing or wrong, or the service is not trusted.");

static gboolean
check_id (const char *id, gboolean is_group, int *exit_code)
{
  BrevetIdentifierKind kind = is_group ? BREVET_IDENTIFIER_ENROLLMENT_GROUP_ID : BREVET_IDENTIFIER_REGISTRATION_ID;
  g_autoptr(GError) error = NULL;

  if (brevet_identifier_check (kind, id, &error))
    return TRUE;
  *exit_code = brevet_command_usage_error ("%s", error->message);
  return FALSE;
}

/* The path of an enrollment, or of something below it. */
typedef struct {
  const char *segments[4];
} Path;

static Path
make_path (const char *id, gboolean is_group, const char *below)
{
  return (Path) { { is_group ? "enrollmentGroups" : "enrollments", id, below, NULL } };
}

static JsonObject *
get_enrollment (BrevetAdminService *service, const char *id, gboolean is_group, GError **error)
{
  Path path = make_path (id, is_group, NULL);
  JsonObject *enrollment;

  brevet_admin_service_call (service, "GET", path.segments, NULL, NULL, &enrollment, error);
  return enrollment;
}

/* Keys that a service shows along are shown only to who asks for them. */
static void
hide_keys (JsonObject *enrollment)
{
  JsonObject *attestation = NULL;
  JsonObject *keys = NULL;

  if (!brevet_wire_get_object (enrollment, "attestation", &attestation, NULL) || attestation == NULL ||
      !brevet_wire_get_object (attestation, "symmetricKey", &keys, NULL) || keys == NULL)
    return;
  json_object_remove_member (keys, "primaryKey");
  json_object_remove_member (keys, "secondaryKey");
}

static int
print (JsonObject *enrollment, gboolean is_group, gboolean keys, gboolean json)
{
  if (!keys)
    hide_keys (enrollment);
  if (json)
    brevet_output_print_json (enrollment);
  else
    brevet_admin_enrollment_print (enrollment, is_group);
  return brevet_output_finish (BREVET_EXIT_OK);
}

static JsonObject *
create (const BrevetAdminOptions *options, const BrevetAdminEnrollment *wanted, gboolean replace, GError **error)
{
  Path path = make_path (wanted->id, wanted->is_group, NULL);
  g_autoptr(JsonObject) body = brevet_admin_enrollment_make (wanted, error);
  g_autoptr(BrevetAdminService) service = body != NULL ? brevet_admin_service_new (options, error) : NULL;
  JsonObject *created = NULL;

  if (service != NULL && (replace || brevet_admin_service_check_absent (service, path.segments, wanted->id, error)))
    brevet_admin_service_call (service, "PUT", path.segments, NULL, body, &created, error);
  return created;
}

int
brevet_command_admin_enrollment_create (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  g_auto(BrevetAdminEnrollment) wanted = { NULL };
  gboolean replace = FALSE, keys = FALSE;
  const GOptionEntry entries[] = {
    { "group", 'g', 0, G_OPTION_ARG_NONE, &wanted.is_group, N_("ID is that of an enrollment group"), NULL },
    { "attestation", 0, 0, G_OPTION_ARG_STRING, &wanted.attestation,
      N_("How devices prove themselves: symmetric-key, tpm or x509 (what the other options say, else symmetric-key)"), N_("KIND") },
    { "primary-key-file", 0, 0, G_OPTION_ARG_FILENAME, &wanted.primary_key_file,
      N_("Symmetric key in base64 (the service makes one)"), N_("FILE") },
    { "secondary-key-file", 0, 0, G_OPTION_ARG_FILENAME, &wanted.secondary_key_file,
      N_("Second symmetric key in base64 (the service makes one)"), N_("FILE") },
    { "endorsement-key", 0, 0, G_OPTION_ARG_STRING, &wanted.endorsement_key,
      N_("The TPM's endorsement key, as “brevet tpm show” prints it"), N_("KEY") },
    { "storage-root-key", 0, 0, G_OPTION_ARG_STRING, &wanted.storage_root_key, N_("The TPM's storage root key"), N_("KEY") },
    { "endorsement-certificate", 0, 0, G_OPTION_ARG_FILENAME, &wanted.endorsement_certificate,
      N_("Certificate of the endorsement key (PEM or DER)"), N_("FILE") },
    { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &wanted.certificate,
      N_("The device's certificate, or the one that signs those of the group (PEM or DER)"), N_("FILE") },
    { "secondary-certificate", 0, 0, G_OPTION_ARG_FILENAME, &wanted.secondary_certificate, N_("A second one"), N_("FILE") },
    { "ca-reference", 0, 0, G_OPTION_ARG_STRING, &wanted.ca_reference,
      N_("Name of the verified CA certificate that signs those of the group"), N_("NAME") },
    { "secondary-ca-reference", 0, 0, G_OPTION_ARG_STRING, &wanted.secondary_ca_reference, N_("A second one"), N_("NAME") },
    { "certificate-authority", 0, 0, G_OPTION_ARG_STRING, &wanted.certificate_authority,
      N_("Certificate authority that issues for the devices (none)"), N_("NAME") },
    { "standby-ca", 0, 0, G_OPTION_ARG_STRING, &wanted.standby_authority,
      N_("Certificate authority that issues while that one is down (none)"), N_("NAME") },
    { "trust-bundle", 0, 0, G_OPTION_ARG_STRING, &wanted.trust_bundle, N_("Trust bundle that the devices get (none)"), N_("ID") },
    { "device-id", 0, 0, G_OPTION_ARG_STRING, &wanted.device_id, N_("Name of the device at the hub (its registration id)"),
      N_("ID") },
    { "hub", 0, 0, G_OPTION_ARG_STRING_ARRAY, &wanted.hubs, N_("Hub to choose from; may stand several times (all)"), N_("HOST") },
    { "disabled", 0, 0, G_OPTION_ARG_NONE, &wanted.disabled, N_("Refuse the devices until it is enabled"), NULL },
    { "file", 'f', 0, G_OPTION_ARG_FILENAME, &wanted.file, N_("The whole enrollment in JSON, in place of the options above"),
      N_("FILE") },
    { "replace", 0, 0, G_OPTION_ARG_NONE, &replace, N_("Replace an enrollment that exists"), NULL },
    { "keys", 0, 0, G_OPTION_ARG_NONE, &keys, N_("Print symmetric keys too"), NULL },
    { NULL },
  };
  g_autoptr(JsonObject) created = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  if (!brevet_admin_options_parse (&options, "admin enrollment create", N_("ID"), 1, entries, description, &argc, &argv,
                                   &exit_code) ||
      !check_id (argv[1], wanted.is_group, &exit_code))
    return exit_code;
  wanted.id = argv[1];
  if (!brevet_admin_enrollment_check (&wanted))
    return BREVET_EXIT_USAGE;
  created = create (&options, &wanted, replace, &error);
  if (created == NULL)
    return brevet_command_fail (error);
  return print (created, wanted.is_group, keys, options.json);
}

/* The keys have a question of their own (protocol/dps.md §10.1). */
static gboolean
add_keys (BrevetAdminService *service, const char *id, gboolean is_group, JsonObject *enrollment, GError **error)
{
  Path path = make_path (id, is_group, "attestationmechanism");
  JsonObject *attestation;

  if (!brevet_admin_service_call (service, "POST", path.segments, NULL, NULL, &attestation, error))
    return FALSE;
  json_object_set_object_member (enrollment, "attestation", attestation);
  return TRUE;
}

int
brevet_command_admin_enrollment_show (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  gboolean is_group = FALSE, keys = FALSE;
  const GOptionEntry entries[] = {
    { "group", 'g', 0, G_OPTION_ARG_NONE, &is_group, N_("ID is that of an enrollment group"), NULL },
    { "keys", 0, 0, G_OPTION_ARG_NONE, &keys, N_("Print symmetric keys too"), NULL },
    { NULL },
  };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(JsonObject) enrollment = NULL;
  g_autoptr(GError) error = NULL;
  int exit_code;

  if (!brevet_admin_options_parse (&options, "admin enrollment show", N_("ID"), 1, entries, description, &argc, &argv,
                                   &exit_code) ||
      !check_id (argv[1], is_group, &exit_code))
    return exit_code;
  service = brevet_admin_service_new (&options, &error);
  if (service != NULL)
    enrollment = get_enrollment (service, argv[1], is_group, &error);
  if (enrollment == NULL || (keys && !add_keys (service, argv[1], is_group, enrollment, &error)))
    return brevet_command_fail (error);
  return print (enrollment, is_group, keys, options.json);
}

int
brevet_command_admin_enrollment_delete (int argc, char **argv)
{
  g_auto(BrevetAdminOptions) options = { NULL };
  gboolean is_group = FALSE;
  const GOptionEntry entries[] = {
    { "group", 'g', 0, G_OPTION_ARG_NONE, &is_group, N_("ID is that of an enrollment group"), NULL },
    { NULL },
  };
  g_autoptr(BrevetAdminService) service = NULL;
  g_autoptr(GError) error = NULL;
  Path path;
  int exit_code;

  if (!brevet_admin_options_parse (&options, "admin enrollment delete", N_("ID"), 1, entries, description, &argc, &argv,
                                   &exit_code) ||
      !check_id (argv[1], is_group, &exit_code))
    return exit_code;
  path = make_path (argv[1], is_group, NULL);
  service = brevet_admin_service_new (&options, &error);
  if (service == NULL || !brevet_admin_service_call (service, "DELETE", path.segments, "*", NULL, NULL, &error))
    return brevet_command_fail (error);
  return BREVET_EXIT_OK;
}
