/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-command.h"
#include "commands.h"

#include <glib/gi18n-lib.h>

static const BrevetCommand commands[] = {
  { "status", N_("[NAME]"), N_("Show how this device's identities are"), brevet_command_status },
  { "provision", N_("[NAME]"), N_("Provision an identity now, if it is not yet"), brevet_command_provision },
  { "renew", N_("[NAME]"), N_("Renew the certificate of an identity now"), brevet_command_renew },
  { "reprovision", N_("[NAME]"), N_("Register an identity again from scratch, with a new key"), brevet_command_reprovision },
  { "show", N_("WHAT [NAME]"), N_("Print a certificate, trust bundle or identity"), brevet_command_show },
  { "monitor", N_("[NAME]"), N_("Print what happens to the identities, as it happens"), brevet_command_monitor },
  { "send", N_("TEXT [NAME]"), N_("Send a message to the hub of an identity"), brevet_command_send },
  { "register", NULL, N_("Register a device once and fetch its certificate"), brevet_command_register },
  { "admin", NULL, N_("Manage a service: its enrollments, certificate authorities and certificates"), brevet_command_admin },
  { "key", NULL, N_("Test a key in a token or file, and say what is wrong with it"), brevet_command_key },
  { "tpm", NULL, N_("Show what an operator must know of this device's TPM to enroll it"), brevet_command_tpm },
  { NULL },
};

/* Both are read when the first connection is made, so they must stand before anything else runs. Without the first, TLS 1.1 is
 * still accepted on some systems; without the second, a service may choose HTTP/2, which nothing here needs. */
static void
set_up_tls (void)
{
  g_setenv ("G_TLS_GNUTLS_PRIORITY", "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%COMPAT", FALSE);
  g_setenv ("SOUP_FORCE_HTTP1", "1", FALSE);
}

int
main (int argc, char **argv)
{
  set_up_tls ();
  return brevet_command_main ("brevet", N_("Gives devices their identity: commands for devices and operators."), commands, argc,
                              argv);
}
