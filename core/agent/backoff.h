/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetBackoff:
 * @minimum: ceiling of the first pause in seconds, at least 1
 * @maximum: ceiling of the longest pause in seconds, at least @minimum
 *
 * Pauses between attempts: exponential, with full jitter, so that a fleet that lost its service does not come back as one.
 */
typedef struct {
  gint64 minimum;
  gint64 maximum;
} BrevetBackoff;

/**
 * brevet_backoff_compute:
 * @failures: attempts that failed in a row, at least 1
 * @retry_after: seconds that the service asks for, 0 if it named none; never undercut, and at most a day
 * @remaining: seconds that the identity in use is still valid, 0 or less if it is not: a pause takes at most a quarter of
 *   them, unless the service asks for more
 * @random: from 0 (inclusive) to 1 (exclusive)
 *
 * Returns: the pause in seconds, at least 1
 */
gint64 brevet_backoff_compute (const BrevetBackoff *self, guint failures, gint64 retry_after, gint64 remaining, double random);

/**
 * brevet_backoff_compute_after_refusal:
 * @refusals: definitive refusals in a row, at least 1
 * @retry_after: as brevet_backoff_compute()
 * @random: as brevet_backoff_compute()
 *
 * After a refusal somebody must act, in the service or here: the ceiling begins at half a minute or @minimum, whichever is longer,
 * and the pause is half of it to all of it, however long the identity in use is still valid.
 *
 * Returns: the pause in seconds, at least 1
 */
gint64 brevet_backoff_compute_after_refusal (const BrevetBackoff *self, guint refusals, gint64 retry_after, double random);

/**
 * brevet_backoff_limit:
 * @failures: attempts that failed in a row
 * @refusals: definitive refusals in a row, 0 if the last failure was none
 *
 * Returns: the longest pause that is chosen then without @retry_after; what a persisted time is checked against, since the clock
 *   may have been set in between
 */
gint64 brevet_backoff_limit (const BrevetBackoff *self, guint failures, guint refusals);

G_END_DECLS
