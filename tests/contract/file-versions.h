/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "file-world.h"

/* A store whose content is one of a row of versions, so that a mixture of two is noticed. In version N “changed” and “partner” hold
 * its number, “only-N” is its own, and “kept” is always the same. */

typedef struct {
  FileWorld *world;
  BrevetStore *store;
  guint version;
} Faulty;

void faulty_init (Faulty *self);
void faulty_clear (Faulty *self);
void faulty_open (Faulty *self);

/* Closes and opens the store, which has the same version afterwards. */
void faulty_reopen (Faulty *self);

/* The next commit without faults works, and leaves the directory as tidy as if nothing had ever happened. */
void faulty_go_on (Faulty *self);

gboolean file_commit_version (BrevetStore *store, guint old, guint version, GError **error);

/* Returns the version that is stored, after making sure that it is that one in every part. */
guint file_check_version (BrevetStore *store);

/* While calls fail, so does cleaning up, which is worth a warning and nothing more. */
void file_set_warnings_fatal (gboolean fatal);
