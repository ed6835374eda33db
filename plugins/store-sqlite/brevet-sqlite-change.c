/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-change.h"

#include "brevet-error.h"

/* Slots of the writer's connection: the steps of a transaction first, in the order of BrevetSqliteStep. */
enum {
  STATEMENT_PUT = BREVET_SQLITE_STEP_ROLLBACK + 1,
  STATEMENT_PUT_IF_ABSENT,
  STATEMENT_PUT_IF_PRESENT,
  STATEMENT_PUT_IF_MATCH,
  STATEMENT_DELETE,
  STATEMENT_DELETE_IF_MATCH,
};

#define INSERT \
  "INSERT INTO record (collection, key, parent, etag, created, updated, body) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) " \
  "ON CONFLICT (collection, key) "
#define ASSIGNMENTS "SET parent = ?3, etag = ?4, updated = ?5, body = ?6 "

static const char *const sql[] = {
  [BREVET_SQLITE_STEP_BEGIN] = "BEGIN IMMEDIATE",
  [BREVET_SQLITE_STEP_SAVEPOINT] = "SAVEPOINT batch",
  [BREVET_SQLITE_STEP_RELEASE] = "RELEASE batch",
  [BREVET_SQLITE_STEP_UNDO] = "ROLLBACK TO batch",
  [BREVET_SQLITE_STEP_COMMIT] = "COMMIT",
  [BREVET_SQLITE_STEP_ROLLBACK] = "ROLLBACK",
  [STATEMENT_PUT] = INSERT "DO UPDATE " ASSIGNMENTS,
  [STATEMENT_PUT_IF_ABSENT] = INSERT "DO NOTHING",
  [STATEMENT_PUT_IF_PRESENT] = "UPDATE record " ASSIGNMENTS "WHERE collection = ?1 AND key = ?2",
  [STATEMENT_PUT_IF_MATCH] = "UPDATE record " ASSIGNMENTS "WHERE collection = ?1 AND key = ?2 AND etag = ?7",
  [STATEMENT_DELETE] = "DELETE FROM record WHERE collection = ?1 AND key = ?2",
  [STATEMENT_DELETE_IF_MATCH] = "DELETE FROM record WHERE collection = ?1 AND key = ?2 AND etag = ?7",
};
G_STATIC_ASSERT (G_N_ELEMENTS (sql) <= BREVET_SQLITE_STATEMENTS);

static gboolean
run (BrevetSqliteConnection *connection, sqlite3_stmt *statement, GError **error)
{
  gboolean done = sqlite3_step (statement) == SQLITE_DONE;

  if (!done)
    brevet_sqlite_connection_fail (connection, "write to", error);
  sqlite3_reset (statement);
  return done;
}

gboolean
brevet_sqlite_change_step (BrevetSqliteConnection *connection, BrevetSqliteStep step, GError **error)
{
  sqlite3_stmt *statement = brevet_sqlite_connection_prepare (connection, step, sql[step], error);

  return statement != NULL && run (connection, statement, error);
}

static gboolean
is_any (const char *condition)
{
  return g_strcmp0 (condition, BREVET_IF_PRESENT) == 0;
}

static guint
choose_statement (const BrevetChange *change)
{
  if (change->kind == BREVET_CHANGE_DELETE)
    return change->condition == NULL || is_any (change->condition) ? STATEMENT_DELETE : STATEMENT_DELETE_IF_MATCH;
  if (change->condition == NULL)
    return STATEMENT_PUT;
  if (g_str_equal (change->condition, BREVET_IF_ABSENT))
    return STATEMENT_PUT_IF_ABSENT;
  return is_any (change->condition) ? STATEMENT_PUT_IF_PRESENT : STATEMENT_PUT_IF_MATCH;
}

static void
bind_content (sqlite3_stmt *statement, const BrevetChange *change)
{
  gsize length;
  gconstpointer content = g_bytes_get_data (change->body, &length);

  sqlite3_bind_text (statement, 3, change->parent, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 4, change->etag, -1, SQLITE_STATIC);
  sqlite3_bind_int64 (statement, 5, change->time);
  /* A null pointer would be bound as NULL, which an empty body is not. */
  sqlite3_bind_blob64 (statement, 6, length > 0 ? content : "", length, SQLITE_STATIC);
}

static gboolean
fail_condition (const BrevetChange *change, GError **error)
{
  if (g_str_equal (change->condition, BREVET_IF_ABSENT))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "There is a record “%s” in “%s” already", change->key,
                 change->collection);
  else if (is_any (change->condition))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "There is no record “%s” in “%s”", change->key, change->collection);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT, "The record “%s” in “%s” is not there in version “%s” any more",
                 change->key, change->collection, change->condition);
  return FALSE;
}

gboolean
brevet_sqlite_change_apply (BrevetSqliteConnection *connection, const BrevetChange *change, GError **error)
{
  guint slot = choose_statement (change);
  sqlite3_stmt *statement;
  gboolean done;

  statement = brevet_sqlite_connection_prepare (connection, slot, sql[slot], error);
  if (statement == NULL)
    return FALSE;
  sqlite3_bind_text (statement, 1, change->collection, -1, SQLITE_STATIC);
  sqlite3_bind_text (statement, 2, change->key, -1, SQLITE_STATIC);
  if (change->kind == BREVET_CHANGE_PUT)
    bind_content (statement, change);
  if (slot == STATEMENT_PUT_IF_MATCH || slot == STATEMENT_DELETE_IF_MATCH)
    sqlite3_bind_text (statement, 7, change->condition, -1, SQLITE_STATIC);
  done = run (connection, statement, error);
  sqlite3_clear_bindings (statement);
  if (!done)
    return FALSE;
  if (change->condition != NULL && brevet_sqlite_connection_changes (connection) == 0)
    return fail_condition (change, error);
  return TRUE;
}
