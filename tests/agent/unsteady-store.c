/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unsteady-store.h"

struct _UnsteadyStore
{
  WrappingStore parent_instance;
  char *pattern;
  const char *at;
  gboolean hold;
  GQueue held;   /* GTask, the batch as its data */
  guint commits;
  gboolean unreadable;
};

static void store_iface_init (BrevetStoreInterface *iface);

/* The interface again, for what the wrapping store passes on by itself. */
G_DEFINE_FINAL_TYPE_WITH_CODE (UnsteadyStore, unsteady_store, TYPE_WRAPPING_STORE,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_STORE, store_iface_init))

static BrevetStoreInterface *wrapping_iface;

static void
unsteady_store_list_async (BrevetStore *store, const char *collection, const char *parent, const char *after, guint limit,
                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  if (UNSTEADY_STORE (store)->unreadable)
    g_task_report_new_error (store, callback, user_data, unsteady_store_list_async, G_IO_ERROR, G_IO_ERROR_FAILED,
                             "Input/output error");
  else
    wrapping_iface->list_async (store, collection, parent, after, limit, cancellable, callback, user_data);
}

static GPtrArray *
unsteady_store_list_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  if (g_async_result_is_tagged (result, unsteady_store_list_async))
    return g_task_propagate_pointer (G_TASK (result), error);
  return wrapping_iface->list_finish (store, result, error);
}

static void
store_iface_init (BrevetStoreInterface *iface)
{
  wrapping_iface = g_type_interface_peek_parent (iface);
  iface->list_async = unsteady_store_list_async;
  iface->list_finish = unsteady_store_list_finish;
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;

  if (brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static gboolean
must_refuse (UnsteadyStore *self)
{
  gboolean refuse = *self->at == 'x';

  if (self->at[0] != '\0' && self->at[1] != '\0')
    self->at++;
  return refuse;
}

/* Takes @task. */
static void
go_on (UnsteadyStore *self, GTask *task)
{
  if (must_refuse (self))
    g_task_return_new_error (task, G_IO_ERROR, G_IO_ERROR_NO_SPACE, "No space left on the disk");
  else
    brevet_store_commit_async (wrapping_store_get_inner (WRAPPING_STORE (self)), g_task_get_task_data (task),
                               g_task_get_cancellable (task), on_committed, g_object_ref (task));
  g_object_unref (task);
}

static void
unsteady_store_commit_async (WrappingStore *store, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data)
{
  UnsteadyStore *self = UNSTEADY_STORE (store);
  GTask *task = g_task_new (self, cancellable, callback, user_data);

  self->commits++;
  g_task_set_task_data (task, brevet_batch_ref (batch), (GDestroyNotify) brevet_batch_unref);
  if (self->hold)
    g_queue_push_tail (&self->held, task);
  else
    go_on (self, task);
}

static gboolean
unsteady_store_commit_finish (WrappingStore *store, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static void
unsteady_store_finalize (GObject *object)
{
  UnsteadyStore *self = UNSTEADY_STORE (object);

  g_assert_true (g_queue_is_empty (&self->held));
  g_free (self->pattern);
  G_OBJECT_CLASS (unsteady_store_parent_class)->finalize (object);
}

static void
unsteady_store_class_init (UnsteadyStoreClass *class)
{
  WRAPPING_STORE_CLASS (class)->commit_async = unsteady_store_commit_async;
  WRAPPING_STORE_CLASS (class)->commit_finish = unsteady_store_commit_finish;
  G_OBJECT_CLASS (class)->finalize = unsteady_store_finalize;
}

static void
unsteady_store_init (UnsteadyStore *self)
{
  g_queue_init (&self->held);
  unsteady_store_refuse (self, "");
}

UnsteadyStore *
unsteady_store_new (BrevetStore *real)
{
  UnsteadyStore *self = g_object_new (TYPE_UNSTEADY_STORE, "name", "unsteady", NULL);

  wrapping_store_set_inner (WRAPPING_STORE (self), real);
  return self;
}

void
unsteady_store_refuse (UnsteadyStore *self, const char *pattern)
{
  g_free (self->pattern);
  self->pattern = g_strdup (pattern);
  self->at = self->pattern;
}

void
unsteady_store_hold (UnsteadyStore *self, gboolean hold)
{
  GTask *task;

  self->hold = hold;
  while (!hold && (task = g_queue_pop_head (&self->held)) != NULL)
    go_on (self, task);
}

guint
unsteady_store_get_held (UnsteadyStore *self)
{
  return g_queue_get_length (&self->held);
}

void
unsteady_store_refuse_reading (UnsteadyStore *self, gboolean refuse)
{
  self->unreadable = refuse;
}

guint
unsteady_store_get_commits (UnsteadyStore *self)
{
  return self->commits;
}
