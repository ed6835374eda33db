/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-wheel.h"

#define TICK (G_USEC_PER_SEC / 10)

void
brevet_gate_wheel_init (BrevetGateWheel *self, gint64 now)
{
  for (guint i = 0; i < BREVET_GATE_WHEEL_SLOTS; i++)
    self->slots[i].previous = self->slots[i].next = &self->slots[i];
  self->current = now / TICK;
  self->soonest = G_MAXINT64;
}

static BrevetGateTimer *
slot_of (BrevetGateWheel *self, gint64 tick)
{
  return &self->slots[tick % BREVET_GATE_WHEEL_SLOTS];
}

void
brevet_gate_wheel_disarm (BrevetGateTimer *timer)
{
  if (timer->next == NULL)
    return;

  timer->previous->next = timer->next;
  timer->next->previous = timer->previous;
  timer->previous = timer->next = NULL;
}

static void
link_into (BrevetGateTimer *head, BrevetGateTimer *timer)
{
  timer->previous = head->previous;
  timer->next = head;
  head->previous->next = timer;
  head->previous = timer;
}

void
brevet_gate_wheel_arm (BrevetGateWheel *self, BrevetGateTimer *timer, gint64 deadline)
{
  brevet_gate_wheel_disarm (timer);
  timer->tick = MAX (deadline / TICK + 1, self->current + 1);
  link_into (slot_of (self, timer->tick), timer);
  self->soonest = MIN (self->soonest, timer->tick);
}

static void
work_off (BrevetGateWheel *self, BrevetGateTimer *head, gint64 tick)
{
  BrevetGateTimer batch = { .previous = &batch, .next = &batch };

  /* Timers are moved to a list of their own first, so that a callback may disarm its neighbours. */
  for (BrevetGateTimer *timer = head->next, *next; timer != head; timer = next)
    {
      next = timer->next;
      if (timer->tick > tick)
        continue;
      brevet_gate_wheel_disarm (timer);
      link_into (&batch, timer);
    }

  while (batch.next != &batch)
    {
      BrevetGateTimer *timer = batch.next;

      brevet_gate_wheel_disarm (timer);
      timer->expired (timer);
    }
}

static void
find_soonest (BrevetGateWheel *self)
{
  for (gint64 tick = self->current + 1; tick <= self->current + BREVET_GATE_WHEEL_SLOTS; tick++)
    {
      BrevetGateTimer *head = slot_of (self, tick);

      if (head->next == head)
        continue;
      self->soonest = tick;
      return;
    }
  self->soonest = G_MAXINT64;
}

void
brevet_gate_wheel_advance (BrevetGateWheel *self, gint64 now)
{
  gint64 target = now / TICK;
  gint64 first = MAX (self->current + 1, target - BREVET_GATE_WHEEL_SLOTS + 1);

  if (target < self->soonest)
    {
      self->current = MAX (self->current, target);
      return;
    }

  self->current = target;
  for (gint64 tick = first; tick <= target; tick++)
    work_off (self, slot_of (self, tick), target);
  find_soonest (self);
}

gint64
brevet_gate_wheel_get_next (BrevetGateWheel *self)
{
  return self->soonest == G_MAXINT64 ? -1 : self->soonest * TICK;
}
