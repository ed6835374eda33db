/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backoff.h"

#define LONGEST_RETRY_AFTER 86400
#define FIRST_REFUSAL_CEILING 30

/* @first doubled with each further time, up to @maximum. */
static gint64
find_ceiling (gint64 first, gint64 maximum, guint times)
{
  gint64 ceiling = MAX (first, 1);

  for (guint i = 1; i < times && ceiling < maximum; i++)
    ceiling = ceiling > maximum / 2 ? maximum : ceiling * 2;
  return CLAMP (ceiling, 1, MAX (maximum, 1));
}

gint64
brevet_backoff_limit (const BrevetBackoff *self, guint failures, guint refusals)
{
  if (refusals > 0)
    return find_ceiling (MAX (self->minimum, FIRST_REFUSAL_CEILING), self->maximum, refusals);
  return find_ceiling (self->minimum, self->maximum, failures);
}

static gint64
respect_service (gint64 pause, gint64 retry_after)
{
  return MAX (MAX (pause, 1), MIN (retry_after, LONGEST_RETRY_AFTER));
}

gint64
brevet_backoff_compute (const BrevetBackoff *self, guint failures, gint64 retry_after, gint64 remaining, double random)
{
  gint64 pause = (gint64) (CLAMP (random, 0, 1) * (double) brevet_backoff_limit (self, failures, 0));

  if (remaining > 0)
    pause = MIN (pause, remaining / 4);
  return respect_service (pause, retry_after);
}

gint64
brevet_backoff_compute_after_refusal (const BrevetBackoff *self, guint refusals, gint64 retry_after, double random)
{
  double ceiling = (double) brevet_backoff_limit (self, refusals, refusals);

  return respect_service ((gint64) ((0.5 + CLAMP (random, 0, 1) / 2) * ceiling), retry_after);
}
