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

static const BrevetCommand commands[] = {
  { "enrollment", NULL, N_("Enroll devices, show and delete enrollments"), run_enrollment },
  { "certificate", NULL, N_("Manage the CA certificates that enrollment groups refer to"), run_certificate },
  { NULL },
};

int
brevet_command_admin (int argc, char **argv)
{
  return brevet_command_dispatch ("admin", N_("Commands for operators: they talk to a service with its connection string."),
                                  commands, argc, argv);
}
