/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-sqlite-connection.h"

#include "brevet-error.h"

#include <errno.h>
#include <sys/stat.h>

struct _BrevetSqliteConnection
{
  sqlite3      *database;
  char         *file;
  dev_t         device;
  ino_t         inode;
  sqlite3_stmt *statements[BREVET_SQLITE_STATEMENTS];
};

/* Connections only meet while a log is put back into the database, or recovered; a second process only reads. */
#define BUSY_TIMEOUT_MS 10000

gboolean
brevet_sqlite_connection_fail (BrevetSqliteConnection *self, const char *action, GError **error)
{
  int code = sqlite3_errcode (self->database) & 0xff;
  int system_code = sqlite3_system_errno (self->database);

  if (code == SQLITE_FULL || (code == SQLITE_IOERR && (system_code == ENOSPC || system_code == EDQUOT)))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot %s the database %s: disk full; make room", action,
                 self->file);
  else if (code == SQLITE_IOERR)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot %s the database %s: the disk fails: %s", action, self->file,
                 system_code != 0 ? g_strerror (system_code) : sqlite3_errmsg (self->database));
  else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "Cannot %s the database %s: %s; restore it from a backup", action,
                 self->file, sqlite3_errmsg (self->database));
  else if (code == SQLITE_READONLY || code == SQLITE_CANTOPEN || code == SQLITE_PERM)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 "Cannot %s the database %s: %s; the file and its directory must be writable", action, self->file,
                 sqlite3_errmsg (self->database));
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "Cannot %s the database %s: %s", action, self->file,
                 sqlite3_errmsg (self->database));
  return FALSE;
}

gboolean
brevet_sqlite_connection_execute (BrevetSqliteConnection *self, const char *sql, const char *action, GError **error)
{
  if (sqlite3_exec (self->database, sql, NULL, NULL, NULL) == SQLITE_OK)
    return TRUE;
  return brevet_sqlite_connection_fail (self, action, error);
}

gboolean
brevet_sqlite_connection_query_integer (BrevetSqliteConnection *self, const char *sql, gint64 *value, GError **error)
{
  sqlite3_stmt *statement = NULL;
  gboolean found;

  found = sqlite3_prepare_v2 (self->database, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step (statement) == SQLITE_ROW;
  if (found)
    *value = sqlite3_column_int64 (statement, 0);
  else
    brevet_sqlite_connection_fail (self, "read from", error);
  sqlite3_finalize (statement);
  return found;
}

sqlite3_stmt *
brevet_sqlite_connection_prepare (BrevetSqliteConnection *self, guint slot, const char *sql, GError **error)
{
  g_assert (slot < BREVET_SQLITE_STATEMENTS);
  if (self->statements[slot] == NULL &&
      sqlite3_prepare_v3 (self->database, sql, -1, SQLITE_PREPARE_PERSISTENT, &self->statements[slot], NULL) != SQLITE_OK)
    {
      brevet_sqlite_connection_fail (self, "read from", error);
      return NULL;
    }
  return self->statements[slot];
}

int
brevet_sqlite_connection_changes (BrevetSqliteConnection *self)
{
  return sqlite3_changes (self->database);
}

gboolean
brevet_sqlite_connection_in_transaction (BrevetSqliteConnection *self)
{
  return sqlite3_get_autocommit (self->database) == 0;
}

const char *
brevet_sqlite_connection_get_file (BrevetSqliteConnection *self)
{
  return self->file;
}

gboolean
brevet_sqlite_connection_check_file (BrevetSqliteConnection *self, GError **error)
{
  struct stat status;

  if (stat (self->file, &status) == 0 && status.st_dev == self->device && status.st_ino == self->inode)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "The database %s was deleted or replaced while it was in use; put it back and start the service again", self->file);
  return FALSE;
}

static void
remember_file (BrevetSqliteConnection *self)
{
  struct stat status;

  if (stat (self->file, &status) == 0)
    {
      self->device = status.st_dev;
      self->inode = status.st_ino;
    }
}

/* FULL syncs the log with every commit, which is what makes an answered commit durable; what is deleted or replaced is overwritten,
 * for it may be a secret; a log that once grew large is cut again. */
static gboolean
set_up (BrevetSqliteConnection *self, GError **error)
{
  sqlite3_extended_result_codes (self->database, 1);
  sqlite3_busy_timeout (self->database, BUSY_TIMEOUT_MS);
  sqlite3_db_config (self->database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (self->database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  return brevet_sqlite_connection_execute (self,
                                           "PRAGMA synchronous = FULL;"
                                           "PRAGMA secure_delete = ON;"
                                           "PRAGMA journal_size_limit = 67108864;",
                                           "open", error);
}

BrevetSqliteConnection *
brevet_sqlite_connection_open (const char *file, GError **error)
{
  g_autoptr(BrevetSqliteConnection) self = g_new0 (BrevetSqliteConnection, 1);

  self->file = g_strdup (file);
  if (sqlite3_open_v2 (file, &self->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                       NULL) != SQLITE_OK)
    {
      brevet_sqlite_connection_fail (self, "open", error);
      return NULL;
    }
  remember_file (self);
  if (!set_up (self, error))
    return NULL;
  return g_steal_pointer (&self);
}

void
brevet_sqlite_connection_close (BrevetSqliteConnection *self)
{
  for (guint i = 0; i < BREVET_SQLITE_STATEMENTS; i++)
    sqlite3_finalize (self->statements[i]);
  if (sqlite3_close (self->database) != SQLITE_OK)
    g_warning ("Cannot close the database %s: %s", self->file, sqlite3_errmsg (self->database));
  g_free (self->file);
  g_free (self);
}
