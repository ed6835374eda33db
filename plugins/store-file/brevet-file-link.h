/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define BREVET_FILE_LINK_NAME "current"
#define BREVET_FILE_LINK_TEMPORARY_NAME "current.new"

/**
 * BrevetFileLinkState:
 * @BREVET_FILE_LINK_ABSENT: there is none
 * @BREVET_FILE_LINK_GOOD: it names a generation
 * @BREVET_FILE_LINK_WRONG: it is a symbolic link to something else
 * @BREVET_FILE_LINK_OTHER: it is no symbolic link, or cannot be read
 *
 * What was found under the name `current`.
 */
typedef enum {
  BREVET_FILE_LINK_ABSENT,
  BREVET_FILE_LINK_GOOD,
  BREVET_FILE_LINK_WRONG,
  BREVET_FILE_LINK_OTHER,
} BrevetFileLinkState;

/**
 * brevet_file_link_read:
 * @generation: (out): where it points if it is good, else 0
 */
BrevetFileLinkState brevet_file_link_read (const char *directory, guint64 *generation);

/**
 * brevet_file_link_switch:
 * @switched: (out): whether `current` points to @generation now, be that durable or not
 *
 * Makes `current` point to a generation, in one step that leaves either the old link or the new one.
 *
 * Returns: 0 once that is on stable storage, else the errno of what failed
 */
int brevet_file_link_switch (const char *directory, guint64 generation, gboolean *switched);

G_END_DECLS
