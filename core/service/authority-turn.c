/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-traffic-private.h"

#include "brevet-ca-error.h"
#include "brevet-clock.h"

/* After a pause one question is asked, and with each answer one more at once, up to this; then as many as want to. */
#define LARGEST_WINDOW 64

/* A CA that says that it was too much, and not for how long. */
#define SHORTEST_HOLD 1
#define LONGEST_HOLD 300

typedef enum {
  VERDICT_ANSWER,
  VERDICT_FAILURE,
  VERDICT_TOO_MUCH,
  VERDICT_NOTHING, /* the CA was not asked */
} Verdict;

/* A CA that says no is not down. One that refuses our key, or whose answer is no answer, is of no more use than one that is. */
static Verdict
judge (const GError *error)
{
  if (error == NULL)
    return VERDICT_ANSWER;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return VERDICT_FAILURE;
  if (g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_RATE_LIMITED))
    return VERDICT_TOO_MUCH;
  if (g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED))
    return VERDICT_NOTHING;
  if (error->domain != BREVET_CA_ERROR || brevet_ca_error_classify (error) == BREVET_CA_ERROR_CLASS_PERMANENT)
    return VERDICT_ANSWER;
  return g_error_matches (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFLICT) ? VERDICT_ANSWER : VERDICT_FAILURE;
}

static void
begin_slowly (BrevetAuthorityTraffic *self)
{
  self->window = 1;
}

static void
note_answer (BrevetAuthorityTraffic *self)
{
  self->holds = 0;
  if (self->window > 0 && ++self->window > LARGEST_WINDOW)
    self->window = 0;
  if (!brevet_circuit_note_answer (&self->circuit))
    return;
  begin_slowly (self);
  brevet_authority_traffic_tell_closed (self);
}

/* Many questions may be answered so at the same time: that is one pause, and not a longer one for each. */
static void
note_too_much (BrevetAuthorityTraffic *self, BrevetAuthorityTurn *turn, const GError *error, gint64 now)
{
  int seconds = brevet_ca_error_get_retry_after (error);
  gint64 hold;

  if (brevet_circuit_note_answer (&self->circuit))
    brevet_authority_traffic_tell_closed (self);
  if (turn->begun >= self->hold_until)
    self->holds++;
  if (seconds < 0)
    seconds = MIN (SHORTEST_HOLD << (CLAMP (self->holds, 1, 12) - 1), LONGEST_HOLD);
  /* Other services may share the key, and have been told the same. */
  hold = (gint64) (seconds * g_random_double_range (1.0, 1.1) * G_USEC_PER_SEC);
  self->hold_until = MAX (self->hold_until, now + hold);
  brevet_rate_empty (&self->rate, self->hold_until);
  begin_slowly (self);
}

static void
note_problem (BrevetAuthorityTraffic *self, const GError *error)
{
  self->failed++;
  self->last_failure = brevet_clock_now_seconds ();
  g_free (self->problem);
  self->problem = g_strdup (error->message);
}

static void
note_failure (BrevetAuthorityTraffic *self, BrevetAuthorityTurn *turn, const GError *error, gint64 now, GQueue *ready)
{
  if (!brevet_circuit_note_failure (&self->circuit, turn->epoch, now))
    return;
  brevet_authority_traffic_tell_opened (self, now, error->message);
  brevet_authority_traffic_refuse_all (self, now, ready);
}

static void
note_success_time (BrevetAuthorityTraffic *self)
{
  g_atomic_pointer_set (&self->last_success, (gsize) brevet_clock_now_seconds ());
}

static void
apply_verdict (BrevetAuthorityTurn *turn, Verdict verdict, const GError *error)
{
  BrevetAuthorityTraffic *self = turn->traffic;
  GQueue ready = G_QUEUE_INIT;
  gint64 now;

  g_mutex_lock (&self->lock);
  now = self->monotonic ();
  if (verdict == VERDICT_FAILURE || verdict == VERDICT_TOO_MUCH)
    note_problem (self, error);
  if (verdict == VERDICT_ANSWER)
    note_answer (self);
  else if (verdict == VERDICT_FAILURE)
    note_failure (self, turn, error, now, &ready);
  else if (verdict == VERDICT_TOO_MUCH)
    note_too_much (self, turn, error, now);
  else
    brevet_circuit_note_nothing (&self->circuit, turn->epoch, now);
  brevet_authority_traffic_pump (self, now, &ready);
  g_mutex_unlock (&self->lock);
  brevet_authority_waiters_deliver (&ready);
}

static void
end (BrevetAuthorityTurn *turn, Verdict verdict, const GError *error)
{
  BrevetAuthorityTraffic *self = turn->traffic;

  if (turn->priority != BREVET_AUTHORITY_PRIORITY_CHECK)
    {
      g_atomic_int_add (&self->in_flight, -1);
      if (verdict == VERDICT_ANSWER)
        note_success_time (self);
      if ((verdict != VERDICT_ANSWER && verdict != VERDICT_NOTHING) || !g_atomic_int_get (&self->simple))
        apply_verdict (turn, verdict, error);
    }
  brevet_authority_traffic_unref (self);
  g_free (turn);
}

void
brevet_authority_turn_end (BrevetAuthorityTurn *turn, const GError *error)
{
  end (turn, judge (error), error);
}

void
brevet_authority_turn_abandon (gpointer turn)
{
  end (turn, VERDICT_NOTHING, NULL);
}
