/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store-suite.h"

#include <string.h>

void
store_fixture_open (StoreFixture *fixture, gint64 maximum_queued)
{
  g_autoptr(GError) error = NULL;

  fixture->store = fixture->suite->create (fixture->world, maximum_queued);
  brevet_store_open (fixture->store, &error);
  g_assert_no_error (error);
}

void
store_fixture_close (StoreFixture *fixture)
{
  g_assert_finalize_object (fixture->store);
  fixture->store = NULL;
}

static void
set_up (StoreFixture *fixture, gconstpointer suite)
{
  fixture->suite = suite;
  fixture->world = fixture->suite->set_up ();
  store_fixture_open (fixture, 0);
}

static void
tear_down (StoreFixture *fixture, gconstpointer suite)
{
  if (fixture->store != NULL)
    store_fixture_close (fixture);
  fixture->suite->tear_down (fixture->world);
}

void
store_suite_add_test (const StoreSuite *suite, const char *name, StoreTest test)
{
  g_autofree char *path = g_strdup_printf ("/contract/%s/%s", suite->plugin, name);

  g_test_add (path, StoreFixture, suite, set_up, test, tear_down);
}

BrevetBatch *
store_batch_put (const char *key, const char *text, const char *condition)
{
  g_autoptr(GBytes) body = g_bytes_new (text, strlen (text));
  BrevetBatch *batch = brevet_batch_new ();

  brevet_batch_put (batch, STORE_COLLECTION, key, NULL, body, condition);
  return batch;
}

gboolean
store_put (BrevetStore *store, const char *key, const char *text, const char *condition, GError **error)
{
  g_autoptr(BrevetBatch) batch = store_batch_put (key, text, condition);

  return brevet_store_commit (store, batch, error);
}

void
store_assert_put (BrevetStore *store, const char *key, const char *text, const char *condition)
{
  g_autoptr(GError) error = NULL;

  store_put (store, key, text, condition, &error);
  g_assert_no_error (error);
}

gboolean
store_delete (BrevetStore *store, const char *key, const char *condition, GError **error)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  brevet_batch_delete (batch, STORE_COLLECTION, key, condition);
  return brevet_store_commit (store, batch, error);
}

void
store_assert_text (BrevetStore *store, const char *key, const char *text)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;
  GBytes *body;

  record = brevet_store_get (store, STORE_COLLECTION, key, &error);
  g_assert_no_error (error);
  body = brevet_record_get_body (record);
  g_assert_cmpmem (g_bytes_get_data (body, NULL), g_bytes_get_size (body), text, strlen (text));
}

void
store_assert_absent (BrevetStore *store, const char *key)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;

  record = brevet_store_get (store, STORE_COLLECTION, key, &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
  g_assert_null (record);
}

char *
store_etag (BrevetStore *store, const char *key)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;

  record = brevet_store_get (store, STORE_COLLECTION, key, &error);
  g_assert_no_error (error);
  return g_strdup (brevet_record_get_etag (record));
}

static gint64
tell_time (gpointer user_data)
{
  return *(gint64 *) user_data;
}

static void
test_everything_comes_back (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("content", 7);
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *etag = NULL;
  gint64 now = G_GINT64_CONSTANT (1893456000123456);

  brevet_clock_set_source (tell_time, &now);
  etag = g_strdup (brevet_batch_put (batch, "enrollments", "pump-07", "group-1", body, NULL));
  brevet_store_commit (fixture->store, batch, &error);
  g_assert_no_error (error);
  brevet_clock_set_source (NULL, NULL);

  record = brevet_store_get (fixture->store, "enrollments", "pump-07", &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_record_get_collection (record), ==, "enrollments");
  g_assert_cmpstr (brevet_record_get_key (record), ==, "pump-07");
  g_assert_cmpstr (brevet_record_get_parent (record), ==, "group-1");
  g_assert_cmpstr (brevet_record_get_etag (record), ==, etag);
  g_assert_cmpint (brevet_record_get_created (record), ==, now);
  g_assert_cmpint (brevet_record_get_updated (record), ==, now);
  g_assert_true (g_bytes_equal (brevet_record_get_body (record), body));
}

static void
test_replacing_keeps_created (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  gint64 now = 1000000;

  brevet_clock_set_source (tell_time, &now);
  store_assert_put (fixture->store, "k", "one", NULL);
  first = store_etag (fixture->store, "k");
  now = 2000000;
  store_assert_put (fixture->store, "k", "two", NULL);
  second = store_etag (fixture->store, "k");
  now = 3000000;
  store_assert_put (fixture->store, "k", "three", second);
  brevet_clock_set_source (NULL, NULL);

  g_assert_cmpstr (first, !=, second);
  record = brevet_store_get (fixture->store, STORE_COLLECTION, "k", &error);
  g_assert_no_error (error);
  g_assert_cmpint (brevet_record_get_created (record), ==, 1000000);
  g_assert_cmpint (brevet_record_get_updated (record), ==, 3000000);
  g_assert_cmpstr (brevet_record_get_etag (record), !=, second);
  g_assert_null (brevet_record_get_parent (record));
}

static void
test_absent (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;

  store_assert_put (fixture->store, "here", "text", NULL);
  record = brevet_store_get (fixture->store, "others", "here", &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
  g_assert_null (record);
  store_assert_absent (fixture->store, "her");
  store_assert_absent (fixture->store, "here ");
  store_assert_absent (fixture->store, "HERE");
}

static void
assert_conflict (GError **error, const char *key)
{
  g_assert_error (*error, BREVET_ERROR, BREVET_ERROR_CONFLICT);
  g_assert_nonnull (strstr ((*error)->message, key));
  g_assert_nonnull (strstr ((*error)->message, STORE_COLLECTION));
  g_clear_error (error);
}

static void
test_put_conditions (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *etag = NULL;

  g_assert_false (store_put (fixture->store, "valve", "0", BREVET_IF_PRESENT, &error));
  assert_conflict (&error, "valve");
  g_assert_false (store_put (fixture->store, "valve", "0", "some-etag", &error));
  assert_conflict (&error, "valve");
  store_assert_absent (fixture->store, "valve");

  store_assert_put (fixture->store, "valve", "1", BREVET_IF_ABSENT);
  etag = store_etag (fixture->store, "valve");
  g_assert_false (store_put (fixture->store, "valve", "2", BREVET_IF_ABSENT, &error));
  assert_conflict (&error, "valve");
  store_assert_text (fixture->store, "valve", "1");

  store_assert_put (fixture->store, "valve", "3", BREVET_IF_PRESENT);
  g_assert_false (store_put (fixture->store, "valve", "4", etag, &error));
  assert_conflict (&error, "valve");
  store_assert_text (fixture->store, "valve", "3");

  g_free (etag);
  etag = store_etag (fixture->store, "valve");
  store_assert_put (fixture->store, "valve", "5", etag);
  store_assert_text (fixture->store, "valve", "5");
}

static void
test_delete_conditions (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *etag = NULL;

  g_assert_true (store_delete (fixture->store, "valve", NULL, &error));
  g_assert_no_error (error);
  g_assert_false (store_delete (fixture->store, "valve", BREVET_IF_PRESENT, &error));
  assert_conflict (&error, "valve");

  store_assert_put (fixture->store, "valve", "1", NULL);
  g_assert_false (store_delete (fixture->store, "valve", "some-etag", &error));
  assert_conflict (&error, "valve");
  store_assert_text (fixture->store, "valve", "1");
  etag = store_etag (fixture->store, "valve");
  g_assert_true (store_delete (fixture->store, "valve", etag, &error));
  store_assert_absent (fixture->store, "valve");

  store_assert_put (fixture->store, "valve", "2", NULL);
  g_assert_true (store_delete (fixture->store, "valve", BREVET_IF_PRESENT, &error));
  store_assert_absent (fixture->store, "valve");
}

static void
test_all_or_nothing (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("new", 3);
  g_autoptr(GError) error = NULL;

  store_assert_put (fixture->store, "old", "old", NULL);
  store_assert_put (fixture->store, "gone", "gone", NULL);
  brevet_batch_put (batch, STORE_COLLECTION, "fresh", NULL, body, BREVET_IF_ABSENT);
  brevet_batch_put (batch, STORE_COLLECTION, "old", NULL, body, NULL);
  brevet_batch_delete (batch, STORE_COLLECTION, "gone", NULL);
  brevet_batch_put (batch, STORE_COLLECTION, "guard", NULL, body, BREVET_IF_PRESENT);
  g_assert_false (brevet_store_commit (fixture->store, batch, &error));
  assert_conflict (&error, "guard");

  store_assert_absent (fixture->store, "fresh");
  store_assert_text (fixture->store, "old", "old");
  store_assert_text (fixture->store, "gone", "gone");
}

static void
test_changes_in_order (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("new", 3);
  g_autoptr(GError) error = NULL;

  store_assert_put (fixture->store, "replaced", "old", NULL);
  brevet_batch_put (batch, STORE_COLLECTION, "passing", NULL, body, BREVET_IF_ABSENT);
  brevet_batch_delete (batch, STORE_COLLECTION, "passing", BREVET_IF_PRESENT);
  brevet_batch_delete (batch, STORE_COLLECTION, "replaced", BREVET_IF_PRESENT);
  brevet_batch_put (batch, STORE_COLLECTION, "replaced", NULL, body, BREVET_IF_ABSENT);
  brevet_store_commit (fixture->store, batch, &error);
  g_assert_no_error (error);

  store_assert_absent (fixture->store, "passing");
  store_assert_text (fixture->store, "replaced", "new");
}

/* Lists and joins the keys, which is easier to read in a failure than an array. */
static char *
list_keys (BrevetStore *store, const char *collection, const char *parent, const char *after, guint limit)
{
  g_autoptr(GString) keys = g_string_new (NULL);
  g_autoptr(GPtrArray) records = NULL;
  g_autoptr(GError) error = NULL;

  records = brevet_store_list (store, collection, parent, after, limit, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < records->len; i++)
    g_string_append_printf (keys, "%s%s", i > 0 ? " " : "", brevet_record_get_key (g_ptr_array_index (records, i)));
  return g_string_free (g_steal_pointer (&keys), FALSE);
}

static void
assert_keys (BrevetStore *store, const char *parent, const char *after, guint limit, const char *expected)
{
  g_autofree char *keys = list_keys (store, STORE_COLLECTION, parent, after, limit);

  g_assert_cmpstr (keys, ==, expected);
}

static void
test_list_order (StoreFixture *fixture, gconstpointer suite)
{
  static const char *const keys[] = { "b", "é", "a-1", "B", "aa", "~", "a1", "a", "0", "ä", "a_1", "10", "9", "日" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    store_assert_put (fixture->store, keys[i], "text", NULL);
  assert_keys (fixture->store, NULL, NULL, 1000, "0 10 9 B a a-1 a1 a_1 aa b ~ ä é 日");
  assert_keys (fixture->store, NULL, "a", 3, "a-1 a1 a_1");
  assert_keys (fixture->store, NULL, "a0", 1, "a1");
  assert_keys (fixture->store, NULL, "日", 10, "");
}

static void
put_child (BrevetStore *store, const char *collection, const char *key, const char *parent)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("text", 4);
  g_autoptr(GError) error = NULL;

  brevet_batch_put (batch, collection, key, parent, body, NULL);
  brevet_store_commit (store, batch, &error);
  g_assert_no_error (error);
}

static void
test_list_parent (StoreFixture *fixture, gconstpointer suite)
{
  g_autofree char *others = NULL;

  put_child (fixture->store, STORE_COLLECTION, "c", "p1");
  put_child (fixture->store, STORE_COLLECTION, "a", "p1");
  put_child (fixture->store, STORE_COLLECTION, "b", "p2");
  put_child (fixture->store, STORE_COLLECTION, "d", NULL);
  put_child (fixture->store, "others", "x", "p1");

  assert_keys (fixture->store, "p1", NULL, 10, "a c");
  assert_keys (fixture->store, "p1", "a", 10, "c");
  assert_keys (fixture->store, "p2", NULL, 10, "b");
  assert_keys (fixture->store, "p3", NULL, 10, "");
  assert_keys (fixture->store, NULL, NULL, 10, "a b c d");
  others = list_keys (fixture->store, "others", "p1", NULL, 10);
  g_assert_cmpstr (others, ==, "x");

  /* A put says which parent the record has from now on. */
  put_child (fixture->store, STORE_COLLECTION, "a", "p2");
  put_child (fixture->store, STORE_COLLECTION, "c", NULL);
  assert_keys (fixture->store, "p1", NULL, 10, "");
  assert_keys (fixture->store, "p2", NULL, 10, "a b");
}

static void
test_list_pages (StoreFixture *fixture, gconstpointer suite)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("text", 4);
  g_autoptr(GError) error = NULL;
  g_autofree char *after = NULL;
  guint seen = 0;

  for (guint i = 0; i < 2500; i++)
    {
      g_autofree char *key = g_strdup_printf ("%05u", i);

      brevet_batch_put (batch, STORE_COLLECTION, key, i % 2 == 0 ? "even" : "odd", body, NULL);
    }
  brevet_store_commit (fixture->store, batch, &error);
  g_assert_no_error (error);

  while (TRUE)
    {
      g_autoptr(GPtrArray) page = brevet_store_list (fixture->store, STORE_COLLECTION, "odd", after, 1000, &error);

      g_assert_no_error (error);
      if (page->len == 0)
        break;
      for (guint i = 0; i < page->len; i++, seen++)
        g_assert_cmpuint (g_ascii_strtoull (brevet_record_get_key (page->pdata[i]), NULL, 10), ==, 2 * seen + 1);
      g_free (after);
      after = g_strdup (brevet_record_get_key (page->pdata[page->len - 1]));
    }
  g_assert_cmpuint (seen, ==, 1250);
}

static void
test_bodies (StoreFixture *fixture, gconstpointer suite)
{
  static const gsize lengths[] = { 0, 1, 100, 4096, 65537, 1024 * 1024 };

  for (guint i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autoptr(BrevetBatch) batch = brevet_batch_new ();
      g_autoptr(BrevetRecord) record = NULL;
      g_autoptr(GBytes) body = NULL;
      g_autoptr(GError) error = NULL;
      guint8 *bytes = g_malloc (lengths[i] + 1);

      for (gsize j = 0; j < lengths[i]; j++)
        bytes[j] = (guint8) (j * 31 + j / 251);
      body = g_bytes_new_take (bytes, lengths[i]);
      brevet_batch_put (batch, STORE_COLLECTION, "blob", NULL, body, NULL);
      brevet_store_commit (fixture->store, batch, &error);
      g_assert_no_error (error);
      record = brevet_store_get (fixture->store, STORE_COLLECTION, "blob", &error);
      g_assert_no_error (error);
      g_assert_true (g_bytes_equal (brevet_record_get_body (record), body));
    }
}

static void
test_keys (StoreFixture *fixture, gconstpointer suite)
{
  g_autofree char *longest = g_strnfill (512, 'k');
  g_autofree char *almost = g_strnfill (511, 'k');
  const char *const keys[] = { longest, almost, "'; DROP TABLE record; --", "%", "_", "a\"b", " ", "\n", "ключ", "*" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    store_assert_put (fixture->store, keys[i], keys[i], BREVET_IF_ABSENT);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    store_assert_text (fixture->store, keys[i], keys[i]);
}

static void
test_reopen (StoreFixture *fixture, gconstpointer suite)
{
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  store_assert_put (fixture->store, "kept", "text", NULL);
  store_assert_put (fixture->store, "deleted", "text", NULL);
  g_assert_true (store_delete (fixture->store, "deleted", NULL, NULL));
  before = store_etag (fixture->store, "kept");
  store_fixture_close (fixture);

  store_fixture_open (fixture, 0);
  store_assert_text (fixture->store, "kept", "text");
  store_assert_absent (fixture->store, "deleted");
  after = store_etag (fixture->store, "kept");
  g_assert_cmpstr (before, ==, after);
}

void
store_suite_add (const StoreSuite *suite)
{
  store_suite_add_test (suite, "everything-comes-back", test_everything_comes_back);
  store_suite_add_test (suite, "replacing-keeps-created", test_replacing_keeps_created);
  store_suite_add_test (suite, "absent", test_absent);
  store_suite_add_test (suite, "put-conditions", test_put_conditions);
  store_suite_add_test (suite, "delete-conditions", test_delete_conditions);
  store_suite_add_test (suite, "all-or-nothing", test_all_or_nothing);
  store_suite_add_test (suite, "changes-in-order", test_changes_in_order);
  store_suite_add_test (suite, "list-order", test_list_order);
  store_suite_add_test (suite, "list-parent", test_list_parent);
  store_suite_add_test (suite, "list-pages", test_list_pages);
  store_suite_add_test (suite, "bodies", test_bodies);
  store_suite_add_test (suite, "keys", test_keys);
  store_suite_add_test (suite, "reopen", test_reopen);
  store_suite_add_parallel (suite);
}
