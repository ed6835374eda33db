/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-sqlite-connection.h"

G_BEGIN_DECLS

/**
 * brevet_sqlite_schema_create_file:
 * @file: path of the database
 *
 * Makes sure that @file is there: a new one is empty and belongs to its owner alone, whatever the umask says.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED naming file or directory
 */
gboolean brevet_sqlite_schema_create_file (const char *file, GError **error);

/**
 * brevet_sqlite_schema_prepare:
 *
 * Makes tables in an empty database; looks whether those of another are ours and of a version that we know.
 *
 * Returns: %FALSE with %BREVET_ERROR_NOT_CONFIGURED for a database of another program or of a newer brevet
 */
gboolean brevet_sqlite_schema_prepare (BrevetSqliteConnection *connection, GError **error);

/**
 * brevet_sqlite_schema_check:
 *
 * Returns: %FALSE with an error if the database is none that brevet_sqlite_schema_prepare() has made, or of a newer brevet
 */
gboolean brevet_sqlite_schema_check (BrevetSqliteConnection *connection, GError **error);

G_END_DECLS
