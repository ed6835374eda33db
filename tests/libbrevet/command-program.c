/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A program with a few commands, for test-command. */
#include <brevet-command.h>
#include <brevet.h>
#include <stdlib.h>

static int
run_greet (int argc, char **argv)
{
  g_autofree char *greeting = NULL;
  const GOptionEntry entries[] = {
    { "greeting", 'g', 0, G_OPTION_ARG_STRING, &greeting, "What to say", "TEXT" },
    { NULL },
  };
  int exit_code = 0;

  if (!brevet_command_parse ("greet", "NAME", entries, "Exit codes: see the manual.", 1, 1, &argc, &argv, &exit_code))
    return exit_code;
  g_debug ("about to greet");
  g_print ("%s, %s\n", greeting != NULL ? greeting : "Hello", argv[1]);
  return BREVET_EXIT_OK;
}

/* Fails with the error code that is given as its argument. */
static int
run_fail (int argc, char **argv)
{
  g_autoptr(GError) error = NULL;
  int exit_code = 0;

  if (!brevet_command_parse ("fail", "CODE", NULL, NULL, 1, -1, &argc, &argv, &exit_code))
    return exit_code;
  error = g_error_new (BREVET_ERROR, atoi (argv[1]), "It failed");
  return brevet_command_fail (error);
}

static int
run_note_add (int argc, char **argv)
{
  int exit_code = 0;

  if (!brevet_command_parse ("note add", "TEXT", NULL, NULL, 1, 1, &argc, &argv, &exit_code))
    return exit_code;
  g_print ("Noted: %s\n", argv[1]);
  return BREVET_EXIT_OK;
}

static int
run_note (int argc, char **argv)
{
  static const BrevetCommand commands[] = {
    { "add", "TEXT", "Adds a note", run_note_add },
    { NULL },
  };

  return brevet_command_dispatch ("note", "Keeps notes.", commands, argc, argv);
}

int
main (int argc, char **argv)
{
  static const BrevetCommand commands[] = {
    { "greet", "NAME", "Says hello", run_greet },
    { "fail", "CODE", "Fails", run_fail },
    { "note", NULL, "Keeps notes", run_note },
    { NULL },
  };

  return brevet_command_main ("greeter", "Greets and fails.", commands, argc, argv);
}
