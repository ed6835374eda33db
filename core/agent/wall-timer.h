/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetWallTimer:
 *
 * Calls back at a time of day, on the thread-default main context of its maker. It is a timerfd on CLOCK_REALTIME that the kernel
 * cancels when the clock is set (timerfd_create(2)): the time of day is right again at once after a step, and a time that
 * passed during suspend is noticed on resume. Where the clock is replaced for tests, brevet_wall_timer_clock_changed() tells of it.
 *
 * Should the system have no such timer to give (no file descriptor is left), the clock is looked at once a minute instead: a time
 * is still kept, but a step of the clock, or a resume, is noticed up to a minute later.
 */
typedef struct _BrevetWallTimer BrevetWallTimer;

/**
 * BrevetWallTimerFunc:
 * @clock_changed: %TRUE if the clock was set, or may have been: look at the time again and set the timer again
 */
typedef void (*BrevetWallTimerFunc) (gboolean clock_changed, gpointer user_data);

/**
 * brevet_wall_timer_new:
 *
 * Returns: (transfer full): a timer that tells of clock changes only, until it is set
 */
BrevetWallTimer *brevet_wall_timer_new (BrevetWallTimerFunc callback, gpointer user_data);

/**
 * brevet_wall_timer_set:
 * @when: seconds since 1970-01-01 UTC; a time that has passed is called at once from the main loop; 0 for never
 *
 * Replaces what was set before. Called once for each setting.
 */
void brevet_wall_timer_set (BrevetWallTimer *self, gint64 when);

/**
 * brevet_wall_timer_clock_changed:
 *
 * For tests that replace the clock: the same as when the kernel tells that the clock was set.
 */
void brevet_wall_timer_clock_changed (BrevetWallTimer *self);

void brevet_wall_timer_free (BrevetWallTimer *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetWallTimer, brevet_wall_timer_free)

G_END_DECLS
