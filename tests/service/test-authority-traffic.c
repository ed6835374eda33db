/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-traffic-private.h"

#include "brevet-ca-error.h"
#include "brevet-clock.h"

#define SECOND ((gint64) G_USEC_PER_SEC)
#define DEVICE BREVET_AUTHORITY_PRIORITY_DEVICE
#define BACKGROUND BREVET_AUTHORITY_PRIORITY_BACKGROUND
#define CHECK BREVET_AUTHORITY_PRIORITY_CHECK

/* --- time of the test's own --------------------------------------------------------------------------------------------------- */

static gint64 clock_now = 1000 * SECOND;

static gint64
tell_time (void)
{
  return clock_now;
}

static void
pass_seconds (BrevetAuthorityTraffic *traffic, double seconds)
{
  clock_now += (gint64) (seconds * SECOND);
  brevet_authority_traffic_wake (traffic);
}

static BrevetAuthorityTraffic *
make_traffic (guint in_flight, guint burst, double per_second, guint queued)
{
  BrevetAuthorityLimits limits = { in_flight, burst, per_second, queued, 300 };
  BrevetAuthorityTraffic *traffic = brevet_authority_traffic_new ("Plant", &limits);

  brevet_authority_traffic_set_clock (traffic, tell_time);
  return traffic;
}

/* --- those who ask ------------------------------------------------------------------------------------------------------------ */

typedef struct {
  guint number;
  GQueue *order; /* of those who were answered */
  gboolean answered;
  BrevetAuthorityTurn *turn;
  GError *error;
} Asker;

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

static void
enter (BrevetAuthorityTraffic *traffic, Asker *asker, BrevetAuthorityPriority priority, GCancellable *cancellable)
{
  brevet_authority_traffic_enter_async (traffic, priority, cancellable, on_entered, asker);
}

/* Everything that can happen now, happens. */
static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
end_with (Asker *asker, int code, int retry_after)
{
  g_autoptr(GError) error = code >= 0 ? g_error_new (BREVET_CA_ERROR, code, "trouble of kind %d", code) : NULL;

  g_assert_nonnull (asker->turn);
  if (retry_after >= 0)
    brevet_ca_error_set_retry_after (error, retry_after);
  brevet_authority_turn_end (g_steal_pointer (&asker->turn), error);
}

static void
end (Asker *asker)
{
  end_with (asker, -1, -1);
}

static void
ask_and_end (BrevetAuthorityTraffic *traffic, int code, int retry_after)
{
  Asker asker = { 0 };

  enter (traffic, &asker, DEVICE, NULL);
  settle ();
  g_assert_no_error (asker.error);
  end_with (&asker, code, retry_after);
  settle ();
}

static void
assert_refused (BrevetAuthorityTraffic *traffic, int code, int retry_after)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_authority_traffic_try_enter (traffic, DEVICE, &error));
  g_assert_error (error, BREVET_CA_ERROR, code);
  g_assert_cmpint (brevet_ca_error_get_retry_after (error), ==, retry_after);
}

static guint
count_in_flight (BrevetAuthorityTraffic *traffic)
{
  g_autoptr(BrevetAuthorityReport) report = brevet_authority_traffic_report (traffic);

  return report->in_flight;
}

static guint
count_queued (BrevetAuthorityTraffic *traffic)
{
  g_autoptr(BrevetAuthorityReport) report = brevet_authority_traffic_report (traffic);

  return report->queued;
}

static BrevetAuthorityCircuit
get_circuit (BrevetAuthorityTraffic *traffic)
{
  g_autoptr(BrevetAuthorityReport) report = brevet_authority_traffic_report (traffic);

  return report->circuit;
}

/* --- the circuit breaker by itself -------------------------------------------------------------------------------------------- */

static void
test_circuit_opens (void)
{
  BrevetCircuit circuit = { 0 };

  for (guint i = 0; i < 4; i++)
    g_assert_false (brevet_circuit_note_failure (&circuit, brevet_circuit_pass (&circuit), 0));
  g_assert_false (brevet_circuit_note_answer (&circuit));
  for (guint i = 0; i < 4; i++)
    g_assert_false (brevet_circuit_note_failure (&circuit, brevet_circuit_pass (&circuit), 0));
  g_assert_true (brevet_circuit_lets_pass (&circuit, 0));
  g_assert_true (brevet_circuit_note_failure (&circuit, brevet_circuit_pass (&circuit), 0));
  g_assert_false (brevet_circuit_lets_pass (&circuit, 30 * SECOND - 1));
  g_assert_true (brevet_circuit_lets_pass (&circuit, 30 * SECOND));
}

/* 30 s, then twice as long each time, up to ten minutes; one question between. */
static void
test_circuit_doubles (void)
{
  static const gint64 durations[] = { 30, 60, 120, 240, 480, 600, 600, 600 };
  BrevetCircuit circuit = { 0 };
  gint64 now = 7 * SECOND;

  g_assert_true (brevet_circuit_note_down (&circuit, now));
  for (guint i = 0; i < G_N_ELEMENTS (durations); i++)
    {
      guint epoch;

      g_assert_false (brevet_circuit_lets_pass (&circuit, now + durations[i] * SECOND - 1));
      now += durations[i] * SECOND;
      g_assert_true (brevet_circuit_lets_pass (&circuit, now));
      epoch = brevet_circuit_pass (&circuit);
      g_assert_false (brevet_circuit_lets_pass (&circuit, now + 3600 * SECOND));
      g_assert_true (brevet_circuit_note_failure (&circuit, epoch, now));
    }
  g_assert_true (brevet_circuit_note_answer (&circuit));
  g_assert_true (brevet_circuit_note_down (&circuit, now));
  g_assert_true (brevet_circuit_lets_pass (&circuit, now + 30 * SECOND));
}

/* What was begun before the circuit opened says nothing about the question that is to find out. */
static void
test_circuit_epochs (void)
{
  BrevetCircuit circuit = { 0 };
  guint before = brevet_circuit_pass (&circuit);
  guint probe;

  for (guint i = 0; i < 5; i++)
    brevet_circuit_note_failure (&circuit, before, 0);
  for (guint i = 0; i < 50; i++)
    g_assert_false (brevet_circuit_note_failure (&circuit, before, 20 * SECOND));
  g_assert_true (brevet_circuit_lets_pass (&circuit, 30 * SECOND));
  probe = brevet_circuit_pass (&circuit);
  g_assert_false (brevet_circuit_note_failure (&circuit, before, 31 * SECOND));
  g_assert_cmpint (circuit.state, ==, BREVET_AUTHORITY_CIRCUIT_HALF_OPEN);
  brevet_circuit_note_nothing (&circuit, probe, 31 * SECOND);
  g_assert_true (brevet_circuit_lets_pass (&circuit, 31 * SECOND));
  probe = brevet_circuit_pass (&circuit);
  g_assert_true (brevet_circuit_note_failure (&circuit, probe, 32 * SECOND));
  g_assert_false (brevet_circuit_lets_pass (&circuit, 91 * SECOND));
  g_assert_true (brevet_circuit_lets_pass (&circuit, 92 * SECOND));
}

static void
test_circuit_checks (void)
{
  BrevetCircuit circuit = { 0 };

  g_assert_true (brevet_circuit_note_down (&circuit, 0));
  g_assert_false (brevet_circuit_note_down (&circuit, 20 * SECOND));
  g_assert_false (brevet_circuit_lets_pass (&circuit, 49 * SECOND));
  brevet_circuit_note_up (&circuit, 21 * SECOND);
  g_assert_true (brevet_circuit_lets_pass (&circuit, 21 * SECOND));
}

/* --- the rate by itself ------------------------------------------------------------------------------------------------------- */

static void
test_rate_minutes (void)
{
  BrevetRate rate;
  gint64 now = 5 * SECOND;
  guint asked = 0;

  brevet_rate_init (&rate, 4, 50, now);
  for (gint64 end = now + 600 * SECOND; now < end; now = MAX (now + 1, brevet_rate_next (&rate, now)))
    if (brevet_rate_has_token (&rate, now))
      {
        brevet_rate_take (&rate, now);
        asked++;
      }
  g_assert_cmpuint (asked, >=, 50 + 4 * 600 - 1);
  g_assert_cmpuint (asked, <=, 50 + 4 * 600 + 1);
}

static void
test_rate_bounds (void)
{
  BrevetRate rate;

  brevet_rate_init (&rate, 0.5, 2, 0);
  brevet_rate_take (&rate, 0);
  brevet_rate_take (&rate, 0);
  g_assert_false (brevet_rate_has_token (&rate, 0));
  g_assert_cmpint (brevet_rate_next (&rate, 0), >=, 2 * SECOND);
  g_assert_cmpint (brevet_rate_next (&rate, 0), <=, 2 * SECOND + 10);
  g_assert_true (brevet_rate_has_token (&rate, 2 * SECOND + 10));
  /* A clock that is read by several threads may seem to go back a little. */
  g_assert_true (brevet_rate_has_token (&rate, 1 * SECOND));
  g_assert_true (brevet_rate_has_token (&rate, 86400 * SECOND));
  brevet_rate_take (&rate, 86400 * SECOND);
  brevet_rate_take (&rate, 86400 * SECOND);
  g_assert_false (brevet_rate_has_token (&rate, 86400 * SECOND));
  brevet_rate_change (&rate, 0, 0, 86400 * SECOND);
  g_assert_true (brevet_rate_has_token (&rate, 86400 * SECOND));
  brevet_rate_change (&rate, 1, 3, 86401 * SECOND);
  brevet_rate_empty (&rate, 86410 * SECOND);
  g_assert_false (brevet_rate_has_token (&rate, 86405 * SECOND));
  g_assert_false (brevet_rate_has_token (&rate, 86410 * SECOND));
  g_assert_true (brevet_rate_has_token (&rate, 86411 * SECOND));
}

/* --- turns -------------------------------------------------------------------------------------------------------------------- */

static void
test_unlimited (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 10);
  Asker askers[100] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (askers); i++)
    enter (traffic, &askers[i], i % 2 == 0 ? DEVICE : BACKGROUND, NULL);
  settle ();
  g_assert_cmpuint (count_in_flight (traffic), ==, G_N_ELEMENTS (askers));
  for (guint i = 0; i < G_N_ELEMENTS (askers); i++)
    end (&askers[i]);
  g_assert_cmpuint (count_in_flight (traffic), ==, 0);
}

static void
test_order (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (1, 0, 0, 1000);
  g_autoptr(GQueue) order = g_queue_new ();
  Asker askers[40] = { 0 };

  for (guint i = 0; i < 40; i++)
    {
      askers[i].number = i;
      askers[i].order = order;
      /* 20 in the background, then 20 devices, which come first. */
      enter (traffic, &askers[i], i < 20 ? BACKGROUND : DEVICE, NULL);
    }
  settle ();
  for (guint i = 0; i < 40; i++)
    {
      g_assert_cmpuint (count_in_flight (traffic), ==, 1);
      g_assert_cmpuint (count_queued (traffic), ==, 39 - i);
      end (&askers[GPOINTER_TO_UINT (g_queue_peek_tail (order))]);
      settle ();
    }
  g_assert_cmpuint (g_queue_get_length (order), ==, 40);
  g_assert_cmpuint (GPOINTER_TO_UINT (g_queue_pop_head (order)), ==, 0);
  for (guint i = 0; i < BREVET_AUTHORITY_OVERTAKING; i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (g_queue_pop_head (order)), ==, 20 + i);
  /* What is done in the background is not overtaken for ever. */
  g_assert_cmpuint (GPOINTER_TO_UINT (g_queue_pop_head (order)), ==, 1);
  for (guint i = 20 + BREVET_AUTHORITY_OVERTAKING; i < 40; i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (g_queue_pop_head (order)), ==, i);
  for (guint i = 2; i < 20; i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (g_queue_pop_head (order)), ==, i);
}

/* Devices that never find a queue, because a token comes as often as they do, let the background have its share as well. */
static void
test_background_is_not_starved (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 1, 1, 1000);
  Asker background = { 0 };
  guint devices = 0;

  ask_and_end (traffic, -1, -1);
  enter (traffic, &background, BACKGROUND, NULL);
  settle ();
  while (!background.answered)
    {
      g_autoptr(GError) error = NULL;
      BrevetAuthorityTurn *turn;

      clock_now += SECOND + 10;
      turn = brevet_authority_traffic_try_enter (traffic, DEVICE, &error);
      g_assert_no_error (error);
      if (turn == NULL)
        {
          brevet_authority_traffic_wake (traffic);
          settle ();
          continue;
        }
      brevet_authority_turn_end (turn, NULL);
      g_assert_cmpuint (++devices, <=, BREVET_AUTHORITY_OVERTAKING);
    }
  end (&background);
}

static void
test_full_queue (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (1, 0, 0, 2);
  Asker askers[4] = { 0 };
  Asker background = { 0 };

  for (guint i = 0; i < 4; i++)
    enter (traffic, &askers[i], DEVICE, NULL);
  enter (traffic, &background, BACKGROUND, NULL);
  settle ();
  g_assert_nonnull (askers[0].turn);
  g_assert_false (askers[2].answered);
  g_assert_error (askers[3].error, BREVET_CA_ERROR, BREVET_CA_ERROR_RATE_LIMITED);
  g_assert_cmpint (brevet_ca_error_get_retry_after (askers[3].error), >, 0);
  g_clear_error (&askers[3].error);
  assert_refused (traffic, BREVET_CA_ERROR_RATE_LIMITED, 5);
  for (guint i = 0; i < 3; i++)
    {
      end (&askers[i]);
      settle ();
    }
  end (&background);
}

static void
test_cancelled (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (1, 0, 0, 10);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GCancellable) late = g_cancellable_new ();
  Asker askers[4] = { 0 };
  Asker never = { 0 };

  enter (traffic, &askers[0], DEVICE, late);
  enter (traffic, &askers[1], DEVICE, cancellable);
  enter (traffic, &askers[2], DEVICE, late);
  settle ();
  g_cancellable_cancel (cancellable);
  settle ();
  g_assert_error (askers[1].error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&askers[1].error);
  g_assert_cmpuint (count_queued (traffic), ==, 1);
  enter (traffic, &never, DEVICE, cancellable);
  settle ();
  g_assert_error (never.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&never.error);
  /* Who has been let through has a turn to end, whatever is cancelled then. */
  end (&askers[0]);
  g_cancellable_cancel (late);
  settle ();
  g_assert_nonnull (askers[2].turn);
  end (&askers[2]);
  g_assert_cmpuint (count_in_flight (traffic), ==, 0);
}

static void
test_limits_change (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (1, 0, 0, 100);
  BrevetAuthorityLimits more = { 5, 0, 0, 100, 60 };
  BrevetAuthorityLimits none = { 0, 0, 0, 100, 60 };
  Asker askers[20] = { 0 };

  for (guint i = 0; i < 20; i++)
    enter (traffic, &askers[i], DEVICE, NULL);
  settle ();
  g_assert_cmpuint (count_in_flight (traffic), ==, 1);
  brevet_authority_traffic_set_limits (traffic, &more);
  settle ();
  g_assert_cmpuint (count_in_flight (traffic), ==, 5);
  g_assert_cmpuint (brevet_authority_traffic_get_check_interval (traffic), ==, 60);
  brevet_authority_traffic_set_limits (traffic, &none);
  settle ();
  g_assert_cmpuint (count_in_flight (traffic), ==, 20);
  for (guint i = 0; i < 20; i++)
    end (&askers[i]);
}

/* 50 in a row, then four in a second, for ten simulated minutes, with more of them than that who want to. */
static void
test_rate_of_turns (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 50, 4, 10000);
  g_autoptr(GQueue) order = g_queue_new ();
  g_autofree Asker *askers = g_new0 (Asker, 3000);
  guint ended = 0;

  for (guint i = 0; i < 3000; i++)
    {
      askers[i] = (Asker) { .number = i, .order = order };
      enter (traffic, &askers[i], DEVICE, NULL);
    }
  settle ();
  g_assert_cmpuint (g_queue_get_length (order), ==, 50);
  for (guint second = 1; second <= 600; second++)
    {
      for (; ended < g_queue_get_length (order); ended++)
        end (&askers[ended]);
      pass_seconds (traffic, 1);
      settle ();
      g_assert_cmpuint (g_queue_get_length (order), >=, 50 + 4 * second - 1);
      g_assert_cmpuint (g_queue_get_length (order), <=, 50 + 4 * second);
    }
  pass_seconds (traffic, 3000);
  while (g_queue_get_length (order) < 3000)
    {
      pass_seconds (traffic, 10);
      settle ();
    }
  for (; ended < 3000; ended++)
    end (&askers[ended]);
}

/* --- trouble ------------------------------------------------------------------------------------------------------------------ */

static void
test_opens_and_refuses (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (5, 0, 0, 100);
  Asker askers[20] = { 0 };

  for (guint i = 0; i < 20; i++)
    enter (traffic, &askers[i], DEVICE, NULL);
  settle ();
  g_assert_false (brevet_authority_traffic_is_open (traffic));
  for (guint i = 0; i < 5; i++)
    end_with (&askers[i], BREVET_CA_ERROR_UNAVAILABLE, -1);
  settle ();
  g_assert_true (brevet_authority_traffic_is_open (traffic));
  /* Each failure let another one through; the fifth refused those that still waited. */
  for (guint i = 5; i < 9; i++)
    end_with (&askers[i], BREVET_CA_ERROR_UNAVAILABLE, -1);
  for (guint i = 9; i < 20; i++)
    {
      g_assert_error (askers[i].error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE);
      g_assert_cmpint (brevet_ca_error_get_retry_after (askers[i].error), ==, 30);
      g_clear_error (&askers[i].error);
    }
  assert_refused (traffic, BREVET_CA_ERROR_UNAVAILABLE, 30);
  pass_seconds (traffic, 29);
  assert_refused (traffic, BREVET_CA_ERROR_UNAVAILABLE, 1);
}

static void
open_circuit (BrevetAuthorityTraffic *traffic)
{
  for (guint i = 0; i < 5; i++)
    ask_and_end (traffic, BREVET_CA_ERROR_TIMEOUT, -1);
  g_assert_cmpint (get_circuit (traffic), ==, BREVET_AUTHORITY_CIRCUIT_OPEN);
}

/* One is let through; those who come meanwhile wait for its answer, and share its lot. */
static void
test_half_open (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 100);
  Asker askers[10] = { 0 };

  open_circuit (traffic);
  pass_seconds (traffic, 30);
  g_assert_cmpint (get_circuit (traffic), ==, BREVET_AUTHORITY_CIRCUIT_HALF_OPEN);
  g_assert_false (brevet_authority_traffic_is_open (traffic));
  for (guint i = 0; i < 10; i++)
    enter (traffic, &askers[i], DEVICE, NULL);
  settle ();
  g_assert_cmpuint (count_in_flight (traffic), ==, 1);
  g_assert_true (brevet_authority_traffic_is_open (traffic));
  end_with (&askers[0], BREVET_CA_ERROR_AMBIGUOUS, -1);
  settle ();
  for (guint i = 1; i < 10; i++)
    {
      g_assert_error (askers[i].error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE);
      g_assert_cmpint (brevet_ca_error_get_retry_after (askers[i].error), ==, 60);
      g_clear_error (&askers[i].error);
    }
  assert_refused (traffic, BREVET_CA_ERROR_UNAVAILABLE, 60);
}

/* After the answer nobody storms: one more with each answer, until it is as before. */
static void
test_recovers_slowly (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 1000);
  Asker askers[300] = { 0 };
  guint ended = 0;
  guint most = 1;

  open_circuit (traffic);
  pass_seconds (traffic, 30);
  for (guint i = 0; i < 300; i++)
    enter (traffic, &askers[i], DEVICE, NULL);
  settle ();
  while (ended < 300)
    {
      guint in_flight = count_in_flight (traffic);

      g_assert_cmpuint (in_flight, >, 0);
      g_assert_cmpuint (in_flight, <=, most);
      for (guint i = 0; i < in_flight; i++)
        end (&askers[ended++]);
      settle ();
      most = ended >= 64 ? 300 : most * 2;
    }
  g_assert_cmpint (get_circuit (traffic), ==, BREVET_AUTHORITY_CIRCUIT_CLOSED);
  g_assert_cmpuint (most, ==, 300);
}

static void
test_refusals_are_answers (void)
{
  static const int answers[] = { BREVET_CA_ERROR_POLICY, BREVET_CA_ERROR_REJECTED, BREVET_CA_ERROR_INVALID_CSR,
                                 BREVET_CA_ERROR_CONFLICT, BREVET_CA_ERROR_NOT_FOUND, BREVET_CA_ERROR_NEW_KEY_REQUIRED,
                                 BREVET_CA_ERROR_TICKET_EXPIRED };
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 10);

  for (guint i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      for (guint j = 0; j < 10; j++)
        ask_and_end (traffic, answers[i], -1);
      g_assert_cmpint (get_circuit (traffic), ==, BREVET_AUTHORITY_CIRCUIT_CLOSED);
    }
  open_circuit (traffic);
  pass_seconds (traffic, 30);
  ask_and_end (traffic, BREVET_CA_ERROR_REJECTED, -1);
  g_assert_cmpint (get_circuit (traffic), ==, BREVET_AUTHORITY_CIRCUIT_CLOSED);
}

static void
test_failures (void)
{
  static const int failures[] = { BREVET_CA_ERROR_AUTH, BREVET_CA_ERROR_CONFIG, BREVET_CA_ERROR_PROFILE, BREVET_CA_ERROR_QUOTA,
                                  BREVET_CA_ERROR_UNAVAILABLE, BREVET_CA_ERROR_TIMEOUT, BREVET_CA_ERROR_AMBIGUOUS,
                                  BREVET_CA_ERROR_PROTOCOL };

  for (guint i = 0; i < G_N_ELEMENTS (failures); i++)
    {
      g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 10);
      g_autoptr(BrevetAuthorityReport) report = NULL;

      for (guint j = 0; j < 5; j++)
        ask_and_end (traffic, failures[i], -1);
      report = brevet_authority_traffic_report (traffic);
      g_assert_cmpint (report->circuit, ==, BREVET_AUTHORITY_CIRCUIT_OPEN);
      g_assert_cmpuint (report->failures, ==, 5);
      g_assert_cmpuint (report->failed, ==, 5);
      g_assert_cmpuint (report->asked, ==, 5);
      g_assert_cmpint (report->retry_at, >, g_get_real_time () / SECOND + 20);
      g_assert_true (g_str_has_prefix (report->problem, "trouble of kind"));
      g_assert_cmpint (report->last_success, ==, 0);
    }
}

/* The CA asks for a pause: all wait, nobody is refused, and afterwards they come one by one. */
static void
test_too_much (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 100);
  Asker askers[30] = { 0 };

  for (guint i = 0; i < 10; i++)
    enter (traffic, &askers[i], DEVICE, NULL);
  settle ();
  for (guint i = 0; i < 10; i++)
    end_with (&askers[i], BREVET_CA_ERROR_RATE_LIMITED, 60);
  g_assert_cmpint (get_circuit (traffic), ==, BREVET_AUTHORITY_CIRCUIT_CLOSED);
  for (guint i = 10; i < 30; i++)
    enter (traffic, &askers[i], DEVICE, NULL);
  pass_seconds (traffic, 59.9);
  settle ();
  g_assert_cmpuint (count_queued (traffic), ==, 20);
  pass_seconds (traffic, 6.2);
  settle ();
  g_assert_cmpuint (count_in_flight (traffic), ==, 1);
  end (&askers[10]);
  settle ();
  g_assert_cmpuint (count_in_flight (traffic), ==, 2);
  for (guint i = 11; i < 30; i++)
    {
      settle ();
      end (&askers[i]);
    }
}

/* A CA that does not say for how long is asked less and less often; ten answers at once are one pause. */
static void
test_too_much_unsaid (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 100);
  Asker askers[10] = { 0 };
  double pause = 1;

  for (guint i = 0; i < 10; i++)
    enter (traffic, &askers[i], DEVICE, NULL);
  settle ();
  for (guint i = 0; i < 10; i++)
    end_with (&askers[i], BREVET_CA_ERROR_RATE_LIMITED, -1);
  for (guint i = 0; i < 12; i++, pause = MIN (pause * 2, 300))
    {
      Asker asker = { 0 };

      enter (traffic, &asker, DEVICE, NULL);
      pass_seconds (traffic, pause * 0.99);
      settle ();
      g_assert_false (asker.answered);
      pass_seconds (traffic, pause * 0.12);
      settle ();
      g_assert_nonnull (asker.turn);
      end_with (&asker, BREVET_CA_ERROR_RATE_LIMITED, -1);
    }
}

static void
test_health (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 100);
  g_autoptr(BrevetCaHealth) down = brevet_ca_health_new (BREVET_CA_HEALTH_DOWN, "it burns", 0);
  g_autoptr(BrevetCaHealth) well = brevet_ca_health_new (BREVET_CA_HEALTH_OK, "it is well", 4102444800);
  g_autoptr(BrevetAuthorityReport) report = NULL;
  BrevetAuthorityTurn *check;

  brevet_authority_traffic_note_health (traffic, down, NULL, 17);
  assert_refused (traffic, BREVET_CA_ERROR_UNAVAILABLE, 30);
  check = brevet_authority_traffic_try_enter (traffic, CHECK, NULL);
  g_assert_nonnull (check);
  g_assert_cmpuint (count_in_flight (traffic), ==, 0);
  brevet_authority_turn_end (check, NULL);
  /* That a check came through is no answer to a device. */
  assert_refused (traffic, BREVET_CA_ERROR_UNAVAILABLE, 30);
  brevet_authority_traffic_note_health (traffic, well, NULL, 18);
  g_assert_false (brevet_authority_traffic_is_open (traffic));
  ask_and_end (traffic, -1, -1);
  report = brevet_authority_traffic_report (traffic);
  g_assert_cmpint (report->circuit, ==, BREVET_AUTHORITY_CIRCUIT_CLOSED);
  g_assert_cmpint (brevet_ca_health_get_expires (report->health), ==, 4102444800);
  g_assert_cmpuint (report->latency, ==, 18);
  g_assert_cmpint (report->last_success, >, 0);
}

/* A check that fails is a failure like others: five of them in a row, not one. */
static void
test_check_fails (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (0, 0, 0, 100);
  g_autoptr(GError) error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "no answer within 60 s");

  for (guint i = 0; i < 4; i++)
    brevet_authority_traffic_note_health (traffic, NULL, error, 60000);
  g_assert_false (brevet_authority_traffic_is_open (traffic));
  brevet_authority_traffic_note_health (traffic, NULL, error, 60000);
  g_assert_true (brevet_authority_traffic_is_open (traffic));
}

/* --- several authorities, several threads ------------------------------------------------------------------------------------- */

static void
test_slow_beside_fast (void)
{
  g_autoptr(BrevetAuthorityTraffics) traffics = brevet_authority_traffics_new ();
  BrevetAuthorityLimits limits = { 2, 0, 0, 50, 300 };
  g_autoptr(BrevetAuthorityTraffic) slow = brevet_authority_traffics_get (traffics, "slow", "one", &limits);
  g_autoptr(BrevetAuthorityTraffic) fast = brevet_authority_traffics_get (traffics, "fast", "one", &limits);
  Asker stuck[52] = { 0 };

  for (guint i = 0; i < 52; i++)
    enter (slow, &stuck[i], DEVICE, NULL);
  settle ();
  assert_refused (slow, BREVET_CA_ERROR_RATE_LIMITED, 5);
  for (guint i = 0; i < 1000; i++)
    {
      BrevetAuthorityTurn *turn = brevet_authority_traffic_try_enter (fast, DEVICE, NULL);

      /* Never a wait, not even for one turn of the main loop. */
      g_assert_nonnull (turn);
      brevet_authority_turn_end (turn, NULL);
    }
  for (guint i = 0; i < 52; i++)
    {
      end (&stuck[i]);
      settle ();
    }
}

static void
test_traffics (void)
{
  g_autoptr(BrevetAuthorityTraffics) traffics = brevet_authority_traffics_new ();
  BrevetAuthorityLimits limits = { 2, 0, 0, 50, 300 };
  BrevetAuthorityLimits others = { 2, 0, 0, 50, 30 };
  g_autoptr(BrevetAuthorityTraffic) first = brevet_authority_traffics_get (traffics, "Plant", "one", &limits);
  g_autoptr(BrevetAuthorityTraffic) again = brevet_authority_traffics_get (traffics, "plant", "one", &others);
  g_autoptr(BrevetAuthorityTraffic) swapped = brevet_authority_traffics_get (traffics, "Plant", "two", &limits);
  g_autoptr(BrevetAuthorityTraffic) former = brevet_authority_traffics_get (traffics, "Plant", "one", &others);

  g_assert_true (first == again && first == former && first != swapped);
  g_assert_cmpuint (brevet_authority_traffic_get_check_interval (swapped), ==, 300);
  /* A configuration that is only looked at changes nothing for the one in force. */
  g_assert_cmpuint (brevet_authority_traffic_get_check_interval (first), ==, 300);
  brevet_authority_traffic_set_limits (first, &others);
  g_assert_cmpuint (brevet_authority_traffic_get_check_interval (again), ==, 30);
}

static void
test_ten_thousand (void)
{
  g_autoptr(BrevetAuthorityTraffic) traffic = make_traffic (1, 0, 0, 10000);
  g_autofree Asker *askers = g_new0 (Asker, 10001);
  g_autoptr(GQueue) order = g_queue_new ();

  for (guint i = 0; i <= 10000; i++)
    {
      askers[i] = (Asker) { .number = i, .order = order };
      enter (traffic, &askers[i], DEVICE, NULL);
    }
  settle ();
  g_assert_cmpuint (count_queued (traffic), ==, 10000);
  assert_refused (traffic, BREVET_CA_ERROR_RATE_LIMITED, 5);
  for (guint i = 0; i < 5000; i++)
    {
      g_assert_cmpuint (GPOINTER_TO_UINT (g_queue_peek_tail (order)), ==, i);
      end (&askers[i]);
      settle ();
    }
  /* The others are refused at a stroke. */
  for (guint i = 0; i < 5; i++)
    {
      end_with (&askers[5000 + i], BREVET_CA_ERROR_UNAVAILABLE, -1);
      settle ();
    }
  g_assert_cmpuint (g_queue_get_length (order), ==, 10001);
  for (guint i = 5005; i <= 10000; i++)
    {
      g_assert_error (askers[i].error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE);
      g_clear_error (&askers[i].error);
    }
}

typedef struct {
  BrevetAuthorityTraffic *traffic;
  int *in_flight;
  int *most;
  guint left;
  guint waiting;
  guint cancelled;
  GRand *random;
} Worker;

static void begin_one (Worker *worker);

static void
note_most (Worker *worker, int now)
{
  int most = g_atomic_int_get (worker->most);

  while (now > most && !g_atomic_int_compare_and_exchange (worker->most, most, now))
    most = g_atomic_int_get (worker->most);
}

static gboolean
on_work_done (gpointer user_data)
{
  gpointer *both = user_data;
  Worker *worker = both[0];
  g_autoptr(GError) error = NULL;

  g_atomic_int_add (worker->in_flight, -1);
  if (g_rand_int_range (worker->random, 0, 10) == 0)
    error = g_error_new_literal (BREVET_CA_ERROR, BREVET_CA_ERROR_REJECTED, "no");
  brevet_authority_turn_end (both[1], error);
  worker->waiting--;
  begin_one (worker);
  return G_SOURCE_REMOVE;
}

static void
on_worker_entered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Worker *worker = user_data;
  g_autoptr(GError) error = NULL;
  BrevetAuthorityTurn *turn = brevet_authority_traffic_enter_finish (result, &error);
  g_autoptr(GSource) work = NULL;
  gpointer *both;

  if (turn == NULL)
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      worker->cancelled++;
      worker->waiting--;
      begin_one (worker);
      return;
    }
  note_most (worker, g_atomic_int_add (worker->in_flight, 1) + 1);
  both = g_new (gpointer, 2);
  both[0] = worker;
  both[1] = turn;
  work = g_idle_source_new ();
  g_source_set_callback (work, on_work_done, both, g_free);
  g_source_attach (work, g_main_context_get_thread_default ());
}

static void
begin_one (Worker *worker)
{
  g_autoptr(GCancellable) cancellable = NULL;

  if (worker->left == 0)
    return;
  worker->left--;
  worker->waiting++;
  if (g_rand_int_range (worker->random, 0, 5) == 0)
    cancellable = g_cancellable_new ();
  brevet_authority_traffic_enter_async (worker->traffic, g_rand_int_range (worker->random, 0, 4) == 0 ? BACKGROUND : DEVICE,
                                        cancellable, on_worker_entered, worker);
  if (cancellable != NULL)
    g_cancellable_cancel (cancellable);
}

static gpointer
work (gpointer data)
{
  Worker *worker = data;
  GMainContext *context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < 20; i++)
    begin_one (worker);
  while (worker->waiting > 0)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
  return NULL;
}

/* Four threads, 2,000 questions each, three at once; nobody is forgotten and nobody is let through too many. */
static void
test_threads (gconstpointer data)
{
  BrevetAuthorityLimits limits = { GPOINTER_TO_UINT (data), 0, 0, 1000, 300 };
  g_autoptr(BrevetAuthorityTraffic) traffic = brevet_authority_traffic_new ("Plant", &limits);
  g_autoptr(BrevetAuthorityReport) report = NULL;
  Worker workers[4] = { 0 };
  GThread *threads[4];
  int in_flight = 0;
  int most = 0;
  guint cancelled = 0;

  for (guint i = 0; i < 4; i++)
    {
      workers[i] = (Worker) { traffic, &in_flight, &most, 2000, 0, 0, g_rand_new_with_seed (i + 1) };
      threads[i] = g_thread_new ("worker", work, &workers[i]);
    }
  for (guint i = 0; i < 4; i++)
    {
      g_thread_join (threads[i]);
      g_rand_free (workers[i].random);
      cancelled += workers[i].cancelled;
    }
  report = brevet_authority_traffic_report (traffic);
  g_assert_cmpuint (report->in_flight, ==, 0);
  g_assert_cmpuint (report->queued, ==, 0);
  g_assert_cmpuint (report->asked, ==, 8000 - cancelled);
  if (limits.maximum_in_flight > 0)
    g_assert_cmpint (most, <=, (int) limits.maximum_in_flight);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* A CA that is down is told to the operator. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  g_test_add_func ("/authority-traffic/circuit/opens", test_circuit_opens);
  g_test_add_func ("/authority-traffic/circuit/doubles", test_circuit_doubles);
  g_test_add_func ("/authority-traffic/circuit/epochs", test_circuit_epochs);
  g_test_add_func ("/authority-traffic/circuit/checks", test_circuit_checks);
  g_test_add_func ("/authority-traffic/rate/minutes", test_rate_minutes);
  g_test_add_func ("/authority-traffic/rate/bounds", test_rate_bounds);
  g_test_add_func ("/authority-traffic/unlimited", test_unlimited);
  g_test_add_func ("/authority-traffic/order", test_order);
  g_test_add_func ("/authority-traffic/background", test_background_is_not_starved);
  g_test_add_func ("/authority-traffic/full-queue", test_full_queue);
  g_test_add_func ("/authority-traffic/cancelled", test_cancelled);
  g_test_add_func ("/authority-traffic/limits-change", test_limits_change);
  g_test_add_func ("/authority-traffic/rate-of-turns", test_rate_of_turns);
  g_test_add_func ("/authority-traffic/opens-and-refuses", test_opens_and_refuses);
  g_test_add_func ("/authority-traffic/half-open", test_half_open);
  g_test_add_func ("/authority-traffic/recovers-slowly", test_recovers_slowly);
  g_test_add_func ("/authority-traffic/refusals-are-answers", test_refusals_are_answers);
  g_test_add_func ("/authority-traffic/failures", test_failures);
  g_test_add_func ("/authority-traffic/too-much", test_too_much);
  g_test_add_func ("/authority-traffic/too-much-unsaid", test_too_much_unsaid);
  g_test_add_func ("/authority-traffic/health", test_health);
  g_test_add_func ("/authority-traffic/check-fails", test_check_fails);
  g_test_add_func ("/authority-traffic/slow-beside-fast", test_slow_beside_fast);
  g_test_add_func ("/authority-traffic/traffics", test_traffics);
  g_test_add_func ("/authority-traffic/ten-thousand", test_ten_thousand);
  g_test_add_data_func ("/authority-traffic/threads/limited", GUINT_TO_POINTER (3), test_threads);
  g_test_add_data_func ("/authority-traffic/threads/unlimited", GUINT_TO_POINTER (0), test_threads);
  return g_test_run ();
}
