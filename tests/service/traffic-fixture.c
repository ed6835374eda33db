/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "traffic-fixture.h"

gint64 clock_now = 1000 * SECOND;

void
traffic_test_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  /* A CA that is down is told to the operator. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
}

static gint64
tell_time (void)
{
  return clock_now;
}

void
pass_seconds (BrevetAuthorityTraffic *traffic, double seconds)
{
  clock_now += (gint64) (seconds * SECOND);
  brevet_authority_traffic_wake (traffic);
}

BrevetAuthorityTraffic *
make_traffic (guint in_flight, guint burst, double per_second, guint queued)
{
  BrevetAuthorityLimits limits = { in_flight, burst, per_second, queued, 300 };
  BrevetAuthorityTraffic *traffic = brevet_authority_traffic_new ("Plant", &limits);

  brevet_authority_traffic_set_clock (traffic, tell_time);
  return traffic;
}

static void
on_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Asker *asker = user_data;

  g_assert_false (asker->answered);
  asker->answered = TRUE;
  asker->turn = brevet_authority_traffic_enter_finish (result, &asker->error);
  g_assert_true ((asker->turn != NULL) == (asker->error == NULL));
  if (asker->order != NULL)
    g_queue_push_tail (asker->order, GUINT_TO_POINTER (asker->number));
}

void
enter (BrevetAuthorityTraffic *traffic, Asker *asker, BrevetAuthorityPriority priority, GCancellable *cancellable)
{
  brevet_authority_traffic_enter_async (traffic, priority, cancellable, on_entered, asker);
}

void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

void
end_with (Asker *asker, int code, int retry_after)
{
  g_autoptr(GError) error = code >= 0 ? g_error_new (BREVET_CA_ERROR, code, "trouble of kind %d", code) : NULL;

  g_assert_nonnull (asker->turn);
  if (retry_after >= 0)
    brevet_ca_error_set_retry_after (error, retry_after);
  brevet_authority_turn_end (g_steal_pointer (&asker->turn), error);
}

void
ask_and_end (BrevetAuthorityTraffic *traffic, int code, int retry_after)
{
  Asker asker = { 0 };

  enter (traffic, &asker, DEVICE, NULL);
  settle ();
  g_assert_no_error (asker.error);
  end_with (&asker, code, retry_after);
  settle ();
}

void
assert_refused (BrevetAuthorityTraffic *traffic, int code, int retry_after)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_authority_traffic_try_enter (traffic, DEVICE, &error));
  g_assert_error (error, BREVET_CA_ERROR, code);
  g_assert_cmpint (brevet_ca_error_get_retry_after (error), ==, retry_after);
}

void
open_circuit (BrevetAuthorityTraffic *traffic)
{
  for (guint i = 0; i < 5; i++)
    ask_and_end (traffic, BREVET_CA_ERROR_TIMEOUT, -1);
  g_assert_cmpint (get_circuit (traffic), ==, BREVET_AUTHORITY_CIRCUIT_OPEN);
}

guint
count_in_flight (BrevetAuthorityTraffic *traffic)
{
  g_autoptr(BrevetAuthorityReport) report = brevet_authority_traffic_report (traffic);

  return report->in_flight;
}

guint
count_queued (BrevetAuthorityTraffic *traffic)
{
  g_autoptr(BrevetAuthorityReport) report = brevet_authority_traffic_report (traffic);

  return report->queued;
}

BrevetAuthorityCircuit
get_circuit (BrevetAuthorityTraffic *traffic)
{
  g_autoptr(BrevetAuthorityReport) report = brevet_authority_traffic_report (traffic);

  return report->circuit;
}
