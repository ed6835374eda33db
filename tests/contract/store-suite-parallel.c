/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store-suite.h"

#include <string.h>

/* Many calls at once, many threads, and where the answers arrive. */

typedef struct {
  guint waiting;
  guint done;
  guint conflicts;
  guint busy;
  guint cancelled;
} Tally;

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Tally *tally = user_data;
  g_autoptr(GError) error = NULL;

  tally->waiting--;
  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    tally->done++;
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_CONFLICT))
    tally->conflicts++;
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_BUSY))
    tally->busy++;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    tally->cancelled++;
  else
    g_assert_no_error (error);
}

static void
begin_put (BrevetStore *store, Tally *tally, guint number, const char *condition, GCancellable *cancellable)
{
  g_autofree char *key = g_strdup_printf ("key-%u", number);
  g_autoptr(BrevetBatch) batch = store_batch_put (key, key, condition);

  tally->waiting++;
  brevet_store_commit_async (store, batch, cancellable, on_committed, tally);
}

static void
wait_for_all (Tally *tally)
{
  while (tally->waiting > 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_many_at_once (StoreFixture *fixture, gconstpointer suite)
{
  Tally tally = { 0 };

  for (guint i = 0; i < 1000; i++)
    begin_put (fixture->store, &tally, i, i % 10 == 9 ? BREVET_IF_PRESENT : BREVET_IF_ABSENT, NULL);
  g_assert_cmpuint (tally.waiting, ==, 1000);   /* nobody is answered inside of the call */
  wait_for_all (&tally);

  g_assert_cmpuint (tally.done, ==, 900);
  g_assert_cmpuint (tally.conflicts, ==, 100);
  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);

      if (i % 10 == 9)
        store_assert_absent (fixture->store, key);
      else
        store_assert_text (fixture->store, key, key);
    }
}

static void
test_one_winner (StoreFixture *fixture, gconstpointer suite)
{
  Tally tally = { 0 };

  for (guint i = 0; i < 200; i++)
    begin_put (fixture->store, &tally, 1, BREVET_IF_ABSENT, NULL);
  wait_for_all (&tally);
  g_assert_cmpuint (tally.done, ==, 1);
  g_assert_cmpuint (tally.conflicts, ==, 199);
}

/* Batches that wait at the same time do not take part in each other's failures. */
static void
test_neighbours (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(GBytes) body = g_bytes_new_static ("new", 3);
  Tally tally = { 0 };

  store_assert_put (fixture->store, "old", "old", NULL);
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *key = g_strdup_printf ("half-%u", i);
      g_autoptr(BrevetBatch) batch = store_batch_put (key, "lost", NULL);

      brevet_batch_delete (batch, STORE_COLLECTION, "old", NULL);
      brevet_batch_put (batch, STORE_COLLECTION, "old", NULL, body, NULL);
      brevet_batch_put (batch, STORE_COLLECTION, "guard", NULL, body, BREVET_IF_PRESENT);
      begin_put (fixture->store, &tally, i, BREVET_IF_ABSENT, NULL);
      tally.waiting++;
      brevet_store_commit_async (fixture->store, batch, NULL, on_committed, &tally);
    }
  wait_for_all (&tally);
  g_assert_cmpuint (tally.done, ==, 100);
  g_assert_cmpuint (tally.conflicts, ==, 100);
  store_assert_text (fixture->store, "old", "old");
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);
      g_autofree char *half = g_strdup_printf ("half-%u", i);

      store_assert_text (fixture->store, key, key);
      store_assert_absent (fixture->store, half);
    }
}

static void
test_busy (StoreFixture *fixture, gconstpointer suite)
{
  Tally tally = { 0 };

  store_fixture_close (fixture);
  store_fixture_open (fixture, 2);
  for (guint i = 0; i < 3000; i++)
    begin_put (fixture->store, &tally, i, BREVET_IF_ABSENT, NULL);
  wait_for_all (&tally);
  g_assert_cmpuint (tally.busy, >, 0);
  g_assert_cmpuint (tally.done, >=, 2);
  g_assert_cmpuint (tally.done + tally.busy, ==, 3000);

  /* Busy is over once the queue is empty, and who was refused has changed nothing. */
  tally.busy = 0;
  begin_put (fixture->store, &tally, 3000, BREVET_IF_ABSENT, NULL);
  wait_for_all (&tally);
  g_assert_cmpuint (tally.busy, ==, 0);
  {
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) records = brevet_store_list (fixture->store, STORE_COLLECTION, NULL, NULL, 1000, &error);

    g_assert_no_error (error);
    g_assert_cmpuint (records->len, ==, MIN (tally.done, 1000));
  }
}

static void
test_cancelled (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Tally tally = { 0 };

  g_cancellable_cancel (cancellable);
  begin_put (fixture->store, &tally, 1, NULL, cancellable);
  begin_put (fixture->store, &tally, 2, NULL, NULL);
  wait_for_all (&tally);
  g_assert_cmpuint (tally.cancelled, ==, 1);
  g_assert_cmpuint (tally.done, ==, 1);
  store_assert_absent (fixture->store, "key-1");
  store_assert_text (fixture->store, "key-2", "key-2");
}

static void
test_late_cancel (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Tally tally = { 0 };
  guint present = 0;

  for (guint i = 0; i < 500; i++)
    begin_put (fixture->store, &tally, i, NULL, cancellable);
  g_cancellable_cancel (cancellable);
  wait_for_all (&tally);
  g_assert_cmpuint (tally.done + tally.cancelled, ==, 500);

  /* Whoever was told “cancelled” finds nothing, whoever was told “done” finds everything. */
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%u", i);
      g_autoptr(BrevetRecord) record = brevet_store_get (fixture->store, STORE_COLLECTION, key, NULL);

      present += record != NULL;
    }
  g_assert_cmpuint (present, ==, tally.done);
}

static void
test_last_reference (StoreFixture *fixture, gconstpointer suite)
{
  BrevetStore *store = fixture->store;
  Tally tally = { 0 };

  for (guint i = 0; i < 300; i++)
    begin_put (store, &tally, i, NULL, NULL);
  g_object_add_weak_pointer (G_OBJECT (store), (gpointer *) &fixture->store);
  g_object_unref (store);
  wait_for_all (&tally);
  while (fixture->store != NULL)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpuint (tally.done, ==, 300);

  store_fixture_open (fixture, 0);
  store_assert_text (fixture->store, "key-299", "key-299");
}

typedef struct {
  BrevetStore *store;
  GMainLoop *loop;
  GThread *thread;
  guint rounds;
} Echo;

static void next_echo (Echo *echo);

static void
on_echo_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Echo *echo = user_data;
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = g_strdup_printf ("%u", echo->rounds);
  GBytes *body;

  g_assert_true (echo->thread == g_thread_self ());
  record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_assert_no_error (error);
  body = brevet_record_get_body (record);
  g_assert_cmpmem (g_bytes_get_data (body, NULL), g_bytes_get_size (body), text, strlen (text));
  next_echo (echo);
}

static void
on_echo_written (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Echo *echo = user_data;
  g_autoptr(GError) error = NULL;

  g_assert_true (echo->thread == g_thread_self ());
  g_assert_true (g_main_context_is_owner (g_main_loop_get_context (echo->loop)));
  brevet_store_commit_finish (BREVET_STORE (source), result, &error);
  g_assert_no_error (error);
  brevet_store_get_async (echo->store, STORE_COLLECTION, "echo", NULL, on_echo_read, echo);
}

static void
next_echo (Echo *echo)
{
  g_autoptr(BrevetBatch) batch = NULL;
  g_autofree char *text = NULL;

  if (echo->rounds-- == 0)
    {
      g_main_loop_quit (echo->loop);
      return;
    }
  text = g_strdup_printf ("%u", echo->rounds);
  batch = store_batch_put ("echo", text, NULL);
  brevet_store_commit_async (echo->store, batch, NULL, on_echo_written, echo);
}

static gpointer
echo_thread (gpointer data)
{
  g_autoptr(GMainContext) context = g_main_context_new ();
  g_autoptr(GMainLoop) loop = g_main_loop_new (context, FALSE);
  Echo echo = { .store = data, .loop = loop, .thread = g_thread_self (), .rounds = 200 };

  g_main_context_push_thread_default (context);
  next_echo (&echo);
  g_main_loop_run (loop);
  g_main_context_pop_thread_default (context);
  return NULL;
}

/* The caller's own context answers, and what was answered is read at once. */
static void
test_answers_its_caller (StoreFixture *fixture, gconstpointer suite)
{
  GThread *thread = g_thread_new ("caller", echo_thread, fixture->store);

  g_thread_join (thread);
}

#define THREADS 8
#define READS 4000
#define INCREMENTS 50

static gboolean
increment (BrevetStore *store)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autofree char *text = NULL;
  g_autofree char *next = NULL;
  g_autoptr(GError) error = NULL;
  GBytes *body;

  record = brevet_store_get (store, STORE_COLLECTION, "counter", &error);
  g_assert_no_error (error);
  body = brevet_record_get_body (record);
  text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  next = g_strdup_printf ("%" G_GINT64_FORMAT, g_ascii_strtoll (text, NULL, 10) + 1);
  if (store_put (store, "counter", next, brevet_record_get_etag (record), &error))
    return TRUE;
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT);
  return FALSE;
}

static gpointer
counting_thread (gpointer data)
{
  for (guint i = 0; i < INCREMENTS; i++)
    while (!increment (data))
      ;
  return NULL;
}

static void
test_counter (StoreFixture *fixture, gconstpointer suite)
{
  GThread *threads[THREADS];

  store_assert_put (fixture->store, "counter", "0", BREVET_IF_ABSENT);
  for (guint i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("counting", counting_thread, fixture->store);
  for (guint i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  store_assert_text (fixture->store, "counter", G_STRINGIFY (400));
  G_STATIC_ASSERT (THREADS * INCREMENTS == 400);
}

static gpointer
reading_thread (gpointer data)
{
  for (guint i = 0; i < READS; i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (brevet_store_get (data, STORE_COLLECTION, "nothing", &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
    }
  return NULL;
}

/* Callers wait and go on at once, while whoever answered them is not done yet. */
static void
test_impatient_callers (StoreFixture *fixture, gconstpointer suite)
{
  GThread *threads[THREADS];

  for (guint i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("reading", reading_thread, fixture->store);
  for (guint i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
}

void
store_suite_add_parallel (const StoreSuite *suite)
{
  store_suite_add_test (suite, "many-at-once", test_many_at_once);
  store_suite_add_test (suite, "one-winner", test_one_winner);
  store_suite_add_test (suite, "neighbours", test_neighbours);
  store_suite_add_test (suite, "busy", test_busy);
  store_suite_add_test (suite, "cancelled", test_cancelled);
  store_suite_add_test (suite, "late-cancel", test_late_cancel);
  store_suite_add_test (suite, "last-reference", test_last_reference);
  store_suite_add_test (suite, "answers-its-caller", test_answers_its_caller);
  store_suite_add_test (suite, "counter", test_counter);
  store_suite_add_test (suite, "impatient-callers", test_impatient_callers);
}
