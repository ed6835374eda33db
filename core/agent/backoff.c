/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backoff.h"

#define LONGEST_RETRY_AFTER 86400

gint64
brevet_backoff_limit (const BrevetBackoff *self, guint failures)
{
  gint64 ceiling = MAX (self->minimum, 1);

  for (guint i = 1; i < failures && ceiling < self->maximum; i++)
    ceiling = ceiling > self->maximum / 2 ? self->maximum : ceiling * 2;
  return CLAMP (ceiling, 1, MAX (self->maximum, 1));
}

gint64
brevet_backoff_compute (const BrevetBackoff *self, guint failures, gint64 retry_after, gint64 remaining, double random)
{
  gint64 pause = (gint64) (CLAMP (random, 0, 1) * (double) brevet_backoff_limit (self, failures));

  if (remaining > 0)
    pause = MIN (pause, remaining / 4);
  return MAX (MAX (pause, 1), MIN (retry_after, LONGEST_RETRY_AFTER));
}
