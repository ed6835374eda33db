/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"
#include "brevet-store.h"

G_BEGIN_DECLS

/* For stores that do their work on threads of their own: calls wait in queues, and are answered where they came from. */

/**
 * BrevetStoreJobKind: (skip)
 * @BREVET_STORE_JOB_GET: see brevet_store_get_async()
 * @BREVET_STORE_JOB_LIST: see brevet_store_list_async()
 * @BREVET_STORE_JOB_COMMIT: see brevet_store_commit_async()
 *
 * What a caller wants.
 */
typedef enum {
  BREVET_STORE_JOB_GET,
  BREVET_STORE_JOB_LIST,
  BREVET_STORE_JOB_COMMIT,
} BrevetStoreJobKind;

/**
 * BrevetStoreJob: (skip)
 * @kind: what to do
 * @collection: for get and list
 * @key: for get: the key; for list: keys behind this one, %NULL for the beginning
 * @parent: (nullable): for list
 * @limit: for list
 * @batch: for commit
 * @record: result of get
 * @records: result of list
 * @error: why there is no result
 *
 * One call on its way from its caller to a thread of the store and back. It is the data of the GTask that answers it. Plain data;
 * the thread sets the result or @error.
 */
typedef struct {
  BrevetStoreJobKind kind;
  char *collection;
  char *key;
  char *parent;
  guint limit;
  BrevetBatch *batch;
  BrevetRecord *record;
  GPtrArray *records;
  GError *error;
} BrevetStoreJob;

/**
 * brevet_store_job_begin_get: (skip)
 * @cancellable: (nullable): for whoever takes the job to look at, before it begins. Once it has, what happened to the storage is
 *   the answer, even if the caller has lost interest in the meantime
 *
 * For the `get_async` of a store; its `get_finish` is brevet_store_job_get_finish().
 *
 * Returns: (transfer full): the task whose data is the job
 */
BREVET_API
GTask *brevet_store_job_begin_get (BrevetStore *store, const char *collection, const char *key, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_store_job_get_finish: (skip)
 *
 * Returns: (transfer full) (nullable): the record, or %NULL with the error of the job
 */
BREVET_API
BrevetRecord *brevet_store_job_get_finish (BrevetStore *store, GAsyncResult *result, GError **error);

/**
 * brevet_store_job_begin_list: (skip)
 * @parent: (nullable): only records with this parent
 * @after: (nullable): only records whose key comes behind this one
 * @cancellable: (nullable): as for brevet_store_job_begin_get()
 *
 * For the `list_async` of a store; its `list_finish` is brevet_store_job_list_finish().
 *
 * Returns: (transfer full): the task whose data is the job
 */
BREVET_API
GTask *brevet_store_job_begin_list (BrevetStore *store, const char *collection, const char *parent, const char *after, guint limit,
                                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_store_job_list_finish: (skip)
 *
 * Returns: (transfer full) (element-type BrevetRecord) (nullable): the records, or %NULL with the error of the job
 */
BREVET_API
GPtrArray *brevet_store_job_list_finish (BrevetStore *store, GAsyncResult *result, GError **error);

/**
 * brevet_store_job_begin_commit: (skip)
 * @cancellable: (nullable): as for brevet_store_job_begin_get()
 *
 * For the `commit_async` of a store; its `commit_finish` is brevet_store_job_commit_finish().
 *
 * Returns: (transfer full): the task whose data is the job
 */
BREVET_API
GTask *brevet_store_job_begin_commit (BrevetStore *store, BrevetBatch *batch, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_store_job_commit_finish: (skip)
 *
 * Returns: %FALSE with the error of the job
 */
BREVET_API
gboolean brevet_store_job_commit_finish (BrevetStore *store, GAsyncResult *result, GError **error);

/**
 * brevet_store_job_answer: (skip)
 * @task: (transfer full): a task whose data is a finished job
 *
 * Answers on the main context of the caller, and lets go of @task there: a thread of the store must never hold the last reference
 * to the store, for that would have it wait for its own end.
 */
BREVET_API
void brevet_store_job_answer (GTask *task);

G_END_DECLS
