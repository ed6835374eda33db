/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Several authorities beside each other, and several threads that ask one of them. */

#include "traffic-fixture.h"

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
  traffic_test_init (&argc, &argv);
  g_test_add_func ("/authority-traffic/slow-beside-fast", test_slow_beside_fast);
  g_test_add_func ("/authority-traffic/traffics", test_traffics);
  g_test_add_data_func ("/authority-traffic/threads/limited", GUINT_TO_POINTER (3), test_threads);
  g_test_add_data_func ("/authority-traffic/threads/unlimited", GUINT_TO_POINTER (0), test_threads);
  return g_test_run ();
}
