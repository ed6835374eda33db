/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet.h"

/* A token that does something only when it is told to. */
typedef struct {
  GMutex lock;
  GCond changed;
  gboolean open;      /* jobs go on */
  guint begun;
  guint ended;
} Gate;

typedef struct {
  Gate *gate;
  const char *text;   /* NULL: the job fails */
} Order;

static guint freed_results;

static void
free_result (gpointer result)
{
  g_atomic_int_inc (&freed_results);
  g_free (result);
}

static gpointer
pass (gpointer data, GError **error)
{
  Order *order = data;
  Gate *gate = order->gate;

  g_mutex_lock (&gate->lock);
  gate->begun++;
  g_cond_broadcast (&gate->changed);
  while (!gate->open)
    g_cond_wait (&gate->changed, &gate->lock);
  gate->ended++;
  g_mutex_unlock (&gate->lock);
  if (order->text == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "no");
  return g_strdup (order->text);
}

static void
set_open (Gate *gate, gboolean open)
{
  g_mutex_lock (&gate->lock);
  gate->open = open;
  g_cond_broadcast (&gate->changed);
  g_mutex_unlock (&gate->lock);
}

static void
wait_begun (Gate *gate, guint count)
{
  g_mutex_lock (&gate->lock);
  while (gate->begun < count)
    g_cond_wait (&gate->changed, &gate->lock);
  g_mutex_unlock (&gate->lock);
}

static void
take (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

static void
order (BrevetTokenWorker *worker, Gate *gate, const char *text, guint seconds, GCancellable *cancellable, GAsyncResult **result)
{
  Order *made = g_new0 (Order, 1);

  made->gate = gate;
  made->text = text;
  brevet_token_worker_run_async (worker, NULL, "pkcs11:token=x", seconds, pass, made, g_free, free_result, cancellable, take,
                                 result);
}

static char *
finish (GAsyncResult **result, GError **error)
{
  g_autoptr(GAsyncResult) done = NULL;

  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
  done = g_steal_pointer (result);
  return brevet_token_worker_run_finish (done, error);
}

static void
test_order (void)
{
  g_autoptr(BrevetTokenWorker) worker = brevet_token_worker_new ();
  Gate gate = { .open = TRUE };
  GAsyncResult *results[3] = { NULL };
  g_autoptr(GError) error = NULL;
  g_autofree char *first = NULL;
  g_autofree char *third = NULL;

  order (worker, &gate, "one", 60, NULL, &results[0]);
  order (worker, &gate, NULL, 60, NULL, &results[1]);
  order (worker, &gate, "three", 60, NULL, &results[2]);
  first = finish (&results[0], &error);
  g_assert_no_error (error);
  g_assert_cmpstr (first, ==, "one");
  g_assert_null (finish (&results[1], &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_clear_error (&error);
  third = finish (&results[2], &error);
  g_assert_cmpstr (third, ==, "three");
  g_assert_true (brevet_token_worker_settle (60));
}

/* Who waits is answered in time; what is being done ends some day, and nobody gets its result; what waits behind it is not
 * begun. */
static void
test_hanging (void)
{
  g_autoptr(BrevetTokenWorker) worker = brevet_token_worker_new ();
  Gate gate = { .open = FALSE };
  GAsyncResult *results[3] = { NULL };
  g_autoptr(GError) error = NULL;
  g_autofree char *last = NULL;
  guint freed = freed_results;

  order (worker, &gate, "late", 1, NULL, &results[0]);
  wait_begun (&gate, 1);
  order (worker, &gate, "never", 1, NULL, &results[1]);
  for (guint i = 0; i < 2; i++)
    {
      g_assert_null (finish (&results[i], &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE);
      g_assert_cmpstr (error->message, ==, "The token “pkcs11:token=x” did not answer within 1 seconds");
      g_clear_error (&error);
    }
  g_assert_false (brevet_token_worker_settle (0));
  set_open (&gate, TRUE);
  g_assert_true (brevet_token_worker_settle (60));
  order (worker, &gate, "last", 60, NULL, &results[2]);
  last = finish (&results[2], &error);
  g_assert_cmpstr (last, ==, "last");
  g_assert_cmpuint (gate.begun, ==, 2);
  g_assert_cmpuint (freed_results, ==, freed + 1);
}

static void
test_cancelled (void)
{
  g_autoptr(BrevetTokenWorker) worker = brevet_token_worker_new ();
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  Gate gate = { .open = FALSE };
  GAsyncResult *result = NULL;
  g_autoptr(GError) error = NULL;

  order (worker, &gate, "late", 60, cancellable, &result);
  wait_begun (&gate, 1);
  g_cancellable_cancel (cancellable);
  g_assert_null (finish (&result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  /* The worker may go before what it does has ended. */
  g_clear_pointer (&worker, brevet_token_worker_free);
  set_open (&gate, TRUE);
  g_assert_true (brevet_token_worker_settle (60));
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/token-worker/order", test_order);
  g_test_add_func ("/token-worker/hanging", test_hanging);
  g_test_add_func ("/token-worker/cancelled", test_cancelled);
  return g_test_run ();
}
