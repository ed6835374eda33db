/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-state.h"

#include <unistd.h>

BrevetFileState *
brevet_file_state_new (const char *directory, int lock, guint maximum_queued, BrevetFileIndex *index)
{
  BrevetFileState *self = g_new0 (BrevetFileState, 1);

  self->directory = g_strdup (directory);
  self->lock = lock;
  self->reads = brevet_store_queue_new (maximum_queued);
  self->writes = brevet_store_queue_new (maximum_queued);
  g_rw_lock_init (&self->guard);
  self->index = index;
  return self;
}

void
brevet_file_state_free (BrevetFileState *self)
{
  close (self->lock);
  brevet_store_queue_free (self->reads);
  brevet_store_queue_free (self->writes);
  g_rw_lock_clear (&self->guard);
  brevet_file_index_free (self->index);
  g_free (self->directory);
  g_free (self);
}

void
brevet_file_state_publish (BrevetFileState *self, BrevetFileIndex *index)
{
  BrevetFileIndex *old;

  g_rw_lock_writer_lock (&self->guard);
  old = self->index;
  self->index = index;
  g_rw_lock_writer_unlock (&self->guard);
  brevet_file_index_free (old);
}
