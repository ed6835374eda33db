/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "argument-file.h"
#include "brevet-command.h"
#include "brevet-identifier.h"
#include "brevet-registration-client.h"
#include "register-input.h"
#include "register-options.h"
#include "register-output.h"

/* Everything that one registration needs. */
typedef struct {
  const BrevetRegisterOptions *options;
  BrevetCsr *csr;
  char *registration_id;
  JsonNode *payload;
  BrevetRegistry *registry;
  BrevetProver *prover;
  BrevetTransport *transport;
} Job;

static void
job_clear (Job *self)
{
  g_clear_pointer (&self->csr, brevet_csr_unref);
  g_clear_pointer (&self->registration_id, g_free);
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

  if (common_name == NULL || !brevet_identifier_equal (common_name, self->registration_id))
    g_warning ("The common name of the CSR is “%s” and not the registration id “%s”; the service may refuse it",
               common_name != NULL ? common_name : "", self->registration_id);
}

static gboolean
load_files (Job *self, GError **error)
{
  const BrevetRegisterOptions *options = self->options;

  if (options->csr_file != NULL)
    {
      self->csr = brevet_register_load_csr (options->csr_file, error);
      if (self->csr == NULL)
        return FALSE;
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
  const BrevetRegisterAttestation *attestation = &self->options->attestation;

  self->prover = brevet_register_attestation_make_prover (attestation, self->registry, error);
  if (self->prover == NULL)
    return FALSE;
  self->registration_id = g_strdup (self->options->registration_id);
  if (self->registration_id == NULL)
    self->registration_id = brevet_register_attestation_dup_registration_id (attestation, self->prover, error);
  if (self->registration_id != NULL && self->csr != NULL)
    warn_about_name (self);
  return self->registration_id != NULL;
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
  const BrevetRegisterOptions *options = self->options;
  g_autoptr(BrevetRegistrationClient) client = brevet_registration_client_new (self->transport, self->prover, options->id_scope,
                                                                               self->registration_id);
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
  g_auto(BrevetRegisterOptions) options = { NULL };
  g_auto(Job) job = { .options = &options };
  int exit_code;

  return brevet_register_options_parse (&options, argc, argv, &exit_code) ? run (&job) : exit_code;
}
