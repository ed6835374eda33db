/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-wait.h"

#include <brevet.h>
#include <string.h>

/* A store with one record, which answers on a thread: enough to see that the helpers that wait really do. */
#define TEST_TYPE_ONE_RECORD (one_record_get_type ())
G_DECLARE_FINAL_TYPE (OneRecord, one_record, TEST, ONE_RECORD, BrevetPlugin)

struct _OneRecord
{
  BrevetPlugin parent_instance;
};

static void
get_thread (GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
  g_autoptr(GBytes) body = g_bytes_new_static ("{}", 2);

  if (g_str_equal (task_data, "there"))
    g_task_return_pointer (task, brevet_record_new ("things", "there", NULL, "1", 5, 6, body),
                           (GDestroyNotify) brevet_record_unref);
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "There is no %s", (const char *) task_data);
}

static void
one_record_get_async (BrevetStore *store, const char *collection, const char *key, GCancellable *cancellable,
                      GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (store, cancellable, callback, user_data);

  g_task_set_task_data (task, g_strdup (key), g_free);
  g_task_run_in_thread (task, get_thread);
}

static BrevetRecord *
one_record_get_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

static void
one_record_commit_async (BrevetStore *store, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (store, cancellable, callback, user_data);

  g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_CONFLICT, "It has changed");
}

static gboolean
one_record_commit_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
store_iface_init (BrevetStoreInterface *iface)
{
  iface->get_async = one_record_get_async;
  iface->get_finish = one_record_get_finish;
  iface->commit_async = one_record_commit_async;
  iface->commit_finish = one_record_commit_finish;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (OneRecord, one_record, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_STORE, store_iface_init))

static void
one_record_class_init (OneRecordClass *class)
{
}

static void
one_record_init (OneRecord *self)
{
}

static gint64
fixed_time (gpointer user_data)
{
  return 1234567;
}

static void
test_batch (void)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("{\"a\":1}", 7);
  GPtrArray *changes = NULL;
  BrevetChange *put = NULL;
  BrevetChange *drop = NULL;
  const char *first = NULL;
  const char *second = NULL;

  brevet_clock_set_source (fixed_time, NULL);
  first = brevet_batch_put (batch, "enrollments", "pump-07", "pumps", body, BREVET_IF_ABSENT);
  second = brevet_batch_put (batch, "enrollments", "pump-08", NULL, body, NULL);
  brevet_batch_delete (batch, "registrations", "pump-06", "7");
  brevet_clock_set_source (NULL, NULL);

  g_assert_cmpstr (first, !=, second);
  changes = brevet_batch_get_changes (batch);
  g_assert_cmpuint (changes->len, ==, 3);
  put = g_ptr_array_index (changes, 0);
  g_assert_cmpint (put->kind, ==, BREVET_CHANGE_PUT);
  g_assert_cmpstr (put->collection, ==, "enrollments");
  g_assert_cmpstr (put->key, ==, "pump-07");
  g_assert_cmpstr (put->parent, ==, "pumps");
  g_assert_cmpstr (put->condition, ==, "");
  g_assert_cmpstr (put->etag, ==, first);
  g_assert_cmpint (put->time, ==, 1234567);
  g_assert_true (g_bytes_equal (put->body, body));
  drop = g_ptr_array_index (changes, 2);
  g_assert_cmpint (drop->kind, ==, BREVET_CHANGE_DELETE);
  g_assert_cmpstr (drop->condition, ==, "7");
  g_assert_null (drop->body);
}

static void
expect_refusal (const char *collection, const char *key)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("x", 1);

  g_test_expect_message ("brevet", G_LOG_LEVEL_CRITICAL, "*assertion*failed*");
  g_assert_null (brevet_batch_put (batch, collection, key, NULL, body, NULL));
  g_test_assert_expected_messages ();
  g_assert_cmpuint (brevet_batch_get_changes (batch)->len, ==, 0);
}

/* Mistakes of the caller are stopped before a storage plugin sees them. */
static void
test_bad_names (void)
{
  g_autofree char *long_key = g_strnfill (513, 'k');
  g_autofree char *long_collection = g_strnfill (65, 'c');

  expect_refusal ("", "k");
  expect_refusal ("Things", "k");
  expect_refusal ("things; drop", "k");
  expect_refusal (long_collection, "k");
  expect_refusal ("things", "");
  expect_refusal ("things", "\xff");
  expect_refusal ("things", long_key);
}

/* A store that has no file for a record says nothing, and digits belong into names of collections. */
static void
test_locate (void)
{
  g_autoptr(BrevetStore) store = g_object_new (TEST_TYPE_ONE_RECORD, "name", "one", NULL);

  g_assert_null (brevet_store_locate (store, "identity-2", "there"));
}

static gboolean
must_not_run (gpointer user_data)
{
  g_assert_not_reached ();
}

static void
test_waiting (void)
{
  g_autoptr(BrevetStore) store = g_object_new (TEST_TYPE_ONE_RECORD, "name", "one", NULL);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("x", 1);
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;
  guint idle = g_idle_add (must_not_run, NULL);

  record = brevet_store_get (store, "things", "there", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_record_get_key (record), ==, "there");
  g_assert_cmpstr (brevet_record_get_etag (record), ==, "1");
  g_assert_cmpint (brevet_record_get_created (record), ==, 5);
  g_assert_cmpint (brevet_record_get_updated (record), ==, 6);

  g_assert_null (brevet_store_get (store, "things", "elsewhere", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
  g_clear_error (&error);

  brevet_batch_put (batch, "things", "there", NULL, body, "0");
  g_assert_false (brevet_store_commit (store, batch, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT);
  g_assert_null (g_main_context_get_thread_default ());
  g_source_remove (idle);
}

/* What was taken in is handed out, also behind the end; what was not stays whose it was. */
static void
test_queue (void)
{
  g_autoptr(BrevetStoreQueue) queue = brevet_store_queue_new (2);
  g_autoptr(BrevetStore) store = g_object_new (TEST_TYPE_ONE_RECORD, "name", "one", NULL);
  g_auto(GQueue) rest = G_QUEUE_INIT;
  GTask *tasks[3];

  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    tasks[i] = brevet_store_job_begin_get (store, "things", "there", NULL, NULL, NULL);
  g_assert_true (brevet_store_queue_push (queue, tasks[0]));
  g_assert_true (brevet_store_queue_push (queue, tasks[1]));
  g_assert_false (brevet_store_queue_push (queue, tasks[2]));
  g_assert_true (brevet_store_queue_pop (queue) == tasks[0]);
  g_assert_true (brevet_store_queue_push (queue, tasks[2]));
  brevet_store_queue_close (queue);
  g_assert_false (brevet_store_queue_push (queue, tasks[0]));
  g_assert_true (brevet_store_queue_pop_all (queue, &rest));
  g_assert_cmpuint (rest.length, ==, 2);
  g_assert_true (g_queue_peek_head (&rest) == tasks[1]);
  g_assert_null (brevet_store_queue_pop (queue));
  g_queue_clear (&rest);
  g_assert_false (brevet_store_queue_pop_all (queue, &rest));

  for (guint i = 0; i < G_N_ELEMENTS (tasks); i++)
    brevet_store_job_answer (tasks[i]);
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static gpointer
answer_on_thread (gpointer data)
{
  GTask *task = brevet_store_queue_pop (data);
  BrevetStoreJob *job = g_task_get_task_data (task);

  g_assert_cmpint (job->kind, ==, BREVET_STORE_JOB_LIST);
  g_assert_cmpstr (job->key, ==, "after");
  g_assert_cmpuint (job->limit, ==, 7);
  job->records = g_ptr_array_new ();
  brevet_store_job_answer (task);
  return NULL;
}

/* The answer comes on the caller's main context, and so does the end of whatever the call holds. */
static void
test_job (void)
{
  g_autoptr(BrevetStoreQueue) queue = brevet_store_queue_new (1);
  BrevetStore *store = g_object_new (TEST_TYPE_ONE_RECORD, "name", "one", NULL);
  GThread *thread = g_thread_new ("answers", answer_on_thread, queue);
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GPtrArray) records = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (brevet_store_queue_push (queue, brevet_store_job_begin_list (store, "things", NULL, "after", 7, NULL,
                                                                              test_wait_store_result, &result)));
  g_thread_join (thread);
  g_assert_null (result);
  test_wait_for_result (&result);
  records = brevet_store_job_list_finish (store, result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (records->len, ==, 0);
  g_clear_object (&result);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_finalize_object (store);
  brevet_store_queue_close (queue);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/store/batch", test_batch);
  g_test_add_func ("/store/bad-names", test_bad_names);
  g_test_add_func ("/store/locate", test_locate);
  g_test_add_func ("/store/waiting", test_waiting);
  g_test_add_func ("/store/queue", test_queue);
  g_test_add_func ("/store/job", test_job);
  return g_test_run ();
}
