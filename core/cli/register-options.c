/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "register-options.h"

#include "brevet-command.h"
#include "brevet-identifier.h"
#include "brevet-registration-client.h"

#include <glib/gi18n-lib.h>

#define DEFAULT_TIMEOUT 120
#define LONGEST_TIMEOUT 86400

void
brevet_register_options_clear (BrevetRegisterOptions *self)
{
  g_free (self->host);
  g_free (self->ca_file);
  g_free (self->id_scope);
  g_free (self->registration_id);
  brevet_register_attestation_clear (&self->attestation);
  g_free (self->csr_file);
  g_free (self->certificate_file);
  g_free (self->bundle_file);
  g_free (self->payload_file);
  g_free (self->transport);
  g_free (self->api_version);
}

static gboolean
parse (BrevetRegisterOptions *self, int argc, char **argv, int *exit_code)
{
  BrevetRegisterAttestation *attestation = &self->attestation;
  const GOptionEntry entries[] = {
    { "host", 0, 0, G_OPTION_ARG_STRING, &self->host, N_("Host name of the provisioning service"), N_("HOST") },
    { "port", 0, 0, G_OPTION_ARG_INT, &self->port, N_("Its port (the transport's own if not given)"), N_("PORT") },
    { "ca-file", 0, 0, G_OPTION_ARG_FILENAME, &self->ca_file, N_("Trust only the certificates in FILE, not those of the system"),
      N_("FILE") },
    { "id-scope", 0, 0, G_OPTION_ARG_STRING, &self->id_scope, N_("Scope of the service"), N_("SCOPE") },
    { "registration-id", 0, 0, G_OPTION_ARG_STRING, &self->registration_id,
      N_("Name of this device (with --certificate: the common name)"), N_("ID") },
    { "symmetric-key-file", 0, 0, G_OPTION_ARG_FILENAME, &attestation->symmetric_key_file,
      N_("File with the device's key in base64"), N_("FILE") },
    { "group-key-file", 0, 0, G_OPTION_ARG_FILENAME, &attestation->group_key_file,
      N_("File with the key of the device's enrollment group, from which its own is derived"), N_("FILE") },
    { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &attestation->certificate,
      N_("PEM file with the device's certificate and its intermediates, or PKCS#11 URI"), N_("FILE") },
    { "intermediates", 0, 0, G_OPTION_ARG_FILENAME, &attestation->intermediates_file,
      N_("PEM file with further intermediates of --certificate"), N_("FILE") },
    { "key", 0, 0, G_OPTION_ARG_FILENAME, &attestation->key, N_("PEM file or PKCS#11 URI of the key of --certificate"),
      N_("FILE") },
    { "pin-file", 0, 0, G_OPTION_ARG_FILENAME, &attestation->pin_file,
      N_("File with the PIN of the token, or the password of the file"), N_("FILE") },
    { "module", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &attestation->modules,
      N_("Load this PKCS#11 module, and not all that the system has"), N_("MODULE") },
    { "tpm", 0, 0, G_OPTION_ARG_NONE, &attestation->tpm, N_("Prove with the TPM of this machine, /dev/tpmrm0"), NULL },
    { "tcti", 0, 0, G_OPTION_ARG_STRING, &attestation->tcti, N_("Prove with this TPM: device:/dev/tpmrm0"), N_("TCTI") },
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
                               _("Exit codes: 0 done, 1 failed, 2 wrong command line, 3 refused by the service, 4 service or TPM "
                                 "not reached,\n"
                                 "5 a file, key, PIN or TPM is missing or wrong."),
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
check_ranges (const BrevetRegisterOptions *self)
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
check_files (const BrevetRegisterOptions *self)
{
  if (self->csr_file != NULL && self->certificate_file == NULL)
    brevet_command_usage_error (_("The option --cert-out is missing: the certificate for --csr must go somewhere"));
  else if (self->csr_file == NULL && self->certificate_file != NULL)
    brevet_command_usage_error (_("The option --csr is missing: there is no certificate for --cert-out without it"));
  else
    return TRUE;
  return FALSE;
}

static gboolean
check_api_version (const BrevetRegisterOptions *self)
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
check_identifiers (const BrevetRegisterOptions *self)
{
  g_autoptr(GError) error = NULL;

  if (brevet_identifier_check (BREVET_IDENTIFIER_ID_SCOPE, self->id_scope, &error) &&
      (self->registration_id == NULL ||
       brevet_identifier_check (BREVET_IDENTIFIER_REGISTRATION_ID, self->registration_id, &error)))
    return TRUE;
  brevet_command_usage_error ("%s", error->message);
  return FALSE;
}

static gboolean
names_device (const BrevetRegisterOptions *self)
{
  return (self->registration_id == NULL && brevet_register_attestation_names_device (&self->attestation)) ||
         require ("--registration-id", self->registration_id);
}

static gboolean
check (const BrevetRegisterOptions *self)
{
  return require ("--host", self->host) && require ("--id-scope", self->id_scope) && names_device (self) &&
         brevet_register_attestation_check (&self->attestation, self->transport) && check_files (self) && check_ranges (self) &&
         check_api_version (self) && check_identifiers (self);
}

gboolean
brevet_register_options_parse (BrevetRegisterOptions *self, int argc, char **argv, int *exit_code)
{
  self->timeout = DEFAULT_TIMEOUT;
  if (!parse (self, argc, argv, exit_code))
    return FALSE;
  *exit_code = BREVET_EXIT_USAGE;
  return check (self);
}
