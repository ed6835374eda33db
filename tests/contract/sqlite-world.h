/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store-suite.h"

/* A directory with one SQLite database, as the tests of store-sqlite need it. */

typedef struct {
  char *directory;
  char *file;
} SqliteWorld;

extern const StoreSuite sqlite_suite;

gpointer sqlite_world_new (void);
void sqlite_world_free (gpointer data);

/* A store on a file, not open yet; 0 for the default number of waiting requests. */
BrevetStore *sqlite_create_store (const char *file, gint64 maximum_queued);

/* Opening the file fails with this code, and the message names the file and says this text. */
void sqlite_assert_open_fails (const char *file, int code, const char *text);
