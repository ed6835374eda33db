/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * BrevetClockFunc:
 * @user_data: what was given to brevet_clock_set_source()
 *
 * Returns: microseconds since 1970-01-01 UTC
 */
typedef gint64 (*BrevetClockFunc) (gpointer user_data);

/**
 * brevet_clock_now:
 *
 * The wall clock. All of brevet asks this function for the time of day, and nothing else.
 *
 * Returns: microseconds since 1970-01-01 UTC
 */
BREVET_API
gint64 brevet_clock_now (void);

/**
 * brevet_clock_now_seconds:
 *
 * Returns: whole seconds since 1970-01-01 UTC
 */
BREVET_API
gint64 brevet_clock_now_seconds (void);

/**
 * brevet_clock_monotonic:
 *
 * Returns: microseconds of a clock that never jumps; for deadlines and durations
 */
BREVET_API
gint64 brevet_clock_monotonic (void);

/**
 * brevet_clock_set_source: (skip)
 * @source: (nullable): function that tells the time of day, %NULL for the system's clock
 * @user_data: passed to @source
 *
 * Replaces the wall clock of the whole process, that of GnuTLS included. For tests; not thread-safe: call it before threads start,
 * or while they wait.
 */
BREVET_API
void brevet_clock_set_source (BrevetClockFunc source, gpointer user_data);

/**
 * brevet_clock_format:
 * @microseconds: since 1970-01-01 UTC
 *
 * Returns: (transfer full): RFC 3339, UTC, seven digits of fraction: `2031-02-03T04:05:06.1234567Z` (protocol/dps.md §1.4)
 */
BREVET_API
char *brevet_clock_format (gint64 microseconds);

G_END_DECLS
