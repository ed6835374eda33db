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

static const BrevetCommand commands[] = {
  { "enrollment", NULL, N_("Enroll devices, show and delete enrollments"), run_enrollment },
  { NULL },
};

int
brevet_command_admin (int argc, char **argv)
{
  return brevet_command_dispatch ("admin", N_("Commands for operators: they talk to a service with its connection string."),
                                  commands, argc, argv);
}
