/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fault-calls.h"
#include "file-versions.h"
#include "store-place.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* Every system call of a commit, and of a start, is the last one of the process. Old or new, never neither. */

static const char *own_path;

static GSubprocess *
spawn_helper (const char *mode, const char *directory, const Fault *fault, guint version)
{
  g_autofree char *kind = g_strdup_printf ("%d", fault->kind);
  g_autofree char *at = g_strdup_printf ("%u", fault->at);
  g_autofree char *text = g_strdup_printf ("%u", version);
  g_autoptr(GError) error = NULL;
  GSubprocess *process;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE, &error, own_path, mode, directory,
                              kind, at, text, NULL);
  g_assert_no_error (error);
  return process;
}

/* Returns whether the helper was killed. */
static gboolean
run_to_death (const char *mode, Faulty *self, const Fault *fault)
{
  g_autoptr(GSubprocess) process = spawn_helper (mode, self->world->directory, fault, self->version);
  g_autoptr(GError) error = NULL;

  g_subprocess_wait (process, NULL, &error);
  g_assert_no_error (error);
  if (g_subprocess_get_if_signaled (process))
    {
      g_assert_cmpint (g_subprocess_get_term_sig (process), ==, SIGKILL);
      return TRUE;
    }
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
  return FALSE;
}

static void
test_killed_commit (gconstpointer data)
{
  Fault fault = *(const Fault *) data;
  Faulty self = { NULL };
  guint old = 0, new = 0;
  gboolean killed = TRUE;

  faulty_init (&self);
  for (fault.at = 1; killed; fault.at++)
    {
      guint found;

      g_assert_finalize_object (self.store);
      killed = run_to_death ("--commit", &self, &fault);
      faulty_open (&self);
      found = file_check_version (self.store);
      g_assert_true (found == self.version || (found == self.version + 1 && old > 0));
      if (found == self.version)
        {
          g_assert_cmpuint (new, ==, 0);   /* once it is switched it stays switched */
          old++;
        }
      else
        new++;
      self.version = found;
      faulty_go_on (&self);
    }
  g_assert_cmpuint (old, >, 40);
  g_assert_cmpuint (new, >, 5);
  faulty_clear (&self);
}

/* The remains of a commit, and no link: everything that a start may have to do. */
static void
make_mess (Faulty *self)
{
  g_autofree char *link_path = g_build_filename (self->world->directory, "current", NULL);
  g_autofree char *target = file_read_link (self->world->directory);
  guint generation = (guint) g_ascii_strtoull (target + strlen ("generation-"), NULL, 10);
  g_autofree char *staging = g_strdup_printf ("%s/generation-%u.new/things", self->world->directory, generation + 1);
  g_autofree char *complete = g_strdup_printf ("%s/generation-%u/things", self->world->directory, generation + 1);
  g_autofree char *temporary = g_strconcat (link_path, ".new", NULL);

  g_assert_cmpint (g_mkdir_with_parents (staging, 0700), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (complete, 0700), ==, 0);
  g_assert_cmpint (symlink ("generation-1000", temporary), ==, 0);
  if (generation % 2 == 0)
    g_assert_cmpint (g_unlink (link_path), ==, 0);
}

static void
test_killed_start (void)
{
  Fault fault = { FAULT_KILL_AFTER, NULL, 1, 0 };
  Faulty self = { NULL };
  gboolean killed = TRUE;

  faulty_init (&self);
  for (; killed || fault.at < 12; fault.at++)
    {
      g_assert_finalize_object (self.store);
      make_mess (&self);
      killed = run_to_death ("--open", &self, &fault);
      file_set_warnings_fatal (FALSE);
      faulty_open (&self);
      file_set_warnings_fatal (TRUE);
      g_assert_cmpuint (file_check_version (self.store), ==, self.version);
      faulty_go_on (&self);
    }
  faulty_clear (&self);
}

static void
test_second_process (void)
{
  FileWorld *world = file_world_new ();
  Fault fault = { FAULT_NONE, NULL, 0, 0 };
  g_autoptr(GSubprocess) process = spawn_helper ("--hold", world->directory, &fault, 0);

  store_place_check_holder (&file_suite, world, world->directory, process);
  file_world_free (world);
}

/* In a process of its own: holds the store open until its input ends. */
static void
hold (void)
{
  char byte;

  g_print ("open\n");
  while (read (STDIN_FILENO, &byte, 1) > 0)
    ;
}

/* In a process of its own: opens the store, and commits the next version, under the fault. */
static int
run_helper (char **arguments)
{
  g_autoptr(BrevetStore) store = file_create_store (arguments[2], 0);
  Fault fault = { (FaultKind) atoi (arguments[3]), NULL, (guint) atoi (arguments[4]), EIO };
  guint version = (guint) atoi (arguments[5]);
  g_autoptr(GError) error = NULL;

  if (g_str_equal (arguments[1], "--open"))
    fault_arm (arguments[2], &fault);
  brevet_store_open (store, &error);
  g_assert_no_error (error);
  if (g_str_equal (arguments[1], "--commit"))
    {
      fault_arm (arguments[2], &fault);
      file_commit_version (store, version, version + 1, &error);
      g_assert_no_error (error);
    }
  else if (g_str_equal (arguments[1], "--hold"))
    hold ();
  fault_disarm ();
  return 0;
}

int
main (int argc, char **argv)
{
  static const Fault killing[] = {
    { FAULT_KILL_BEFORE, NULL, 0, 0 },
    { FAULT_KILL_AFTER, NULL, 0, 0 },
  };

  if (argc == 6)
    return run_helper (argv);

  g_test_init (&argc, &argv, NULL);
  own_path = argv[0];
  g_test_add_data_func ("/store-file/killed-commit/before", &killing[0], test_killed_commit);
  g_test_add_data_func ("/store-file/killed-commit/after", &killing[1], test_killed_commit);
  g_test_add_func ("/store-file/killed-start", test_killed_start);
  g_test_add_func ("/store-file/second-process", test_second_process);
  return g_test_run ();
}
