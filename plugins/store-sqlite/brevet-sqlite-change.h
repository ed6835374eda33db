/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-sqlite-connection.h"

G_BEGIN_DECLS

/**
 * BrevetSqliteStep:
 * @BREVET_SQLITE_STEP_BEGIN: begins a transaction
 * @BREVET_SQLITE_STEP_SAVEPOINT: begins a batch inside it
 * @BREVET_SQLITE_STEP_RELEASE: ends a batch
 * @BREVET_SQLITE_STEP_UNDO: takes back the changes of the batch
 * @BREVET_SQLITE_STEP_COMMIT: makes the transaction durable
 * @BREVET_SQLITE_STEP_ROLLBACK: takes back the transaction
 *
 * The steps of a transaction.
 */
typedef enum {
  BREVET_SQLITE_STEP_BEGIN,
  BREVET_SQLITE_STEP_SAVEPOINT,
  BREVET_SQLITE_STEP_RELEASE,
  BREVET_SQLITE_STEP_UNDO,
  BREVET_SQLITE_STEP_COMMIT,
  BREVET_SQLITE_STEP_ROLLBACK,
} BrevetSqliteStep;

gboolean brevet_sqlite_change_step (BrevetSqliteConnection *connection, BrevetSqliteStep step, GError **error);

/**
 * brevet_sqlite_change_apply:
 * @change: one change of a batch
 *
 * Makes @change with one statement, which tests the condition as well.
 *
 * Returns: %FALSE with %BREVET_ERROR_CONFLICT if the condition does not hold, or another error if the database fails
 */
gboolean brevet_sqlite_change_apply (BrevetSqliteConnection *connection, const BrevetChange *change, GError **error);

G_END_DECLS
