/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What operators do with a service, over its service API. */

#include "commands.h"

#include "brevet-command.h"

#include <glib/gi18n-lib.h>

static const BrevetCommand enrollment_commands[] = {
  { "create", N_("ID"), N_("Enroll a device or a group of devices"), brevet_command_admin_enrollment_create },
  { "show", N_("ID"), N_("Show an enrollment"), brevet_command_admin_enrollment_show },
  { "delete", N_("ID"), N_("Delete an enrollment"), brevet_command_admin_enrollment_delete },
  { NULL },
};

static int
run_enrollment (int argc, char **argv)
{
  return brevet_command_dispatch ("admin enrollment",
                                  N_("Manages the enrollments of a service: who may register, and what he gets."),
                                  enrollment_commands, argc, argv);
}

static const BrevetCommand certificate_commands[] = {
  { "create", N_("NAME FILE"), N_("Store a CA certificate that groups can refer to"), brevet_command_admin_certificate_create },
  { "show", N_("NAME"), N_("Show a CA certificate"), brevet_command_admin_certificate_show },
  { "list", NULL, N_("Show all CA certificates"), brevet_command_admin_certificate_list },
  { "code", N_("NAME"), N_("Get a code for the proof that its key is yours"), brevet_command_admin_certificate_code },
  { "verify", N_("NAME FILE"), N_("Prove that its key is yours, with a certificate for the code"),
    brevet_command_admin_certificate_verify },
  { "delete", N_("NAME"), N_("Delete a CA certificate"), brevet_command_admin_certificate_delete },
  { NULL },
};

static int
run_certificate (int argc, char **argv)
{
  return brevet_command_dispatch ("admin certificate",
                                  N_("Manages the CA certificates to which groups of devices with certificates refer."),
                                  certificate_commands, argc, argv);
}

static const BrevetCommand ca_commands[] = {
  { "status", N_("[NAME]"), N_("Show how the certificate authorities are, and who uses them"), brevet_command_admin_ca_status },
  { "create", N_("NAME"), N_("Store a certificate authority, or put another one in its place"), brevet_command_admin_ca_create },
  { "show", N_("NAME"), N_("Show a certificate authority as it is stored"), brevet_command_admin_ca_show },
  { "list", NULL, N_("Show all certificate authorities as they are stored"), brevet_command_admin_ca_list },
  { "delete", N_("NAME"), N_("Delete a certificate authority"), brevet_command_admin_ca_delete },
  { NULL },
};

static int
run_ca (int argc, char **argv)
{
  return brevet_command_dispatch ("admin ca", N_("Manages the certificate authorities that issue for devices."), ca_commands, argc,
                                  argv);
}

static const BrevetCommand issued_commands[] = {
  { "list", N_("[REGISTRATION]"), N_("Show the certificates that were issued, all or those of a device"),
    brevet_command_admin_issued_list },
  { "show", N_("CERTIFICATE"), N_("Show a certificate that was issued"), brevet_command_admin_issued_show },
  { "revoke", N_("CERTIFICATE"), N_("Revoke a certificate"), brevet_command_admin_issued_revoke },
  { NULL },
};

static int
run_issued (int argc, char **argv)
{
  return brevet_command_dispatch ("admin issued", N_("Shows and revokes certificates that were issued for devices."),
                                  issued_commands, argc, argv);
}

static const BrevetCommand trust_bundle_commands[] = {
  { "create", N_("ID"), N_("Store what devices shall trust"), brevet_command_admin_trust_bundle_create },
  { "show", N_("ID"), N_("Show which devices have which version of it"), brevet_command_admin_trust_bundle_show },
  { "delete", N_("ID"), N_("Delete a trust bundle"), brevet_command_admin_trust_bundle_delete },
  { NULL },
};

static int
run_trust_bundle (int argc, char **argv)
{
  return brevet_command_dispatch ("admin trust-bundle", N_("Manages what devices are told to trust."), trust_bundle_commands, argc,
                                  argv);
}

static const BrevetCommand commands[] = {
  { "enrollment", NULL, N_("Enroll devices, show and delete enrollments"), run_enrollment },
  { "certificate", NULL, N_("Manage the CA certificates that enrollment groups refer to"), run_certificate },
  { "ca", NULL, N_("Manage certificate authorities, and see how they are"), run_ca },
  { "issued", NULL, N_("Show and revoke certificates that were issued"), run_issued },
  { "trust-bundle", NULL, N_("Manage what devices are told to trust"), run_trust_bundle },
  { NULL },
};

int
brevet_command_admin (int argc, char **argv)
{
  return brevet_command_dispatch ("admin", N_("Commands for operators: they talk to a service with its connection string."),
                                  commands, argc, argv);
}
