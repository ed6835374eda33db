/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-traffic-private.h"

#include "brevet-ca-error.h"
#include "brevet-clock.h"

static void
apply_limits (BrevetAuthorityTraffic *self, const BrevetAuthorityLimits *limits)
{
  self->limits = *limits;
  g_atomic_int_set (&self->check_interval, limits->check_interval);
}

BrevetAuthorityTraffic *
brevet_authority_traffic_new_for_context (const char *name, const BrevetAuthorityLimits *limits, GMainContext *main_context)
{
  BrevetAuthorityTraffic *self = g_atomic_rc_box_new0 (BrevetAuthorityTraffic);

  g_mutex_init (&self->lock);
  self->name = g_strdup (name);
  self->main_context = g_main_context_ref (main_context);
  self->monotonic = brevet_clock_monotonic;
  apply_limits (self, limits);
  brevet_rate_init (&self->rate, limits->per_second, limits->burst, self->monotonic ());
  brevet_authority_traffic_update_simple (self);
  return self;
}

BrevetAuthorityTraffic *
brevet_authority_traffic_new (const char *name, const BrevetAuthorityLimits *limits)
{
  g_autoptr(GMainContext) main_context = g_main_context_ref_thread_default ();

  return brevet_authority_traffic_new_for_context (name, limits, main_context);
}

BrevetAuthorityTraffic *
brevet_authority_traffic_ref (BrevetAuthorityTraffic *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
traffic_clear (gpointer data)
{
  BrevetAuthorityTraffic *self = data;

  /* Whoever waits, or has a turn, has a reference. */
  g_assert (brevet_authority_traffic_count_waiting (self) == 0 && self->timer == NULL);
  g_assert (g_atomic_int_get (&self->in_flight) == 0);
  g_free (self->name);
  g_free (self->problem);
  g_clear_pointer (&self->health, brevet_ca_health_unref);
  g_main_context_unref (self->main_context);
  g_mutex_clear (&self->lock);
}

void
brevet_authority_traffic_unref (BrevetAuthorityTraffic *self)
{
  g_atomic_rc_box_release_full (self, traffic_clear);
}

void
brevet_authority_traffic_set_clock (BrevetAuthorityTraffic *self, BrevetMonotonicClock clock)
{
  self->monotonic = clock;
  brevet_rate_init (&self->rate, self->limits.per_second, self->limits.burst, clock ());
}

void
brevet_authority_traffic_set_limits (BrevetAuthorityTraffic *self, const BrevetAuthorityLimits *limits)
{
  GQueue ready = G_QUEUE_INIT;
  gint64 now = self->monotonic ();

  g_mutex_lock (&self->lock);
  brevet_rate_change (&self->rate, limits->per_second, limits->burst, now);
  apply_limits (self, limits);
  brevet_authority_traffic_pump (self, now, &ready);
  g_mutex_unlock (&self->lock);
  brevet_authority_waiters_deliver (&ready);
}

void
brevet_authority_traffic_get_limits (BrevetAuthorityTraffic *self, BrevetAuthorityLimits *limits)
{
  g_mutex_lock (&self->lock);
  *limits = self->limits;
  g_mutex_unlock (&self->lock);
}

guint
brevet_authority_traffic_get_check_interval (BrevetAuthorityTraffic *self)
{
  return (guint) g_atomic_int_get (&self->check_interval);
}

/* --- beginning ---------------------------------------------------------------------------------------------------------------- */

/* Questions are counted down before this is looked at, and this is set before they are looked at: whoever waits is not missed. */
void
brevet_authority_traffic_update_simple (BrevetAuthorityTraffic *self)
{
  gboolean simple = self->limits.maximum_in_flight == 0 && self->limits.per_second <= 0 && self->hold_until == 0 &&
                    self->window == 0 && self->circuit.state == BREVET_AUTHORITY_CIRCUIT_CLOSED && self->circuit.failures == 0 &&
                    self->holds == 0 && brevet_authority_traffic_count_waiting (self) == 0;

  g_atomic_int_set (&self->epoch, (int) self->circuit.epoch);
  g_atomic_int_set (&self->simple, simple);
}

static gboolean
is_full (BrevetAuthorityTraffic *self)
{
  guint in_flight = (guint) g_atomic_int_get (&self->in_flight);

  return (self->limits.maximum_in_flight > 0 && in_flight >= self->limits.maximum_in_flight) ||
         (self->window > 0 && in_flight >= self->window);
}

gboolean
brevet_authority_traffic_may_begin (BrevetAuthorityTraffic *self, gint64 now)
{
  return !is_full (self) && now >= self->hold_until && brevet_circuit_lets_pass (&self->circuit, now) &&
         brevet_rate_has_token (&self->rate, now);
}

static BrevetAuthorityTurn *
turn_new (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority)
{
  BrevetAuthorityTurn *turn = g_new0 (BrevetAuthorityTurn, 1);

  turn->traffic = brevet_authority_traffic_ref (self);
  turn->priority = priority;
  turn->epoch = (guint) g_atomic_int_get (&self->epoch);
  return turn;
}

static BrevetAuthorityTurn *
begin_unlimited (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority)
{
  g_atomic_int_inc (&self->in_flight);
  g_atomic_pointer_add (&self->asked, 1);
  return turn_new (self, priority);
}

BrevetAuthorityTurn *
brevet_authority_traffic_begin (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority)
{
  BrevetAuthorityTurn *turn = begin_unlimited (self, priority);
  gint64 now = self->monotonic ();

  brevet_rate_take (&self->rate, now);
  turn->epoch = brevet_circuit_pass (&self->circuit);
  turn->begun = now;
  if (priority == BREVET_AUTHORITY_PRIORITY_BACKGROUND || self->queues[BREVET_AUTHORITY_PRIORITY_BACKGROUND].length == 0)
    self->passed_over = 0;
  else
    self->passed_over++;
  return turn;
}

/* It uses up the rate as other questions do, but waits for nobody. */
static BrevetAuthorityTurn *
begin_check (BrevetAuthorityTraffic *self)
{
  g_mutex_lock (&self->lock);
  brevet_rate_take (&self->rate, self->monotonic ());
  g_mutex_unlock (&self->lock);
  return turn_new (self, BREVET_AUTHORITY_PRIORITY_CHECK);
}

static gboolean
must_queue (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority)
{
  guint background = self->queues[BREVET_AUTHORITY_PRIORITY_BACKGROUND].length;

  if (self->queues[BREVET_AUTHORITY_PRIORITY_DEVICE].length > 0)
    return TRUE;
  return background > 0 && (priority == BREVET_AUTHORITY_PRIORITY_BACKGROUND || self->passed_over >= BREVET_AUTHORITY_OVERTAKING);
}

static GError *
make_crowd_error (BrevetAuthorityTraffic *self, gint64 now)
{
  GError *error = g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_RATE_LIMITED,
                               "Too many requests wait for the certificate authority “%s” (maximum-queued=%u)", self->name,
                               self->limits.maximum_queued);

  brevet_ca_error_set_retry_after (error, (int) MAX ((self->hold_until - now) / G_USEC_PER_SEC, 0) + 5);
  return error;
}

/* With the lock held. Returns the turn; NULL with an error, or without one if it must be waited for. */
static BrevetAuthorityTurn *
enter (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority, gint64 now, GError **error)
{
  if (self->circuit.state == BREVET_AUTHORITY_CIRCUIT_OPEN && !brevet_circuit_is_due (&self->circuit, now))
    {
      g_propagate_error (error, brevet_authority_traffic_make_refusal (self, now));
      return NULL;
    }
  if (!must_queue (self, priority) && brevet_authority_traffic_may_begin (self, now))
    return brevet_authority_traffic_begin (self, priority);
  if (self->queues[priority].length >= self->limits.maximum_queued)
    g_propagate_error (error, make_crowd_error (self, now));
  return NULL;
}

BrevetAuthorityTurn *
brevet_authority_traffic_try_enter (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority, GError **error)
{
  BrevetAuthorityTurn *turn;

  if (priority == BREVET_AUTHORITY_PRIORITY_CHECK)
    return begin_check (self);
  if (g_atomic_int_get (&self->simple))
    return begin_unlimited (self, priority);
  g_mutex_lock (&self->lock);
  turn = enter (self, priority, self->monotonic (), error);
  g_mutex_unlock (&self->lock);
  return turn;
}

static void
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  BrevetAuthorityWaiter *waiter = user_data;
  BrevetAuthorityTraffic *self = waiter->traffic;
  GQueue ready = G_QUEUE_INIT;

  g_mutex_lock (&self->lock);
  if (waiter->queued)
    {
      waiter->queued = FALSE;
      g_queue_unlink (&self->queues[waiter->priority], &waiter->link);
      g_cancellable_set_error_if_cancelled (cancellable, &waiter->error);
      g_queue_push_tail (&ready, waiter);
      /* The next one may be of those that need not wait. */
      brevet_authority_traffic_pump (self, self->monotonic (), &ready);
    }
  g_mutex_unlock (&self->lock);
  brevet_authority_waiters_deliver (&ready);
}

static void
wait_for_turn (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority, GTask *task)
{
  GCancellable *cancellable = g_task_get_cancellable (task);
  BrevetAuthorityWaiter *waiter = g_new0 (BrevetAuthorityWaiter, 1);
  GQueue ready = G_QUEUE_INIT;
  gint64 now = self->monotonic ();

  waiter->traffic = brevet_authority_traffic_ref (self);
  waiter->priority = priority;
  waiter->task = task;
  g_task_set_task_data (task, waiter, brevet_authority_waiter_free);
  g_mutex_lock (&self->lock);
  waiter->turn = enter (self, priority, now, &waiter->error);
  if (waiter->turn == NULL && waiter->error == NULL)
    brevet_authority_traffic_queue (self, waiter, now);
  else
    {
      g_object_ref (task);
      g_queue_push_tail (&ready, waiter);
    }
  brevet_authority_traffic_pump (self, now, &ready);
  g_mutex_unlock (&self->lock);
  /* The answer comes later, on this thread: not before the handler is known. */
  brevet_authority_waiters_deliver (&ready);
  if (cancellable != NULL)
    waiter->on_cancelled = g_cancellable_connect (cancellable, G_CALLBACK (on_cancelled), waiter, NULL);
}

void
brevet_authority_traffic_enter_async (BrevetAuthorityTraffic *self, BrevetAuthorityPriority priority, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_authority_traffic_enter_async);
  /* A turn that has been given is not lost again. */
  g_task_set_check_cancellable (task, FALSE);
  if (g_task_return_error_if_cancelled (task))
    return;
  if (priority == BREVET_AUTHORITY_PRIORITY_CHECK || g_atomic_int_get (&self->simple))
    g_task_return_pointer (task, brevet_authority_traffic_try_enter (self, priority, NULL), brevet_authority_turn_abandon);
  else
    wait_for_turn (self, priority, task);
}

BrevetAuthorityTurn *
brevet_authority_traffic_enter_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
