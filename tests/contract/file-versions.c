/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "file-versions.h"

#include <string.h>

static char *
text_of_version (guint version)
{
  g_autofree char *filling = g_strnfill (10000, 'x');

  return g_strdup_printf ("%u %s", version, filling);
}

static BrevetBatch *
make_version (guint old, guint version)
{
  BrevetBatch *batch = brevet_batch_new ();
  g_autofree char *text = text_of_version (version);
  g_autofree char *old_key = g_strdup_printf ("only-%u", old);
  g_autofree char *key = g_strdup_printf ("only-%u", version);
  g_autoptr(GBytes) body = g_bytes_new (text, strlen (text));

  brevet_batch_put (batch, STORE_COLLECTION, "changed", NULL, body, NULL);
  brevet_batch_put (batch, "others", "partner", NULL, body, NULL);
  brevet_batch_delete (batch, "others", old_key, NULL);
  brevet_batch_put (batch, "others", key, NULL, body, NULL);
  if (old == 0)
    brevet_batch_put (batch, STORE_COLLECTION, "kept", NULL, body, NULL);
  return batch;
}

gboolean
file_commit_version (BrevetStore *store, guint old, guint version, GError **error)
{
  g_autoptr(BrevetBatch) batch = make_version (old, version);

  return brevet_store_commit (store, batch, error);
}

static char *
read_text (BrevetStore *store, const char *collection, const char *key)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get (store, collection, key, &error);

  g_assert_no_error (error);
  return g_strndup (g_bytes_get_data (brevet_record_get_body (record), NULL), g_bytes_get_size (brevet_record_get_body (record)));
}

static void
assert_text (BrevetStore *store, const char *collection, const char *key, const char *text)
{
  g_autofree char *found = read_text (store, collection, key);

  g_assert_cmpstr (found, ==, text);
}

guint
file_check_version (BrevetStore *store)
{
  g_autofree char *changed = read_text (store, STORE_COLLECTION, "changed");
  guint version = (guint) g_ascii_strtoull (changed, NULL, 10);
  g_autofree char *text = text_of_version (version);
  g_autofree char *first = text_of_version (1);
  g_autofree char *key = g_strdup_printf ("only-%u", version);
  g_autoptr(GPtrArray) others = NULL;
  g_autoptr(GError) error = NULL;

  assert_text (store, STORE_COLLECTION, "changed", text);
  assert_text (store, STORE_COLLECTION, "kept", first);
  assert_text (store, "others", "partner", text);
  assert_text (store, "others", key, text);
  others = brevet_store_list (store, "others", NULL, NULL, 10, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (others->len, ==, 2);
  return version;
}

void
faulty_open (Faulty *self)
{
  g_autoptr(GError) error = NULL;

  self->store = file_create_store (self->world->directory, 0);
  brevet_store_open (self->store, &error);
  g_assert_no_error (error);
}

void
faulty_init (Faulty *self)
{
  self->world = file_world_new ();
  faulty_open (self);
  self->version = 1;
  g_assert_true (file_commit_version (self->store, 0, 1, NULL));
}

void
faulty_clear (Faulty *self)
{
  g_assert_finalize_object (self->store);
  file_world_free (self->world);
}

void
faulty_reopen (Faulty *self)
{
  g_assert_finalize_object (self->store);
  faulty_open (self);
  g_assert_cmpuint (file_check_version (self->store), ==, self->version);
}

void
faulty_go_on (Faulty *self)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *names = NULL;
  g_auto(GStrv) words = NULL;

  file_commit_version (self->store, self->version, self->version + 1, &error);
  g_assert_no_error (error);
  self->version++;
  g_assert_cmpuint (file_check_version (self->store), ==, self->version);
  names = file_list_names (self->world->directory);
  words = g_strsplit (names, " ", -1);
  g_assert_cmpuint (g_strv_length (words), ==, 4);
  g_assert_true (g_str_has_prefix (names, "current generation-"));
}

void
file_set_warnings_fatal (gboolean fatal)
{
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR | (fatal ? G_LOG_LEVEL_WARNING : 0));
}
