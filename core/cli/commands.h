/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The commands of brevet, one file each; see BrevetCommand. */
int brevet_command_register (int argc, char **argv);
