/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who waits for a turn gets it in order, and is told at once when there is no place. */

#include "traffic-fixture.h"

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

int
main (int argc, char **argv)
{
  traffic_test_init (&argc, &argv);
  g_test_add_func ("/authority-traffic/unlimited", test_unlimited);
  g_test_add_func ("/authority-traffic/order", test_order);
  g_test_add_func ("/authority-traffic/background", test_background_is_not_starved);
  g_test_add_func ("/authority-traffic/full-queue", test_full_queue);
  g_test_add_func ("/authority-traffic/cancelled", test_cancelled);
  g_test_add_func ("/authority-traffic/limits-change", test_limits_change);
  g_test_add_func ("/authority-traffic/ten-thousand", test_ten_thousand);
  return g_test_run ();
}
