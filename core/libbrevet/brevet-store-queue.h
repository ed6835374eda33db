/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetStoreQueue: (skip)
 *
 * A queue of tasks between threads that refuses when it is full, and that can be closed: takers get what is left, then nothing.
 */
typedef struct _BrevetStoreQueue BrevetStoreQueue;

/**
 * brevet_store_queue_new: (skip)
 * @maximum: most tasks that may wait in it
 *
 * Returns: (transfer full): a queue; free it with brevet_store_queue_free()
 */
BREVET_API
BrevetStoreQueue *brevet_store_queue_new (guint maximum);

/**
 * brevet_store_queue_free: (skip)
 *
 * Only once it is closed and empty, and nobody waits on it.
 */
BREVET_API
void brevet_store_queue_free (BrevetStoreQueue *self);

/**
 * brevet_store_queue_push: (skip)
 *
 * Returns: %FALSE if the queue is full or closed; @task stays the caller's then
 */
BREVET_API
gboolean brevet_store_queue_push (BrevetStoreQueue *self, GTask *task);

/**
 * brevet_store_queue_pop: (skip)
 *
 * Waits for a task.
 *
 * Returns: (transfer full) (nullable): the oldest task, %NULL once the queue is closed and empty
 */
BREVET_API
GTask *brevet_store_queue_pop (BrevetStoreQueue *self);

/**
 * brevet_store_queue_pop_all: (skip)
 * @tasks: (out caller-allocates): receives everything that is queued, oldest first
 *
 * Waits for at least one task.
 *
 * Returns: %FALSE once the queue is closed and empty
 */
BREVET_API
gboolean brevet_store_queue_pop_all (BrevetStoreQueue *self, GQueue *tasks);

/**
 * brevet_store_queue_close: (skip)
 *
 * Takes nothing in any more.
 */
BREVET_API
void brevet_store_queue_close (BrevetStoreQueue *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetStoreQueue, brevet_store_queue_free)

G_END_DECLS
