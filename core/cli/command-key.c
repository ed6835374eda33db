/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "commands.h"

#include "brevet-command.h"
#include "brevet-pkcs11.h"
#include "brevet-token.h"
#include "key-report.h"
#include "key-test.h"
#include "output.h"

#include <glib/gi18n-lib.h>

/* What stands behind the options in the help. */
static const char description[] =
  N_("URI is a PKCS#11 URI of a key (pkcs11:token=devices;object=operational;type=private) or of a token, or the path of a "
     "PEM file.\n"
     "Reports module, token, login, mechanisms and key, lets the key sign, verifies the signature, and says what is wrong.\n"
     "A PIN is tried once. Nothing is changed, unless --generate is given.\n\n"
     "Exit codes: 0 all is well, 1 the key does not sign, or none can be made, 2 wrong command line, 3 PIN or password refused,\n"
     "4 the token is gone or does not work, 5 module, token, key, PIN or permission is missing.");

typedef struct {
  char *pin_file;
  char **modules;
  char *certificate;
  gboolean generate;
  gboolean json;
} Options;

static void
options_clear (Options *self)
{
  g_clear_pointer (&self->pin_file, g_free);
  g_clear_pointer (&self->modules, g_strfreev);
  g_clear_pointer (&self->certificate, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
report (BrevetKeyTest *test, gboolean json, int exit_code)
{
  if (json)
    brevet_output_print_json (test->facts);
  else
    brevet_key_report_print (test->facts);
  if (test->error != NULL)
    brevet_command_fail (test->error);
  return brevet_output_finish (exit_code);
}

static int
run (const Options *options, const char *location)
{
  g_autoptr(GError) error = NULL;
  BrevetKeyTest test = { location, options->certificate, NULL, options->generate, NULL, NULL, NULL };
  int exit_code;

  if (options->modules != NULL && !brevet_pkcs11_use_modules ((const char *const *) options->modules, &error))
    return brevet_command_fail (error);
  if (options->pin_file != NULL)
    {
      test.pin = brevet_secret_new_from_file (options->pin_file, &error);
      if (test.pin == NULL)
        return brevet_command_fail (error);
    }
  exit_code = report (&test, options->json, brevet_key_test_run (&test));
  brevet_key_test_clear (&test);
  return exit_code;
}

static int
run_test (int argc, char **argv)
{
  g_auto(Options) options = { NULL };
  const GOptionEntry entries[] = {
    { "pin-file", 0, 0, G_OPTION_ARG_FILENAME, &options.pin_file, N_("File with the PIN of the token, or the password of the file"),
      N_("FILE") },
    { "module", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &options.modules,
      N_("Load this PKCS#11 module, and not all that the system has"), N_("MODULE") },
    { "certificate", 0, 0, G_OPTION_ARG_FILENAME, &options.certificate,
      N_("PEM file whose first certificate the key shall belong to"), N_("FILE") },
    { "generate", 0, 0, G_OPTION_ARG_NONE, &options.generate, N_("Make a key in the token and delete it again"), NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, N_("Print JSON"), NULL },
    { NULL },
  };
  g_autoptr(GError) error = NULL;
  int exit_code;

  if (!brevet_command_parse ("key test", N_("URI"), entries, _(description), 1, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (brevet_token_is_uri (argv[1]) && !brevet_token_names_key (argv[1]) && !brevet_token_check_uri (argv[1], &error))
    return brevet_command_usage_error ("%s", error->message);
  return run (&options, argv[1]);
}

int
brevet_command_key (int argc, char **argv)
{
  static const BrevetCommand commands[] = {
    { "test", N_("URI"), N_("Test a key in a token or file, and say what is wrong with it"), run_test },
    { NULL },
  };

  return brevet_command_dispatch ("key", N_("Commands for private keys in tokens and files."), commands, argc, argv);
}
