/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ceremony-view.h"
#include "command-ca.h"

#include "brevet-command.h"

#include <glib/gi18n-lib.h>

#define DEFAULT_ROOT "brevet-root"

typedef struct {
  char *config_path;
  char *directory;
  gboolean json;
} Options;

static void
options_clear (Options *self)
{
  g_free (self->config_path);
  g_free (self->directory);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Options, options_clear)

static int
run (const Options *options, const char *name)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCeremony) ceremony = brevet_ceremony_open (options->config_path, name, options->directory, FALSE, &error);

  if (ceremony == NULL || !brevet_ceremony_view_print (ceremony, options->json, &error))
    return brevet_command_fail (error);
  return BREVET_EXIT_OK;
}

static int
run_for_root (const Options *options)
{
  const char *directory = options->directory != NULL ? options->directory : DEFAULT_ROOT;
  g_autoptr(GError) error = NULL;

  if (brevet_ceremony_view_print_root (directory, options->json, &error))
    return BREVET_EXIT_OK;
  g_prefix_error (&error, "Without NAME this shows a root in its own directory, which --directory names: ");
  return brevet_command_fail (error);
}

int
brevet_dps_command_ca_status (int argc, char **argv)
{
  g_auto(Options) options = { 0 };
  int exit_code = BREVET_EXIT_OK;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &options.config_path, N_("Configuration file of the service"), N_("FILE") },
    { "directory", 0, 0, G_OPTION_ARG_FILENAME, &options.directory,
      N_("Directory for keys and certificates (default: where the present ones are)"), N_("DIRECTORY") },
    { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, N_("Print the result as JSON"), NULL },
    { NULL }
  };

  if (!brevet_command_parse ("ca status", N_("[NAME]"), entries,
                             _("Shows the certificates of the group [ca NAME], where its key is, when half of its life is over, "
                               "and the\n"
                               "next step of a roll-over. Without a name it shows a root in its own directory.\n"
                               "\n"
                               "Exit codes: 0 done, 1 failed, 2 wrong command line, 5 the configuration or a file is wrong"),
                             0, 1, &argc, &argv, &exit_code))
    return exit_code;
  if (argc > 1 && !brevet_ca_check_name (argv[1], &exit_code))
    return exit_code;
  return argc > 1 ? run (&options, argv[1]) : run_for_root (&options);
}
