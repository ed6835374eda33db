/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* “Prefer: wait”, and devices that ask twice at once. */

#include "brevet-clock.h"
#include "pipeline-fixture.h"

static void
test_result_in_one_reply (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *body = make_body ("pump-07", csr);
  g_autoptr(Heard) heard = NULL, plain = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  heard = ask (pipeline, "pump-07", .body = body, .prefer = "respond-async, wait=20");
  assert_assigned (heard, NULL);
  g_assert_cmpstr (brevet_reply_get_header (heard->reply, "preference-applied"), ==, "wait=20");
  certificate = heard_get_certificate (heard);
  g_assert_nonnull (certificate);
  /* One that does not ask for it gets what it understands, although the result is there. */
  plain = ask (pipeline, "pump-07", .body = body);
  g_assert_cmpuint (plain->status, ==, 202);
  g_assert_null (brevet_reply_get_header (plain->reply, "preference-applied"));
}

static void
test_time_out (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *body = make_body ("pump-07", csr);
  g_autoptr(Heard) heard = NULL, final = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  heard = ask (pipeline, "pump-07", .body = body, .prefer = "wait=1000");
  g_assert_cmpuint (heard->status, ==, 202);
  g_assert_cmpstr (heard_get (heard, "status"), ==, "assigning");
  /* The service waits no longer than it is configured to. */
  g_assert_cmpstr (brevet_reply_get_header (heard->reply, "preference-applied"), ==, "wait=1");
  pipeline_open_gate (pipeline);
  final = device_await (pipeline, "pump-07", heard_get (heard, "operationId"));
  assert_assigned (final, NULL);
}

/* A poll that waits hears of the end when it comes, and not when its time is over. */
static void
test_poll_wakes (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) begun = NULL, one = NULL, two = NULL;
  g_autofree char *path = NULL;
  Question *polls[2];
  gint64 start;

  enroll (pipeline, "pump-07", ISSUE);
  begun = device_register (pipeline, "pump-07", csr);
  pipeline_wait_for_calls (pipeline, "issue", 1);
  path = g_strconcat ("/operations/", heard_get (begun, "operationId"), NULL);
  for (guint i = 0; i < G_N_ELEMENTS (polls); i++)
    polls[i] = ask_begin (pipeline, "pump-07", (Ask) { .method = "GET", .path = path, .prefer = "wait=200" });
  start = brevet_clock_monotonic ();
  pipeline_open_gate (pipeline);
  one = ask_end (polls[0]);
  two = ask_end (polls[1]);
  assert_assigned (one, NULL);
  g_assert_cmpstr (two->text, ==, one->text);
  g_assert_cmpint (brevet_clock_monotonic () - start, <, 100 * G_USEC_PER_SEC);
}

/* The device hangs up: its wait ends, the issuance goes on. */
static void
test_cancellation (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *body = make_body ("pump-07", csr);
  g_autoptr(Heard) hung_up = NULL, final = NULL;
  Question *question;

  enroll (pipeline, "pump-07", ISSUE);
  question = ask_begin (pipeline, "pump-07", (Ask) { .body = body, .prefer = "wait=200", .cancellable = cancellable });
  pipeline_wait_for_calls (pipeline, "issue", 1);
  g_assert_false (ask_is_answered (question));
  g_cancellable_cancel (cancellable);
  hung_up = ask_end (question);
  g_assert_cmpuint (hung_up->status, ==, 202);
  pipeline_open_gate (pipeline);
  final = device_await (pipeline, "pump-07", heard_get (hung_up, "operationId"));
  assert_assigned (final, NULL);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 1);
}

typedef struct {
  Pipeline *pipeline;
  const char *device;
  const char *body;
  Heard *heard;
} Worker;

static gpointer
register_from_thread (gpointer data)
{
  Worker *worker = data;
  g_autoptr(GMainContext) context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  worker->heard = ask (worker->pipeline, worker->device, .body = worker->body, .prefer = "wait=30");
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* Two workers of the front door take the same question of one device at the same moment. */
static void
test_two_at_once (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);

  for (guint round = 0; round < 40; round++)
    {
      g_autofree char *device = g_strdup_printf ("pump-%u", round);
      g_autofree char *csr = make_csr (key, device);
      g_autofree char *body = make_body (device, csr);
      Worker workers[3];
      GThread *threads[3];

      enroll (pipeline, device, ISSUE);
      for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
        {
          workers[i] = (Worker) { pipeline, device, body, NULL };
          threads[i] = g_thread_new ("worker", register_from_thread, &workers[i]);
        }
      for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
        g_thread_join (threads[i]);
      for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
        {
          assert_assigned (workers[i].heard, NULL);
          g_assert_cmpstr (workers[i].heard->text, ==, workers[0].heard->text);
        }
      for (guint i = 0; i < G_N_ELEMENTS (workers); i++)
        heard_free (workers[i].heard);
      g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, round + 1);
    }
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/waiting/result-in-one-reply", NULL, test_result_in_one_reply);
  PIPELINE_TEST ("/waiting/time-out", "script=hold\n[service]\nmaximum-wait=1s\n", test_time_out);
  PIPELINE_TEST ("/waiting/poll-wakes", "script=hold\n[service]\nmaximum-wait=200s\n", test_poll_wakes);
  PIPELINE_TEST ("/waiting/cancellation", "script=hold\n[service]\nmaximum-wait=200s\n", test_cancellation);
  PIPELINE_TEST ("/waiting/two-at-once", NULL, test_two_at_once);
  return g_test_run ();
}
