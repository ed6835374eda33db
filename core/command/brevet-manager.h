/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What a daemon tells the service manager that started it. Without one (no `NOTIFY_SOCKET` in the environment) all of this does
 * nothing, so callers never ask. All of it is for the thread that turns the default main context.
 */

/**
 * brevet_manager_notify:
 * @state: assignments as in sd_notify(3), one a line: `READY=1`, `STOPPING=1`
 *
 * Tells the service manager what state the daemon is in. `STATUS=` is better set with brevet_manager_set_status(), and
 * `RELOADING=1` needs the time that brevet_manager_notify_reloading() adds. Never waits: what a manager has no room for that has
 * not read for long, it is told, in order, as soon as it has. The main loop sees to that.
 */
void brevet_manager_notify (const char *state);

/**
 * brevet_manager_set_status:
 * @format: one sentence for an operator, without a stop; line breaks in it become spaces
 *
 * Sets the text that `systemctl status` shows, until the next one.
 */
void brevet_manager_set_status (const char *format, ...) G_GNUC_PRINTF (1, 2);

/**
 * brevet_manager_notify_reloading:
 *
 * Says that a reload has begun, and at what time, by which the manager knows it from an older one. `READY=1` says that it is over,
 * whether it changed anything or not.
 */
void brevet_manager_notify_reloading (void);

/**
 * brevet_manager_start_watchdog:
 *
 * If the manager watches this process (`WatchdogSec=`), tells it from now on that the main loop of the default main context still
 * turns: at once, and then twice in each interval. A loop that hangs is ended by the manager and the service started again.
 *
 * Returns: id of the source for g_source_remove(), or 0 if nobody watches
 */
guint brevet_manager_start_watchdog (void);

G_END_DECLS
