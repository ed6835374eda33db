/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetRate:
 *
 * A token bucket: @burst questions in a row, @per_second on and on. Plain data without a clock and without a lock; times are
 * microseconds of brevet_clock_monotonic(). Without a rate (@per_second 0) there is always a token.
 */
typedef struct {
  double per_second;
  double burst;
  double level;
  gint64 updated;
} BrevetRate;

/**
 * brevet_rate_init:
 *
 * A full bucket.
 */
void brevet_rate_init (BrevetRate *self, double per_second, guint burst, gint64 now);

/**
 * brevet_rate_change:
 *
 * Another rate from @now on, without giving away what was used.
 */
void brevet_rate_change (BrevetRate *self, double per_second, guint burst, gint64 now);

/**
 * brevet_rate_has_token:
 *
 * Returns: %TRUE if a question may be asked at @now
 */
gboolean brevet_rate_has_token (BrevetRate *self, gint64 now);

/**
 * brevet_rate_take:
 *
 * Takes a token if there is one.
 */
void brevet_rate_take (BrevetRate *self, gint64 now);

/**
 * brevet_rate_empty:
 *
 * Takes all tokens: a CA that says that it was too much knows better.
 */
void brevet_rate_empty (BrevetRate *self, gint64 now);

/**
 * brevet_rate_next:
 *
 * Returns: when there is a token; @now if there is one
 */
gint64 brevet_rate_next (BrevetRate *self, gint64 now);

G_END_DECLS
