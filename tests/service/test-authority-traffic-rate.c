/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* No CA is asked more often than the operator allows, or than it bears itself. */

#include "traffic-fixture.h"

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

/* --- a CA that asks for a pause ----------------------------------------------------------------------------------------------- */

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

int
main (int argc, char **argv)
{
  traffic_test_init (&argc, &argv);
  g_test_add_func ("/authority-traffic/rate/minutes", test_rate_minutes);
  g_test_add_func ("/authority-traffic/rate/bounds", test_rate_bounds);
  g_test_add_func ("/authority-traffic/rate-of-turns", test_rate_of_turns);
  g_test_add_func ("/authority-traffic/too-much", test_too_much);
  g_test_add_func ("/authority-traffic/too-much-unsaid", test_too_much_unsaid);
  return g_test_run ();
}
