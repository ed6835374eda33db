/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-file-index.h"
#include "brevet-store-queue.h"

G_BEGIN_DECLS

/**
 * BrevetFileState:
 * @directory: directory of the store
 * @lock: descriptor that keeps other processes away
 * @reads: gets and lists that wait
 * @writes: commits that wait
 * @guard: held for reading while bodies are read, so that their generation is still there, and for writing to change @index
 * @index: what is stored
 * @unsynced: whether the last switch may not be durable; for the thread that writes
 *
 * An open store: what its threads share.
 */
typedef struct {
  char *directory;
  int lock;
  BrevetStoreQueue *reads;
  BrevetStoreQueue *writes;
  GRWLock guard;
  BrevetFileIndex *index;
  gboolean unsynced;
} BrevetFileState;

/**
 * brevet_file_state_new:
 * @lock: becomes the state's
 * @maximum_queued: most reads, and most commits, that may wait
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
 * brevet_file_state_publish:
 * @index: (transfer full): what is stored from now on
 *
 * Waits for readers of the generation before.
 */
void brevet_file_state_publish (BrevetFileState *self, BrevetFileIndex *index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetFileState, brevet_file_state_free)

G_END_DECLS
