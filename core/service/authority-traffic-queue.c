/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-traffic-private.h"

#include "brevet-ca-error.h"

guint
brevet_authority_traffic_count_waiting (BrevetAuthorityTraffic *self)
{
  return self->queues[BREVET_AUTHORITY_PRIORITY_DEVICE].length + self->queues[BREVET_AUTHORITY_PRIORITY_BACKGROUND].length;
}

void
brevet_authority_waiter_free (gpointer data)
{
  BrevetAuthorityWaiter *waiter = data;

  g_clear_pointer (&waiter->turn, brevet_authority_turn_abandon);
  g_clear_error (&waiter->error);
  brevet_authority_traffic_unref (waiter->traffic);
  g_free (waiter);
}

void
brevet_authority_traffic_queue (BrevetAuthorityTraffic *self, BrevetAuthorityWaiter *waiter, gint64 now)
{
  g_object_ref (waiter->task);
  waiter->queued = TRUE;
  waiter->since = now;
  waiter->link.data = waiter;
  g_queue_push_tail_link (&self->queues[waiter->priority], &waiter->link);
  brevet_authority_traffic_tell_queue (self);
}

/* First come, first served, devices before the rest; but that does not wait for ever either. */
static BrevetAuthorityWaiter *
take_next (BrevetAuthorityTraffic *self)
{
  GQueue *device = &self->queues[BREVET_AUTHORITY_PRIORITY_DEVICE];
  GQueue *background = &self->queues[BREVET_AUTHORITY_PRIORITY_BACKGROUND];
  gboolean overtake = device->length > 0 && (background->length == 0 || self->passed_over < BREVET_AUTHORITY_OVERTAKING);
  GList *link = g_queue_pop_head_link (overtake ? device : background);
  BrevetAuthorityWaiter *waiter = link->data;

  waiter->queued = FALSE;
  return waiter;
}

static gboolean
on_timer (gpointer user_data)
{
  BrevetAuthorityTraffic *self = user_data;

  brevet_authority_traffic_wake (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_source_set_ready_time (source, -1);
  return callback (user_data);
}

static GSourceFuncs timer_funcs = { NULL, NULL, dispatch, NULL, NULL, NULL };

/* The timer has a reference to the traffic for as long as somebody waits. */
static GSource *
ensure_timer (BrevetAuthorityTraffic *self)
{
  if (self->timer == NULL)
    {
      self->timer = g_source_new (&timer_funcs, sizeof (GSource));
      g_source_set_static_name (self->timer, "[brevet] queue of a certificate authority");
      g_source_set_callback (self->timer, on_timer, brevet_authority_traffic_ref (self),
                             (GDestroyNotify) brevet_authority_traffic_unref);
      g_source_attach (self->timer, self->main_context);
    }
  return self->timer;
}

static void
drop_timer (BrevetAuthorityTraffic *self)
{
  if (self->timer == NULL)
    return;
  g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
}

/* Returns: when somebody may be let through who may not be now; 0 if that is not for time to say */
static gint64
find_time (BrevetAuthorityTraffic *self, gint64 now)
{
  gint64 when = MAX (self->hold_until, brevet_rate_next (&self->rate, now));

  if (self->circuit.state == BREVET_AUTHORITY_CIRCUIT_HALF_OPEN)
    return 0;
  if (self->circuit.state == BREVET_AUTHORITY_CIRCUIT_OPEN)
    when = MAX (when, self->circuit.retry_at);
  return when > now ? when : 0;
}

static void
set_timer (BrevetAuthorityTraffic *self, gint64 now)
{
  gint64 when = brevet_authority_traffic_count_waiting (self) > 0 ? find_time (self, now) : 0;

  if (when > 0)
    g_source_set_ready_time (ensure_timer (self), g_get_monotonic_time () + when - now);
  else
    drop_timer (self);
}

void
brevet_authority_traffic_pump (BrevetAuthorityTraffic *self, gint64 now, GQueue *ready)
{
  if (now >= self->hold_until)
    self->hold_until = 0;
  while (brevet_authority_traffic_count_waiting (self) > 0 && brevet_authority_traffic_may_begin (self, now))
    {
      BrevetAuthorityWaiter *waiter = take_next (self);

      waiter->turn = brevet_authority_traffic_begin (self, waiter->priority);
      g_queue_push_tail (ready, waiter);
    }
  set_timer (self, now);
  brevet_authority_traffic_tell_queue (self);
  brevet_authority_traffic_update_simple (self);
}

void
brevet_authority_traffic_refuse_all (BrevetAuthorityTraffic *self, gint64 now, GQueue *ready)
{
  while (brevet_authority_traffic_count_waiting (self) > 0)
    {
      BrevetAuthorityWaiter *waiter = take_next (self);

      waiter->error = brevet_authority_traffic_make_refusal (self, now);
      g_queue_push_tail (ready, waiter);
    }
}

GError *
brevet_authority_traffic_make_refusal (BrevetAuthorityTraffic *self, gint64 now)
{
  gint64 seconds = (self->circuit.retry_at - now + G_USEC_PER_SEC - 1) / G_USEC_PER_SEC;
  GError *error = g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE,
                               "The certificate authority “%s” is not asked at present, because it is down: %s", self->name,
                               self->problem != NULL ? self->problem : "a check found it so");

  brevet_ca_error_set_retry_after (error, (int) MAX (seconds, 1));
  return error;
}

void
brevet_authority_traffic_wake (BrevetAuthorityTraffic *self)
{
  GQueue ready = G_QUEUE_INIT;

  g_mutex_lock (&self->lock);
  brevet_authority_traffic_pump (self, self->monotonic (), &ready);
  g_mutex_unlock (&self->lock);
  brevet_authority_waiters_deliver (&ready);
}

static gboolean
deliver (gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetAuthorityWaiter *waiter = g_task_get_task_data (task);

  /* Waits for a handler that is running in another thread; none of them waits for us. */
  g_cancellable_disconnect (g_task_get_cancellable (task), waiter->on_cancelled);
  waiter->on_cancelled = 0;
  if (waiter->turn != NULL)
    g_task_return_pointer (task, g_steal_pointer (&waiter->turn), brevet_authority_turn_abandon);
  else
    g_task_return_error (task, g_steal_pointer (&waiter->error));
  return G_SOURCE_REMOVE;
}

/* Never at once: whoever ends his turn might be made to take the next, and so on, each within the other. */
void
brevet_authority_waiters_deliver (GQueue *ready)
{
  BrevetAuthorityWaiter *waiter;

  while ((waiter = g_queue_pop_head (ready)) != NULL)
    {
      GTask *task = waiter->task;
      /* Its thread may be through with it before the source is let go of here. */
      g_autoptr(GMainContext) context = g_main_context_ref (g_task_get_context (task));
      g_autoptr(GSource) source = g_idle_source_new ();

      g_source_set_priority (source, g_task_get_priority (task));
      g_source_set_static_name (source, "[brevet] turn at a certificate authority");
      g_source_set_callback (source, deliver, task, g_object_unref);
      g_source_attach (source, context);
    }
}
