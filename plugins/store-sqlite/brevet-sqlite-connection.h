/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

#include <sqlite3.h>

G_BEGIN_DECLS

/**
 * BrevetSqliteConnection:
 *
 * One connection to the database with its prepared statements. Used by one thread at a time.
 */
typedef struct _BrevetSqliteConnection BrevetSqliteConnection;

/**
 * brevet_sqlite_connection_open:
 * @file: the database, which exists already
 *
 * Returns: (transfer full) (nullable): a connection, or %NULL with an error that names @file
 */
BrevetSqliteConnection *brevet_sqlite_connection_open (const char *file, GError **error);

void brevet_sqlite_connection_close (BrevetSqliteConnection *self);

/**
 * brevet_sqlite_connection_fail:
 * @action: what was tried, after “Cannot”: `read from`
 *
 * Turns the last failure of SQLite into an error that says what an operator can do.
 *
 * Returns: %FALSE
 */
gboolean brevet_sqlite_connection_fail (BrevetSqliteConnection *self, const char *action, GError **error);

/**
 * brevet_sqlite_connection_execute:
 * @sql: statements without a result
 * @action: see brevet_sqlite_connection_fail()
 */
gboolean brevet_sqlite_connection_execute (BrevetSqliteConnection *self, const char *sql, const char *action, GError **error);

/**
 * brevet_sqlite_connection_query_integer:
 * @sql: a query whose result is one number
 * @value: (out): the number
 */
gboolean brevet_sqlite_connection_query_integer (BrevetSqliteConnection *self, const char *sql, gint64 *value, GError **error);

/**
 * brevet_sqlite_connection_prepare:
 * @slot: number of the statement, below %BREVET_SQLITE_STATEMENTS
 * @sql: its text, always the same for a slot
 *
 * Returns: (transfer none) (nullable): the statement, compiled once per connection, reset and ready for new values
 */
sqlite3_stmt *brevet_sqlite_connection_prepare (BrevetSqliteConnection *self, guint slot, const char *sql, GError **error);

/**
 * brevet_sqlite_connection_changes:
 *
 * Returns: number of records that the last statement changed
 */
int brevet_sqlite_connection_changes (BrevetSqliteConnection *self);

/**
 * brevet_sqlite_connection_in_transaction:
 *
 * Returns: %FALSE after SQLite gave up a whole transaction by itself, as it does for some failures
 */
gboolean brevet_sqlite_connection_in_transaction (BrevetSqliteConnection *self);

/**
 * brevet_sqlite_connection_check_file:
 *
 * Returns: %FALSE if the path no longer leads to the file that is open: what is written now, nobody would ever find again
 */
gboolean brevet_sqlite_connection_check_file (BrevetSqliteConnection *self, GError **error);

const char *brevet_sqlite_connection_get_file (BrevetSqliteConnection *self);

/**
 * BREVET_SQLITE_STATEMENTS:
 *
 * Number of slots for prepared statements; readers and the writer number theirs from 0.
 */
#define BREVET_SQLITE_STATEMENTS 16

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetSqliteConnection, brevet_sqlite_connection_close)

G_END_DECLS
