/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "command-ca.h"

#include "brevet-command.h"

#include <glib/gi18n-lib.h>

typedef struct {
  char *config_path;
  char *directory;
  char *root_sha256;
  char *cross;
  char *census;
  gboolean force;
  gboolean yes;
} Options;

static void
options_clear (Options *self)
{
  g_free (self->config_path);
  g_free (self->directory);
  g_free (self->root_sha256);
  g_free (self->cross);
  g_free (self->census);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
run (const Options *options, const char *name, const char *path)
{
  const BrevetCeremonyConsent consent = { options->root_sha256, options->census, options->force, options->yes };
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCeremony) ceremony = brevet_ceremony_open (options->config_path, name, options->directory, TRUE, &error);
  g_autofree char *drop_in = NULL;

  if (ceremony == NULL)
    return brevet_command_fail (error);
  drop_in = brevet_ceremony_import (ceremony, path, options->cross, &consent, &error);
  if (drop_in == NULL)
    return brevet_command_fail (error);
  brevet_ca_tell_switched (ceremony, drop_in);
  return BREVET_EXIT_OK;
}

int
brevet_dps_command_ca_import (int argc, char **argv)
{
  g_auto(Options) options = { 0 };
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config_path, N_("Configuration file of the service"), N_("FILE") },
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options.directory,
      N_("Directory for keys and certificates (default: where the present ones are)"), N_("DIRECTORY") },
    { "root-sha256", 0, 0, G_OPTION_ARG_STRING, &options.root_sha256, N_("Fingerprint that the root must have"), N_("SHA-256") },
    { "cross", 0, 0, G_OPTION_ARG_FILENAME, &options.cross, N_("The new root as the old one has signed it"), N_("FILE") },
    { "census", 0, 0, G_OPTION_ARG_FILENAME, &options.census,
      N_("What “brevet admin ca status --json” prints; - for standard input"), N_("FILE") },
    { "force", 0, 0, G_OPTION_ARG_NONE, &options.force, N_("Do not wait for devices that have not got the new root"), NULL },
    { "yes", 'y', 0, G_OPTION_ARG_NONE, &options.yes, N_("Do not ask"), NULL },
    { NULL }
  };

  if (!brevet_command_parse ("ca import", N_("NAME FILE"), entries,
                             _("Checks the certificate that came back for the waiting key, with its path to the root, and makes "
                               "it the\n"
                               "one that signs: a drop-in of the configuration is written. On any error nothing is changed.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 3 refused, 4 the token is gone, 5 the "
                               "configuration\n"
                               "or a file is wrong"),
                             2, 2, &argc, &argv, &exit_code))
    return exit_code;
  if (!brevet_ca_check_name (argv[1], &exit_code))
    return exit_code;
  return run (&options, argv[1], argv[2]);
}
