/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wall-timer.h"

#include "brevet-clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

/* What the kernel is made to say, once. */
static gboolean read_is_cancelled;
static gboolean settime_is_cancelled;
static gboolean settime_is_refused;
static gboolean create_is_refused;
static int timer_fd = -1;

int __real_timerfd_create (int clock, int flags);
int __wrap_timerfd_create (int clock, int flags);

gssize __real_read (int fd, void *buffer, size_t size);
gssize __wrap_read (int fd, void *buffer, size_t size);
int __real_timerfd_settime (int fd, int flags, const struct itimerspec *value, struct itimerspec *old);
int __wrap_timerfd_settime (int fd, int flags, const struct itimerspec *value, struct itimerspec *old);

gssize
__wrap_read (int fd, void *buffer, size_t size)
{
  gssize length = __real_read (fd, buffer, size);

  if (fd != timer_fd || !read_is_cancelled)
    return length;
  read_is_cancelled = FALSE;
  errno = ECANCELED;
  return -1;
}

int
__wrap_timerfd_create (int clock, int flags)
{
  if (!create_is_refused)
    return __real_timerfd_create (clock, flags);
  errno = EMFILE;
  return -1;
}

int
__wrap_timerfd_settime (int fd, int flags, const struct itimerspec *value, struct itimerspec *old)
{
  int code = __real_timerfd_settime (fd, flags, value, old);

  timer_fd = fd;
  g_assert_cmpint (flags, ==, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET);
  g_assert_cmpint (value->it_value.tv_sec + value->it_value.tv_nsec, >, 0);
  if (settime_is_refused)
    {
      errno = EINVAL;
      return -1;
    }
  if (!settime_is_cancelled)
    return code;
  settime_is_cancelled = FALSE;
  errno = ECANCELED;
  return -1;
}

typedef struct
{
  BrevetWallTimer *timer;
  GMainContext    *context;
  gint64           offset; /* of the clock, in microseconds */
  guint            calls;
  guint            changes;
  gint64           set_next; /* in the next callback */
  gboolean         free_next;
} Fixture;

static gint64
tell_time (gpointer user_data)
{
  Fixture *self = user_data;

  return g_get_real_time () + self->offset;
}

static void
on_time (gboolean clock_changed, gpointer user_data)
{
  Fixture *self = user_data;

  if (clock_changed)
    self->changes++;
  else
    self->calls++;
  if (self->set_next != 0)
    brevet_wall_timer_set (self->timer, self->set_next);
  self->set_next = 0;
  if (self->free_next)
    g_clear_pointer (&self->timer, brevet_wall_timer_free);
}

static void
set_up (Fixture *self, gconstpointer data)
{
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  brevet_clock_set_source (tell_time, self);
  self->timer = brevet_wall_timer_new (on_time, self);
}

static void
tear_down (Fixture *self, gconstpointer data)
{
  g_clear_pointer (&self->timer, brevet_wall_timer_free);
  brevet_clock_set_source (NULL, NULL);
  g_main_context_pop_thread_default (self->context);
  g_main_context_unref (self->context);
  read_is_cancelled = FALSE;
  settime_is_cancelled = FALSE;
  settime_is_refused = FALSE;
  create_is_refused = FALSE;
}

static void
wait_for_calls (Fixture *self, guint calls, guint changes)
{
  while (self->calls < calls || self->changes < changes)
    g_main_context_iteration (self->context, TRUE);
  g_assert_cmpuint (self->calls, ==, calls);
  g_assert_cmpuint (self->changes, ==, changes);
}

static void
assert_quiet (Fixture *self)
{
  guint calls = self->calls;
  guint changes = self->changes;

  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (self->context, FALSE);
  g_assert_cmpuint (self->calls, ==, calls);
  g_assert_cmpuint (self->changes, ==, changes);
}

/* As long as it is not time. */
static void
assert_quiet_before (Fixture *self, gint64 when)
{
  gboolean is_early = TRUE;

  for (guint i = 0; i < 20 && is_early; i++)
    {
      g_main_context_iteration (self->context, FALSE);
      is_early = brevet_clock_now () < when * G_USEC_PER_SEC;
      g_assert_true (!is_early || self->calls + self->changes == 0);
    }
}

/* Returns a whole second that is @milliseconds ahead. */
static gint64
moment_ahead (Fixture *self, gint64 milliseconds)
{
  gint64 now = g_get_real_time ();

  self->offset = G_USEC_PER_SEC - now % G_USEC_PER_SEC - milliseconds * 1000;
  return (now + self->offset) / G_USEC_PER_SEC + 1;
}

static void
test_fires (Fixture *self, gconstpointer data)
{
  gint64 when = moment_ahead (self, 100);
  gint64 began = g_get_monotonic_time ();

  brevet_wall_timer_set (self->timer, when);
  assert_quiet_before (self, when);
  wait_for_calls (self, 1, 0);
  g_assert_cmpint (brevet_clock_now (), >=, when * G_USEC_PER_SEC);
  g_assert_cmpint (g_get_monotonic_time () - began, >=, 90000);
  assert_quiet (self);
}

static void
test_real_clock (Fixture *self, gconstpointer data)
{
  gint64 when = 0;

  brevet_clock_set_source (NULL, NULL);
  when = brevet_clock_now_seconds () + 1;
  brevet_wall_timer_set (self->timer, when);
  wait_for_calls (self, 1, 0);
  g_assert_cmpint (brevet_clock_now_seconds (), >=, when);
}

static void
test_past (Fixture *self, gconstpointer data)
{
  static const gint64 past[] = { 1, -1, G_MININT64, 1700000000 };
  guint calls = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (past); i++)
    {
      brevet_wall_timer_set (self->timer, past[i]);
      g_assert_cmpuint (self->calls, ==, calls);
      wait_for_calls (self, ++calls, 0);
    }
  brevet_wall_timer_set (self->timer, brevet_clock_now_seconds ());
  wait_for_calls (self, ++calls, 0);
  assert_quiet (self);
}

static void
test_never (Fixture *self, gconstpointer data)
{
  assert_quiet (self);
  brevet_wall_timer_set (self->timer, 1);
  brevet_wall_timer_set (self->timer, 0);
  assert_quiet (self);
  brevet_wall_timer_set (self->timer, 1);
  brevet_wall_timer_set (self->timer, G_MAXINT64);
  assert_quiet (self);
}

static void
test_set_again_inside (Fixture *self, gconstpointer data)
{
  self->set_next = moment_ahead (self, 50);
  brevet_wall_timer_set (self->timer, 1);
  wait_for_calls (self, 1, 0);
  wait_for_calls (self, 2, 0);
  assert_quiet (self);
}

static void
test_freed_inside (Fixture *self, gconstpointer data)
{
  self->free_next = TRUE;
  brevet_wall_timer_set (self->timer, 1);
  wait_for_calls (self, 1, 0);
  g_assert_null (self->timer);
  g_assert_cmpint (fcntl (timer_fd, F_GETFD), ==, -1);
  assert_quiet (self);
}

static void
test_clock_changed (Fixture *self, gconstpointer data)
{
  brevet_wall_timer_set (self->timer, brevet_clock_now_seconds () + 3600);
  brevet_wall_timer_clock_changed (self->timer);
  g_assert_cmpuint (self->changes, ==, 0);
  wait_for_calls (self, 0, 1);
  assert_quiet (self);

  /* What was set is set still, and the new distance counts. */
  self->offset += G_GINT64_CONSTANT (7200) * G_USEC_PER_SEC;
  assert_quiet (self);
  brevet_wall_timer_clock_changed (self->timer);
  wait_for_calls (self, 1, 2);
  assert_quiet (self);

  /* Set back, then far ahead again, inside the callback. */
  self->set_next = brevet_clock_now_seconds () + 3600;
  brevet_wall_timer_clock_changed (self->timer);
  wait_for_calls (self, 1, 3);
  assert_quiet (self);
}

static void
test_kernel_cancels_read (Fixture *self, gconstpointer data)
{
  brevet_wall_timer_set (self->timer, 1);
  read_is_cancelled = TRUE;
  wait_for_calls (self, 0, 1);
  wait_for_calls (self, 1, 1);
  assert_quiet (self);
}

static void
test_kernel_cancels_setting (Fixture *self, gconstpointer data)
{
  settime_is_cancelled = TRUE;
  brevet_wall_timer_set (self->timer, brevet_clock_now_seconds () + 3600);
  wait_for_calls (self, 0, 1);
  assert_quiet (self);
}

static void
test_freed_on_change (Fixture *self, gconstpointer data)
{
  self->free_next = TRUE;
  brevet_wall_timer_clock_changed (self->timer);
  wait_for_calls (self, 0, 1);
  g_assert_null (self->timer);
  assert_quiet (self);
}

/* The kernel tells of steps only where the timer is armed. */
static void
test_armed_without_time (Fixture *self, gconstpointer data)
{
  struct itimerspec left;

  g_assert_cmpint (timerfd_gettime (timer_fd, &left), ==, 0);
  g_assert_cmpint (left.it_value.tv_sec, >, 100 * 86400);
  brevet_wall_timer_set (self->timer, 1);
  wait_for_calls (self, 1, 0);
  g_assert_cmpint (timerfd_gettime (timer_fd, &left), ==, 0);
  g_assert_cmpint (left.it_value.tv_sec, >, 100 * 86400);
}

/* Without a timer of the system everything goes on, only steps of the clock are noticed late. */
static void
assert_works_without_timer (Fixture *self)
{
  gint64 when = moment_ahead (self, 100);

  brevet_wall_timer_set (self->timer, when);
  assert_quiet_before (self, when);
  wait_for_calls (self, 1, 0);
  g_assert_cmpint (brevet_clock_now (), >=, when * G_USEC_PER_SEC);
  assert_quiet (self);

  brevet_wall_timer_set (self->timer, 1);
  wait_for_calls (self, 2, 0);
  brevet_wall_timer_set (self->timer, G_MAXINT64);
  brevet_wall_timer_clock_changed (self->timer);
  wait_for_calls (self, 2, 1);
  assert_quiet (self);
  g_assert_cmpint (g_source_get_ready_time ((GSource *) self->timer), >, g_get_monotonic_time ());
  g_assert_cmpint (g_source_get_ready_time ((GSource *) self->timer), <=, g_get_monotonic_time () + 60 * G_TIME_SPAN_SECOND);

  /* A minute has passed, and with it the time. */
  brevet_wall_timer_set (self->timer, brevet_clock_now_seconds () + 3600);
  self->offset += G_GINT64_CONSTANT (7200) * G_USEC_PER_SEC;
  g_source_set_ready_time ((GSource *) self->timer, 0);
  wait_for_calls (self, 3, 1);
  /* … or not: then the clock may have been set. */
  brevet_wall_timer_set (self->timer, 0);
  g_source_set_ready_time ((GSource *) self->timer, 0);
  wait_for_calls (self, 3, 2);
  assert_quiet (self);
}

static void
test_no_timer (Fixture *self, gconstpointer data)
{
  brevet_wall_timer_free (self->timer);
  create_is_refused = TRUE;
  g_test_expect_message ("brevetd", G_LOG_LEVEL_WARNING, "*no timer to give*");
  self->timer = brevet_wall_timer_new (on_time, self);
  g_test_assert_expected_messages ();
  assert_works_without_timer (self);
  /* Said once. */
  brevet_wall_timer_free (self->timer);
  self->timer = brevet_wall_timer_new (on_time, self);
}

static void
test_timer_cannot_be_set (Fixture *self, gconstpointer data)
{
  settime_is_refused = TRUE;
  brevet_wall_timer_set (self->timer, G_MAXINT64);
  g_assert_cmpint (fcntl (timer_fd, F_GETFD), ==, -1);
  assert_works_without_timer (self);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, function) g_test_add ("/wall-timer/" name, Fixture, NULL, set_up, function, tear_down)
  ADD ("fires", test_fires);
  ADD ("real-clock", test_real_clock);
  ADD ("past", test_past);
  ADD ("never", test_never);
  ADD ("set-again-inside", test_set_again_inside);
  ADD ("freed-inside", test_freed_inside);
  ADD ("clock-changed", test_clock_changed);
  ADD ("kernel-cancels-read", test_kernel_cancels_read);
  ADD ("kernel-cancels-setting", test_kernel_cancels_setting);
  ADD ("freed-on-change", test_freed_on_change);
  ADD ("armed-without-time", test_armed_without_time);
  ADD ("no-timer", test_no_timer);
  ADD ("timer-cannot-be-set", test_timer_cannot_be_set);
  return g_test_run ();
}
