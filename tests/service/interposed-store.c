/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interposed-store.h"

struct _InterposedStore
{
  WrappingStore parent_instance;
  guint times;
  void (*action) (BrevetStore *real, gpointer user_data);
  gpointer user_data;
};

G_DEFINE_FINAL_TYPE (InterposedStore, interposed_store, TYPE_WRAPPING_STORE)

static void
interposed_store_commit_async (WrappingStore *store, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data)
{
  InterposedStore *self = INTERPOSED_STORE (store);

  if (self->times > 0)
    {
      self->times--;
      self->action (wrapping_store_get_inner (store), self->user_data);
    }
  WRAPPING_STORE_CLASS (interposed_store_parent_class)->commit_async (store, batch, cancellable, callback, user_data);
}

static void
interposed_store_class_init (InterposedStoreClass *class)
{
  WRAPPING_STORE_CLASS (class)->commit_async = interposed_store_commit_async;
}

static void
interposed_store_init (InterposedStore *self)
{
}

InterposedStore *
interposed_store_new (BrevetStore *real)
{
  InterposedStore *self = g_object_new (TYPE_INTERPOSED_STORE, "name", "interposed", NULL);

  wrapping_store_set_inner (WRAPPING_STORE (self), real);
  return self;
}

void
interposed_store_before_commit (InterposedStore *self, guint times, void (*action) (BrevetStore *real, gpointer user_data),
                                gpointer user_data)
{
  self->times = times;
  self->action = action;
  self->user_data = user_data;
}
