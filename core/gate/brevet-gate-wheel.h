/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _BrevetGateTimer BrevetGateTimer;

/* One deadline, embedded in what it belongs to. */
struct _BrevetGateTimer
{
  BrevetGateTimer *previous;
  BrevetGateTimer *next;
  gint64           tick;
  void (*expired) (BrevetGateTimer *timer);
};

#define BREVET_GATE_WHEEL_SLOTS 1024

/* Hashed timer wheel: arming and disarming cost the same for one deadline and for ten thousand. Deadlines are exact to a tenth of a
 * second and never early. For one thread. */
typedef struct
{
  BrevetGateTimer slots[BREVET_GATE_WHEEL_SLOTS];
  gint64          current;   /* last tick that was worked off */
  gint64          soonest;   /* no armed timer expires before this tick; G_MAXINT64 if none is armed */
} BrevetGateWheel;

void brevet_gate_wheel_init (BrevetGateWheel *self, gint64 now);

/* @deadline: microseconds of the monotonic clock. An armed timer is moved. */
void brevet_gate_wheel_arm (BrevetGateWheel *self, BrevetGateTimer *timer, gint64 deadline);

void brevet_gate_wheel_disarm (BrevetGateTimer *timer);

/* Calls what has expired; a callback may arm and disarm any timer. */
void brevet_gate_wheel_advance (BrevetGateWheel *self, gint64 now);

/* Returns: when to call brevet_gate_wheel_advance() again, in microseconds; -1 if no timer is armed */
gint64 brevet_gate_wheel_get_next (BrevetGateWheel *self);

G_END_DECLS
