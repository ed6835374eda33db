/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "argument-file.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-registration-client.h"
#include "brevet-registry.h"
#include "register-input.h"
#include "register-output.h"

#include <glib/gi18n-lib.h>

#define DEFAULT_TIMEOUT 120
#define LONGEST_TIMEOUT 86400

/* The mechanism that a symmetric key serves, as the protocol calls it; which plugin that is, the registry knows. */
#define MECHANISM "symmetricKey"

/* What the command line says. */
typedef struct {
  char *host;
  int port;
  char *ca_file;
  char *id_scope;
  char *registration_id;
  char *symmetric_key_file;
  char *group_key_file;
  char *csr_file;
  char *certificate_file;
  char *bundle_file;
  char *payload_file;
  char *transport;
  char *api_version;
  int timeout;
  gboolean json;
} Options;

static void
options_clear (Options *self)
{
  g_free (self->host);
  g_free (self->ca_file);
  g_free (self->id_scope);
  g_free (self->registration_id);
  g_free (self->symmetric_key_file);
  g_free (self->group_key_file);
  g_free (self->csr_file);
  g_free (self->certificate_file);
  g_free (self->bundle_file);
  g_free (self->payload_file);
  g_free (self->transport);
  g_free (self->api_version);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
parse_options (Options *self, int argc, char **argv, int *exit_code)
{
  const GOptionEntry entries[] = {
    { "host", 0, 0, G_OPTION_ARG_STRING, &self->host, N_("Host name of the provisioning service"), N_("HOST") },
    { "port", 0, 0, G_OPTION_ARG_INT, &self->port, N_("Its port (the transport's own if not given)"), N_("PORT") },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &self->ca_file, N_("Trust only the certificates in FILE, not those of the system"),
      N_("FILE") },
    { "id-scope", 0, 0, G_OPTION_ARG_STRING, &self->id_scope, N_("Scope of the service"), N_("SCOPE") },
    { "registration-id", 0, 0, G_OPTION_ARG_STRING, &self->registration_id, N_("Name of this device"), N_("ID") },
    { "symmetric-key-file", 0, 0, G_OPTION_ARG_FILENAME, &self->symmetric_key_file, N_("File with the device's key in base64"),
      N_("FILE") },
    { "group-key-file", 0, 0, G_OPTION_ARG_FILENAME, &self->group_key_file,
      N_("File with the key of the device's enrollment group, from which its own is derived"), N_("FILE") },
    { "csr", 0, 0, G_OPTION_ARG_FILENAME, &self->csr_file, N_("Ask for a certificate with the CSR in FILE (PEM or DER)"),
      N_("FILE") },
    { "cert-out", 0, 0, G_OPTION_ARG_FILENAME, &self->certificate_file, N_("Write the certificate to FILE"), N_("FILE") },
    { "trust-bundle-out", 0, 0, G_OPTION_ARG_FILENAME, &self->bundle_file, N_("Write the trust bundle to FILE"), N_("FILE") },
    { "payload", 0, 0, G_OPTION_ARG_FILENAME, &self->payload_file, N_("Send the JSON in FILE along"), N_("FILE") },
    { "timeout", 0, 0, G_OPTION_ARG_INT, &self->timeout, N_("Give up after so many seconds (120)"), N_("SECONDS") },
    { "transport", 0, 0, G_OPTION_ARG_STRING, &self->transport, N_("How to talk to the service: https (the default) or mqtt"),
      N_("NAME") },
    { "api-version", 0, 0, G_OPTION_ARG_STRING, &self->api_version, N_("Version of the protocol (2021-11-01-preview)"),
      N_("VERSION") },
    { "json", 0, 0, G_OPTION_ARG_NONE, &self->json, N_("Print one JSON object"), NULL },
    { NULL },
  };

  return brevet_command_parse ("register", NULL, entries,
                               _("Exit codes: 0 done, 1 failed, 2 wrong command line, 3 refused by the service, 4 service not "
                                 "reached,\n"
                                 "5 a file is missing or wrong."),
                               0, 0, &argc, &argv, exit_code);
}

static gboolean
require (const char *name, const char *value)
{
  if (value != NULL && *value != '\0')
    return TRUE;
  brevet_command_usage_error (_("The option %s is missing"), name);
  return FALSE;
}

static gboolean
check_ranges (const Options *self)
{
  if (self->port < 0 || self->port > G_MAXUINT16)
    brevet_command_usage_error (_("--port %d is not a port; write a number from 1 to 65535"), self->port);
  else if (self->timeout < 1 || self->timeout > LONGEST_TIMEOUT)
    brevet_command_usage_error (_("--timeout %d is not possible; write a number of seconds from 1 to %d"), self->timeout,
                                LONGEST_TIMEOUT);
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_combinations (const Options *self)
{
  if (self->symmetric_key_file == NULL && self->group_key_file == NULL)
    brevet_command_usage_error (_("The option --symmetric-key-file is missing (or --group-key-file)"));
  else if (self->symmetric_key_file != NULL && self->group_key_file != NULL)
    brevet_command_usage_error (_("--symmetric-key-file and --group-key-file exclude each other"));
  else if (self->csr_file != NULL && self->certificate_file == NULL)
    brevet_command_usage_error (_("The option --cert-out is missing: the certificate for --csr must go somewhere"));
  else if (self->csr_file == NULL && self->certificate_file != NULL)
    brevet_command_usage_error (_("The option --csr is missing: there is no certificate for --cert-out without it"));
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_api_version (const Options *self)
{
  if (self->api_version == NULL || g_str_equal (self->api_version, BREVET_API_VERSION_PREVIEW))
    return TRUE;
  if (!brevet_registration_client_speaks (self->api_version))
    brevet_command_usage_error (_("--api-version “%s” is not spoken; write %s or %s"), self->api_version,
                                BREVET_API_VERSION_PREVIEW, BREVET_API_VERSION_2025_PREVIEW);
  else if (self->bundle_file != NULL)
    brevet_command_usage_error (_("--trust-bundle-out is of no use with --api-version %s: no trust bundle comes then"),
                                self->api_version);
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_identifiers (const Options *self)
{
  g_autoptr(GError) error = NULL;

  if (brevet_identifier_check (BREVET_IDENTIFIER_ID_SCOPE, self->id_scope, &error) &&
      brevet_identifier_check (BREVET_IDENTIFIER_REGISTRATION_ID, self->registration_id, &error))
    return TRUE;
  brevet_command_usage_error ("%s", error->message);
  return FALSE;
}

static gboolean
check_options (const Options *self)
{
  return require ("--host", self->host) && require ("--id-scope", self->id_scope) &&
         require ("--registration-id", self->registration_id) && check_combinations (self) && check_ranges (self) &&
         check_api_version (self) && check_identifiers (self);
}

/* Everything that one registration needs. */
typedef struct {
  const Options *options;
  BrevetCsr *csr;
  JsonNode *payload;
  BrevetRegistry *registry;
  BrevetProver *prover;
  BrevetTransport *transport;
} Job;

static void
job_clear (Job *self)
{
  g_clear_pointer (&self->csr, brevet_csr_unref);
  g_clear_pointer (&self->payload, json_node_unref);
  g_clear_object (&self->prover);
  g_clear_object (&self->transport);
  g_clear_object (&self->registry);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Job, job_clear)

static void
warn_about_name (Job *self)
{
  const char *common_name = brevet_csr_get_common_name (self->csr);

  if (common_name == NULL || !brevet_identifier_equal (common_name, self->options->registration_id))
    g_warning ("The common name of the CSR is “%s” and not the registration id “%s”; the service may refuse it",
               common_name != NULL ? common_name : "", self->options->registration_id);
}

static gboolean
load_files (Job *self, GError **error)
{
  const Options *options = self->options;

  if (options->csr_file != NULL)
    {
      self->csr = brevet_register_load_csr (options->csr_file, error);
      if (self->csr == NULL)
        return FALSE;
      warn_about_name (self);
    }
  if (options->payload_file != NULL)
    {
      self->payload = brevet_register_load_payload (options->payload_file, error);
      if (self->payload == NULL)
        return FALSE;
    }
  return (options->certificate_file == NULL || brevet_register_check_target (options->certificate_file, error)) &&
         (options->bundle_file == NULL || brevet_register_check_target (options->bundle_file, error));
}

static gboolean
make_prover (Job *self, GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("attestation", MECHANISM, NULL);
  const char *module = brevet_registry_find_module (self->registry, "attestation", MECHANISM);
  gboolean own_key = self->options->symmetric_key_file != NULL;
  const char *file = own_key ? self->options->symmetric_key_file : self->options->group_key_file;
  g_autofree char *settled = NULL;

  if (module == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("No plugin for %s is installed in %s"), MECHANISM,
                   brevet_registry_get_search_path (self->registry));
      return FALSE;
    }
  settled = brevet_argument_file_settle (file, error);
  if (settled == NULL)
    return FALSE;
  brevet_settings_set (settings, own_key ? "key-file" : "group-key-file", settled,
                       own_key ? "--symmetric-key-file" : "--group-key-file");
  self->prover = (BrevetProver *) brevet_registry_create (self->registry, BREVET_TYPE_PROVER, module, MECHANISM, settings, error);
  if (self->prover == NULL)
    g_prefix_error (error, _("Cannot use the key in %s: "), file);
  return self->prover != NULL;
}

static gboolean
make_transport (Job *self, GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", NULL, NULL);
  g_autofree char *module = g_strconcat ("transport-", self->options->transport != NULL ? self->options->transport : "https", NULL);

  brevet_settings_set (settings, "host", self->options->host, "--host");
  if (self->options->port != 0)
    {
      g_autofree char *port = g_strdup_printf ("%d", self->options->port);

      brevet_settings_set (settings, "port", port, "--port");
    }
  if (self->options->ca_file != NULL)
    {
      g_autofree char *settled = brevet_argument_file_settle (self->options->ca_file, error);

      if (settled == NULL)
        return FALSE;
      brevet_settings_set (settings, "ca-file", settled, "--ca-file");
    }
  self->transport = (BrevetTransport *) brevet_registry_create (self->registry, BREVET_TYPE_TRANSPORT, module, module, settings,
                                                                error);
  return self->transport != NULL;
}

static void
on_registered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static BrevetRegistrationState *
register_device (Job *self, GError **error)
{
  const Options *options = self->options;
  g_autoptr(BrevetRegistrationClient) client = brevet_registration_client_new (self->transport, self->prover, options->id_scope,
                                                                               options->registration_id);
  g_autoptr(GAsyncResult) result = NULL;

  if (options->api_version != NULL)
    brevet_registration_client_set_api_version (client, options->api_version);
  brevet_registration_client_register_async (client, self->csr != NULL ? brevet_csr_get_der (self->csr) : NULL, self->payload,
                                             (guint) options->timeout, NULL, on_registered, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return brevet_registration_client_register_finish (client, result, error);
}

/* The certificate first: should the bundle be missing, it is not lost, for the service would issue another one next time. */
static gboolean
store_result (Job *self, BrevetRegisterResult *result, GError **error)
{
  if (self->csr != NULL)
    {
      g_autofree char *pem = NULL;

      result->chain = brevet_register_read_certificate (result->state, self->csr, error);
      if (result->chain == NULL)
        return FALSE;
      pem = brevet_chain_to_pem (result->chain);
      if (!brevet_register_write (self->options->certificate_file, pem, error))
        return FALSE;
      result->certificate_file = self->options->certificate_file;
    }
  if (self->options->bundle_file != NULL)
    {
      g_autofree char *pem = NULL;

      result->bundle = brevet_register_read_trust_bundle (result->state, error);
      if (result->bundle == NULL)
        return FALSE;
      pem = brevet_trust_bundle_to_pem (result->bundle);
      if (!brevet_register_write (self->options->bundle_file, pem, error))
        return FALSE;
      result->bundle_file = self->options->bundle_file;
    }
  return TRUE;
}

static int
run (Job *self)
{
  BrevetRegisterResult result = { NULL };
  g_autoptr(BrevetRegistrationState) state = NULL;
  g_autoptr(GError) error = NULL;

  if (!load_files (self, &error))
    return brevet_command_fail (error);
  self->registry = brevet_registry_new ();
  if (!make_prover (self, &error) || !make_transport (self, &error))
    return brevet_command_fail (error);
  state = register_device (self, &error);
  if (state == NULL)
    return brevet_command_fail (error);
  result.state = state;
  store_result (self, &result, &error);
  if (error == NULL || result.certificate_file != NULL)
    brevet_register_print (&result, self->options->json);
  g_clear_pointer (&result.chain, brevet_chain_unref);
  g_clear_pointer (&result.bundle, brevet_trust_bundle_unref);
  return error == NULL ? BREVET_EXIT_OK : brevet_command_fail (error);
}

int
brevet_command_register (int argc, char **argv)
{
  g_auto(Options) options = { .timeout = DEFAULT_TIMEOUT };
  g_auto(Job) job = { .options = &options };
  int exit_code;

  if (!parse_options (&options, argc, argv, &exit_code))
    return exit_code;
  if (!check_options (&options))
    return BREVET_EXIT_USAGE;
  return run (&job);
}
