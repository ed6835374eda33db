/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-command.h"
#include "commands.h"

#include <glib/gi18n-lib.h>
#include <signal.h>

int
main (int argc, char **argv)
{
  static const BrevetCommand commands[] = {
    { "init", N_("DIRECTORY"), N_("Create a service directory: TLS, local CA, keys, configuration"), brevet_dps_command_init },
    { "run", NULL, N_("Run the provisioning service"), brevet_dps_command_run },
    { "ca", N_("COMMAND"), N_("Make, renew and roll over the keys and certificates of a CA of this machine"),
      brevet_dps_command_ca },
    { "hub-config", N_("mosquitto"), N_("Configure a broker as a hub for the certificates of the service"),
      brevet_dps_command_hub_config },
    { "store", N_("COMMAND"), N_("Look for damaged records in the store, and put them aside"), brevet_dps_command_store },
    { NULL },
  };

  /* glib-networking's default still accepts TLS 1.1; and a peer that has gone must not end the service, nor a limit of what it may
   * write: that is an error like a full disk. */
  g_setenv ("G_TLS_GNUTLS_PRIORITY", "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%COMPAT", FALSE);
  signal (SIGPIPE, SIG_IGN);
  signal (SIGXFSZ, SIG_IGN);
  return brevet_command_main ("brevet-dps", N_("Device provisioning service"), commands, argc, argv);
}
