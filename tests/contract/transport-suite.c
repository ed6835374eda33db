/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "transport-suite.h"
#include "test-wait.h"

#define PATIENCE 60

static void
set_up (TransportFixture *fixture, gconstpointer suite)
{
  fixture->suite = suite;
  fixture->world = fixture->suite->set_up ();
}

static void
tear_down (TransportFixture *fixture, gconstpointer suite)
{
  fixture->suite->tear_down (fixture->world);
}

void
transport_suite_add_test (const TransportSuite *suite, const char *name, TransportTest test)
{
  g_autofree char *path = g_strdup_printf ("/contract/%s/%s", suite->plugin, name);

  g_test_add (path, TransportFixture, suite, set_up, test, tear_down);
}

static BrevetTransport *
create (TransportFixture *fixture, TransportPeer peer)
{
  return fixture->suite->create (fixture->world, peer, PATIENCE);
}

BrevetReply *
transport_exchange (BrevetTransport *transport, BrevetRequest *request, GCancellable *cancellable, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_transport_exchange_async (transport, request, cancellable, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_transport_exchange_finish (transport, result, error);
}

BrevetReply *
transport_ask (BrevetTransport *transport, const char *path, GError **error)
{
  g_autoptr(BrevetRequest) request = brevet_request_new ("GET", path, NULL);

  return transport_exchange (transport, request, NULL, error);
}

static BrevetRequest *
make_request (TransportFixture *fixture, TransportQuestion question)
{
  return fixture->suite->make_request (fixture->world, question);
}

static void
test_round_trip (TransportFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetTransport) transport = create (fixture, TRANSPORT_PEER_GOOD);
  g_autoptr(BrevetRequest) request = make_request (fixture, TRANSPORT_QUESTION_ECHO);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_exchange (transport, request, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 200);
  fixture->suite->check_echo (fixture->world, request, reply);
}

static void
test_refusal_is_a_reply (TransportFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetTransport) transport = create (fixture, TRANSPORT_PEER_GOOD);
  g_autoptr(BrevetRequest) request = make_request (fixture, TRANSPORT_QUESTION_MISSING);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_exchange (transport, request, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 404);
  g_assert_nonnull (brevet_reply_get_body (reply));
}

static void
test_cancelled (TransportFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetTransport) transport = create (fixture, TRANSPORT_PEER_GOOD);
  g_autoptr(BrevetRequest) request = make_request (fixture, TRANSPORT_QUESTION_NEVER);
  g_autoptr(BrevetRequest) echo = make_request (fixture, TRANSPORT_QUESTION_ECHO);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(BrevetReply) next = NULL;
  g_autoptr(GError) error = NULL;

  brevet_transport_exchange_async (transport, request, cancellable, test_wait_store_result, &result);
  for (guint i = 0; i < 20; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_null (result);
  g_cancellable_cancel (cancellable);
  test_wait_for_result (&result);
  reply = brevet_transport_exchange_finish (transport, result, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_null (reply);
  g_clear_error (&error);

  next = transport_exchange (transport, echo, NULL, &error);
  g_assert_no_error (error);
}

/* Whoever has cancelled before it began gets no answer, and nothing is sent for him. */
static void
test_cancelled_before (TransportFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetTransport) transport = create (fixture, TRANSPORT_PEER_GOOD);
  g_autoptr(BrevetRequest) request = make_request (fixture, TRANSPORT_QUESTION_ECHO);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  reply = transport_exchange (transport, request, cancellable, &error);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_null (reply);
}

typedef struct {
  guint waiting;
} Count;

static void
on_echoed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Count *count = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = brevet_transport_exchange_finish (BREVET_TRANSPORT (source), result, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, 200);
  count->waiting--;
}

static void
test_several_at_once (TransportFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetTransport) transport = create (fixture, TRANSPORT_PEER_GOOD);
  Count count = { 0 };

  for (guint i = 0; i < 20; i++)
    {
      g_autoptr(BrevetRequest) request = make_request (fixture, TRANSPORT_QUESTION_ECHO);

      count.waiting++;
      brevet_transport_exchange_async (transport, request, NULL, on_echoed, &count);
    }
  g_assert_cmpuint (count.waiting, ==, 20);   /* nobody is answered inside of the call */
  while (count.waiting > 0)
    g_main_context_iteration (NULL, TRUE);
}

typedef struct {
  BrevetTransport *transport;
  GThread *thread;
  GMainLoop *loop;
} Caller;

typedef struct {
  TransportFixture *fixture;
  BrevetTransport *transport;
  guint running;               /* atomic */
} Callers;

static void
on_caller_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Caller *caller = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetReply) reply = brevet_transport_exchange_finish (BREVET_TRANSPORT (source), result, &error);

  g_assert_no_error (error);
  g_assert_true (g_thread_self () == caller->thread);
  g_main_loop_quit (caller->loop);
}

static gpointer
caller_thread (gpointer data)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GMainLoop) loop = g_main_loop_new (context, FALSE);
  Callers *callers = data;
  g_autoptr(BrevetRequest) request = make_request (callers->fixture, TRANSPORT_QUESTION_ECHO);
  Caller caller = { .transport = callers->transport, .thread = g_thread_self (), .loop = loop };

  g_main_context_push_thread_default (context);
  for (guint i = 0; i < 5; i++)
    {
      brevet_transport_exchange_async (caller.transport, request, NULL, on_caller_answered, &caller);
      g_main_loop_run (loop);
    }
  /* What a transport closes it closes on this context, which in earnest goes on running. */
  while (g_main_context_iteration (context, FALSE))
    ;
  g_main_context_pop_thread_default (context);
  g_atomic_int_add (&callers->running, -1);
  g_main_context_wakeup (NULL);
  return NULL;
}

/* Two threads at once, each answered on its own, while the main context belongs to somebody else: the peer. */
static void
test_answers_its_caller (TransportFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetTransport) transport = create (fixture, TRANSPORT_PEER_GOOD);
  Callers callers = { .fixture = fixture, .transport = transport, .running = 2 };
  GThread *first = g_thread_new ("first", caller_thread, &callers);
  GThread *second = g_thread_new ("second", caller_thread, &callers);

  while (g_atomic_int_get (&callers.running) > 0)
    g_main_context_iteration (NULL, TRUE);
  g_thread_join (first);
  g_thread_join (second);
}

void
transport_suite_add (const TransportSuite *suite)
{
  transport_suite_add_test (suite, "round-trip", test_round_trip);
  transport_suite_add_test (suite, "refusal-is-a-reply", test_refusal_is_a_reply);
  transport_suite_add_test (suite, "cancelled", test_cancelled);
  transport_suite_add_test (suite, "cancelled-before", test_cancelled_before);
  transport_suite_add_test (suite, "several-at-once", test_several_at_once);
  transport_suite_add_test (suite, "answers-its-caller", test_answers_its_caller);
}
