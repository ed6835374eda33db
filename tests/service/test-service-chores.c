/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "service-chores.h"

#include "brevet-error.h"

/* A job that is done when the test says so. */
typedef struct {
  guint begun;
  guint freed;
  GPtrArray *open; /* of GTask */
  guint pause;     /* that the next run wants to be the last for; G_MAXUINT to leave it as it is */
  BrevetServiceContext *context;
  gboolean heeds;  /* comes back when it is cancelled */
} Job;

static guint contexts_taken;

static BrevetServiceContext *
get_context (gpointer owner)
{
  contexts_taken++;
  return brevet_service_context_ref (owner);
}

static gboolean
on_cancelled (GCancellable *cancellable, gpointer user_data)
{
  GTask *task = user_data;
  Job *job = g_task_get_task_data (task);

  if (job->heeds && g_ptr_array_remove (job->open, task))
    {
      g_task_return_error_if_cancelled (task);
      g_object_unref (task);
    }
  return G_SOURCE_REMOVE;
}

static void
run_async (gpointer data, BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
           gpointer user_data)
{
  Job *job = data;
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  g_autoptr(GSource) source = g_cancellable_source_new (cancellable);

  g_task_set_task_data (task, job, NULL);
  job->begun++;
  job->context = context;
  g_ptr_array_add (job->open, task);
  g_task_attach_source (task, source, G_SOURCE_FUNC (on_cancelled));
}

static gboolean
run_finish (gpointer data, GAsyncResult *result, guint *pause, GError **error)
{
  Job *job = data;

  if (job->pause != G_MAXUINT)
    *pause = job->pause;
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
note_freed (gpointer data)
{
  ((Job *) data)->freed++;
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
finish_run (Job *job, GError *error)
{
  g_autoptr(GTask) task = NULL;

  g_assert_cmpuint (job->open->len, ==, 1);
  task = g_ptr_array_steal_index (job->open, 0);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  settle ();
}

typedef struct {
  BrevetServiceContext *context;
  BrevetServiceChores *chores;
  Job job;
} World;

static void
set_up (World *world, gconstpointer data)
{
  world->context = g_atomic_rc_box_new0 (BrevetServiceContext);
  world->chores = brevet_service_chores_new (get_context, world->context);
  world->job.open = g_ptr_array_new ();
  world->job.pause = G_MAXUINT;
  world->job.heeds = TRUE;
  contexts_taken = 0;
}

static void
add (World *world, guint interval, guint delay)
{
  BrevetChore chore = { "sweeping", interval, delay, run_async, run_finish };

  brevet_service_chores_add (world->chores, &chore, &world->job, note_freed);
}

static void
tear_down (World *world, gconstpointer data)
{
  guint jobs = world->job.freed;

  if (world->chores != NULL)
    {
      brevet_service_chores_stop (world->chores);
      settle ();
      brevet_service_chores_unref (world->chores);
      g_assert_cmpuint (world->job.freed, ==, jobs + 1);
    }
  g_ptr_array_unref (world->job.open);
  brevet_service_context_unref (world->context);
}

/* Nothing is done while the service starts, everything once its main loop runs; one run at a time. */
static void
test_runs (World *world, gconstpointer data)
{
  add (world, 3600, 0);
  g_assert_cmpuint (world->job.begun, ==, 0);
  settle ();
  g_assert_cmpuint (world->job.begun, ==, 1);
  g_assert_true (world->job.context == world->context);
  g_assert_true (brevet_service_chores_is_running (world->chores));
  finish_run (&world->job, NULL);
  g_assert_false (brevet_service_chores_is_running (world->chores));
  g_assert_cmpuint (world->job.begun, ==, 1);
}

static void
test_delay (World *world, gconstpointer data)
{
  add (world, 3600, 60);
  settle ();
  g_assert_cmpuint (world->job.begun, ==, 0);
  brevet_service_chores_poke (world->chores, "washing");
  settle ();
  g_assert_cmpuint (world->job.begun, ==, 0);
  brevet_service_chores_poke (world->chores, "sweeping");
  settle ();
  finish_run (&world->job, NULL);
  g_assert_cmpuint (world->job.begun, ==, 1);
}

static void
test_repeats (World *world, gconstpointer data)
{
  add (world, 1, 0);
  while (world->job.begun < 3)
    {
      g_main_context_iteration (NULL, TRUE);
      if (world->job.open->len > 0)
        finish_run (&world->job, NULL);
    }
  /* Each run has the context of its time. */
  g_assert_cmpuint (contexts_taken, ==, world->job.begun);
}

/* However often it is poked while it runs, it runs once more. */
static void
test_poked_while_running (World *world, gconstpointer data)
{
  add (world, 0, 0);
  settle ();
  for (guint i = 0; i < 100; i++)
    brevet_service_chores_poke (world->chores, NULL);
  settle ();
  g_assert_cmpuint (world->job.begun, ==, 1);
  finish_run (&world->job, NULL);
  g_assert_cmpuint (world->job.begun, ==, 2);
  finish_run (&world->job, NULL);
  g_assert_cmpuint (world->job.begun, ==, 2);
  brevet_service_chores_poke (NULL, "sweeping");
}

static gpointer
poke_often (gpointer data)
{
  for (guint i = 0; i < 1000; i++)
    brevet_service_chores_poke (data, "sweeping");
  return NULL;
}

static void
test_poked_by_threads (World *world, gconstpointer data)
{
  GThread *threads[4];
  guint begun;

  add (world, 0, 0);
  for (guint i = 0; i < 4; i++)
    threads[i] = g_thread_new ("poker", poke_often, world->chores);
  for (guint i = 0; i < 1000; i++)
    {
      g_main_context_iteration (NULL, FALSE);
      if (world->job.open->len > 0)
        finish_run (&world->job, NULL);
    }
  for (guint i = 0; i < 4; i++)
    g_thread_join (threads[i]);
  while (world->job.open->len > 0 || g_main_context_pending (NULL))
    {
      settle ();
      if (world->job.open->len > 0)
        finish_run (&world->job, NULL);
    }
  begun = world->job.begun;
  brevet_service_chores_poke (world->chores, "sweeping");
  settle ();
  g_assert_cmpuint (world->job.begun, ==, begun + 1);
}

/* The same trouble is told once, another one again, and its end. */
static void
test_failures (World *world, gconstpointer data)
{
  add (world, 3600, 0);
  settle ();
  g_test_expect_message ("brevet-dps", G_LOG_LEVEL_WARNING, "*“sweeping” failed*no broom*");
  finish_run (&world->job, g_error_new_literal (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "There is no broom"));
  g_test_assert_expected_messages ();
  for (guint i = 0; i < 20; i++)
    {
      brevet_service_chores_poke (world->chores, NULL);
      settle ();
      finish_run (&world->job, g_error_new_literal (BREVET_ERROR, BREVET_ERROR_UNREACHABLE, "There is no broom"));
    }
  brevet_service_chores_poke (world->chores, NULL);
  settle ();
  g_test_expect_message ("brevet-dps", G_LOG_LEVEL_WARNING, "*“sweeping” failed*no floor*");
  finish_run (&world->job, g_error_new_literal (BREVET_ERROR, BREVET_ERROR_CORRUPT, "There is no floor"));
  g_test_assert_expected_messages ();
  brevet_service_chores_poke (world->chores, NULL);
  settle ();
  g_test_expect_message ("brevet-dps", G_LOG_LEVEL_MESSAGE, "*“sweeping” works again*");
  finish_run (&world->job, NULL);
  g_test_assert_expected_messages ();
}

static void
on_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  brevet_service_chores_stop_finish (result);
  *(gboolean *) user_data = TRUE;
}

/* Whoever stops waits for what is under way, which is cancelled, and nothing begins any more. */
static void
test_stops (World *world, gconstpointer data)
{
  gboolean stopped = FALSE;

  add (world, 3600, 0);
  settle ();
  g_assert_cmpuint (world->job.begun, ==, 1);
  brevet_service_chores_stop_async (world->chores, on_stopped, &stopped);
  g_assert_false (stopped);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (world->job.open->len, ==, 0);
  brevet_service_chores_poke (world->chores, NULL);
  settle ();
  g_assert_cmpuint (world->job.begun, ==, 1);
  g_clear_pointer (&world->chores, brevet_service_chores_unref);
  g_assert_cmpuint (world->job.freed, ==, 1);
}

static void
test_stops_idle (World *world, gconstpointer data)
{
  gboolean stopped = FALSE;

  add (world, 3600, 60);
  brevet_service_chores_stop_async (world->chores, on_stopped, &stopped);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
}

/* A run that heeds nothing holds up nobody; what it needs stays until it comes back. */
static void
test_stops_without (World *world, gconstpointer data)
{
  gboolean stopped = FALSE;

  world->job.heeds = FALSE;
  add (world, 3600, 0);
  settle ();
  brevet_service_chores_stop_async (world->chores, on_stopped, &stopped);
  g_clear_pointer (&world->chores, brevet_service_chores_unref);
  g_test_expect_message ("brevet-dps", G_LOG_LEVEL_WARNING, "*does not end*");
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (world->job.freed, ==, 0);
  finish_run (&world->job, NULL);
  g_assert_cmpuint (world->job.freed, ==, 1);
}

#define ADD(path, test) g_test_add ("/service-chores/" path, World, NULL, set_up, test, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("runs", test_runs);
  ADD ("delay", test_delay);
  ADD ("repeats", test_repeats);
  ADD ("poked-while-running", test_poked_while_running);
  ADD ("poked-by-threads", test_poked_by_threads);
  ADD ("failures", test_failures);
  ADD ("stops", test_stops);
  ADD ("stops-idle", test_stops_idle);
  ADD ("stops-without", test_stops_without);
  return g_test_run ();
}
