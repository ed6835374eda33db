/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-store.h"
#include "brevet-clock.h"
#include "brevet-x509-private.h"

#include <gnutls/crypto.h>
#include <string.h>

#define COLLECTION_MAX_SIZE 64
#define KEY_MAX_SIZE        512
#define LIST_MAX_LENGTH     1000
#define ETAG_RANDOM_SIZE    16

struct _BrevetRecord
{
  char   *collection;
  char   *key;
  char   *parent;
  char   *etag;
  gint64  created;
  gint64  updated;
  GBytes *body;
};

struct _BrevetBatch
{
  GPtrArray *changes;
  gboolean   erases_former;
};

G_DEFINE_BOXED_TYPE (BrevetRecord, brevet_record, brevet_record_ref, brevet_record_unref)
G_DEFINE_BOXED_TYPE (BrevetBatch, brevet_batch, brevet_batch_ref, brevet_batch_unref)

static gboolean
is_collection (const char *text)
{
  gsize length = text != NULL ? strspn (text, "abcdefghijklmnopqrstuvwxyz0123456789-") : 0;

  return length >= 1 && length <= COLLECTION_MAX_SIZE && text[length] == '\0';
}

static gboolean
is_key (const char *text)
{
  gsize length = text != NULL ? strlen (text) : 0;

  return length >= 1 && length <= KEY_MAX_SIZE && g_utf8_validate_len (text, length, NULL);
}

BrevetRecord *
brevet_record_new (const char *collection, const char *key, const char *parent, const char *etag, gint64 created, gint64 updated,
                   GBytes *body)
{
  BrevetRecord *self = NULL;

  g_return_val_if_fail (is_collection (collection), NULL);
  g_return_val_if_fail (is_key (key), NULL);
  g_return_val_if_fail (etag != NULL && body != NULL, NULL);

  self = g_atomic_rc_box_new0 (BrevetRecord);
  self->collection = g_strdup (collection);
  self->key = g_strdup (key);
  self->parent = g_strdup (parent);
  self->etag = g_strdup (etag);
  self->created = created;
  self->updated = updated;
  self->body = g_bytes_ref (body);
  return self;
}

BrevetRecord *
brevet_record_ref (BrevetRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_record_clear (gpointer data)
{
  BrevetRecord *self = data;

  g_free (self->collection);
  g_free (self->key);
  g_free (self->parent);
  g_free (self->etag);
  g_bytes_unref (self->body);
}

void
brevet_record_unref (BrevetRecord *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_record_clear);
}

const char *
brevet_record_get_collection (BrevetRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->collection;
}

const char *
brevet_record_get_key (BrevetRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->key;
}

const char *
brevet_record_get_parent (BrevetRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->parent;
}

const char *
brevet_record_get_etag (BrevetRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->etag;
}

gint64
brevet_record_get_created (BrevetRecord *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->created;
}

gint64
brevet_record_get_updated (BrevetRecord *self)
{
  g_return_val_if_fail (self != NULL, 0);
  return self->updated;
}

GBytes *
brevet_record_get_body (BrevetRecord *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->body;
}

static void
change_free (gpointer data)
{
  BrevetChange *change = data;

  g_free (change->collection);
  g_free (change->key);
  g_free (change->condition);
  g_free (change->parent);
  g_free (change->etag);
  g_clear_pointer (&change->body, g_bytes_unref);
  g_free (change);
}

BrevetBatch *
brevet_batch_new (void)
{
  BrevetBatch *self = g_atomic_rc_box_new0 (BrevetBatch);

  self->changes = g_ptr_array_new_with_free_func (change_free);
  return self;
}

BrevetBatch *
brevet_batch_ref (BrevetBatch *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_batch_clear (gpointer data)
{
  BrevetBatch *self = data;

  g_ptr_array_unref (self->changes);
}

void
brevet_batch_unref (BrevetBatch *self)
{
  g_return_if_fail (self != NULL);
  g_atomic_rc_box_release_full (self, brevet_batch_clear);
}

static char *
make_etag (void)
{
  guint8 random[ETAG_RANDOM_SIZE];
  char *etag = g_malloc (2 * sizeof random + 1);

  if (gnutls_rnd (GNUTLS_RND_NONCE, random, sizeof random) < 0)
    g_error ("The random source of this system fails");
  brevet_x509_hex (random, sizeof random, etag);
  return etag;
}

static BrevetChange *
add_change (BrevetBatch *self, BrevetChangeKind kind, const char *collection, const char *key, const char *condition)
{
  BrevetChange *change = g_new0 (BrevetChange, 1);

  change->kind = kind;
  change->collection = g_strdup (collection);
  change->key = g_strdup (key);
  change->condition = g_strdup (condition);
  g_ptr_array_add (self->changes, change);
  return change;
}

const char *
brevet_batch_put (BrevetBatch *self, const char *collection, const char *key, const char *parent, GBytes *body,
                  const char *condition)
{
  BrevetChange *change = NULL;

  g_return_val_if_fail (self != NULL && body != NULL, NULL);
  g_return_val_if_fail (is_collection (collection), NULL);
  g_return_val_if_fail (is_key (key), NULL);
  g_return_val_if_fail (parent == NULL || is_key (parent), NULL);

  change = add_change (self, BREVET_CHANGE_PUT, collection, key, condition);
  change->parent = g_strdup (parent);
  change->etag = make_etag ();
  change->body = g_bytes_ref (body);
  change->time = brevet_clock_now ();
  return change->etag;
}

void
brevet_batch_delete (BrevetBatch *self, const char *collection, const char *key, const char *condition)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (is_collection (collection));
  g_return_if_fail (is_key (key));
  g_return_if_fail (condition == NULL || *condition != '\0');

  add_change (self, BREVET_CHANGE_DELETE, collection, key, condition);
}

void
brevet_batch_erase_former (BrevetBatch *self)
{
  g_return_if_fail (self != NULL);
  self->erases_former = TRUE;
}

gboolean
brevet_batch_erases_former (BrevetBatch *self)
{
  g_return_val_if_fail (self != NULL, FALSE);
  return self->erases_former;
}

GPtrArray *
brevet_batch_get_changes (BrevetBatch *self)
{
  g_return_val_if_fail (self != NULL, NULL);
  return self->changes;
}

G_DEFINE_INTERFACE (BrevetStore, brevet_store, BREVET_TYPE_PLUGIN)

static void
brevet_store_default_init (BrevetStoreInterface *iface)
{
}

gboolean
brevet_store_open (BrevetStore *self, GError **error)
{
  g_return_val_if_fail (BREVET_IS_STORE (self), FALSE);

  return BREVET_STORE_GET_IFACE (self)->open (self, error);
}

gboolean
brevet_store_open_to_read (BrevetStore *self, GError **error)
{
  g_return_val_if_fail (BREVET_IS_STORE (self), FALSE);

  if (BREVET_STORE_GET_IFACE (self)->open_to_read == NULL)
    return brevet_store_open (self, error);
  return BREVET_STORE_GET_IFACE (self)->open_to_read (self, error);
}

void
brevet_store_get_async (BrevetStore *self, const char *collection, const char *key, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_STORE (self));
  g_return_if_fail (is_collection (collection));
  g_return_if_fail (is_key (key));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_STORE_GET_IFACE (self)->get_async (self, collection, key, cancellable, callback, user_data);
}

BrevetRecord *
brevet_store_get_finish (BrevetStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_STORE (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_STORE_GET_IFACE (self)->get_finish (self, result, error);
}

void
brevet_store_list_async (BrevetStore *self, const char *collection, const char *parent, const char *after, guint limit,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_STORE (self));
  g_return_if_fail (is_collection (collection));
  g_return_if_fail (limit >= 1 && limit <= LIST_MAX_LENGTH);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_STORE_GET_IFACE (self)->list_async (self, collection, parent, after, limit, cancellable, callback, user_data);
}

GPtrArray *
brevet_store_list_finish (BrevetStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_STORE (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_STORE_GET_IFACE (self)->list_finish (self, result, error);
}

void
brevet_store_commit_async (BrevetStore *self, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer user_data)
{
  g_return_if_fail (BREVET_IS_STORE (self));
  g_return_if_fail (batch != NULL && batch->changes->len > 0);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_STORE_GET_IFACE (self)->commit_async (self, batch, cancellable, callback, user_data);
}

gboolean
brevet_store_commit_finish (BrevetStore *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_STORE (self), FALSE);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), FALSE);

  return BREVET_STORE_GET_IFACE (self)->commit_finish (self, result, error);
}

char *
brevet_store_locate (BrevetStore *self, const char *collection, const char *key)
{
  g_return_val_if_fail (BREVET_IS_STORE (self), NULL);
  g_return_val_if_fail (is_collection (collection) && is_key (key), NULL);

  if (BREVET_STORE_GET_IFACE (self)->locate == NULL)
    return NULL;
  return BREVET_STORE_GET_IFACE (self)->locate (self, collection, key);
}

static void
on_answered (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GAsyncResult **answer = user_data;

  *answer = g_object_ref (result);
}

/* A context of its own, so that nothing else of the caller's runs while it waits. One for all calls of a thread: whoever answers in
 * another thread may still hold the source that woke this one, and must not find its context gone. */
static GMainContext *
begin_wait (void)
{
  static GPrivate contexts = G_PRIVATE_INIT ((GDestroyNotify) g_main_context_unref);
  GMainContext *context = g_private_get (&contexts);

  if (context == NULL)
    {
      context = g_main_context_new ();
      g_private_set (&contexts, context);
    }
  g_main_context_push_thread_default (context);
  return context;
}

static void
wait_for (GMainContext *context, GAsyncResult **answer)
{
  while (*answer == NULL)
    g_main_context_iteration (context, TRUE);
  g_main_context_pop_thread_default (context);
}

BrevetRecord *
brevet_store_get (BrevetStore *self, const char *collection, const char *key, GError **error)
{
  g_autoptr(GAsyncResult) answer = NULL;
  GMainContext *context = NULL;

  g_return_val_if_fail (BREVET_IS_STORE (self) && is_collection (collection) && is_key (key), NULL);

  context = begin_wait ();
  brevet_store_get_async (self, collection, key, NULL, on_answered, &answer);
  wait_for (context, &answer);
  return brevet_store_get_finish (self, answer, error);
}

GPtrArray *
brevet_store_list (BrevetStore *self, const char *collection, const char *parent, const char *after, guint limit, GError **error)
{
  g_autoptr(GAsyncResult) answer = NULL;
  GMainContext *context = NULL;

  g_return_val_if_fail (BREVET_IS_STORE (self) && is_collection (collection), NULL);
  g_return_val_if_fail (limit >= 1 && limit <= LIST_MAX_LENGTH, NULL);

  context = begin_wait ();
  brevet_store_list_async (self, collection, parent, after, limit, NULL, on_answered, &answer);
  wait_for (context, &answer);
  return brevet_store_list_finish (self, answer, error);
}

gboolean
brevet_store_commit (BrevetStore *self, BrevetBatch *batch, GError **error)
{
  g_autoptr(GAsyncResult) answer = NULL;
  GMainContext *context = NULL;

  g_return_val_if_fail (BREVET_IS_STORE (self) && batch != NULL && batch->changes->len > 0, FALSE);

  context = begin_wait ();
  brevet_store_commit_async (self, batch, NULL, on_answered, &answer);
  wait_for (context, &answer);
  return brevet_store_commit_finish (self, answer, error);
}
