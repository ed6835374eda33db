/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-sqlite-connection.h"
#include "brevet-store-queue.h"

G_BEGIN_DECLS

/**
 * brevet_sqlite_writer_start:
 * @connection: (transfer full): the connection of the new thread
 * @queue: tasks of commit
 *
 * Returns: a thread that makes everything that is queued durable with one transaction, until @queue is closed and empty
 */
GThread *brevet_sqlite_writer_start (BrevetSqliteConnection *connection, BrevetStoreQueue *queue, GError **error);

G_END_DECLS
