/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ceremony-root.h"
#include "ceremony-terminal.h"
#include "command-ca.h"

#include "brevet-command.h"
#include "brevet-config.h"
#include "brevet-error.h"
#include "brevet-pkcs11.h"

#include <glib/gi18n-lib.h>

#define DEFAULT_DIRECTORY "brevet-root"
#define DEFAULT_SUBJECT "brevet root CA"
#define MAX_YEARS 50
#define MAX_PATH_LENGTH 3

typedef struct {
  BrevetCaKeyOptions key;
  char *directory;
  char *organization;
  char *operator_name;
  char **modules;
  int years;
  int path_length;
  gboolean encrypt;
} Options;

static void
options_clear (Options *self)
{
  brevet_ca_key_options_clear (&self->key);
  g_free (self->directory);
  g_free (self->organization);
  g_free (self->operator_name);
  g_strfreev (self->modules);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
check (const Options *options, BrevetKeyKind *kind, GError **error)
{
  if (!brevet_ca_key_options_resolve (&options->key, BREVET_KEY_KIND_EC_P384, kind, error) ||
      !brevet_ca_check_subject ("--organization", options->organization, error))
    return FALSE;
  if (options->years < 1 || options->years > MAX_YEARS)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "--years: write a number from 1 to %d", MAX_YEARS);
  else if (options->path_length < 1 || options->path_length > MAX_PATH_LENGTH)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "--path-length: write a number from 1 to %d", MAX_PATH_LENGTH);
  else
    return TRUE;
  return FALSE;
}

/* Without a configuration of the service, which an offline host has not. */
static gboolean
use_modules (char **modules, GError **error)
{
  return modules == NULL || brevet_pkcs11_use_modules ((const char *const *) modules, error);
}

static BrevetSecret *
choose_password (const Options *options, GError **error)
{
  if (options->key.token != NULL)
    return brevet_ceremony_read_password (options->key.password_file, _("PIN of the token"), FALSE, error);
  if (options->encrypt || options->key.password_file != NULL)
    return brevet_ceremony_read_password (options->key.password_file, _("Password for the root's key"), TRUE, error);
  return NULL;
}

static int
make (const Options *options, BrevetKeyKind kind)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetSecret) password = NULL;
  g_autoptr(BrevetCeremonyRoot) root = NULL;
  BrevetCeremonyRootPlan plan = {
    .common_name = options->key.subject != NULL ? options->key.subject : DEFAULT_SUBJECT,
    .organization = options->organization,
    .kind = kind,
    .days = options->years * 365 + options->years / 4,
    .path_length = options->path_length,
    .token = options->key.token,
    .operator_name = options->operator_name,
  };

  if (!use_modules (options->modules, &error))
    return brevet_command_fail (error);
  plan.password = password = choose_password (options, &error);
  if (error != NULL)
    return brevet_command_fail (error);
  root = brevet_ceremony_root_make (options->directory != NULL ? options->directory : DEFAULT_DIRECTORY, &plan, &error);
  if (root == NULL)
    return brevet_command_fail (error);
  brevet_ceremony_print_certificate (_("Root:"), root->certificate);
  g_print (_("Directory: %s\n"), root->directory);
  g_print (_("Next: copy the directory to two places that are locked away, and try whether a copy can be read. Keep this host off\n"
             "every network. Take only root.pem and its SHA-256 with you.\n"));
  return BREVET_EXIT_OK;
}

int
brevet_dps_command_ca_init (int argc, char **argv)
{
  g_auto(Options) options = { .years = 20, .path_length = 1 };
  g_autoptr(GError) error = NULL;
  BrevetKeyKind kind = BREVET_KEY_KIND_EC_P384;
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options.directory, N_("Directory of the root (default: brevet-root)"),
      N_("DIRECTORY") },
    { "subject", 0, 0, G_OPTION_ARG_STRING, &options.key.subject, N_("Common name of the certificate"), N_("NAME") },
    { "organization", 0, 0, G_OPTION_ARG_STRING, &options.organization, N_("Organization in the subject (default: none)"),
      N_("NAME") },
    { "key-type", 0, 0, G_OPTION_ARG_STRING, &options.key.key_type, N_("p256, p384 (default), rsa or ed25519"), N_("TYPE") },
    { "years", 0, 0, G_OPTION_ARG_INT, &options.years, N_("How long the certificate is valid (default: 20)"), N_("YEARS") },
    { "path-length", 0, 0, G_OPTION_ARG_INT, &options.path_length,
      N_("CA certificates below the root (default: 1; 2 allows cross-certificates)"), N_("NUMBER") },
    { "token", 0, 0, G_OPTION_ARG_STRING, &options.key.token, N_("Make the key in this token (PKCS#11 URI)"), N_("URI") },
    { "module", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.modules, N_("PKCS#11 module of the token; may be repeated"),
      N_("FILE") },
    { "encrypt", 0, 0, G_OPTION_ARG_NONE, &options.encrypt, N_("Ask for a password to encrypt the key file with"), NULL },
    { "password-file", 0, 0, G_OPTION_ARG_FILENAME, &options.key.password_file,
      N_("File with the password of the key, or the PIN of the token"), N_("FILE") },
    { "operator", 0, 0, G_OPTION_ARG_STRING, &options.operator_name, N_("Who does this, for the record"), N_("NAME") },
    { NULL }
  };

  if (!brevet_command_parse ("ca init", NULL, entries,
                             _("Makes a root CA in a new directory, on a host that has no network: key, certificate, record.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 the directory is in use, 4 the token is "
                               "gone,\n"
                               "5 it cannot be made there"),
                             0, 0, &argc, &argv, &exit_code))
    return exit_code;
  if (!check (&options, &kind, &error))
    return brevet_command_usage_error ("%s", error->message);
  return make (&options, kind);
}
