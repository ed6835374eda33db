/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"
#include "brevet-plugin.h"

G_BEGIN_DECLS

/**
 * BrevetRecord:
 *
 * One record as it stood in a store. Immutable and reference counted.
 */
typedef struct _BrevetRecord BrevetRecord;

#define BREVET_TYPE_RECORD (brevet_record_get_type ())

BREVET_API
GType brevet_record_get_type (void);

/**
 * brevet_record_new:
 * @collection: name of the collection, such as `enrollments`: 1 to 64 of `a-z`, `0-9` and `-`
 * @key: its key in the collection: 1 to 512 bytes of UTF-8, compared byte by byte
 * @parent: (nullable): key of the record that it belongs to, for listing
 * @etag: its version
 * @created: microseconds since 1970-01-01 UTC
 * @updated: microseconds since 1970-01-01 UTC
 * @body: the content; a store does not look into it
 *
 * For stores.
 *
 * Returns: (transfer full): a record
 */
BREVET_API
BrevetRecord *brevet_record_new (const char *collection, const char *key, const char *parent, const char *etag, gint64 created,
                                 gint64 updated, GBytes *body);

BREVET_API
BrevetRecord *brevet_record_ref (BrevetRecord *self);

BREVET_API
void brevet_record_unref (BrevetRecord *self);

/**
 * brevet_record_get_collection:
 *
 * Returns: (transfer none): the collection that it is in
 */
BREVET_API
const char *brevet_record_get_collection (BrevetRecord *self);

/**
 * brevet_record_get_key:
 *
 * Returns: (transfer none): its key
 */
BREVET_API
const char *brevet_record_get_key (BrevetRecord *self);

/**
 * brevet_record_get_parent:
 *
 * Returns: (nullable) (transfer none): key of what it belongs to
 */
BREVET_API
const char *brevet_record_get_parent (BrevetRecord *self);

/**
 * brevet_record_get_etag:
 *
 * Returns: (transfer none): its version
 */
BREVET_API
const char *brevet_record_get_etag (BrevetRecord *self);

/**
 * brevet_record_get_created:
 *
 * Returns: microseconds since 1970-01-01 UTC
 */
BREVET_API
gint64 brevet_record_get_created (BrevetRecord *self);

/**
 * brevet_record_get_updated:
 *
 * Returns: microseconds since 1970-01-01 UTC
 */
BREVET_API
gint64 brevet_record_get_updated (BrevetRecord *self);

/**
 * brevet_record_get_body:
 *
 * Returns: (transfer none): what was stored
 */
BREVET_API
GBytes *brevet_record_get_body (BrevetRecord *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRecord, brevet_record_unref)

/**
 * BREVET_IF_ABSENT:
 *
 * Condition of a put: the record must not exist yet.
 */
#define BREVET_IF_ABSENT ""

/**
 * BREVET_IF_PRESENT:
 *
 * Condition of a put or delete: the record must exist, in any version.
 */
#define BREVET_IF_PRESENT "*"

/**
 * BrevetBatch:
 *
 * Changes that are made all together or not at all. Filled by one thread, then handed to brevet_store_commit_async() and not
 * touched again.
 */
typedef struct _BrevetBatch BrevetBatch;

#define BREVET_TYPE_BATCH (brevet_batch_get_type ())

/**
 * BrevetChangeKind:
 * @BREVET_CHANGE_PUT: create or replace
 * @BREVET_CHANGE_DELETE: remove; a record that is not there is no error unless a condition says so
 */
typedef enum {
  BREVET_CHANGE_PUT,
  BREVET_CHANGE_DELETE,
} BrevetChangeKind;

/**
 * BrevetChange:
 * @kind: put or delete
 * @collection: the collection
 * @key: the key
 * @condition: (nullable): %NULL for none, %BREVET_IF_ABSENT, %BREVET_IF_PRESENT, or the etag that the record must have
 * @parent: (nullable): for a put
 * @etag: for a put: the new version
 * @body: for a put: the content
 * @time: for a put: microseconds since 1970-01-01 UTC, becomes `updated`, and `created` if the record is new
 *
 * One change of a batch; stores read it.
 */
typedef struct {
  BrevetChangeKind kind;
  char *collection;
  char *key;
  char *condition;
  char *parent;
  char *etag;
  GBytes *body;
  gint64 time;
} BrevetChange;

BREVET_API
GType brevet_batch_get_type (void);

/**
 * brevet_batch_new:
 *
 * Returns: (transfer full): an empty batch
 */
BREVET_API
BrevetBatch *brevet_batch_new (void);

BREVET_API
BrevetBatch *brevet_batch_ref (BrevetBatch *self);

BREVET_API
void brevet_batch_unref (BrevetBatch *self);

/**
 * brevet_batch_put:
 * @parent: (nullable): key of the record that it belongs to
 * @condition: (nullable): see #BrevetChange
 *
 * Returns: (transfer none): the etag that the record will have
 */
BREVET_API
const char *brevet_batch_put (BrevetBatch *self, const char *collection, const char *key, const char *parent, GBytes *body,
                              const char *condition);

/**
 * brevet_batch_delete:
 * @condition: (nullable): %NULL, %BREVET_IF_PRESENT or an etag
 */
BREVET_API
void brevet_batch_delete (BrevetBatch *self, const char *collection, const char *key, const char *condition);

/**
 * brevet_batch_erase_former:
 *
 * What the batch replaces or deletes holds secrets that nobody may read any more, in copies of the files of the store either: a
 * store that keeps former contents for a while, in a log for example, gets rid of them with the commit, as far as it can. That is
 * dear, so it is for what happens seldom.
 */
BREVET_API
void brevet_batch_erase_former (BrevetBatch *self);

/**
 * brevet_batch_erases_former:
 *
 * Returns: whether brevet_batch_erase_former() was called
 */
BREVET_API
gboolean brevet_batch_erases_former (BrevetBatch *self);

/**
 * brevet_batch_get_changes: (skip)
 *
 * Returns: (transfer none) (element-type BrevetChange): the changes in the order in which they were added
 */
BREVET_API
GPtrArray *brevet_batch_get_changes (BrevetBatch *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetBatch, brevet_batch_unref)

/**
 * BrevetStore:
 *
 * Keeps records durably. Calls from several threads at once are fine. What commit has answered is on stable storage and seen by
 * every get that begins afterwards, from any thread.
 */
#define BREVET_TYPE_STORE (brevet_store_get_type ())
BREVET_API
G_DECLARE_INTERFACE (BrevetStore, brevet_store, BREVET, STORE, BrevetPlugin)

/**
 * BrevetStoreInterface:
 * @open: see brevet_store_open()
 * @get_async: see brevet_store_get_async()
 * @get_finish: see brevet_store_get_finish()
 * @list_async: see brevet_store_list_async()
 * @list_finish: see brevet_store_list_finish()
 * @commit_async: see brevet_store_commit_async()
 * @commit_finish: see brevet_store_commit_finish()
 * @locate: (nullable): see brevet_store_locate(); a store that keeps no file per record leaves it out
 * @open_to_read: (nullable): see brevet_store_open_to_read(); a store that only one process can use leaves it out
 */
struct _BrevetStoreInterface
{
  GTypeInterface parent_iface;

  gboolean (*open) (BrevetStore *self, GError **error);
  void (*get_async) (BrevetStore *self, const char *collection, const char *key, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer user_data);
  BrevetRecord *(*get_finish) (BrevetStore *self, GAsyncResult *result, GError **error);
  void (*list_async) (BrevetStore *self, const char *collection, const char *parent, const char *after, guint limit,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  GPtrArray *(*list_finish) (BrevetStore *self, GAsyncResult *result, GError **error);
  void (*commit_async) (BrevetStore *self, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                        gpointer user_data);
  gboolean (*commit_finish) (BrevetStore *self, GAsyncResult *result, GError **error);
  char *(*locate) (BrevetStore *self, const char *collection, const char *key);
  gboolean (*open_to_read) (BrevetStore *self, GError **error);
};

/**
 * brevet_store_open:
 *
 * Opens the store, creates what is missing in it, and locks it against another process where two would harm each other. Before any
 * other verb; may wait for a disk.
 *
 * Returns: %FALSE with an error that names file or server
 */
BREVET_API
gboolean brevet_store_open (BrevetStore *self, GError **error);

/**
 * brevet_store_open_to_read:
 *
 * Instead of brevet_store_open(), for a program that looks into the store of a service that runs or does not: makes and changes
 * nothing, keeps nobody away, and commit is answered with %BREVET_ERROR_UNSUPPORTED. A store that only one process can use is
 * opened as with brevet_store_open(), which makes it if there is none, and fails while a service has it open.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_FOUND if there is no such store yet, or an error that names file or server
 */
BREVET_API
gboolean brevet_store_open_to_read (BrevetStore *self, GError **error);

/**
 * brevet_store_get_async:
 * @collection: 1 to 64 of `a-z`, `0-9` and `-`
 * @key: 1 to 512 bytes of UTF-8
 */
BREVET_API
void brevet_store_get_async (BrevetStore *self, const char *collection, const char *key, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_store_get_finish:
 *
 * Returns: (transfer full) (nullable): the record; %NULL with %BREVET_ERROR_NOT_FOUND if there is none, %BREVET_ERROR_BUSY if too
 *   much is queued, %BREVET_ERROR_CORRUPT or %BREVET_ERROR_FAILED if the storage fails
 */
BREVET_API
BrevetRecord *brevet_store_get_finish (BrevetStore *self, GAsyncResult *result, GError **error);

/**
 * brevet_store_list_async:
 * @parent: (nullable): only records with this parent; %NULL for all
 * @after: (nullable): only records whose key comes behind this one; %NULL for the beginning
 * @limit: most records to return, 1 to 1000
 *
 * Lists records in ascending order of their keys (byte order).
 */
BREVET_API
void brevet_store_list_async (BrevetStore *self, const char *collection, const char *parent, const char *after, guint limit,
                              GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_store_list_finish:
 *
 * Returns: (transfer full) (element-type BrevetRecord) (nullable): the records, possibly none; %NULL with an error
 */
BREVET_API
GPtrArray *brevet_store_list_finish (BrevetStore *self, GAsyncResult *result, GError **error);

/**
 * brevet_store_commit_async:
 * @batch: at least one change
 * @cancellable: (nullable): a commit that has begun is not undone by it
 */
BREVET_API
void brevet_store_commit_async (BrevetStore *self, BrevetBatch *batch, GCancellable *cancellable, GAsyncReadyCallback callback,
                                gpointer user_data);

/**
 * brevet_store_commit_finish:
 *
 * Returns: %TRUE once everything is on stable storage; %FALSE with %BREVET_ERROR_CONFLICT if a condition did not hold (nothing was
 *   changed; the message names collection and key), %BREVET_ERROR_BUSY if too much is queued, or %BREVET_ERROR_FAILED if the
 *   storage fails (what get answers afterwards tells what is stored)
 */
BREVET_API
gboolean brevet_store_commit_finish (BrevetStore *self, GAsyncResult *result, GError **error);

/**
 * brevet_store_locate:
 * @collection: 1 to 64 of `a-z`, `0-9` and `-`
 * @key: 1 to 512 bytes of UTF-8
 *
 * May be asked before the store is open, and for a record that does not exist yet. Does not block.
 *
 * Returns: (transfer full) (nullable): absolute path at which other programs find the body of the record, whichever its version, or
 *   %NULL if the store keeps no file per record
 */
BREVET_API
char *brevet_store_locate (BrevetStore *self, const char *collection, const char *key);

/**
 * brevet_store_get: (skip)
 *
 * Waits for brevet_store_get_async() on a private main context. For start-up, commands and tests, never inside a main loop.
 */
BREVET_API
BrevetRecord *brevet_store_get (BrevetStore *self, const char *collection, const char *key, GError **error);

/**
 * brevet_store_list: (skip)
 *
 * Waits for brevet_store_list_async() on a private main context. For start-up, commands and tests, never inside a main loop.
 */
BREVET_API
GPtrArray *brevet_store_list (BrevetStore *self, const char *collection, const char *parent, const char *after, guint limit,
                              GError **error);

/**
 * brevet_store_commit: (skip)
 *
 * Waits for brevet_store_commit_async() on a private main context. For start-up, commands and tests, never inside a main loop.
 */
BREVET_API
gboolean brevet_store_commit (BrevetStore *self, BrevetBatch *batch, GError **error);

G_END_DECLS
