/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-bus-names.h"
#include "brevet-command.h"
#include "daemon.h"

#include <fcntl.h>
#include <glib/gi18n-lib.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_CONFIGURATION BREVET_SYSCONF_DIR "/brevet/agent.conf"

/* Where a standard stream is closed, the next file or connection would get its number, and the log be written into that. */
static void
open_standard_streams (void)
{
  int descriptor;

  do
    descriptor = open ("/dev/null", O_RDWR);
  while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor > STDERR_FILENO)
    close (descriptor);
}

static void
prepare_process (void)
{
  open_standard_streams ();
  /* Private keys are in memory and in files: neither a core dump nor another process of the same user may have them. */
  prctl (PR_SET_DUMPABLE, 0);
  umask (077);
  /* A peer that has gone must not end the agent, nor a limit of what it may write: that is an error like a full disk. */
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
  /* glib-networking's default still accepts TLS 1.1. */
  g_setenv ("G_TLS_GNUTLS_PRIORITY", "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%COMPAT", FALSE);
  /* The modules of a desktop: a virtual file system that nobody needs here, and network monitors that wait for other services. */
  g_setenv ("GIO_USE_VFS", "local", FALSE);
  g_setenv ("GIO_USE_NETWORK_MONITOR", "netlink", FALSE);
}

int
main (int argc, char **argv)
{
  g_autofree char *config_path = NULL;
  g_autofree char *bus = NULL;
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
    { "config", 'c', 0, G_OPTION_ARG_FILENAME, &config_path, N_("Configuration file; its drop-ins are in FILE.d"), N_("FILE") },
    { "bus", 0, 0, G_OPTION_ARG_STRING, &bus, N_("Where the agent is to be found: system (the default) or session"), N_("BUS") },
    { "version", 0, 0, G_OPTION_ARG_NONE, &version, N_("Name the version"), NULL },
    { NULL },
  };
  g_autofree char *description = NULL;
  g_autoptr(GError) error = NULL;
  GBusType bus_type = G_BUS_TYPE_SYSTEM;
  int exit_code = BREVET_EXIT_OK;

  prepare_process ();
  brevet_command_init ("brevetd");
  description = g_strdup_printf (_("The device agent: gets the identities of this device, keeps and renews them, and shows them on "
                                   "D-Bus.\n"
                                   "Runs in the foreground until SIGTERM or SIGINT; SIGHUP reloads the configuration.\n"
                                   "Without --config, %s is read.\n"
                                   "\n"
                                   "Exit codes: 0 stopped cleanly, 1 failed, 2 wrong command line"), DEFAULT_CONFIGURATION);
  if (!brevet_command_parse (NULL, NULL, entries, description, 0, 0, &argc, &argv, &exit_code))
    return exit_code;
  if (version)
    {
      g_print ("brevetd %s\n", BREVET_VERSION);
      return BREVET_EXIT_OK;
    }
  if (bus != NULL && !brevet_bus_type_from_string (bus, &bus_type, &error))
    return brevet_command_usage_error ("%s", error->message);
  return brevet_daemon_run (config_path != NULL ? config_path : DEFAULT_CONFIGURATION, bus_type);
}
