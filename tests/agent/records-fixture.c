/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records-fixture.h"

#include <string.h>

static BrevetStore *
open_store (const char *plugin_name, const char *directory)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", NULL, directory);
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin = NULL;

  brevet_settings_set (settings, "file", "store.sqlite", NULL);
  brevet_settings_set (settings, "directory", "store", NULL);
  plugin = brevet_registry_create (registry, BREVET_TYPE_STORE, plugin_name, "device", settings, &error);
  g_assert_no_error (error);
  brevet_store_open (BREVET_STORE (plugin), &error);
  g_assert_no_error (error);
  return BREVET_STORE (plugin);
}

void
records_reopen (RecordsFixture *self, const char *trust_bundle_name)
{
  g_clear_object (&self->records);
  self->records = brevet_identity_records_new (BREVET_STORE (self->store), "main", trust_bundle_name);
}

void
records_set_up (RecordsFixture *self, gconstpointer data)
{
  x509_world_set_up (&self->world, NULL);
  self->real = open_store (data, self->world.directory);
  self->store = failing_store_new (self->real);
  self->memory = brevet_identity_memory_new ();
  records_reopen (self, BUNDLE);
}

void
records_tear_down (RecordsFixture *self, gconstpointer data)
{
  g_object_unref (self->records);
  g_object_unref (self->store);
  g_object_unref (self->real);
  brevet_identity_memory_free (self->memory);
  x509_world_tear_down (&self->world, NULL);
}

void
records_take_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  *(GAsyncResult **) user_data = g_object_ref (result);
}

void
records_wait_for (GAsyncResult **result)
{
  while (*result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

BrevetStoredIdentity *
records_load (RecordsFixture *self, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_identity_records_load_async (self->records, NULL, records_take_result, &result);
  records_wait_for (&result);
  return brevet_identity_records_load_finish (self->records, result, error);
}

BrevetStoredIdentity *
records_load_afresh (RecordsFixture *self)
{
  g_autoptr(GError) error = NULL;
  BrevetStoredIdentity *stored = NULL;

  records_reopen (self, BUNDLE);
  stored = records_load (self, &error);
  g_assert_no_error (error);
  return stored;
}

BrevetStoredIdentity *
records_load_whole (RecordsFixture *self)
{
  BrevetStoredIdentity *stored = records_load_afresh (self);

  for (guint i = 0; i < stored->problems->len; i++)
    g_test_message ("%s", (char *) stored->problems->pdata[i]);
  g_assert_cmpuint (stored->problems->len, ==, 0);
  return stored;
}

gboolean
records_stage (RecordsFixture *self, BrevetGeneration *staged, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_identity_records_stage_async (self->records, staged, NULL, records_take_result, &result);
  records_wait_for (&result);
  return brevet_identity_records_stage_finish (self->records, result, error);
}

gboolean
records_switch_to (RecordsFixture *self, BrevetGeneration *current, BrevetGeneration *previous, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_identity_records_switch_async (self->records, current, previous, self->memory, NULL, records_take_result, &result);
  records_wait_for (&result);
  return brevet_identity_records_switch_finish (self->records, result, error);
}

gboolean
records_update (RecordsFixture *self, BrevetGeneration *current, gboolean with_memory, gboolean drop_previous, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_identity_records_update_async (self->records, current, with_memory ? self->memory : NULL, drop_previous, NULL,
                                        records_take_result, &result);
  records_wait_for (&result);
  return brevet_identity_records_update_finish (self->records, result, error);
}

BrevetGeneration *
records_make_generation (RecordsFixture *self, guint64 number, BrevetKeyKind kind)
{
  X509World *world = &self->world;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = brevet_key_generate (kind, &error);
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT);
  g_autoptr(BrevetCertificate) leaf = NULL;
  g_autofree char *digest = g_strdup_printf ("digest-%u", (guint) number);
  BrevetGeneration *generation = brevet_generation_new (number, digest);

  brevet_certificate_builder_set_common_name (builder, "dev-1");
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, world->now, world->now + X509_DAY);
  leaf = brevet_certificate_builder_sign (builder, world->issuing, world->issuing_key, &error);
  g_assert_no_error (error);
  generation->assigned_hub = g_strdup_printf ("hub-%u.example.com", (guint) number);
  generation->device_id = g_strdup ("dev-1");
  generation->installed = world->now + (gint64) number;
  generation->key = g_steal_pointer (&key);
  generation->chain = x509_make_chain (leaf, world->issuing, NULL);
  generation->trust_bundle = x509_make_trust (world->root, world->issuing, NULL);
  generation->trust_bundle_etag = g_strdup_printf ("\"%u\"", (guint) number);
  return generation;
}

BrevetGeneration *
records_make_staged (guint64 number)
{
  g_autoptr(GError) error = NULL;
  BrevetGeneration *staged = brevet_generation_new (number, "digest");

  staged->key = x509_make_key ();
  staged->csr = brevet_key_create_csr (staged->key, "dev-1", &error);
  g_assert_no_error (error);
  return staged;
}

static void
assert_same_bytes (GBytes *a, GBytes *b)
{
  g_assert_true ((a == NULL) == (b == NULL));
  if (a != NULL)
    g_assert_true (g_bytes_equal (a, b));
}

void
records_assert_same (BrevetGeneration *a, BrevetGeneration *b)
{
  g_assert_nonnull (a);
  g_assert_cmpuint (a->number, ==, b->number);
  g_assert_cmpstr (a->input_digest, ==, b->input_digest);
  g_assert_cmpstr (a->assigned_hub, ==, b->assigned_hub);
  g_assert_cmpstr (a->device_id, ==, b->device_id);
  g_assert_cmpint (a->installed, ==, b->installed);
  g_assert_cmpstr (a->trust_bundle_etag, ==, b->trust_bundle_etag);
  g_assert_cmpint (a->used, ==, b->used);
  assert_same_bytes (a->csr, b->csr);
  g_assert_cmpstr (a->key != NULL ? brevet_key_get_spki_sha256 (a->key) : NULL, ==,
                   b->key != NULL ? brevet_key_get_spki_sha256 (b->key) : NULL);
  g_assert_true ((a->chain == NULL) == (b->chain == NULL));
  if (a->chain != NULL)
    {
      g_autofree char *mine = brevet_chain_to_pem (a->chain);
      g_autofree char *theirs = brevet_chain_to_pem (b->chain);

      g_assert_cmpstr (mine, ==, theirs);
    }
  g_assert_cmpstr (a->trust_bundle != NULL ? brevet_trust_bundle_get_etag (a->trust_bundle) : NULL, ==,
                   b->trust_bundle != NULL ? brevet_trust_bundle_get_etag (b->trust_bundle) : NULL);
}

/* Names of the records of a collection, in order. */
static char *
list (RecordsFixture *self, const char *collection)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list (self->real, collection, NULL, NULL, 1000, &error);
  GString *names = g_string_new (NULL);

  g_assert_no_error (error);
  for (guint i = 0; i < records->len; i++)
    g_string_append_printf (names, "%s%s", i > 0 ? " " : "", brevet_record_get_key (records->pdata[i]));
  return g_string_free (names, FALSE);
}

void
records_assert_list (RecordsFixture *self, const char *collection, const char *expected)
{
  g_autofree char *names = list (self, collection);

  g_assert_cmpstr (names, ==, expected);
}

char *
records_read_raw (RecordsFixture *self, const char *collection, const char *key)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get (self->real, collection, key, &error);
  gsize length = 0;
  gconstpointer data = NULL;

  g_assert_no_error (error);
  data = g_bytes_get_data (brevet_record_get_body (record), &length);
  return g_strndup (data, length);
}

void
records_write_raw (RecordsFixture *self, const char *collection, const char *key, const char *text)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GError) error = NULL;

  if (text != NULL)
    {
      g_autoptr(GBytes) body = g_bytes_new (text, strlen (text));

      brevet_batch_put (batch, collection, key, NULL, body, NULL);
    }
  else
    brevet_batch_delete (batch, collection, key, NULL);
  brevet_store_commit (self->real, batch, &error);
  g_assert_no_error (error);
}

void
records_assert_problem (BrevetStoredIdentity *stored, guint index, const char *text)
{
  g_assert_cmpuint (stored->problems->len, >, index);
  g_test_message ("%s", (char *) stored->problems->pdata[index]);
  g_assert_nonnull (strstr (stored->problems->pdata[index], text));
}

void
records_add_tests (int argc, char **argv, const RecordsTest *tests, guint n_tests)
{
  for (int i = 1; i < argc; i++)
    for (guint j = 0; j < n_tests; j++)
      {
        g_autofree char *path = g_strdup_printf ("/identity-records/%s/%s", argv[i], tests[j].name);

        g_test_add (path, RecordsFixture, argv[i], records_set_up, tests[j].run, records_tear_down);
      }
}
