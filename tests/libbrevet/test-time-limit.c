/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-time-limit.h"

static void
wait_for_end (BrevetTimeLimit *limit)
{
  while (!g_cancellable_is_cancelled (brevet_time_limit_get_cancellable (limit)))
    g_main_context_iteration (NULL, TRUE);
}

static void
test_time (void)
{
  g_autoptr(BrevetTimeLimit) limit = brevet_time_limit_new (NULL, 1, NULL);

  g_assert_false (brevet_time_limit_has_passed (limit));
  wait_for_end (limit);
  g_assert_true (brevet_time_limit_has_passed (limit));
}

static void
test_caller (void)
{
  g_autoptr(GCancellable) outer = g_cancellable_new ();
  g_autoptr(BrevetTimeLimit) limit = brevet_time_limit_new (NULL, 60000, outer);

  g_cancellable_cancel (outer);
  wait_for_end (limit);
  g_assert_false (brevet_time_limit_has_passed (limit));
}

static void
test_cancelled_before (void)
{
  g_autoptr(GCancellable) outer = g_cancellable_new ();
  g_autoptr(BrevetTimeLimit) limit = NULL;

  g_cancellable_cancel (outer);
  limit = brevet_time_limit_new (NULL, 60000, outer);
  g_assert_true (g_cancellable_is_cancelled (brevet_time_limit_get_cancellable (limit)));
}

/* Time that comes after the work was cancelled has cancelled nothing. */
static void
test_late_time (void)
{
  g_autoptr(BrevetTimeLimit) limit = brevet_time_limit_new (NULL, 1, NULL);
  g_autoptr(BrevetTimeLimit) later = brevet_time_limit_new (NULL, 2, NULL);

  g_cancellable_cancel (brevet_time_limit_get_cancellable (limit));
  wait_for_end (later);
  g_assert_false (brevet_time_limit_has_passed (limit));
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  BrevetTimeLimit **limit = user_data;

  g_clear_pointer (limit, brevet_time_limit_free);
}

/* Work may end, and free everything, while it is being cancelled. */
static void
test_free_while_cancelled (void)
{
  BrevetTimeLimit *limit = brevet_time_limit_new (NULL, 1, NULL);
  g_autoptr(GCancellable) inner = g_object_ref (brevet_time_limit_get_cancellable (limit));

  g_signal_connect (inner, "cancelled", G_CALLBACK (on_cancelled), &limit);
  while (limit != NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_true (g_cancellable_is_cancelled (inner));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/time-limit/time", test_time);
  g_test_add_func ("/time-limit/caller", test_caller);
  g_test_add_func ("/time-limit/cancelled-before", test_cancelled_before);
  g_test_add_func ("/time-limit/late-time", test_late_time);
  g_test_add_func ("/time-limit/free-while-cancelled", test_free_while_cancelled);
  return g_test_run ();
}
