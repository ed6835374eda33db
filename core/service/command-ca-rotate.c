/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-template.h"
#include "ceremony-check.h"
#include "ceremony-root.h"
#include "ceremony-terminal.h"
#include "command-ca.h"

#include "brevet-clock.h"
#include "brevet-command.h"
#include "brevet-error.h"

#include <glib/gi18n-lib.h>
#include <glib/gstdio.h>
#include <string.h>

/* As “ca sign” has it. */
#define ISSUING_DAYS (5 * 365 + 1)

typedef struct {
  BrevetCaKeyOptions key;
  char *config_path;
  char *directory;
  char *root;
  char *root_sha256;
  char *root_directory;
  char *root_password_file;
  char *census;
  gboolean retire;
  gboolean force;
  gboolean yes;
} Options;

static void
options_clear (Options *self)
{
  brevet_ca_key_options_clear (&self->key);
  g_free (self->config_path);
  g_free (self->directory);
  g_free (self->root);
  g_free (self->root_sha256);
  g_free (self->root_directory);
  g_free (self->root_password_file);
  g_free (self->census);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static gboolean
check_new_root (const Options *options, BrevetCertificate *root, GError **error)
{
  if (options->root_sha256 != NULL)
    return brevet_ceremony_check_fingerprint (root, options->root_sha256, error);
  brevet_ceremony_print_certificate (_("The new root:"), root);
  return brevet_ceremony_confirm (_("Is this the fingerprint that the ceremony's record shows?"), options->yes, error);
}

static int
rotate_root (const Options *options, BrevetCeremony *ceremony)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCertificate) root = brevet_ceremony_load_root (options->root, brevet_clock_now_seconds (), &error);
  const char *name = brevet_ceremony_get_name (ceremony);

  if (root == NULL || !check_new_root (options, root, &error) || !brevet_ceremony_publish_root (ceremony, root, &error))
    return brevet_command_fail (error);
  g_print (_("The new root is published beside the old one, and signs nothing yet.\n"
             "Next: systemctl reload brevet-dps (or SIGHUP), then wait until every device has the new trust bundle:\n"
             "  brevet admin ca status %s\n"),
           name);
  return brevet_ca_prepare (ceremony, &options->key, FALSE);
}

static int
retire (const Options *options, BrevetCeremony *ceremony)
{
  const BrevetCeremonyConsent consent = { NULL, options->census, options->force, options->yes };
  g_autoptr(GError) error = NULL;

  if (!brevet_ceremony_retire_root (ceremony, &consent, &error))
    return brevet_command_fail (error);
  g_print (_("The old root is published no longer by this CA. Devices that still need it keep it: the service knows them.\n"
             "Next: systemctl reload brevet-dps (or SIGHUP)\n"));
  return BREVET_EXIT_OK;
}

static gboolean
leads_to_root (BrevetChain *chain, const char *directory)
{
  g_autofree char *path = g_build_filename (directory, BREVET_CEREMONY_ROOT, NULL);
  g_autoptr(BrevetChain) root = brevet_chain_load (path, NULL);
  BrevetCertificate *top = brevet_chain_get (chain, brevet_chain_get_length (chain) - 1);

  return root != NULL && (brevet_certificate_equal (top, brevet_chain_get_leaf (root)) ||
                          brevet_certificate_is_issued_by (top, brevet_chain_get_leaf (root)));
}

/* In a laboratory the root's key is beside that of the issuing CA, as `brevet-dps init` has put it there. The root of another CA
 * may lie there as well, which is not asked. */
static char *
find_root_directory (const Options *options, BrevetCeremony *ceremony, BrevetChain *current)
{
  const char *directory = brevet_ceremony_get_directory (ceremony);
  g_autofree char *location = NULL;

  if (options->root_directory != NULL)
    return g_strdup (options->root_directory);
  location = brevet_ceremony_root_dup_key_location (directory);
  return location != NULL && leads_to_root (current, directory) ? g_strdup (directory) : NULL;
}

static char *
sign (const Options *options, BrevetCeremony *ceremony, const char *directory, GError **error)
{
  g_autofree char *stem = brevet_ceremony_dup_note (ceremony, "coming", "stem");
  g_autofree char *csr_path = brevet_ceremony_build_path (ceremony, stem, ".csr");
  g_autofree char *path = brevet_ceremony_build_path (ceremony, stem, ".signed");
  g_autoptr(BrevetSecret) password = NULL;
  g_autoptr(BrevetCeremonyRoot) root = NULL;
  g_autoptr(BrevetCsr) csr = brevet_ceremony_load_csr (csr_path, error);
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autofree char *own = NULL, *above = NULL, *pem = NULL;
  BrevetCaTemplate template = { .csr = csr, .path_length = 0 };

  if (csr == NULL)
    return NULL;
  if (options->root_password_file != NULL)
    password = brevet_secret_new_from_file (options->root_password_file, error);
  if (options->root_password_file != NULL && password == NULL)
    return NULL;
  root = brevet_ceremony_root_load (directory, password, "--root-password-file", error);
  if (root == NULL)
    return NULL;
  template.common_name = brevet_csr_get_common_name (csr);
  brevet_ca_template_set_days (&template, ISSUING_DAYS, root->certificate);
  certificate = brevet_ca_template_sign (&template, root->certificate, root->key, error);
  if (certificate == NULL)
    return NULL;
  own = brevet_certificate_to_pem (certificate);
  above = brevet_certificate_to_pem (root->certificate);
  pem = g_strconcat (own, above, NULL);
  return brevet_ceremony_write (ceremony, path, pem, 0644, error) ? g_steal_pointer (&path) : NULL;
}

static int
sign_and_import (const Options *options, BrevetCeremony *ceremony, const char *directory)
{
  const BrevetCeremonyConsent consent = { NULL, NULL, options->force, options->yes };
  g_autoptr(GError) error = NULL;
  g_autofree char *path = sign (options, ceremony, directory, &error);
  g_autofree char *drop_in = path != NULL ? brevet_ceremony_import (ceremony, path, NULL, &consent, &error) : NULL;

  if (path != NULL)
    g_unlink (path);
  if (drop_in == NULL)
    return brevet_command_fail (error);
  g_print (_("The root's key is at hand, so the new issuing CA is signed already. That suits a laboratory only.\n"));
  brevet_ca_tell_switched (ceremony, drop_in);
  return BREVET_EXIT_OK;
}

static int
rotate (const Options *options, BrevetCeremony *ceremony)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetChain) current = brevet_ceremony_load_current (ceremony, &error);
  g_autofree char *directory = NULL;
  int exit_code;

  if (current == NULL)
    return brevet_command_fail (error);
  directory = find_root_directory (options, ceremony, current);
  exit_code = brevet_ca_prepare (ceremony, &options->key, directory != NULL);
  if (exit_code != BREVET_EXIT_OK || directory == NULL)
    return exit_code;
  return sign_and_import (options, ceremony, directory);
}

static int
run (const Options *options, const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCeremony) ceremony = brevet_ceremony_open (options->config_path, name, options->directory, TRUE, &error);

  if (ceremony == NULL)
    return brevet_command_fail (error);
  if (options->retire)
    return retire (options, ceremony);
  return options->root != NULL ? rotate_root (options, ceremony) : rotate (options, ceremony);
}

int
brevet_dps_command_ca_rotate (int argc, char **argv)
{
  g_auto(Options) options = { 0 };
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config_path, N_("Configuration file of the service"), N_("FILE") },
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options.directory,
      N_("Directory for keys and certificates (default: where the present ones are)"), N_("DIRECTORY") },
    { "root", 0, 0, G_OPTION_ARG_FILENAME, &options.root, N_("Roll over to this root: publish it first"), N_("FILE") },
    { "root-sha256", 0, 0, G_OPTION_ARG_STRING, &options.root_sha256, N_("Fingerprint that the root must have"), N_("SHA-256") },
    { "retire", 0, 0, G_OPTION_ARG_NONE, &options.retire, N_("End the roll-over of the root: the old one is published no longer"),
      NULL },
    { "census", 0, 0, G_OPTION_ARG_FILENAME, &options.census,
      N_("What “brevet admin ca status --json” prints; - for standard input"), N_("FILE") },
    { "force", 0, 0, G_OPTION_ARG_NONE, &options.force, N_("Do not wait for devices that still use the old root"), NULL },
    { "root-directory", 0, 0, G_OPTION_ARG_FILENAME, &options.root_directory,
      N_("Sign at once with the root in this directory (laboratory)"), N_("DIRECTORY") },
    { "root-password-file", 0, 0, G_OPTION_ARG_FILENAME, &options.root_password_file, N_("File with the password of its key"),
      N_("FILE") },
    { "subject", 0, 0, G_OPTION_ARG_STRING, &options.key.subject, N_("Common name of the certificate"), N_("NAME") },
    { "key-type", 0, 0, G_OPTION_ARG_STRING, &options.key.key_type, N_("p256 (default), p384, rsa or ed25519"), N_("TYPE") },
    { "token", 0, 0, G_OPTION_ARG_STRING, &options.key.token, N_("Make the key in this token (PKCS#11 URI)"), N_("URI") },
    { "password-file", 0, 0, G_OPTION_ARG_FILENAME, &options.key.password_file,
      N_("File with the password of the key, or the PIN of the token"), N_("FILE") },
    { "anew", 0, 0, G_OPTION_ARG_NONE, &options.key.anew, N_("Leave the key that waits for its certificate, and make another"),
      NULL },
    { "yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, N_("Do not ask"), NULL },
    { NULL }
  };

  if (!brevet_command_parse ("ca rotate", N_("NAME"), entries,
                             _("Begins the roll-over of the issuing key: a new key, and a request for its certificate. With "
                               "--root it\n"
                               "begins that of the root: publish, wait, import, retire. Each step may be given again, and says "
                               "which is\n"
                               "next; so does “ca status”.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 refused, 4 the token is gone, 5 the "
                               "configuration\n"
                               "or a file is wrong"),
                             1, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (options.retire && options.root != NULL)
    return brevet_command_usage_error (_("--root and --retire are different steps"));
  if (!brevet_ca_check_name (argv[1], &exit_code))
    return exit_code;
  return run (&options, argv[1]);
}
