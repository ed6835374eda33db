/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "backoff.h"

static const BrevetBackoff usual = { 5, 3600 };

static void
test_grows (void)
{
  static const gint64 limits[] = { 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600 };

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_assert_cmpint (brevet_backoff_limit (&usual, i + 1, 0), ==, limits[i]);
      g_assert_cmpint (brevet_backoff_compute (&usual, i + 1, 0, 0, 0.5), ==, MAX (limits[i] / 2, 1));
      g_assert_cmpint (brevet_backoff_compute (&usual, i + 1, 0, 0, 0), ==, 1);
      g_assert_cmpint (brevet_backoff_compute (&usual, i + 1, 0, 0, 0.999999999), <=, limits[i]);
      g_assert_cmpint (brevet_backoff_compute (&usual, i + 1, 0, 0, 0.999999999), >=, limits[i] - 1);
    }
}

static void
test_no_overflow (void)
{
  BrevetBackoff huge = { 1, G_MAXINT64 };

  g_assert_cmpint (brevet_backoff_limit (&usual, G_MAXUINT, 0), ==, 3600);
  g_assert_cmpint (brevet_backoff_compute (&usual, G_MAXUINT, 0, 0, 0.5), ==, 1800);
  g_assert_cmpint (brevet_backoff_limit (&huge, G_MAXUINT, 0), ==, G_MAXINT64);
  g_assert_cmpint (brevet_backoff_limit (&huge, 64, 0), ==, G_MAXINT64);
  g_assert_cmpint (brevet_backoff_limit (&huge, 63, 0), ==, G_GINT64_CONSTANT (1) << 62);
  g_assert_cmpint (brevet_backoff_compute (&huge, G_MAXUINT, 0, 0, 0.5), ==, G_GINT64_CONSTANT (1) << 62);
}

static void
test_retry_after (void)
{
  g_assert_cmpint (brevet_backoff_compute (&usual, 1, 120, 0, 0.5), ==, 120);
  g_assert_cmpint (brevet_backoff_compute (&usual, 10, 120, 0, 0.5), ==, 1280);
  g_assert_cmpint (brevet_backoff_compute (&usual, 1, 86400, 0, 0.5), ==, 86400);
  g_assert_cmpint (brevet_backoff_compute (&usual, 1, 86401, 0, 0.5), ==, 86400);
  g_assert_cmpint (brevet_backoff_compute (&usual, 1, G_MAXINT64, 0, 0.5), ==, 86400);
}

/* A certificate of ten minutes must not run out during a pause of an hour. */
static void
test_remaining (void)
{
  g_assert_cmpint (brevet_backoff_compute (&usual, 20, 0, 400, 0.9), ==, 100);
  g_assert_cmpint (brevet_backoff_compute (&usual, 20, 0, 3, 0.9), ==, 1);
  g_assert_cmpint (brevet_backoff_compute (&usual, 20, 0, 0, 0.5), ==, 1800);
  g_assert_cmpint (brevet_backoff_compute (&usual, 20, 0, -50, 0.5), ==, 1800);
  g_assert_cmpint (brevet_backoff_compute (&usual, 20, 0, G_MAXINT64, 0.5), ==, 1800);
  g_assert_cmpint (brevet_backoff_compute (&usual, 20, 200, 400, 0.9), ==, 200);
}

/* A device that boots before it is enrolled is asked about soon, one that never is not for ever. */
static void
test_refusals (void)
{
  static const gint64 limits[] = { 30, 60, 120, 240, 480, 960, 1920, 3600, 3600 };
  BrevetBackoff slow = { 100, 3600 };
  BrevetBackoff quick = { 5, 10 };

  for (guint i = 0; i < G_N_ELEMENTS (limits); i++)
    {
      g_assert_cmpint (brevet_backoff_limit (&usual, 20, i + 1), ==, limits[i]);
      g_assert_cmpint (brevet_backoff_compute_after_refusal (&usual, i + 1, 0, 0), ==, limits[i] / 2);
      g_assert_cmpint (brevet_backoff_compute_after_refusal (&usual, i + 1, -1, 0.999999999), >=, limits[i] - 1);
      g_assert_cmpint (brevet_backoff_compute_after_refusal (&usual, i + 1, -1, 0.999999999), <=, limits[i]);
    }
  g_assert_cmpint (brevet_backoff_limit (&usual, 1, G_MAXUINT), ==, 3600);
  g_assert_cmpint (brevet_backoff_limit (&slow, 1, 2), ==, 200);
  g_assert_cmpint (brevet_backoff_limit (&quick, 1, 1), ==, 10);
  g_assert_cmpint (brevet_backoff_compute_after_refusal (&usual, 1, 7200, 0.5), ==, 7200);
  g_assert_cmpint (brevet_backoff_compute_after_refusal (&usual, 1, G_MAXINT64, 0.5), ==, 86400);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/backoff/grows", test_grows);
  g_test_add_func ("/backoff/no-overflow", test_no_overflow);
  g_test_add_func ("/backoff/retry-after", test_retry_after);
  g_test_add_func ("/backoff/remaining", test_remaining);
  g_test_add_func ("/backoff/refusals", test_refusals);
  return g_test_run ();
}
