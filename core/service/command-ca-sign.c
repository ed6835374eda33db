/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-template.h"
#include "ceremony-check.h"
#include "ceremony-root.h"
#include "ceremony-terminal.h"
#include "command-ca.h"

#include "brevet-clock.h"
#include "brevet-command.h"
#include "brevet-error.h"
#include "brevet-pkcs11.h"

#include <glib/gi18n-lib.h>
#include <string.h>

#define DEFAULT_DIRECTORY "brevet-root"
#define MAX_YEARS 20

typedef struct {
  char *directory;
  char *out;
  char *subject;
  char *organization;
  char *password_file;
  char *operator_name;
  char **modules;
  int years;
  gboolean cross;
  gboolean yes;
} Options;

static void
options_clear (Options *self)
{
  g_free (self->directory);
  g_free (self->out);
  g_free (self->subject);
  g_free (self->organization);
  g_free (self->password_file);
  g_free (self->operator_name);
  g_strfreev (self->modules);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static char *
choose_output (const Options *options, const char *input)
{
  const char *dot = strrchr (input, '.');
  gsize length = dot != NULL && strchr (dot, '/') == NULL ? (gsize) (dot - input) : strlen (input);

  if (options->out != NULL)
    return g_strdup (options->out);
  return g_strdup_printf ("%.*s%s", (int) length, input, options->cross ? "-cross.pem" : ".pem");
}

static BrevetCeremonyRoot *
load_root (const Options *options, GError **error)
{
  g_autoptr(BrevetSecret) password = NULL;

  if (options->modules != NULL && !brevet_pkcs11_use_modules ((const char *const *) options->modules, error))
    return NULL;
  if (options->password_file != NULL)
    {
      password = brevet_ceremony_read_password (options->password_file, NULL, FALSE, error);
      if (password == NULL)
        return NULL;
    }
  return brevet_ceremony_root_load (options->directory != NULL ? options->directory : DEFAULT_DIRECTORY, password,
                                    "--password-file", error);
}

/* Everything that is going to be signed, before it is. */
static void
show (const BrevetCaTemplate *template, const char *key_sha256, BrevetCertificate *issuer)
{
  g_autofree char *common_name = brevet_command_make_printable (template->common_name);
  g_autofree char *subject = g_strconcat ("CN=", common_name, NULL);
  g_autofree char *organization =
    template->organization != NULL ? brevet_command_make_printable (template->organization) : NULL;
  g_autofree char *issued_by = brevet_command_make_printable (brevet_certificate_get_subject (issuer));
  g_autofree char *since = brevet_ceremony_format_date (template->not_before);
  g_autofree char *until = brevet_ceremony_format_date (template->not_after);

  g_print (_("This is going to be signed:\n"));
  g_print (_("  Subject:     %s\n"), subject);
  if (organization != NULL)
    g_print (_("  Organization: %s\n"), organization);
  g_print (_("  Issuer:      %s\n"), issued_by);
  g_print (_("  Valid:       %s to %s\n"), since, until);
  g_print (_("  Path length: %d\n"), template->path_length);
  g_print (_("  Key usage:   keyCertSign, cRLSign\n"));
  g_print (_("  Public key:  SHA-256 %s\n"), key_sha256);
}

static gboolean
write_chain (const char *path, BrevetCertificate *certificate, BrevetCertificate *root, GError **error)
{
  g_autofree char *own = brevet_certificate_to_pem (certificate);
  g_autofree char *above = brevet_certificate_to_pem (root);
  g_autofree char *pem = g_strconcat (own, above, NULL);

  return g_file_set_contents_full (path, pem, -1, G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644, error);
}

/* The record comes first: nothing is signed that is not written down. */
static int
sign (const Options *options, BrevetCeremonyRoot *root, const BrevetCaTemplate *template, const char *request, const char *out)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCertificate) certificate = brevet_ca_template_sign (template, root->certificate, root->key, &error);
  g_autofree char *record = NULL;

  if (certificate == NULL)
    return brevet_command_fail (error);
  record = brevet_ceremony_root_record (root, root->directory, options->cross ? "A cross-certificate was signed"
                                                                              : "An issuing CA was signed",
                                        certificate, request, options->operator_name, &error);
  if (record == NULL || !write_chain (out, certificate, root->certificate, &error))
    return brevet_command_fail (error);
  brevet_ceremony_print_certificate (_("Signed:"), certificate);
  g_print (_("Record: %s\n"), record);
  g_print (_("Next: carry %s back to the server.\n"), out);
  return BREVET_EXIT_OK;
}

static int
sign_request (const Options *options, const char *input, const char *out)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCsr) csr = brevet_ceremony_load_csr (input, &error);
  g_autoptr(BrevetCeremonyRoot) root = csr != NULL ? load_root (options, &error) : NULL;
  BrevetCaTemplate template = { .csr = csr, .organization = options->organization, .path_length = 0 };

  if (root == NULL)
    return brevet_command_fail (error);
  template.common_name = options->subject != NULL ? options->subject : brevet_csr_get_common_name (csr);
  if (template.common_name == NULL || *template.common_name == '\0')
    return brevet_command_usage_error (_("The request names no subject; give one with --subject"));
  brevet_ca_template_set_days (&template, options->years * 365 + options->years / 4, root->certificate);
  show (&template, brevet_csr_get_spki_sha256 (csr), root->certificate);
  if (!brevet_ceremony_confirm (_("Sign it?"), options->yes, &error))
    return brevet_command_fail (error);
  return sign (options, root, &template, brevet_csr_get_sha256 (csr), out);
}

static char *
get_name_part (BrevetCertificate *certificate, const char *oid)
{
  char text[256];
  gsize size = sizeof text;

  if (gnutls_x509_crt_get_dn_by_oid (brevet_certificate_get_crt (certificate), oid, 0, 0, text, &size) < 0)
    return NULL;
  return g_strndup (text, size);
}

/* Not through a request: the other root's key is on its own host. What it has signed by itself proves that it has the key. */
static int
sign_cross (const Options *options, const char *input, const char *out)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCertificate) other = brevet_ceremony_load_root (input, brevet_clock_now_seconds (), &error);
  g_autoptr(BrevetCeremonyRoot) root = other != NULL ? load_root (options, &error) : NULL;
  g_autofree char *common_name = NULL;
  g_autofree char *organization = NULL;
  BrevetCaTemplate template = { .certificate = other, .path_length = 1 };
  int own_length;

  if (root == NULL)
    return brevet_command_fail (error);
  own_length = brevet_ceremony_get_path_length (root->certificate);
  if (own_length >= 0 && own_length < 2)
    {
      g_set_error (&error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   "The root “%s” has a path length of %d, so nothing that it signs can stand above an issuing CA; devices have to "
                   "fetch the new root before it signs", brevet_certificate_get_subject (root->certificate), own_length);
      return brevet_command_fail (error);
    }
  template.common_name = common_name = get_name_part (other, GNUTLS_OID_X520_COMMON_NAME);
  template.organization = organization = get_name_part (other, GNUTLS_OID_X520_ORGANIZATION_NAME);
  if (common_name == NULL)
    return brevet_command_usage_error (_("The other root has no common name"));
  brevet_ca_template_set_days (&template, options->years * 365 + options->years / 4, root->certificate);
  show (&template, brevet_certificate_get_spki_sha256 (other), root->certificate);
  if (!brevet_ceremony_confirm (_("Sign it?"), options->yes, &error))
    return brevet_command_fail (error);
  return sign (options, root, &template, NULL, out);
}

static int
run (const Options *options, const char *input)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *out = choose_output (options, input);

  if (g_file_test (out, G_FILE_TEST_EXISTS))
    {
      g_set_error (&error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "“%s” exists; name another file with --out", out);
      return brevet_command_fail (error);
    }
  return options->cross ? sign_cross (options, input, out) : sign_request (options, input, out);
}

int
brevet_dps_command_ca_sign (int argc, char **argv)
{
  g_auto(Options) options = { .years = 5 };
  g_autoptr(GError) error = NULL;
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options.directory, N_("Directory of the root (default: brevet-root)"),
      N_("DIRECTORY") },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &options.out, N_("File for the certificate and its root (default: beside the request)"),
      N_("FILE") },
    { "subject", 0, 0, G_OPTION_ARG_STRING, &options.subject, N_("Common name (default: that of the request)"), N_("NAME") },
    { "organization", 0, 0, G_OPTION_ARG_STRING, &options.organization, N_("Organization in the subject (default: none)"),
      N_("NAME") },
    { "years", 0, 0, G_OPTION_ARG_INT, &options.years, N_("How long the certificate is valid (default: 5)"), N_("YEARS") },
    { "cross", 0, 0, G_OPTION_ARG_NONE, &options.cross, N_("The file is another root's certificate: make a cross-certificate"),
      NULL },
    { "password-file", 0, 0, G_OPTION_ARG_FILENAME, &options.password_file,
      N_("File with the password of the key, or the PIN of the token"), N_("FILE") },
    { "module", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.modules, N_("PKCS#11 module of the token; may be repeated"),
      N_("FILE") },
    { "operator", 0, 0, G_OPTION_ARG_STRING, &options.operator_name, N_("Who does this, for the record"), N_("NAME") },
    { "yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, N_("Do not ask"), NULL },
    { NULL }
  };

  if (!brevet_command_parse ("ca sign", N_("CSR"), entries,
                             _("Signs the request of an issuing CA: path length 0, keyCertSign and cRLSign, and nothing else "
                               "that the\n"
                               "request wishes. Shows it, asks, and writes a record of it.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 refused, 4 the token is gone, 5 a file is "
                               "missing\n"
                               "or wrong"),
                             1, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (options.years < 1 || options.years > MAX_YEARS)
    return brevet_command_usage_error ("--years: write a number from 1 to %d", MAX_YEARS);
  if (!brevet_ca_check_subject ("--subject", options.subject, &error) ||
      !brevet_ca_check_subject ("--organization", options.organization, &error))
    return brevet_command_usage_error ("%s", error->message);
  return run (&options, argv[1]);
}
