/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "register-attestation.h"

#include "argument-file.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-pkcs11.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define KIND "attestation"

/* Mechanisms as the protocol calls them; which plugins those are, the registry knows. */
#define SYMMETRIC_KEY "symmetricKey"
#define X509 "x509"
#define TPM "tpm"

static const char *const mechanisms[] = { SYMMETRIC_KEY, X509, TPM };

/* What the options mean to the plugin. */
typedef struct {
  const char *mechanism;
  const char *option;
  const char *setting;
  const char *value; /* NULL if it was not given */
  gboolean is_file;
} Choice;

#define CHOICES 7

static void
list_choices (const BrevetRegisterAttestation *self, Choice *choices)
{
  const Choice list[CHOICES] = {
    { SYMMETRIC_KEY, "--symmetric-key-file", "key-file", self->symmetric_key_file, TRUE },
    { SYMMETRIC_KEY, "--group-key-file", "group-key-file", self->group_key_file, TRUE },
    { X509, "--certificate", "certificate", self->certificate, TRUE },
    { X509, "--intermediates", "intermediates", self->intermediates_file, TRUE },
    { X509, "--key", "key", self->key, TRUE },
    { X509, "--pin-file", "key-password-file", self->pin_file, TRUE },
    { TPM, "--tcti", "tcti", self->tcti, FALSE },
  };

  memcpy (choices, list, sizeof list);
}

void
brevet_register_attestation_clear (BrevetRegisterAttestation *self)
{
  g_free (self->symmetric_key_file);
  g_free (self->group_key_file);
  g_free (self->certificate);
  g_free (self->intermediates_file);
  g_free (self->key);
  g_free (self->pin_file);
  g_strfreev (self->modules);
  g_free (self->tcti);
}

/* The first option that says it. */
static const char *
find_option_of (const BrevetRegisterAttestation *self, const char *mechanism)
{
  Choice choices[CHOICES];

  list_choices (self, choices);
  for (gsize i = 0; i < CHOICES; i++)
    if (choices[i].value != NULL && g_str_equal (choices[i].mechanism, mechanism))
      return choices[i].option;
  if (g_str_equal (mechanism, TPM) && self->tpm)
    return "--tpm";
  return g_str_equal (mechanism, X509) && self->modules != NULL ? "--module" : NULL;
}

/* Several, or none, have been excluded. */
static const char *
get_mechanism (const BrevetRegisterAttestation *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mechanisms); i++)
    if (find_option_of (self, mechanisms[i]) != NULL)
      return mechanisms[i];
  return NULL;
}

static gboolean
check_one_mechanism (const BrevetRegisterAttestation *self)
{
  const char *first = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (mechanisms); i++)
    {
      const char *option = find_option_of (self, mechanisms[i]);

      if (option != NULL && first != NULL)
        {
          brevet_command_usage_error (_("%s and %s exclude each other"), first, option);
          return FALSE;
        }
      first = option != NULL ? option : first;
    }
  if (first == NULL)
    brevet_command_usage_error (_("The option --symmetric-key-file is missing (or --group-key-file, --certificate, --tpm)"));
  return first != NULL;
}

gboolean
brevet_register_attestation_check (const BrevetRegisterAttestation *self, const char *transport)
{
  const char *mechanism;

  if (!check_one_mechanism (self))
    return FALSE;
  mechanism = get_mechanism (self);
  if (self->symmetric_key_file != NULL && self->group_key_file != NULL)
    brevet_command_usage_error (_("%s and %s exclude each other"), "--symmetric-key-file", "--group-key-file");
  else if (g_str_equal (mechanism, X509) && self->certificate == NULL)
    brevet_command_usage_error (_("The option --certificate is missing: the service wants to see it"));
  else if (g_str_equal (mechanism, X509) && self->key == NULL)
    brevet_command_usage_error (_("The option --key is missing: the private key of --certificate"));
  else if (g_str_equal (mechanism, TPM) && g_strcmp0 (transport, "mqtt") == 0)
    brevet_command_usage_error (_("A TPM cannot register over MQTT, where there is no place for its keys; leave --transport out"));
  else
    return TRUE;
  return FALSE;
}

static gboolean
is_in_token (const char *location)
{
  return g_ascii_strncasecmp (location, "pkcs11:", strlen ("pkcs11:")) == 0;
}

static gboolean
add_setting (BrevetSettings *settings, const Choice *choice, GError **error)
{
  g_autofree char *settled = NULL;

  if (choice->is_file && !is_in_token (choice->value))
    settled = brevet_argument_file_settle (choice->value, error);
  else
    settled = g_strdup (choice->value);
  if (settled != NULL)
    brevet_settings_set (settings, choice->setting, settled, choice->option);
  return settled != NULL;
}

static BrevetSettings *
make_settings (const BrevetRegisterAttestation *self, const char *mechanism, GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new (KIND, mechanism, NULL);
  Choice choices[CHOICES];

  list_choices (self, choices);
  for (gsize i = 0; i < CHOICES; i++)
    if (choices[i].value != NULL && !add_setting (settings, &choices[i], error))
      return NULL;
  return g_steal_pointer (&settings);
}

/* Named as on the command line: of what came through a pipe, nobody knows the name under which it is kept. */
static void
name_key (const BrevetRegisterAttestation *self, GError **error)
{
  const char *file = self->symmetric_key_file != NULL ? self->symmetric_key_file : self->group_key_file;

  if (file != NULL)
    g_prefix_error (error, _("Cannot use the key in %s: "), file);
}

BrevetProver *
brevet_register_attestation_make_prover (const BrevetRegisterAttestation *self, BrevetRegistry *registry, GError **error)
{
  const char *mechanism = get_mechanism (self);
  const char *module = brevet_registry_find_module (registry, KIND, mechanism);
  g_autoptr(BrevetSettings) settings = NULL;
  BrevetProver *prover;

  if (module == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, _("No plugin for %s is installed in %s"), mechanism,
                   brevet_registry_get_search_path (registry));
      return NULL;
    }
  if (self->modules != NULL && !brevet_pkcs11_use_modules ((const char *const *) self->modules, error))
    return NULL;
  settings = make_settings (self, mechanism, error);
  if (settings == NULL)
    return NULL;
  prover = (BrevetProver *) brevet_registry_create (registry, BREVET_TYPE_PROVER, module, mechanism, settings, error);
  if (prover == NULL)
    name_key (self, error);
  return prover;
}

gboolean
brevet_register_attestation_names_device (const BrevetRegisterAttestation *self)
{
  return self->certificate != NULL;
}

static void
on_described (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

char *
brevet_register_attestation_dup_registration_id (const BrevetRegisterAttestation *self, BrevetProver *prover, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(JsonObject) description = NULL;
  const char *id;

  brevet_prover_describe_async (prover, NULL, on_described, &result);
  while (result == NULL)
    g_main_context_iteration (NULL, TRUE);
  description = brevet_prover_describe_finish (prover, result, error);
  if (description == NULL)
    return NULL;
  id = json_object_get_string_member_with_default (description, "registrationId", NULL);
  if (id == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 _("The certificate %s names no device: it has no common name, or one that is no registration id"),
                 self->certificate);
  return g_strdup (id);
}
