/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "failing-store.h"

#include "brevet-error.h"

struct _FailingStore
{
  WrappingStore parent_instance;

  gboolean      fails;
};

G_DEFINE_FINAL_TYPE (FailingStore, failing_store, TYPE_WRAPPING_STORE)

static void
failing_store_commit_async (WrappingStore *store, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                            gpointer user_data)
{
  FailingStore *self = FAILING_STORE (store);

  if (self->fails)
    g_task_report_new_error (self, callback, user_data, failing_store_commit_async, BREVET_ERROR, BREVET_ERROR_FAILED,
                             "The disk is full");
  else
    WRAPPING_STORE_CLASS (failing_store_parent_class)->commit_async (store, batch, cancellable, callback, user_data);
}

static gboolean
failing_store_commit_finish (WrappingStore *store, GAsyncResult *result, GError **error)
{
  if (g_async_result_is_tagged (result, failing_store_commit_async))
    return g_task_propagate_boolean (G_TASK (result), error);
  return WRAPPING_STORE_CLASS (failing_store_parent_class)->commit_finish (store, result, error);
}

static void
failing_store_class_init (FailingStoreClass *class)
{
  WRAPPING_STORE_CLASS (class)->commit_async = failing_store_commit_async;
  WRAPPING_STORE_CLASS (class)->commit_finish = failing_store_commit_finish;
}

static void
failing_store_init (FailingStore *self)
{
}

FailingStore *
failing_store_new (BrevetStore *real)
{
  FailingStore *self = g_object_new (TYPE_FAILING_STORE, "name", "failing", NULL);

  wrapping_store_set_inner (WRAPPING_STORE (self), real);
  return self;
}

void
failing_store_fail (FailingStore *self, gboolean fails)
{
  self->fails = fails;
}
