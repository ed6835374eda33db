/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-rate.h"

/* What refills does so in fractions, whose sum may fall short of the whole by less than this. */
#define WHOLE (1.0 - 1e-6)

void
brevet_rate_init (BrevetRate *self, double per_second, guint burst, gint64 now)
{
  self->per_second = per_second;
  self->burst = MAX (burst, 1);
  self->level = self->burst;
  self->updated = now;
}

static void
refill (BrevetRate *self, gint64 now)
{
  if (now <= self->updated)
    return;
  self->level = MIN (self->burst, self->level + self->per_second * (double) (now - self->updated) / G_USEC_PER_SEC);
  self->updated = now;
}

void
brevet_rate_change (BrevetRate *self, double per_second, guint burst, gint64 now)
{
  gboolean had_rate = self->per_second > 0;

  refill (self, now);
  self->per_second = per_second;
  self->burst = MAX (burst, 1);
  self->level = had_rate ? MIN (self->level, self->burst) : self->burst;
  self->updated = MAX (self->updated, now);
}

gboolean
brevet_rate_has_token (BrevetRate *self, gint64 now)
{
  if (self->per_second <= 0)
    return TRUE;
  refill (self, now);
  return self->level >= WHOLE;
}

void
brevet_rate_take (BrevetRate *self, gint64 now)
{
  if (self->per_second <= 0)
    return;
  refill (self, now);
  self->level = MAX (self->level - 1, 0);
}

void
brevet_rate_empty (BrevetRate *self, gint64 now)
{
  refill (self, now);
  self->level = 0;
}

gint64
brevet_rate_next (BrevetRate *self, gint64 now)
{
  if (brevet_rate_has_token (self, now))
    return now;
  return MAX (now, self->updated) + (gint64) ((1.0 - self->level) / self->per_second * G_USEC_PER_SEC) + 1;
}
