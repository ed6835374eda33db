/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "renewal-policy.h"

#include "brevet-error.h"

#include <string.h>

#define MINUTE G_GINT64_CONSTANT (60)
#define DAY    G_GINT64_CONSTANT (86400)
#define YEAR   (365 * DAY)
#define NOW    G_GINT64_CONSTANT (1790000000)

/* The examples of the seed's renewal engine, where a time is due that the rule gives and not the next retry. */
static void
test_reference (void)
{
  static const struct
  {
    gint64 not_before, not_after;
    guint  percent;
    gint64 before, expected;
  } vectors[] = {
    { -60, 40, 50, 0, -10 }, { -5, 5, 60, 0, 1 }, { -5, 5, 0, 1, 4 }, { -50, 50, 80, 0, 30 }, { -20, 180, 80, 0, 140 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (vectors); i++)
    {
      BrevetRenewalPolicy policy = { vectors[i].percent, vectors[i].before, 0 };

      gint64 when = brevet_renewal_policy_compute (&policy, vectors[i].not_before, vectors[i].not_after, vectors[i].not_before, "");

      g_assert_cmpint (when, ==, vectors[i].expected);
    }
}

static void
test_parse (void)
{
  static const struct
  {
    const char *text;
    guint       percent;
    gint64      before;
  } good[] = {
    { "90%", 90, 0 }, { "1%", 1, 0 }, { "99%", 99, 0 }, { "100min", 0, 6000 }, { "10d", 0, 864000 }, { "12h", 0, 43200 },
    { "1h 30min", 0, 5400 }, { "30s", 0, 30 },
  };
  static const char *const bad[] = { "", "%", "a%", "d", "1year", "101%", "100%", "0%", "-5%", "+5%", "5 %%", "5.5%", "0min",
                                     NULL };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      BrevetRenewalPolicy policy = { 7, 7, 7 };
      g_autoptr(GError) error = NULL;

      g_assert_true (brevet_renewal_policy_parse (good[i].text, &policy, &error));
      g_assert_no_error (error);
      g_assert_cmpuint (policy.percent, ==, good[i].percent);
      g_assert_cmpint (policy.before, ==, good[i].before);
      g_assert_cmpuint (policy.jitter, ==, 7);
    }
  for (gsize i = 0; bad[i] != NULL; i++)
    {
      BrevetRenewalPolicy policy = { 7, 7, 7 };
      g_autoptr(GError) error = NULL;

      g_assert_false (brevet_renewal_policy_parse (bad[i], &policy, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      g_assert_nonnull (strstr (error->message, "66%"));
      g_assert_nonnull (strstr (error->message, "30d"));
      g_assert_cmpuint (policy.percent, ==, 7);
    }
}

static void
test_number_without_unit (void)
{
  BrevetRenewalPolicy policy = { 7, 7, 7 };
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_renewal_policy_parse ("66", &policy, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, "“66%”"));
  g_assert_nonnull (strstr (error->message, "“66s”"));
  g_assert_cmpint (policy.before, ==, 7);
}

static void
test_lifetimes (void)
{
  static const gint64 lifetimes[] = { 2, 3, MINUTE, 5 * MINUTE, 3600, DAY, 90 * DAY, 398 * DAY, 10 * YEAR, 30 * YEAR, 8000 * YEAR };
  static const BrevetRenewalPolicy policies[] = {
    { 1, 0, 0 }, { 1, 0, 50 }, { 66, 0, 0 }, { 66, 0, 5 }, { 99, 0, 0 }, { 99, 0, 50 }, { 0, 1, 0 }, { 0, 1, 50 },
    { 0, 30 * DAY, 5 }, { 0, 100 * YEAR, 50 }, { 0, G_MAXINT64, 50 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (lifetimes); i++)
    for (gsize j = 0; j < G_N_ELEMENTS (policies); j++)
      {
        gint64 when = brevet_renewal_policy_compute (&policies[j], NOW, NOW + lifetimes[i], NOW, "device");

        g_assert_cmpint (when, >, NOW);
        g_assert_cmpint (when, <, NOW + lifetimes[i]);
      }
}

static void
test_values (void)
{
  BrevetRenewalPolicy two_thirds = { 66, 0, 0 };
  BrevetRenewalPolicy month = { 0, 30 * DAY, 0 };

  g_assert_cmpint (brevet_renewal_policy_compute (&two_thirds, NOW, NOW + MINUTE, NOW, ""), ==, NOW + 39);
  g_assert_cmpint (brevet_renewal_policy_compute (&two_thirds, NOW, NOW + 30 * YEAR, NOW, ""), ==, NOW + 30 * YEAR / 100 * 66);
  g_assert_cmpint (brevet_renewal_policy_compute (&month, NOW, NOW + 90 * DAY, NOW, ""), ==, NOW + 60 * DAY);
  g_assert_cmpint (brevet_renewal_policy_compute (&month, NOW, NOW + 30 * DAY, NOW, ""), ==, NOW + 15 * DAY);
  g_assert_cmpint (brevet_renewal_policy_compute (&month, NOW, NOW + 8 * DAY, NOW, ""), ==, NOW + 4 * DAY);
}

/* A CA dates back by five minutes: that must not be more than the lifetime of a certificate of a few minutes has. */
static void
test_installed (void)
{
  BrevetRenewalPolicy half = { 50, 0, 0 };
  gint64 not_before = NOW - 5 * MINUTE;
  gint64 not_after = NOW + MINUTE;

  g_assert_cmpint (brevet_renewal_policy_compute (&half, not_before, not_after, NOW, ""), ==, NOW + 30);
  g_assert_cmpint (brevet_renewal_policy_compute (&half, not_before, not_after, not_before, ""), ==, NOW - 2 * MINUTE);
  g_assert_cmpint (brevet_renewal_policy_compute (&half, not_before, not_after, not_before - 1, ""), ==, NOW - 2 * MINUTE);
  g_assert_cmpint (brevet_renewal_policy_compute (&half, not_before, not_after, not_after, ""), ==, NOW - 2 * MINUTE);
  g_assert_cmpint (brevet_renewal_policy_compute (&half, not_before, not_after, NOW + DAY, ""), ==, NOW - 2 * MINUTE);
  g_assert_cmpint (brevet_renewal_policy_compute (&half, not_before, not_after, 0, ""), ==, NOW - 2 * MINUTE);
}

static void
test_senseless_dates (void)
{
  BrevetRenewalPolicy policy = { 66, 0, 5 };

  g_assert_cmpint (brevet_renewal_policy_compute (&policy, NOW, NOW, NOW, ""), ==, NOW);
  g_assert_cmpint (brevet_renewal_policy_compute (&policy, NOW, NOW + 1, NOW, ""), ==, NOW);
  g_assert_cmpint (brevet_renewal_policy_compute (&policy, NOW, NOW - DAY, NOW, ""), ==, NOW);
  brevet_renewal_policy_compute (&policy, G_MININT64, G_MAXINT64, NOW, "");
  brevet_renewal_policy_compute (&policy, G_MAXINT64, G_MININT64, NOW, "");
}

/* 10,000 devices that got their certificates at the same second. */
static void
test_spread (void)
{
  BrevetRenewalPolicy policy = { 66, 0, 5 };
  gint64 latest = NOW + 90 * DAY * 66 / 100;
  gint64 span = 90 * DAY * 66 / 100 * 5 / 100;
  guint quarters[4] = { 0 };

  for (guint i = 0; i < 10000; i++)
    {
      g_autofree char *seed = g_strdup_printf ("device-%u", i);
      gint64 when = brevet_renewal_policy_compute (&policy, NOW, NOW + 90 * DAY, NOW, seed);

      g_assert_cmpint (when, ==, brevet_renewal_policy_compute (&policy, NOW, NOW + 90 * DAY, NOW, seed));
      g_assert_cmpint (when, <=, latest);
      g_assert_cmpint (when, >=, latest - span);
      quarters[MIN ((latest - when) * 4 / span, 3)]++;
    }
  for (guint i = 0; i < 4; i++)
    {
      g_assert_cmpuint (quarters[i], >, 2300);
      g_assert_cmpuint (quarters[i], <, 2700);
    }
}

/* Written down, so that an update of brevet does not make a fleet renew at once. */
static void
test_stable_jitter (void)
{
  BrevetRenewalPolicy policy = { 50, 0, 50 };

  g_assert_cmpint (brevet_renewal_policy_compute (&policy, 0, 2000000, 0, "dev-1"), ==, 993096);
  g_assert_cmpint (brevet_renewal_policy_compute (&policy, 0, 2000000, 0, "dev-2"), ==, 665183);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/renewal-policy/reference", test_reference);
  g_test_add_func ("/renewal-policy/parse", test_parse);
  g_test_add_func ("/renewal-policy/number-without-unit", test_number_without_unit);
  g_test_add_func ("/renewal-policy/lifetimes", test_lifetimes);
  g_test_add_func ("/renewal-policy/values", test_values);
  g_test_add_func ("/renewal-policy/installed", test_installed);
  g_test_add_func ("/renewal-policy/senseless-dates", test_senseless_dates);
  g_test_add_func ("/renewal-policy/spread", test_spread);
  g_test_add_func ("/renewal-policy/stable-jitter", test_stable_jitter);
  return g_test_run ();
}
