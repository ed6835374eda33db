/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-command.h"

#include "brevet-token-worker.h"

#include <brevet.h>
#include <glib/gi18n-lib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Seconds for a token to end what it is doing. */
#define TOKEN_PATIENCE 3

/* What is being run, for messages. */
static const char *program_name = "brevet";
static const char *command_name;
static gboolean has_commands;

/* Steps from one word to the other: letters added, dropped or changed (Levenshtein). */
static guint
word_distance (const char *a, const char *b)
{
  gsize length = strlen (b);
  g_autofree guint *row = g_new (guint, length + 1);

  for (gsize j = 0; j <= length; j++)
    row[j] = j;
  for (gsize i = 0; a[i] != '\0'; i++)
    {
      guint diagonal = row[0];

      row[0] = i + 1;
      for (gsize j = 0; j < length; j++)
        {
          guint changed = diagonal + (a[i] == b[j] ? 0 : 1);

          diagonal = row[j + 1];
          row[j + 1] = MIN (changed, MIN (diagonal, row[j]) + 1);
        }
    }
  return row[length];
}

/* NULL if no command looks like @word: a wild guess helps nobody. */
static const char *
nearest_command (const BrevetCommand *commands, const char *word)
{
  const char *nearest = NULL;
  guint best = 0;

  for (const BrevetCommand *command = commands; command->name != NULL; command++)
    {
      guint distance = word_distance (word, command->name);

      if (distance <= (strlen (command->name) + 1) / 2 && (nearest == NULL || distance < best))
        {
          nearest = command->name;
          best = distance;
        }
    }
  return nearest;
}

static const BrevetCommand *
find_command (const BrevetCommand *commands, const char *word)
{
  for (const BrevetCommand *command = commands; command->name != NULL; command++)
    if (g_str_equal (command->name, word))
      return command;
  return NULL;
}

static int
display_width (const char *text)
{
  return (int) g_utf8_strlen (text, -1);
}

/* The help of the program, or of a command that has commands of its own, as text. */
static char *
describe_commands (const char *title, const char *summary, const BrevetCommand *commands)
{
  GString *text = g_string_new (NULL);
  int width = 0;

  g_string_append_printf (text, _("Usage:\n  %s COMMAND [OPTION…]\n\n%s\n\nCommands:\n"), title, _(summary));
  for (const BrevetCommand *command = commands; command->name != NULL; command++)
    width = MAX (width, display_width (command->name));
  for (const BrevetCommand *command = commands; command->name != NULL; command++)
    g_string_append_printf (text, "  %-*s  %s\n", width, command->name, _(command->summary));
  g_string_append_printf (text, _("\n“%s COMMAND --help” explains a command, “%s --version” names the version.\n"), title,
                          program_name);
  return g_string_free (text, FALSE);
}

static int
unknown_command (const BrevetCommand *commands, const char *word)
{
  const char *nearest = nearest_command (commands, word);

  if (*word == '-')
    return brevet_command_usage_error (_("There is no option “%s” before the command"), word);
  if (nearest != NULL)
    return brevet_command_usage_error (_("There is no command “%s”; did you mean “%s”?"), word, nearest);
  return brevet_command_usage_error (_("There is no command “%s”"), word);
}

static int
run_command (const BrevetCommand *commands, int argc, char **argv)
{
  const BrevetCommand *command = find_command (commands, argv[0]);

  if (command == NULL)
    return unknown_command (commands, argv[0]);
  if (command_name == NULL)
    command_name = command->name;
  return command->run (argc, argv);
}

/* `help admin enrollment` is `admin enrollment --help`. */
static int
explain_command (const BrevetCommand *commands, int count, char **words)
{
  g_autoptr(GPtrArray) line = g_ptr_array_new ();
  char option[] = "--help";

  for (int i = 0; i < count; i++)
    g_ptr_array_add (line, words[i]);
  g_ptr_array_add (line, option);
  g_ptr_array_add (line, NULL);
  return run_command (commands, count + 1, (char **) line->pdata);
}

/* Understands the words that stand before a command, and runs it. */
static int
dispatch (const char *title, const char *summary, const BrevetCommand *commands, int argc, char **argv)
{
  g_autofree char *help = describe_commands (title, summary, commands);
  const char *word = argc > 1 ? argv[1] : NULL;

  if (word == NULL)
    {
      g_printerr ("%s", help);
      return BREVET_EXIT_USAGE;
    }
  if (g_str_equal (word, "help") && argc > 2)
    return explain_command (commands, argc - 2, argv + 2);
  if (g_str_equal (word, "--help") || g_str_equal (word, "-h") || g_str_equal (word, "help"))
    {
      g_print ("%s", help);
      return BREVET_EXIT_OK;
    }
  return run_command (commands, argc - 1, argv + 1);
}

int
brevet_command_dispatch (const char *command, const char *summary, const BrevetCommand *commands, int argc, char **argv)
{
  g_autofree char *title = g_strconcat (program_name, " ", command, NULL);

  command_name = command;
  return dispatch (title, summary, commands, argc, argv);
}

static void
set_up_locale (void)
{
  /* The build tree's translations are elsewhere; gettext's own programs know the variable too. */
  const char *directory = g_getenv ("TEXTDOMAINDIR");

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, directory != NULL ? directory : BREVET_LOCALE_DIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);
}

/* GLib makes the locale in which it reads numbers when the first one is read. Two threads that do so at the same time leave EAGAIN
 * in errno, and g_ascii_string_to_unsigned() then takes a good number for a wrong one (seen with GLib 2.74). */
static void
read_first_number (void)
{
  g_ascii_strtoull ("0", NULL, 10);
}

void
brevet_command_init (const char *program)
{
  read_first_number ();
  program_name = program;
  set_up_locale ();
  g_set_prgname (program);
  brevet_log_init (program, FALSE);
}

int
brevet_command_main (const char *program, const char *summary, const BrevetCommand *commands, int argc, char **argv)
{
  brevet_command_init (program);
  has_commands = TRUE;
  if (argc > 1 && g_str_equal (argv[1], "--version"))
    {
      g_print ("%s %s\n", program, BREVET_VERSION);
      return BREVET_EXIT_OK;
    }
  return brevet_command_end (dispatch (program, summary, commands, argc, argv));
}

int
brevet_command_end (int exit_code)
{
  if (brevet_token_worker_settle (TOKEN_PATIENCE))
    return exit_code;
  fflush (NULL);
  _exit (exit_code);
}

static void
print_help (GOptionContext *context, const char *command)
{
  g_autofree char *title = command != NULL ? g_strdup_printf ("%s %s", program_name, command) : g_strdup (program_name);
  g_autofree char *help = NULL;

  /* GOptionContext begins the usage line with the program's name, and there is no other way to make it name the command too. */
  g_set_prgname (title);
  help = g_option_context_get_help (context, TRUE, NULL);
  g_set_prgname (program_name);
  g_print ("%s", help);
}

static gboolean
check_positional (const char *arguments, int minimum, int maximum, int argc, char **argv)
{
  int given = argc - 1;

  if (given < minimum)
    brevet_command_usage_error (_("An argument is missing; expected: %s"), arguments != NULL ? arguments : "");
  else if (maximum >= 0 && given > maximum)
    brevet_command_usage_error (_("There is one argument too many: “%s”"), argv[maximum + 1]);
  else
    return TRUE;
  return FALSE;
}

gboolean
brevet_command_parse (const char *command, const char *arguments, const GOptionEntry *entries, const char *description, int minimum,
                      int maximum, int *argc, char ***argv, int *exit_code)
{
  gboolean help = FALSE;
  gboolean verbose = FALSE;
  const GOptionEntry common[] = {
    { "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, N_("Say more about what happens"), NULL },
    { "help", 'h', 0, G_OPTION_ARG_NONE, &help, N_("Show this help"), NULL },
    { NULL },
  };
  g_autoptr(GOptionContext) context = g_option_context_new (arguments != NULL ? _(arguments) : NULL);
  g_autoptr(GError) error = NULL;

  command_name = command;
  g_option_context_set_help_enabled (context, FALSE);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, GETTEXT_PACKAGE);
  g_option_context_add_main_entries (context, common, GETTEXT_PACKAGE);
  if (description != NULL)
    g_option_context_set_description (context, description);

  *exit_code = BREVET_EXIT_USAGE;
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      brevet_command_usage_error ("%s", error->message);
      return FALSE;
    }
  if (help)
    {
      print_help (context, command);
      *exit_code = BREVET_EXIT_OK;
      return FALSE;
    }
  if (!check_positional (arguments != NULL ? _(arguments) : NULL, minimum, maximum, *argc, *argv))
    return FALSE;
  brevet_log_init (program_name, verbose);
  return TRUE;
}

static int
exit_code_of_brevet_error (BrevetError code)
{
  switch (code)
    {
    case BREVET_ERROR_REJECTED:
    case BREVET_ERROR_CONFLICT:
      return BREVET_EXIT_REFUSED;
    case BREVET_ERROR_UNREACHABLE:
    case BREVET_ERROR_BUSY:
      return BREVET_EXIT_UNREACHABLE;
    case BREVET_ERROR_NOT_CONFIGURED:
    case BREVET_ERROR_UNTRUSTED:
      return BREVET_EXIT_NOT_CONFIGURED;
    case BREVET_ERROR_FAILED:
    case BREVET_ERROR_INVALID:
    case BREVET_ERROR_NOT_FOUND:
    case BREVET_ERROR_UNSUPPORTED:
    case BREVET_ERROR_CORRUPT:
    default:
      return BREVET_EXIT_FAILED;
    }
}

static int
exit_code_of_ca_error (const GError *error)
{
  switch (brevet_ca_error_classify (error))
    {
    case BREVET_CA_ERROR_CLASS_RETRYABLE:
    case BREVET_CA_ERROR_CLASS_AMBIGUOUS:
      return BREVET_EXIT_UNREACHABLE;
    case BREVET_CA_ERROR_CLASS_OPERATOR:
      return BREVET_EXIT_NOT_CONFIGURED;
    case BREVET_CA_ERROR_CLASS_PERMANENT:
    default:
      return BREVET_EXIT_FAILED;
    }
}

static int
exit_code_of (const GError *error)
{
  if (error->domain == BREVET_CA_ERROR)
    return exit_code_of_ca_error (error);
  if (error->domain == BREVET_ERROR)
    return exit_code_of_brevet_error (error->code);
  if (error->domain == G_OPTION_ERROR)
    return BREVET_EXIT_USAGE;
  if (error->domain == G_FILE_ERROR)
    return BREVET_EXIT_NOT_CONFIGURED;
  return BREVET_EXIT_FAILED;
}

static gboolean
is_printable (gunichar character)
{
  switch (g_unichar_type (character))
    {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR:
      return FALSE;
    default:
      return TRUE;
    }
}

char *
brevet_command_make_printable (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  g_autoptr(GString) printable = g_string_new (NULL);

  for (const char *at = valid; *at != '\0'; at = g_utf8_next_char (at))
    {
      gunichar character = g_utf8_get_char (at);

      if (is_printable (character))
        g_string_append_unichar (printable, character);
      else
        g_string_append_printf (printable, "\\x%02x", character);
    }
  return g_string_free (g_steal_pointer (&printable), FALSE);
}

int
brevet_command_fail (const GError *error)
{
  g_autofree char *message = brevet_command_make_printable (error->message);

  g_printerr ("%s: %s\n", program_name, message);
  return exit_code_of (error);
}

int
brevet_command_usage_error (const char *format, ...)
{
  g_autofree char *raw = NULL;
  g_autofree char *message = NULL;
  va_list arguments;

  va_start (arguments, format);
  raw = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  message = brevet_command_make_printable (raw);

  g_printerr ("%s: %s\n", program_name, message);
  if (command_name != NULL)
    g_printerr (_("“%s %s --help” shows how it is used.\n"), program_name, command_name);
  else if (has_commands)
    g_printerr (_("“%s --help” shows the commands.\n"), program_name);
  else
    g_printerr (_("“%s --help” shows how it is used.\n"), program_name);
  return BREVET_EXIT_USAGE;
}
