/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-entry.h"

#include "brevet-file-name.h"

BrevetFileEntry *
brevet_file_entry_new (const char *collection, const char *key, const char *parent, const char *etag, gint64 created,
                       gint64 updated, const char *sha256, gint64 size)
{
  BrevetFileEntry *self = g_atomic_rc_box_new0 (BrevetFileEntry);

  self->collection = g_strdup (collection);
  self->key = g_strdup (key);
  self->parent = g_strdup (parent);
  self->etag = g_strdup (etag);
  self->created = created;
  self->updated = updated;
  self->file = brevet_file_name_for_key (key);
  self->sha256 = g_strdup (sha256);
  self->size = size;
  return self;
}

BrevetFileEntry *
brevet_file_entry_new_from_change (const BrevetChange *change, const BrevetFileEntry *old)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (change->body, &length);
  g_autofree char *sha256 = brevet_file_name_sha256 (data, length);
  BrevetFileEntry *self = brevet_file_entry_new (change->collection, change->key, change->parent, change->etag,
                                                 old != NULL ? old->created : change->time, change->time, sha256, (gint64) length);

  self->body = g_bytes_ref (change->body);
  return self;
}

BrevetFileEntry *
brevet_file_entry_ref (BrevetFileEntry *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_file_entry_clear (gpointer data)
{
  BrevetFileEntry *self = data;

  g_free (self->collection);
  g_free (self->key);
  g_free (self->parent);
  g_free (self->etag);
  g_free (self->file);
  g_free (self->sha256);
  g_clear_pointer (&self->body, g_bytes_unref);
}

void
brevet_file_entry_unref (BrevetFileEntry *self)
{
  g_atomic_rc_box_release_full (self, brevet_file_entry_clear);
}

gboolean
brevet_file_entry_holds (const BrevetFileEntry *self, gconstpointer data, gsize length)
{
  g_autofree char *sha256 = brevet_file_name_sha256 (data, length);

  return (gint64) length == self->size && g_str_equal (sha256, self->sha256);
}
