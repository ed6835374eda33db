/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <brevet.h>

/* What each of these prints is looked at from outside: the log of a process can be set up only once. */
static void
run (const char *path)
{
  g_test_trap_subprocess (path, 0, 0);
  g_test_trap_assert_passed ();
}

static void
print_event (void)
{
  brevet_log_init ("brevet-dps", FALSE);
  brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_ISSUED, "Issued a certificate", "BREVET_REGISTRATION", "pump-07",
                    "BREVET_HUB", NULL, "BREVET_TRACKING_ID", "42", NULL);
}

static void
test_event (void)
{
  run ("/log/subprocess/event");
  g_test_trap_assert_stderr ("*brevet-dps: Issued a certificate BREVET_REGISTRATION=pump-07 BREVET_TRACKING_ID=42\n*");
  g_test_trap_assert_stderr_unmatched ("*BREVET_HUB*");
  g_test_trap_assert_stderr_unmatched ("*MESSAGE_ID*");
}

static void
print_hostile (void)
{
  brevet_log_init ("brevet-dps", FALSE);
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_ATTESTATION_REFUSED, "Refused a\nbrevet-dps: forged line",
                    "BREVET_REGISTRATION", "\x1b[2Jx\r\xff", NULL);
}

static void
test_hostile (void)
{
  run ("/log/subprocess/hostile");
  g_test_trap_assert_stderr ("*brevet-dps: warning: Refused a\\x0abrevet-dps: forged line "
                              "BREVET_REGISTRATION=\\x1b*2Jx\\x0d\xef\xbf\xbd\n*");
}

static void
print_levels (void)
{
  brevet_log_init ("brevet", FALSE);
  g_debug ("a debug message");
  g_info ("an informative message");
  g_message ("a plain %s", "message");
  g_warning ("a warning message");
}

static void
test_levels (void)
{
  run ("/log/subprocess/levels");
  g_test_trap_assert_stderr ("*brevet: a plain message\n*brevet: warning: a warning message\n*");
  g_test_trap_assert_stderr_unmatched ("*a debug message*");
  g_test_trap_assert_stderr_unmatched ("*an informative message*");
}

static void
print_verbose (void)
{
  brevet_log_init ("brevet", FALSE);
  brevet_log_init ("brevet", TRUE);
  g_debug ("a debug message");
}

static void
test_verbose (void)
{
  run ("/log/subprocess/verbose");
  g_test_trap_assert_stderr ("*brevet: debug: a debug message\n*");
}

int
main (int argc, char **argv)
{
  g_unsetenv ("G_MESSAGES_DEBUG");
  g_test_init (&argc, &argv, NULL);
  /* g_test_init() makes warnings fatal. */
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  g_test_add_func ("/log/event", test_event);
  g_test_add_func ("/log/subprocess/event", print_event);
  g_test_add_func ("/log/hostile", test_hostile);
  g_test_add_func ("/log/subprocess/hostile", print_hostile);
  g_test_add_func ("/log/levels", test_levels);
  g_test_add_func ("/log/subprocess/levels", print_levels);
  g_test_add_func ("/log/verbose", test_verbose);
  g_test_add_func ("/log/subprocess/verbose", print_verbose);
  return g_test_run ();
}
