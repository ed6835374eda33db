/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wall-timer.h"

#include "brevet-clock.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* The year 2200: armed where nothing is set, for only an armed timer is told of clock changes. Further ahead the kernel's count of
 * nanoseconds ends. */
#define FAR_AWAY G_GINT64_CONSTANT (7258118400)

/* How often the clock is looked at where the system has no timer to give. */
#define LOOK (60 * G_TIME_SPAN_SECOND)

/* The timer is its own source, so that it may be freed while it calls back: the main loop holds the source until then. */
struct _BrevetWallTimer
{
  GSource             source;
  int                 fd;            /* -1 where the clock is looked at instead */
  gpointer            fd_tag;
  gint64              when;          /* 0 for never */
  gboolean            clock_changed; /* to be told at the next turn of the main loop */
  BrevetWallTimerFunc callback;
  gpointer            user_data;
};

/* Microseconds from now to @when, as brevet's clock has it. */
static gint64
get_distance (gint64 when)
{
  return CLAMP (when, -FAR_AWAY, FAR_AWAY) * G_USEC_PER_SEC - brevet_clock_now ();
}

/* Where the clock is replaced, its distance to @when counts. The kernel's clock is read last: a timer may be late, not early. */
static gint64
to_system_time (gint64 when)
{
  gint64 distance = get_distance (when);

  return CLAMP (g_get_real_time () + distance, 1, FAR_AWAY * G_USEC_PER_SEC);
}

static void
tell_clock_changed (BrevetWallTimer *self)
{
  self->clock_changed = TRUE;
  g_source_set_ready_time (&self->source, 0);
}

static void
look_at_clock_instead (BrevetWallTimer *self, int code)
{
  static gboolean told;

  if (!told)
    g_warning ("The system has no timer to give (%s); the clock is looked at once a minute instead", g_strerror (code));
  told = TRUE;
  if (self->fd_tag != NULL)
    g_source_remove_unix_fd (&self->source, g_steal_pointer (&self->fd_tag));
  if (self->fd >= 0)
    close (self->fd);
  self->fd = -1;
}

static void
arm_look (BrevetWallTimer *self)
{
  gint64 distance = self->when != 0 ? CLAMP (get_distance (self->when), 0, LOOK) : LOOK;

  g_source_set_ready_time (&self->source, self->clock_changed ? 0 : g_get_monotonic_time () + distance);
}

static void
arm_timer (BrevetWallTimer *self)
{
  gint64 target = self->when != 0 ? to_system_time (self->when) : FAR_AWAY * G_USEC_PER_SEC;
  struct itimerspec setting = { 0 };

  setting.it_value.tv_sec = (time_t) (target / G_USEC_PER_SEC);
  setting.it_value.tv_nsec = (long) (target % G_USEC_PER_SEC) * 1000;
  if (timerfd_settime (self->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &setting, NULL) == 0)
    return;
  if (errno != ECANCELED)
    {
      look_at_clock_instead (self, errno);
      return;
    }
  /* It is armed all the same, but takes this answer for the news: the clock was set since the last look, and read() will not say it
   * again. */
  tell_clock_changed (self);
}

static void
arm (BrevetWallTimer *self)
{
  if (self->fd >= 0)
    arm_timer (self);
  if (self->fd < 0)
    arm_look (self);
}

static gboolean
expired (BrevetWallTimer *self)
{
  guint64 count = 0;
  gssize length = read (self->fd, &count, sizeof count);

  if (length < 0 && errno == ECANCELED)
    {
      self->clock_changed = TRUE;
      return FALSE;
    }
  return length == sizeof count;
}

/* The clock may have been set each time that it is looked at and it is not time yet. */
static gboolean
look (BrevetWallTimer *self)
{
  gboolean due = self->when != 0 && get_distance (self->when) <= 0;

  self->clock_changed = self->clock_changed || !due;
  return due;
}

static gboolean
dispatch (GSource *source, GSourceFunc unused, gpointer data)
{
  BrevetWallTimer *self = (BrevetWallTimer *) source;
  gboolean due = (self->fd >= 0 ? expired (self) : look (self)) && self->when != 0;
  gboolean changed = self->clock_changed;

  g_source_set_ready_time (source, -1);
  self->clock_changed = FALSE;
  if (!changed && !due)
    return G_SOURCE_CONTINUE;

  /* After a step the same time is at another distance. It stays set until its own call. */
  if (!changed)
    self->when = 0;
  arm (self);
  self->callback (changed, self->user_data);
  return G_SOURCE_CONTINUE;
}

static void
finalize (GSource *source)
{
  BrevetWallTimer *self = (BrevetWallTimer *) source;

  if (self->fd >= 0)
    close (self->fd);
}

static GSourceFuncs source_funcs = { NULL, NULL, dispatch, finalize, NULL, NULL };

BrevetWallTimer *
brevet_wall_timer_new (BrevetWallTimerFunc callback, gpointer user_data)
{
  BrevetWallTimer *self = NULL;
  GSource *source = NULL;

  g_return_val_if_fail (callback != NULL, NULL);

  source = g_source_new (&source_funcs, sizeof (BrevetWallTimer));
  self = (BrevetWallTimer *) source;
  self->callback = callback;
  self->user_data = user_data;
  self->fd = timerfd_create (CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  g_source_set_static_name (source, "brevet-wall-timer");
  if (self->fd >= 0)
    self->fd_tag = g_source_add_unix_fd (source, self->fd, G_IO_IN);
  else
    look_at_clock_instead (self, errno);
  arm (self);
  g_source_attach (source, g_main_context_get_thread_default ());
  return self;
}

void
brevet_wall_timer_set (BrevetWallTimer *self, gint64 when)
{
  g_return_if_fail (self != NULL);

  self->when = when;
  arm (self);
}

void
brevet_wall_timer_clock_changed (BrevetWallTimer *self)
{
  g_return_if_fail (self != NULL);

  tell_clock_changed (self);
}

void
brevet_wall_timer_free (BrevetWallTimer *self)
{
  g_return_if_fail (self != NULL);

  g_source_destroy (&self->source);
  g_source_unref (&self->source);
}
