/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <brevet-command.h>
#include <brevet.h>
#include <string.h>

typedef struct {
  int status;
  char *output;
  char *errors;
} Run;

static void
run_clear (Run *run)
{
  g_free (run->output);
  g_free (run->errors);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Run, run_clear)

static Run
run (const char *first, ...) G_GNUC_NULL_TERMINATED;

static Run
run (const char *first, ...)
{
  g_autofree char *program = g_test_build_filename (G_TEST_BUILT, "libbrevet", "command-program", NULL);
  g_autoptr(GPtrArray) arguments = g_ptr_array_new ();
  g_autoptr(GSubprocess) process = NULL;
  g_autoptr(GError) error = NULL;
  Run result = { 0, NULL, NULL };
  va_list more;

  g_ptr_array_add (arguments, program);
  va_start (more, first);
  for (const char *argument = first; argument != NULL; argument = va_arg (more, const char *))
    g_ptr_array_add (arguments, (gpointer) argument);
  va_end (more);
  g_ptr_array_add (arguments, NULL);

  process = g_subprocess_newv ((const char *const *) arguments->pdata,
                               G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_communicate_utf8 (process, NULL, NULL, &result.output, &result.errors, &error));
  g_assert_true (g_subprocess_get_if_exited (process));
  result.status = g_subprocess_get_exit_status (process);
  return result;
}

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("“%s” is not in: %s", part, text);
}

static void
test_run (void)
{
  g_auto(Run) plain = run ("greet", "Ada", NULL);
  g_auto(Run) option = run ("greet", "Ada", "--greeting=Moin", NULL);
  g_auto(Run) verbose = run ("greet", "-v", "Ada", NULL);

  g_assert_cmpint (plain.status, ==, BREVET_EXIT_OK);
  g_assert_cmpstr (plain.output, ==, "Hello, Ada\n");
  g_assert_cmpstr (plain.errors, ==, "");
  g_assert_cmpstr (option.output, ==, "Moin, Ada\n");
  g_assert_cmpstr (verbose.errors, ==, "greeter: debug: about to greet\n");
}

static void
test_help (void)
{
  static const char *const ways[] = { "--help", "-h", "help" };
  g_auto(Run) nothing = run (NULL, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (ways); i++)
    {
      g_auto(Run) help = run (ways[i], NULL);

      g_assert_cmpint (help.status, ==, BREVET_EXIT_OK);
      assert_has (help.output, "greeter COMMAND");
      assert_has (help.output, "Greets and fails.");
      assert_has (help.output, "\n  greet  Says hello\n  fail   Fails\n");
      g_assert_cmpstr (help.errors, ==, "");
    }
  g_assert_cmpint (nothing.status, ==, BREVET_EXIT_USAGE);
  g_assert_cmpstr (nothing.output, ==, "");
  assert_has (nothing.errors, "greeter COMMAND");
}

static void
test_command_help (void)
{
  g_auto(Run) option = run ("greet", "--help", NULL);
  g_auto(Run) word = run ("help", "greet", NULL);

  g_assert_cmpint (option.status, ==, BREVET_EXIT_OK);
  assert_has (option.output, "greeter greet [OPTION…] NAME");
  assert_has (option.output, "--greeting=TEXT");
  assert_has (option.output, "--verbose");
  assert_has (option.output, "--help");
  assert_has (option.output, "Exit codes: see the manual.");
  g_assert_cmpint (word.status, ==, BREVET_EXIT_OK);
  g_assert_cmpstr (word.output, ==, option.output);
}

static void
test_commands_of_a_command (void)
{
  g_auto(Run) done = run ("note", "add", "milk", NULL);
  g_auto(Run) nothing = run ("note", NULL);
  g_auto(Run) help = run ("note", "--help", NULL);
  g_auto(Run) word = run ("help", "note", NULL);
  g_auto(Run) inner = run ("note", "add", "--help", NULL);
  g_auto(Run) words = run ("help", "note", "add", NULL);

  g_assert_cmpstr (done.output, ==, "Noted: milk\n");
  g_assert_cmpint (nothing.status, ==, BREVET_EXIT_USAGE);
  assert_has (nothing.errors, "greeter note COMMAND");
  g_assert_cmpint (help.status, ==, BREVET_EXIT_OK);
  assert_has (help.output, "Keeps notes.\n\nCommands:\n  add  Adds a note\n");
  g_assert_cmpstr (word.output, ==, help.output);
  assert_has (inner.output, "greeter note add [OPTION…] TEXT");
  g_assert_cmpstr (words.output, ==, inner.output);
}

static void
test_version (void)
{
  g_auto(Run) version = run ("--version", NULL);

  g_assert_cmpint (version.status, ==, BREVET_EXIT_OK);
  g_assert_cmpstr (version.output, ==, "greeter " BREVET_VERSION "\n");
}

static void
assert_usage_error (Run result, const char *message)
{
  g_auto(Run) owned = result;

  g_assert_cmpint (owned.status, ==, BREVET_EXIT_USAGE);
  g_assert_cmpstr (owned.output, ==, "");
  assert_has (owned.errors, "greeter: ");
  assert_has (owned.errors, message);
  assert_has (owned.errors, "--help” shows");
}

static void
test_usage_errors (void)
{
  assert_usage_error (run ("gret", "Ada", NULL), "There is no command “gret”; did you mean “greet”?\n");
  assert_usage_error (run ("fial", NULL), "did you mean “fail”?");
  assert_usage_error (run ("frobnicate", NULL), "There is no command “frobnicate”\n");
  assert_usage_error (run ("help", "gret", NULL), "did you mean “greet”?");
  assert_usage_error (run ("--frob", NULL), "There is no option “--frob” before the command");
  assert_usage_error (run ("note", "ad", NULL), "There is no command “ad”; did you mean “add”?\n“greeter note --help” shows");
  assert_usage_error (run ("note", "add", NULL), "expected: TEXT\n“greeter note add --help” shows");
  assert_usage_error (run ("greet", NULL), "An argument is missing; expected: NAME");
  assert_usage_error (run ("greet", "a", "b", NULL), "There is one argument too many: “b”");
  assert_usage_error (run ("greet", "a", "b\033[31m\nc\342\200\256", NULL), "too many: “b\\x1b[31m\\x0ac\\x202e”\n");
  assert_usage_error (run ("greet", "--loud", "a", NULL), "--loud");
}

static void
assert_exit (BrevetError code, BrevetExitCode expected)
{
  g_autofree char *text = g_strdup_printf ("%d", code);
  g_auto(Run) result = run ("fail", text, NULL);

  g_assert_cmpint (result.status, ==, expected);
  g_assert_cmpstr (result.errors, ==, "greeter: It failed\n");
}

static void
test_exit_codes (void)
{
  assert_exit (BREVET_ERROR_FAILED, BREVET_EXIT_FAILED);
  assert_exit (BREVET_ERROR_INVALID, BREVET_EXIT_FAILED);
  assert_exit (BREVET_ERROR_REJECTED, BREVET_EXIT_REFUSED);
  assert_exit (BREVET_ERROR_CONFLICT, BREVET_EXIT_REFUSED);
  assert_exit (BREVET_ERROR_UNREACHABLE, BREVET_EXIT_UNREACHABLE);
  assert_exit (BREVET_ERROR_BUSY, BREVET_EXIT_UNREACHABLE);
  assert_exit (BREVET_ERROR_NOT_CONFIGURED, BREVET_EXIT_NOT_CONFIGURED);
  assert_exit (BREVET_ERROR_CORRUPT, BREVET_EXIT_FAILED);
}

int
main (int argc, char **argv)
{
  g_unsetenv ("G_MESSAGES_DEBUG");
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/command/run", test_run);
  g_test_add_func ("/command/help", test_help);
  g_test_add_func ("/command/command-help", test_command_help);
  g_test_add_func ("/command/commands-of-a-command", test_commands_of_a_command);
  g_test_add_func ("/command/version", test_version);
  g_test_add_func ("/command/usage-errors", test_usage_errors);
  g_test_add_func ("/command/exit-codes", test_exit_codes);
  return g_test_run ();
}
