/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-wheel.h"

#define SECOND G_USEC_PER_SEC

typedef struct
{
  BrevetGateTimer  timer;
  BrevetGateWheel *wheel;
  BrevetGateTimer *neighbour;
  guint            fired;
} Alarm;

static void
on_expired (BrevetGateTimer *timer)
{
  Alarm *alarm = (Alarm *) timer;

  alarm->fired++;
  if (alarm->neighbour != NULL)
    brevet_gate_wheel_disarm (alarm->neighbour);
}

static void
test_never_early (void)
{
  BrevetGateWheel *wheel = g_new (BrevetGateWheel, 1);
  Alarm alarms[200] = { 0 };

  brevet_gate_wheel_init (wheel, 0);
  for (guint i = 0; i < G_N_ELEMENTS (alarms); i++)
    {
      alarms[i].timer.expired = on_expired;
      brevet_gate_wheel_arm (wheel, &alarms[i].timer, i * SECOND);
    }

  /* Times beyond one turn of the wheel (102 s) too. */
  for (gint64 now = 0; now < 201 * SECOND; now += SECOND / 20)
    {
      brevet_gate_wheel_advance (wheel, now);
      for (guint i = 0; i < G_N_ELEMENTS (alarms); i++)
        {
          if (now < i * SECOND)
            g_assert_cmpuint (alarms[i].fired, ==, 0);
          if (now >= i * SECOND + SECOND / 5)
            g_assert_cmpuint (alarms[i].fired, ==, 1);
        }
    }
  g_assert_cmpint (brevet_gate_wheel_get_next (wheel), ==, -1);
  g_free (wheel);
}

static void
test_sleeps_until_needed (void)
{
  BrevetGateWheel *wheel = g_new (BrevetGateWheel, 1);
  Alarm alarm = { .timer.expired = on_expired };

  brevet_gate_wheel_init (wheel, 5 * SECOND);
  g_assert_cmpint (brevet_gate_wheel_get_next (wheel), ==, -1);
  brevet_gate_wheel_arm (wheel, &alarm.timer, 65 * SECOND);
  g_assert_cmpint (brevet_gate_wheel_get_next (wheel), >=, 65 * SECOND);
  g_assert_cmpint (brevet_gate_wheel_get_next (wheel), <, 66 * SECOND);
  brevet_gate_wheel_advance (wheel, 400 * SECOND);
  g_assert_cmpuint (alarm.fired, ==, 1);
  g_free (wheel);
}

static void
test_disarmed_by_a_neighbour (void)
{
  BrevetGateWheel *wheel = g_new (BrevetGateWheel, 1);
  Alarm first = { .timer.expired = on_expired }, second = { .timer.expired = on_expired };

  brevet_gate_wheel_init (wheel, 0);
  first.neighbour = &second.timer;
  brevet_gate_wheel_arm (wheel, &first.timer, SECOND);
  brevet_gate_wheel_arm (wheel, &second.timer, SECOND);
  brevet_gate_wheel_advance (wheel, 2 * SECOND);
  g_assert_cmpuint (first.fired, ==, 1);
  g_assert_cmpuint (second.fired, ==, 0);
  g_free (wheel);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gate/wheel/never-early", test_never_early);
  g_test_add_func ("/gate/wheel/sleeps-until-needed", test_sleeps_until_needed);
  g_test_add_func ("/gate/wheel/disarmed-by-a-neighbour", test_disarmed_by_a_neighbour);
  return g_test_run ();
}
