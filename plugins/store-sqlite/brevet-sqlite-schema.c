/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-schema.h"

#include "brevet-error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <unistd.h>

#define SCHEMA_VERSION 1
#define APPLICATION_ID 1651668596   /* “brvt” */

/* The body is the last column and in no index: looking for a key touches small pages only, and a large body lies in overflow pages
 * that nobody reads who does not want it. A table WITHOUT ROWID would carry the bodies inside the tree of the keys. */
static const char schema[] =
  "BEGIN IMMEDIATE;"
  "CREATE TABLE record ("
  "  id INTEGER PRIMARY KEY,"
  "  collection TEXT NOT NULL COLLATE BINARY,"
  "  key TEXT NOT NULL COLLATE BINARY,"
  "  parent TEXT COLLATE BINARY,"
  "  etag TEXT NOT NULL,"
  "  created INTEGER NOT NULL,"
  "  updated INTEGER NOT NULL,"
  "  body BLOB NOT NULL"
  ") STRICT;"
  "CREATE UNIQUE INDEX record_key ON record (collection, key);"
  "CREATE INDEX record_parent ON record (collection, parent, key) WHERE parent IS NOT NULL;"
  "PRAGMA application_id = " G_STRINGIFY (APPLICATION_ID) ";"
  "PRAGMA user_version = " G_STRINGIFY (SCHEMA_VERSION) ";"
  "COMMIT;";

static gboolean
sync_directory (const char *directory, GError **error)
{
  int descriptor;
  gboolean synced;

  descriptor = g_open (directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  synced = descriptor >= 0 && fsync (descriptor) == 0;
  if (!synced)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot write the directory %s to disk: %s", directory,
                 g_strerror (errno));
  if (descriptor >= 0)
    close (descriptor);
  return synced;
}

gboolean
brevet_sqlite_schema_create_file (const char *file, GError **error)
{
  g_autofree char *directory = g_path_get_dirname (file);
  int descriptor;

  if (!g_file_test (directory, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The directory %s of the database %s does not exist; create it for the user that runs the service", directory,
                   file);
      return FALSE;
    }
  descriptor = g_open (file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor >= 0)
    {
      close (descriptor);
      return sync_directory (directory, error);
    }
  if (errno == EEXIST)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "Cannot create the database %s: %s; its directory must be writable", file, g_strerror (errno));
  return FALSE;
}

static gboolean
check_version (BrevetSqliteConnection *connection, gint64 application, gint64 version, GError **error)
{
  const char *file = brevet_sqlite_connection_get_file (connection);

  if (application != APPLICATION_ID)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 "%s is a database of another program; name a file that does not exist yet", file);
  else if (version > SCHEMA_VERSION)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 "The database %s has version %" G_GINT64_FORMAT ", this brevet knows version %d at most; install a newer brevet",
                 file, version, SCHEMA_VERSION);
  else if (version < SCHEMA_VERSION)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT,
                 "The database %s has version %" G_GINT64_FORMAT ", which never existed; restore it from a backup", file, version);
  else
    return TRUE;
  return FALSE;
}

gboolean
brevet_sqlite_schema_check (BrevetSqliteConnection *connection, GError **error)
{
  gint64 application, version;

  return brevet_sqlite_connection_query_integer (connection, "PRAGMA application_id", &application, error) &&
         brevet_sqlite_connection_query_integer (connection, "PRAGMA user_version", &version, error) &&
         check_version (connection, application, version, error);
}

gboolean
brevet_sqlite_schema_prepare (BrevetSqliteConnection *connection, GError **error)
{
  gint64 tables, application, version;

  if (!brevet_sqlite_connection_query_integer (connection, "SELECT count(*) FROM sqlite_schema", &tables, error) ||
      !brevet_sqlite_connection_query_integer (connection, "PRAGMA application_id", &application, error) ||
      !brevet_sqlite_connection_query_integer (connection, "PRAGMA user_version", &version, error))
    return FALSE;
  if (tables > 0 && !check_version (connection, application, version, error))
    return FALSE;
  if (!brevet_sqlite_connection_execute (connection, "PRAGMA journal_mode = WAL", "open", error))
    return FALSE;
  return tables > 0 || brevet_sqlite_connection_execute (connection, schema, "create tables in", error);
}
