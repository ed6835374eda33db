/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-index.h"
#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetFileJob:
 * @collection: for get and list
 * @key: for get: the key; for list: keys behind this one, %NULL for the beginning
 * @parent: (nullable): for list
 * @limit: for list; 0 for get
 * @batch: (nullable): for commit
 * @record: (nullable): result of get
 * @records: (nullable): result of list
 * @error: (nullable): why there is no result
 *
 * One call on its way from its caller to a thread of the store and back. It is the data of the GTask that answers it.
 */
typedef struct {
  char *collection;
  char *key;
  char *parent;
  guint limit;
  BrevetBatch *batch;
  BrevetRecord *record;
  GPtrArray *records;
  GError *error;
} BrevetFileJob;

void brevet_file_job_free (BrevetFileJob *self);

/**
 * brevet_file_job_answer:
 * @task: (transfer full): a task whose data is a finished job
 *
 * Answers on the main context of the caller, and lets go of @task there: a thread of the store must never hold the last reference
 * to the store, for that would have it wait for its own end.
 */
void brevet_file_job_answer (GTask *task);

/**
 * BrevetFileState:
 * @directory: directory of the store
 * @lock: descriptor that keeps other processes away
 * @maximum_queued: most reads, and most commits, that may wait
 * @reads: GTask with a BrevetFileJob
 * @writes: GTask with a BrevetFileJob
 * @guard: held for reading while bodies are read, so that their generation is still there, and for writing to change @index
 * @index: what is stored
 * @unsynced: whether the last switch may not be durable; for the thread that writes
 *
 * An open store: what its threads share.
 */
typedef struct {
  char *directory;
  int lock;
  guint maximum_queued;
  GAsyncQueue *reads;
  GAsyncQueue *writes;
  GRWLock guard;
  BrevetFileIndex *index;
  gboolean unsynced;
} BrevetFileState;

/**
 * brevet_file_state_new:
 * @lock: becomes the state's
 * @index: (transfer full): what is stored
 */
BrevetFileState *brevet_file_state_new (const char *directory, int lock, guint maximum_queued, BrevetFileIndex *index);

/**
 * brevet_file_state_free:
 *
 * Only once no thread uses it any more.
 */
void brevet_file_state_free (BrevetFileState *self);

/**
 * brevet_file_state_push:
 * @queue: one of the two
 *
 * Returns: %FALSE if too much waits in it already; @task stays the caller's then
 */
gboolean brevet_file_state_push (BrevetFileState *self, GAsyncQueue *queue, GTask *task);

/**
 * brevet_file_state_close:
 *
 * Lets the thread that takes from @queue end after what is in it now.
 */
void brevet_file_state_close (BrevetFileState *self, GAsyncQueue *queue);

/**
 * brevet_file_state_pop:
 *
 * Waits for a task.
 *
 * Returns: (transfer full) (nullable): the oldest task; %NULL once the queue is closed
 */
GTask *brevet_file_state_pop (BrevetFileState *self, GAsyncQueue *queue);

/**
 * brevet_file_state_try_pop:
 *
 * Returns: (transfer full) (nullable): the oldest task, %NULL if there is none at the moment
 */
GTask *brevet_file_state_try_pop (BrevetFileState *self, GAsyncQueue *queue);

/**
 * brevet_file_state_publish:
 * @index: (transfer full): what is stored from now on
 *
 * Waits for readers of the generation before.
 */
void brevet_file_state_publish (BrevetFileState *self, BrevetFileIndex *index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetFileState, brevet_file_state_free)

G_END_DECLS
