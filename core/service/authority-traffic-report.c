/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-traffic-private.h"

#include "brevet-ca-error.h"
#include "brevet-clock.h"
#include "brevet-log.h"

/* Events are logged with the lock held: they are rare, and in the order in which they have happened. */

static void
tell (BrevetAuthorityTraffic *self, GLogLevelFlags level, const char *message_id, const char *message)
{
  brevet_log_event (level, message_id, message, "BREVET_CA", self->name, NULL);
}

void
brevet_authority_traffic_tell_opened (BrevetAuthorityTraffic *self, gint64 now, const char *why)
{
  g_autofree char *message = NULL;

  if (self->told_down)
    return;
  self->told_down = TRUE;
  message = g_strdup_printf ("The certificate authority “%s” is down and is not asked for %u s: %s", self->name,
                             (guint) ((self->circuit.retry_at - now) / G_USEC_PER_SEC), why);
  tell (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CA_DOWN, message);
}

void
brevet_authority_traffic_tell_closed (BrevetAuthorityTraffic *self)
{
  g_autofree char *message = NULL;

  if (!self->told_down)
    return;
  self->told_down = FALSE;
  message = g_strdup_printf ("The certificate authority “%s” answers again", self->name);
  tell (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_CA_RECOVERED, message);
}

/* Told once half of those that may wait do; again after it was down to a quarter of that. */
void
brevet_authority_traffic_tell_queue (BrevetAuthorityTraffic *self)
{
  guint waiting = brevet_authority_traffic_count_waiting (self);
  guint many = MAX (self->limits.maximum_queued / 2, 1);
  g_autofree char *message = NULL;

  if (self->told_queue && waiting <= many / 4)
    self->told_queue = FALSE;
  if (self->told_queue || waiting < many)
    return;
  self->told_queue = TRUE;
  message = g_strdup_printf ("%u requests wait for the certificate authority “%s”; %u may", waiting, self->name,
                             self->limits.maximum_queued);
  tell (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CA_QUEUE_LONG, message);
}

/* With the lock held. */
static void
tell_health (BrevetAuthorityTraffic *self, BrevetCaHealth *health)
{
  BrevetCaHealthState state = brevet_ca_health_get_state (health);
  g_autofree char *message = NULL;

  if (state == BREVET_CA_HEALTH_DEGRADED && !self->told_degraded)
    {
      message = g_strdup_printf ("The certificate authority “%s” issues, but needs somebody to look: %s", self->name,
                                 brevet_ca_health_get_message (health));
      tell (self, G_LOG_LEVEL_WARNING, BREVET_MESSAGE_CA_DEGRADED, message);
    }
  else if (state == BREVET_CA_HEALTH_OK && (self->told_degraded || self->told_down))
    {
      message = g_strdup_printf ("The certificate authority “%s” is well again: %s", self->name,
                                 brevet_ca_health_get_message (health));
      tell (self, G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_CA_RECOVERED, message);
    }
  if (state == BREVET_CA_HEALTH_OK)
    self->told_down = FALSE;
  if (state == BREVET_CA_HEALTH_OK || state == BREVET_CA_HEALTH_DEGRADED)
    self->told_degraded = state == BREVET_CA_HEALTH_DEGRADED;
}

/* That a check fails is no proof that nobody is served, but a bad sign. */
static BrevetCaHealth *
make_health (const GError *error)
{
  g_autofree char *message = g_strdup_printf ("The check failed: %s", error != NULL ? error->message : "no reason given");

  return brevet_ca_health_new (BREVET_CA_HEALTH_UNKNOWN, message, 0);
}

/* With the lock held. Returns TRUE if this has opened the circuit. */
static gboolean
apply_health (BrevetAuthorityTraffic *self, BrevetCaHealth *health, gint64 now)
{
  switch (brevet_ca_health_get_state (health))
    {
    case BREVET_CA_HEALTH_DOWN:
      return brevet_circuit_note_down (&self->circuit, now);
    case BREVET_CA_HEALTH_UNKNOWN:
      return self->circuit.state == BREVET_AUTHORITY_CIRCUIT_CLOSED &&
             brevet_circuit_note_failure (&self->circuit, self->circuit.epoch, now);
    case BREVET_CA_HEALTH_OK:
    case BREVET_CA_HEALTH_DEGRADED:
    default:
      brevet_circuit_note_up (&self->circuit, now);
      return FALSE;
    }
}

void
brevet_authority_traffic_note_health (BrevetAuthorityTraffic *self, BrevetCaHealth *health, const GError *error, guint latency)
{
  BrevetCaHealth *news = health != NULL ? brevet_ca_health_ref (health) : make_health (error);
  GQueue ready = G_QUEUE_INIT;
  gint64 now;

  g_mutex_lock (&self->lock);
  now = self->monotonic ();
  g_clear_pointer (&self->health, brevet_ca_health_unref);
  self->health = news;
  self->checked_at = brevet_clock_now_seconds ();
  self->latency = latency;
  if (apply_health (self, news, now))
    {
      brevet_authority_traffic_tell_opened (self, now, brevet_ca_health_get_message (news));
      brevet_authority_traffic_refuse_all (self, now, &ready);
    }
  tell_health (self, news);
  brevet_authority_traffic_pump (self, now, &ready);
  g_mutex_unlock (&self->lock);
  brevet_authority_waiters_deliver (&ready);
}

gboolean
brevet_authority_traffic_is_open (BrevetAuthorityTraffic *self)
{
  gboolean open;

  if (g_atomic_int_get (&self->simple))
    return FALSE;
  g_mutex_lock (&self->lock);
  open = !brevet_circuit_lets_pass (&self->circuit, self->monotonic ());
  g_mutex_unlock (&self->lock);
  return open;
}

static gint64
find_oldest (BrevetAuthorityTraffic *self)
{
  gint64 oldest = G_MAXINT64;

  for (guint i = 0; i < BREVET_AUTHORITY_QUEUES; i++)
    {
      BrevetAuthorityWaiter *first = g_queue_peek_head (&self->queues[i]);

      if (first != NULL)
        oldest = MIN (oldest, first->since);
    }
  return oldest;
}

/* A circuit that is open but would let a question pass is as good as half-open: it waits for one. */
static void
report_circuit (BrevetAuthorityTraffic *self, gint64 now, BrevetAuthorityReport *report)
{
  report->circuit = self->circuit.state;
  if (brevet_circuit_is_due (&self->circuit, now))
    report->circuit = BREVET_AUTHORITY_CIRCUIT_HALF_OPEN;
  else if (report->circuit == BREVET_AUTHORITY_CIRCUIT_OPEN)
    report->retry_at = brevet_clock_now_seconds () + (self->circuit.retry_at - now + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
  report->failures = self->circuit.failures;
}

BrevetAuthorityReport *
brevet_authority_traffic_report (BrevetAuthorityTraffic *self)
{
  BrevetAuthorityReport *report = g_new0 (BrevetAuthorityReport, 1);
  gint64 now;

  g_mutex_lock (&self->lock);
  now = self->monotonic ();
  report_circuit (self, now, report);
  report->in_flight = (guint) g_atomic_int_get (&self->in_flight);
  report->queued = brevet_authority_traffic_count_waiting (self);
  report->queued_seconds = report->queued > 0 ? (guint) ((now - find_oldest (self)) / G_USEC_PER_SEC) : 0;
  report->asked = (gsize) g_atomic_pointer_get (&self->asked);
  report->failed = self->failed;
  report->last_success = (gint64) (gsize) g_atomic_pointer_get (&self->last_success);
  report->last_failure = self->last_failure;
  report->problem = g_strdup (self->problem);
  report->health = self->health != NULL ? brevet_ca_health_ref (self->health) : NULL;
  report->checked_at = self->checked_at;
  report->latency = self->latency;
  g_mutex_unlock (&self->lock);
  return report;
}

void
brevet_authority_report_free (BrevetAuthorityReport *self)
{
  g_free (self->problem);
  g_clear_pointer (&self->health, brevet_ca_health_unref);
  g_free (self);
}
