/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-circuit.h"
#include "authority-rate.h"
#include "authority-traffic.h"

G_BEGIN_DECLS

/* authority-traffic.c lets questions through, authority-turn.c sees what became of them, authority-traffic-queue.c keeps those that
 * wait, authority-traffic-report.c tells what is known. */

#define BREVET_AUTHORITY_QUEUES 2 /* one for devices, one for what is done in the background */

/* At most so many devices are let through while something waits in the background. */
#define BREVET_AUTHORITY_OVERTAKING 16

typedef gint64 (*BrevetMonotonicClock) (void);

/* Whoever waits for a turn. Owned by its task. */
typedef struct {
  BrevetAuthorityTraffic *traffic;
  BrevetAuthorityPriority priority;
  GTask *task; /* not a reference */
  GList link;
  gint64 since;
  gulong on_cancelled;
  gboolean queued; /* under the lock; while it is, the queue has a reference to the task */
  BrevetAuthorityTurn *turn;
  GError *error;
} BrevetAuthorityWaiter;

struct _BrevetAuthorityTraffic
{
  char *name;
  GMainContext *main_context; /* of timers: whoever waits may be on a thread that ends */
  BrevetMonotonicClock monotonic;

  /* Atomic. While there is nothing to mind, no question needs the lock. */
  int simple;
  int epoch; /* of the circuit */
  int in_flight;
  gsize asked;
  gsize last_success;
  guint check_interval;

  GMutex lock;
  BrevetAuthorityLimits limits;
  BrevetRate rate;
  BrevetCircuit circuit;
  gint64 hold_until;  /* the CA has asked for a pause; 0 for none */
  guint holds;        /* in a row, without an answer between */
  guint window;       /* at once, after a pause; grows with each answer; 0 for no limit */
  GQueue queues[BREVET_AUTHORITY_QUEUES];
  guint passed_over;  /* devices that were let through while others waited */
  GSource *timer;     /* while somebody waits for a time */
  guint64 failed;
  gint64 last_failure;
  char *problem;
  BrevetCaHealth *health;
  gint64 checked_at;
  guint latency;
  gboolean told_down; /* to the operator, as are the next two */
  gboolean told_degraded;
  gboolean told_queue;
};

struct _BrevetAuthorityTurn
{
  BrevetAuthorityTraffic *traffic;
  BrevetAuthorityPriority priority;
  guint epoch;
  gint64 begun;
};

/* All of these with the lock held. */

guint brevet_authority_traffic_count_waiting (BrevetAuthorityTraffic *self);

/* Returns: (nullable): the error for whoever is refused because the circuit is open */
GError *brevet_authority_traffic_make_refusal (BrevetAuthorityTraffic *self, gint64 now);

/* Lets through whoever may be, and looks to it that the others are in time. They move to @ready, which is for
 * brevet_authority_waiters_deliver(). */
void brevet_authority_traffic_pump (BrevetAuthorityTraffic *self, gint64 now, GQueue *ready);

/* Refuses all who wait. */
void brevet_authority_traffic_refuse_all (BrevetAuthorityTraffic *self, gint64 now, GQueue *ready);

gboolean brevet_authority_traffic_may_begin (BrevetAuthorityTraffic *self, gint64 now);

BrevetAuthorityTurn *brevet_authority_traffic_begin (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority);

/* Whether there is nothing to mind any more. */
void brevet_authority_traffic_update_simple (BrevetAuthorityTraffic *self);

/* Puts a waiter at the end of its queue. */
void brevet_authority_traffic_queue (BrevetAuthorityTraffic *self, BrevetAuthorityWaiter *waiter, gint64 now);

void brevet_authority_traffic_tell_opened (BrevetAuthorityTraffic *self, gint64 now, const char *why);
void brevet_authority_traffic_tell_closed (BrevetAuthorityTraffic *self);
void brevet_authority_traffic_tell_queue (BrevetAuthorityTraffic *self);

/* All of these without the lock. */

/* Answers those in @ready, each on its own context. */
void brevet_authority_waiters_deliver (GQueue *ready);

void brevet_authority_waiter_free (gpointer data);

/* What the timer does. For tests, whose clock does not go by itself. */
void brevet_authority_traffic_wake (BrevetAuthorityTraffic *self);

void brevet_authority_traffic_set_clock (BrevetAuthorityTraffic *self, BrevetMonotonicClock clock);

/* A turn that nobody has taken. */
void brevet_authority_turn_abandon (gpointer turn);

/* With the timers on a given context. */
BrevetAuthorityTraffic *brevet_authority_traffic_new_for_context (const char *name, const BrevetAuthorityLimits *limits,
                                                                  GMainContext *main_context);

G_END_DECLS
