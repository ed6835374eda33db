/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "interposed-store.h"

struct _InterposedStore
{
  BrevetPlugin parent_instance;
  BrevetStore *real;
  guint times;
  void (*action) (BrevetStore *real, gpointer user_data);
  gpointer user_data;
};

static void store_iface_init (BrevetStoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (InterposedStore, interposed_store, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_STORE, store_iface_init))

static void
interposed_store_dispose (GObject *object)
{
  InterposedStore *self = INTERPOSED_STORE (object);

  g_clear_object (&self->real);
  G_OBJECT_CLASS (interposed_store_parent_class)->dispose (object);
}

static void
interposed_store_class_init (InterposedStoreClass *class)
{
  G_OBJECT_CLASS (class)->dispose = interposed_store_dispose;
}

static void
interposed_store_init (InterposedStore *self)
{
}

static gboolean
interposed_store_open (BrevetStore *store, GError **error)
{
  return brevet_store_open (INTERPOSED_STORE (store)->real, error);
}

static void
interposed_store_get_async (BrevetStore *store, const char *collection, const char *key, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  brevet_store_get_async (INTERPOSED_STORE (store)->real, collection, key, cancellable, callback, user_data);
}

static BrevetRecord *
interposed_store_get_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  return brevet_store_get_finish (INTERPOSED_STORE (store)->real, result, error);
}

static void
interposed_store_list_async (BrevetStore *store, const char *collection, const char *parent, const char *after, guint limit,
                             GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  brevet_store_list_async (INTERPOSED_STORE (store)->real, collection, parent, after, limit, cancellable, callback, user_data);
}

static GPtrArray *
interposed_store_list_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  return brevet_store_list_finish (INTERPOSED_STORE (store)->real, result, error);
}

static void
interposed_store_commit_async (BrevetStore *store, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data)
{
  InterposedStore *self = INTERPOSED_STORE (store);

  if (self->times > 0)
    {
      self->times--;
      self->action (self->real, self->user_data);
    }
  brevet_store_commit_async (self->real, batch, cancellable, callback, user_data);
}

static gboolean
interposed_store_commit_finish (BrevetStore *store, GAsyncResult *result, GError **error)
{
  return brevet_store_commit_finish (INTERPOSED_STORE (store)->real, result, error);
}

static void
store_iface_init (BrevetStoreInterface *iface)
{
  iface->open = interposed_store_open;
  iface->get_async = interposed_store_get_async;
  iface->get_finish = interposed_store_get_finish;
  iface->list_async = interposed_store_list_async;
  iface->list_finish = interposed_store_list_finish;
  iface->commit_async = interposed_store_commit_async;
  iface->commit_finish = interposed_store_commit_finish;
}

InterposedStore *
interposed_store_new (BrevetStore *real)
{
  InterposedStore *self = g_object_new (TYPE_INTERPOSED_STORE, "name", "interposed", NULL);

  self->real = g_object_ref (real);
  return self;
}

BrevetStore *
interposed_store_get_real (InterposedStore *self)
{
  return self->real;
}

void
interposed_store_before_commit (InterposedStore *self, guint times, void (*action) (BrevetStore *real, gpointer user_data),
                                gpointer user_data)
{
  self->times = times;
  self->action = action;
  self->user_data = user_data;
}
