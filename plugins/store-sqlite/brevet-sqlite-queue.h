/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * BrevetSqliteQueue:
 *
 * A queue between threads that refuses when it is full, and that can be closed: takers get what is left, then nothing.
 */
typedef struct _BrevetSqliteQueue BrevetSqliteQueue;

BrevetSqliteQueue *brevet_sqlite_queue_new (guint maximum);

/**
 * brevet_sqlite_queue_free:
 *
 * Only once it is closed and empty, and nobody waits on it.
 */
void brevet_sqlite_queue_free (BrevetSqliteQueue *self);

/**
 * brevet_sqlite_queue_push:
 *
 * Returns: %FALSE if the queue is full or closed; @item stays the caller's then
 */
gboolean brevet_sqlite_queue_push (BrevetSqliteQueue *self, gpointer item);

/**
 * brevet_sqlite_queue_pop:
 *
 * Waits for an item.
 *
 * Returns: (nullable): the oldest item, %NULL once the queue is closed and empty
 */
gpointer brevet_sqlite_queue_pop (BrevetSqliteQueue *self);

/**
 * brevet_sqlite_queue_pop_all:
 * @items: (out caller-allocates): receives everything that is queued, oldest first
 *
 * Waits for at least one item.
 *
 * Returns: %FALSE once the queue is closed and empty
 */
gboolean brevet_sqlite_queue_pop_all (BrevetSqliteQueue *self, GQueue *items);

void brevet_sqlite_queue_close (BrevetSqliteQueue *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetSqliteQueue, brevet_sqlite_queue_free)

G_END_DECLS
