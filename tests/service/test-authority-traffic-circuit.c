/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A CA that fails is left alone for a while, and asked again with care. */

#include "traffic-fixture.h"

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

/* --- checks ------------------------------------------------------------------------------------------------------------------- */

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

int
main (int argc, char **argv)
{
  traffic_test_init (&argc, &argv);
  g_test_add_func ("/authority-traffic/circuit/opens", test_circuit_opens);
  g_test_add_func ("/authority-traffic/circuit/doubles", test_circuit_doubles);
  g_test_add_func ("/authority-traffic/circuit/epochs", test_circuit_epochs);
  g_test_add_func ("/authority-traffic/circuit/checks", test_circuit_checks);
  g_test_add_func ("/authority-traffic/opens-and-refuses", test_opens_and_refuses);
  g_test_add_func ("/authority-traffic/half-open", test_half_open);
  g_test_add_func ("/authority-traffic/recovers-slowly", test_recovers_slowly);
  g_test_add_func ("/authority-traffic/refusals-are-answers", test_refusals_are_answers);
  g_test_add_func ("/authority-traffic/failures", test_failures);
  g_test_add_func ("/authority-traffic/health", test_health);
  g_test_add_func ("/authority-traffic/check-fails", test_check_fails);
  return g_test_run ();
}
