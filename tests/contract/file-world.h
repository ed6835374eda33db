/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "store-suite.h"

/* A directory with one store of plain files, as the tests of store-file need it. */

typedef struct {
  char *scratch;    /* removed at the end */
  char *directory;  /* of the store, in it; made by the store */
} FileWorld;

extern const StoreSuite file_suite;

gpointer file_world_new (void);
void file_world_free (gpointer data);

/* A store in a directory, not open yet; 0 for the default number of waiting requests. */
BrevetStore *file_create_store (const char *directory, gint64 maximum_queued);

/* Opening the store fails with this code, and the message names the directory and says this text. */
void file_assert_open_fails (const char *directory, int code, const char *text);

/* Numbers of the complete generations in a directory, newest first: "4 3". */
char *file_list_generations (const char *directory);

/* Where `current` points to. */
char *file_read_link (const char *directory);

/* Names of everything in a directory, sorted: "current generation-1 lock". */
char *file_list_names (const char *directory);

const char *file_directory_of (StoreFixture *fixture);

void file_write (const char *path, const char *text);

/* The directory has these generations, and the link is this. */
void file_assert_content (const char *directory, const char *generations, const char *link);
