/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-link.h"

#include "brevet-file-disk.h"
#include "brevet-file-generation.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

BrevetFileLinkState
brevet_file_link_read (const char *directory, guint64 *generation)
{
  g_autofree char *link_path = g_build_filename (directory, BREVET_FILE_LINK_NAME, NULL);
  char target[64];
  ssize_t length = readlink (link_path, target, sizeof target);

  *generation = 0;
  if (length < 0)
    return errno == ENOENT ? BREVET_FILE_LINK_ABSENT : BREVET_FILE_LINK_OTHER;
  if ((gsize) length == sizeof target)
    return BREVET_FILE_LINK_WRONG;
  target[length] = '\0';
  return brevet_file_generation_parse_name (target, generation) ? BREVET_FILE_LINK_GOOD : BREVET_FILE_LINK_WRONG;
}

static gboolean
points_to (const char *directory, guint64 generation)
{
  guint64 found;

  return brevet_file_link_read (directory, &found) == BREVET_FILE_LINK_GOOD && found == generation;
}

int
brevet_file_link_switch (const char *directory, guint64 generation, gboolean *switched)
{
  g_autofree char *link_path = g_build_filename (directory, BREVET_FILE_LINK_NAME, NULL);
  g_autofree char *temporary = g_build_filename (directory, BREVET_FILE_LINK_TEMPORARY_NAME, NULL);
  g_autofree char *path = brevet_file_generation_path (directory, generation);
  g_autofree char *target = g_path_get_basename (path);
  int code;

  *switched = FALSE;
  if (unlink (temporary) != 0 && errno != ENOENT)
    return errno;
  if (symlink (target, temporary) != 0)
    return errno;
  if (rename (temporary, link_path) != 0)
    {
      code = errno;
      /* A failing disk may have done it all the same. */
      *switched = points_to (directory, generation);
      return code;
    }
  *switched = TRUE;
  return brevet_file_disk_sync_directory (directory);
}
