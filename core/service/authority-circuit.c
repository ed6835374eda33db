/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-circuit.h"

/* protocol/ca-backends.md §8.4.5 */
#define FAILURES_TO_OPEN 5
#define SHORTEST_OPEN 30
#define LONGEST_OPEN 600

gboolean
brevet_circuit_is_due (const BrevetCircuit *self, gint64 now)
{
  return self->state == BREVET_AUTHORITY_CIRCUIT_OPEN && now >= self->retry_at;
}

gboolean
brevet_circuit_lets_pass (const BrevetCircuit *self, gint64 now)
{
  return self->state == BREVET_AUTHORITY_CIRCUIT_CLOSED || brevet_circuit_is_due (self, now);
}

guint
brevet_circuit_pass (BrevetCircuit *self)
{
  if (self->state == BREVET_AUTHORITY_CIRCUIT_OPEN)
    {
      self->state = BREVET_AUTHORITY_CIRCUIT_HALF_OPEN;
      self->epoch++;
    }
  return self->epoch;
}

gboolean
brevet_circuit_note_answer (BrevetCircuit *self)
{
  self->failures = 0;
  self->openings = 0;
  if (self->state == BREVET_AUTHORITY_CIRCUIT_CLOSED)
    return FALSE;
  self->state = BREVET_AUTHORITY_CIRCUIT_CLOSED;
  self->epoch++;
  return TRUE;
}

static gint64
choose_duration (const BrevetCircuit *self)
{
  guint doublings = CLAMP (self->openings, 1, 8) - 1;

  return (gint64) MIN (SHORTEST_OPEN << doublings, LONGEST_OPEN) * G_USEC_PER_SEC;
}

static void
open_circuit (BrevetCircuit *self, gint64 now)
{
  self->state = BREVET_AUTHORITY_CIRCUIT_OPEN;
  self->openings++;
  self->epoch++;
  self->retry_at = now + choose_duration (self);
}

gboolean
brevet_circuit_note_failure (BrevetCircuit *self, guint epoch, gint64 now)
{
  if (epoch != self->epoch || self->state == BREVET_AUTHORITY_CIRCUIT_OPEN)
    return FALSE;
  self->failures++;
  if (self->state == BREVET_AUTHORITY_CIRCUIT_CLOSED && self->failures < FAILURES_TO_OPEN)
    return FALSE;
  open_circuit (self, now);
  return TRUE;
}

void
brevet_circuit_note_nothing (BrevetCircuit *self, guint epoch, gint64 now)
{
  if (epoch != self->epoch || self->state != BREVET_AUTHORITY_CIRCUIT_HALF_OPEN)
    return;
  self->state = BREVET_AUTHORITY_CIRCUIT_OPEN;
  self->epoch++;
  self->retry_at = now;
}

gboolean
brevet_circuit_note_down (BrevetCircuit *self, gint64 now)
{
  if (self->state == BREVET_AUTHORITY_CIRCUIT_CLOSED)
    {
      open_circuit (self, now);
      return TRUE;
    }
  /* Whoever is asking now will find out as well. */
  if (self->state == BREVET_AUTHORITY_CIRCUIT_OPEN)
    self->retry_at = MAX (self->retry_at, now + choose_duration (self));
  return FALSE;
}

void
brevet_circuit_note_up (BrevetCircuit *self, gint64 now)
{
  if (self->state == BREVET_AUTHORITY_CIRCUIT_OPEN)
    self->retry_at = MIN (self->retry_at, now);
}
