/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-file-entry.h"

#include <gnutls/crypto.h>
#include <string.h>

/* File systems allow 255 bytes; this leaves room for what other programs append to a name. */
#define MAXIMUM_NAME_SIZE 200
#define SHA256_SIZE 32

static gboolean
is_plain (char c)
{
  return g_ascii_isalnum (c) || c == '.' || c == '_' || c == '-';
}

char *
brevet_file_entry_name_for_key (const char *key)
{
  g_autoptr(GString) name = g_string_new (NULL);
  g_autofree char *hash = NULL;

  for (const char *at = key; *at != '\0'; at++)
    if (is_plain (*at) && (*at != '.' || at != key))
      g_string_append_c (name, *at);
    else
      g_string_append_printf (name, "%%%02X", (guint8) *at);
  if (name->len <= MAXIMUM_NAME_SIZE)
    return g_string_free (g_steal_pointer (&name), FALSE);
  hash = brevet_file_entry_sha256 (key, strlen (key));
  return g_strconcat ("%sha256-", hash, NULL);
}

/* GChecksum would leave a copy of the last bytes in memory, which may be those of a private key. */
char *
brevet_file_entry_sha256 (gconstpointer data, gsize length)
{
  guint8 digest[SHA256_SIZE];
  GString *text = g_string_sized_new (2 * SHA256_SIZE);

  if (gnutls_hash_fast (GNUTLS_DIG_SHA256, length > 0 ? data : "", length, digest) < 0)
    g_error ("GnuTLS cannot compute SHA-256 on this system");
  for (guint i = 0; i < SHA256_SIZE; i++)
    g_string_append_printf (text, "%02x", digest[i]);
  return g_string_free (text, FALSE);
}

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
  self->file = brevet_file_entry_name_for_key (key);
  self->sha256 = g_strdup (sha256);
  self->size = size;
  return self;
}

BrevetFileEntry *
brevet_file_entry_new_from_change (const BrevetChange *change, const BrevetFileEntry *old)
{
  gsize length;
  gconstpointer data = g_bytes_get_data (change->body, &length);
  g_autofree char *sha256 = brevet_file_entry_sha256 (data, length);
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
  g_autofree char *sha256 = brevet_file_entry_sha256 (data, length);

  return (gint64) length == self->size && g_str_equal (sha256, self->sha256);
}
