/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command-ca.h"

#include "brevet-command.h"

#include <glib/gi18n-lib.h>

typedef struct {
  BrevetCaKeyOptions key;
  char *config_path;
  char *directory;
} Options;

static void
options_clear (Options *self)
{
  brevet_ca_key_options_clear (&self->key);
  g_free (self->config_path);
  g_free (self->directory);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

int
brevet_dps_command_ca_csr (int argc, char **argv)
{
  g_auto(Options) options = { 0 };
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCeremony) ceremony = NULL;
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config_path, N_("Configuration file of the service"), N_("FILE") },
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options.directory,
      N_("Directory for keys and certificates (default: where the present ones are)"), N_("DIRECTORY") },
    { "subject", 0, 0, G_OPTION_ARG_STRING, &options.key.subject, N_("Common name of the certificate"), N_("NAME") },
    { "key-type", 0, 0, G_OPTION_ARG_STRING, &options.key.key_type, N_("p256 (default), p384, rsa or ed25519"), N_("TYPE") },
    { "token", 0, 0, G_OPTION_ARG_STRING, &options.key.token, N_("Make the key in this token (PKCS#11 URI)"), N_("URI") },
    { "password-file", 0, 0, G_OPTION_ARG_FILENAME, &options.key.password_file,
      N_("File with the password of the key, or the PIN of the token"), N_("FILE") },
    { "anew", 0, 0, G_OPTION_ARG_NONE, &options.key.anew, N_("Leave the key that waits for its certificate, and make another"),
      NULL },
    { NULL }
  };

  if (!brevet_command_parse ("ca csr", N_("NAME"), entries,
                             _("Makes the key of an issuing CA for the group [ca NAME] where it is going to be used, and a "
                               "request\n"
                               "for its certificate. The key never leaves the server. Given again, it shows the same request.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 refused, 4 the token is gone, 5 the "
                               "configuration\n"
                               "is wrong, or a file cannot be written"),
                             1, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (!brevet_ca_check_name (argv[1], &exit_code))
    return exit_code;
  ceremony = brevet_ceremony_open (options.config_path, argv[1], options.directory, TRUE, &error);
  if (ceremony == NULL)
    return brevet_command_fail (error);
  return brevet_ca_prepare (ceremony, &options.key, FALSE);
}
