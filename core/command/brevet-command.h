/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetExitCode:
 * @BREVET_EXIT_OK: done
 * @BREVET_EXIT_FAILED: it did not work
 * @BREVET_EXIT_USAGE: the command line is wrong
 * @BREVET_EXIT_REFUSED: the other side understood and refused: asking again changes nothing
 * @BREVET_EXIT_UNREACHABLE: nobody answered, or too busy: try again later
 * @BREVET_EXIT_NOT_CONFIGURED: a file or setting is missing or wrong
 *
 * Exit codes of all commands; documented in every manual page.
 */
typedef enum {
  BREVET_EXIT_OK = 0,
  BREVET_EXIT_FAILED = 1,
  BREVET_EXIT_USAGE = 2,
  BREVET_EXIT_REFUSED = 3,
  BREVET_EXIT_UNREACHABLE = 4,
  BREVET_EXIT_NOT_CONFIGURED = 5,
} BrevetExitCode;

/**
 * BrevetCommand:
 * @name: the word on the command line
 * @arguments: (nullable): what follows the options, for the usage line: `DIRECTORY`; translatable
 * @summary: one line; translatable
 * @run: called with the command's own name as argv[0]; parses its options with brevet_command_parse(); returns an exit code
 *
 * One command of a program.
 */
typedef struct {
  const char *name;
  const char *arguments;
  const char *summary;
  int (*run) (int argc, char **argv);
} BrevetCommand;

/**
 * brevet_command_main:
 * @program: name of the program
 * @summary: what it is for; translatable
 * @commands: table, ended by an entry whose name is %NULL
 *
 * Sets up locale, translations and log, understands `--help`, `--version` and `help COMMAND`, and runs the command. An unknown word
 * is answered with the nearest known one and %BREVET_EXIT_USAGE.
 *
 * Returns: exit code for main()
 */
int brevet_command_main (const char *program, const char *summary, const BrevetCommand *commands, int argc, char **argv);

/**
 * brevet_command_end:
 * @exit_code: of the program
 *
 * The last thing that main() does: waits for tokens, whose libraries must not be in use while the process ends, and ends the
 * process by itself if one hangs.
 *
 * Returns: @exit_code
 */
int brevet_command_end (int exit_code);

/**
 * brevet_command_dispatch:
 * @command: all words of a command that has commands of its own: `admin enrollment`
 * @summary: what it is for; translatable
 * @commands: table of its commands, as for brevet_command_main(); each gives all its words to brevet_command_parse()
 *
 * For the @run of such a command: understands `--help` and `help COMMAND`, and runs the command that argv[1] names.
 *
 * Returns: exit code
 */
int brevet_command_dispatch (const char *command, const char *summary, const BrevetCommand *commands, int argc, char **argv);

/**
 * brevet_command_init:
 * @program: name of the program
 *
 * Sets up locale, translations and log, for a program without commands; brevet_command_main() does it for the others.
 */
void brevet_command_init (const char *program);

/**
 * brevet_command_parse:
 * @command: (nullable): name of the command; %NULL for a program without commands
 * @arguments: (nullable): as in #BrevetCommand
 * @entries: options; see #GOptionEntry. `--help` and `--verbose` are added.
 * @description: (nullable): text behind the options in `--help`: exit codes, examples
 * @minimum: fewest positional arguments
 * @maximum: most positional arguments, -1 for any number
 * @argc: (inout): afterwards the number of positional arguments plus one
 * @argv: (inout): afterwards the name and the positional arguments
 * @exit_code: (out): what to return if this returns %FALSE
 *
 * Returns: %FALSE if the command should stop now: help was printed, or the error was
 */
gboolean brevet_command_parse (const char *command, const char *arguments, const GOptionEntry *entries, const char *description,
                               int minimum, int maximum, int *argc, char ***argv, int *exit_code);

/**
 * brevet_command_make_printable:
 * @text: text of strangers: from a service, the bus, a file
 *
 * What a terminal would obey instead of showing it (escape sequences, line ends, directions of writing) becomes `\xNN`, so that it
 * can neither change the terminal nor forge a line.
 *
 * Returns: (transfer full): one line of text
 */
char *brevet_command_make_printable (const char *text);

/**
 * brevet_command_fail:
 * @error: what went wrong
 *
 * Prints `PROGRAM: MESSAGE` on standard error, printably.
 *
 * Returns: the exit code that fits @error
 */
int brevet_command_fail (const GError *error);

/**
 * brevet_command_usage_error:
 * @format: what is wrong with the command line
 *
 * Prints the message and where to find help on standard error.
 *
 * Returns: %BREVET_EXIT_USAGE
 */
int brevet_command_usage_error (const char *format, ...) G_GNUC_PRINTF (1, 2);

G_END_DECLS
