/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "file-world.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* What a store does about files that are not as it left them. */

#define LOG_DOMAIN_OF_STORE "brevet-store-file"

/* Two generations: in the older one “k” is “old”, in the newer one “new”; “other” is the same in both. */
static void
fill (StoreFixture *fixture)
{
  g_autoptr(BrevetBatch) batch = store_batch_put ("k", "old", NULL);
  g_autoptr(GBytes) body = g_bytes_new_static ("same", 4);
  g_autoptr(GError) error = NULL;

  brevet_batch_put (batch, STORE_COLLECTION, "other", NULL, body, NULL);
  brevet_store_commit (fixture->store, batch, &error);
  g_assert_no_error (error);
  store_assert_put (fixture->store, "k", "new", NULL);
  store_fixture_close (fixture);
}

static void
reopen_with_warnings (StoreFixture *fixture, const char *first, const char *second)
{
  g_test_expect_message (LOG_DOMAIN_OF_STORE, G_LOG_LEVEL_WARNING, first);
  if (second != NULL)
    g_test_expect_message (LOG_DOMAIN_OF_STORE, G_LOG_LEVEL_WARNING, second);
  store_fixture_open (fixture, 0);
  g_test_assert_expected_messages ();
}

static char *
index_of (StoreFixture *fixture, guint generation)
{
  return g_strdup_printf ("%s/generation-%u/index.json", file_directory_of (fixture), generation);
}

/* Changes one text in an index, which stays good JSON. */
static void
change_index (const char *file, const char *from, const char *to)
{
  g_autofree char *content = NULL;
  g_autoptr(GString) text = NULL;
  g_autoptr(GError) error = NULL;

  g_file_get_contents (file, &content, NULL, &error);
  g_assert_no_error (error);
  text = g_string_new (content);
  g_assert_cmpuint (g_string_replace (text, from, to, 1), ==, 1);
  file_write (file, text->str);
}

static void
test_damaged_index (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *file = NULL;
  g_autofree char *names = NULL;

  fill (fixture);
  file = index_of (fixture, 2);
  change_index (file, "\"etag\" : \"", "\"etag\" : \"f");
  reopen_with_warnings (fixture, "*generation-2/index.json*going on with generation 1*", "*generation-2.damaged*");
  store_assert_text (fixture->store, "k", "old");
  store_assert_text (fixture->store, "other", "same");
  names = file_list_names (file_directory_of (fixture));
  g_assert_cmpstr (names, ==, "current generation-1 generation-2.damaged lock");

  /* From here on it is a store like any other. */
  store_assert_put (fixture->store, "k", "newer", NULL);
  file_assert_content (file_directory_of (fixture), "2 1", "generation-2");
  store_fixture_close (fixture);
  store_fixture_open (fixture, 0);
  store_assert_text (fixture->store, "k", "newer");
}

static void
test_lost_index (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *file = NULL;

  fill (fixture);
  file = index_of (fixture, 2);
  g_assert_cmpint (g_unlink (file), ==, 0);
  reopen_with_warnings (fixture, "*generation-2/index.json*No such file*going on with generation 1*", "*generation-2.damaged*");
  store_assert_text (fixture->store, "k", "old");
}

static void
test_no_good_index (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *names = NULL;

  fill (fixture);
  first = index_of (fixture, 1);
  second = index_of (fixture, 2);
  file_write (first, "[[[[");
  file_write (second, "");
  file_assert_open_fails (file_directory_of (fixture), BREVET_ERROR_CORRUPT, "generation-2/index.json");
  names = file_list_names (file_directory_of (fixture));
  g_assert_cmpstr (names, ==, "current generation-1 generation-2 lock");   /* left for the operator */
}

static void
test_newer_format (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *file = NULL;

  fill (fixture);
  file = index_of (fixture, 2);
  change_index (file, "\"format\" : 1", "\"format\" : 99");
  file_assert_open_fails (file_directory_of (fixture), BREVET_ERROR_NOT_CONFIGURED, "format 99");
  file_assert_content (file_directory_of (fixture), "2 1", "generation-2");
}

static void
assert_damaged (BrevetStore *store, const char *key)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GPtrArray) records = NULL;
  g_autoptr(GError) error = NULL;

  record = brevet_store_get (store, STORE_COLLECTION, key, &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
  g_assert_nonnull (strstr (error->message, key));
  g_clear_error (&error);
  records = brevet_store_list (store, STORE_COLLECTION, NULL, NULL, 10, &error);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
}

/* One body is damaged or lost: its record says so, the others work, commits work, and a new body heals it. */
static void
check_damaged_body (StoreFixture *fixture, const char *warning, const char *content)
{
  g_autofree char *file = NULL;

  fill (fixture);
  file = g_build_filename (file_directory_of (fixture), "current", STORE_COLLECTION, "k", NULL);
  if (content != NULL)
    file_write (file, content);
  else
    g_assert_cmpint (g_unlink (file), ==, 0);
  reopen_with_warnings (fixture, warning, NULL);
  assert_damaged (fixture->store, "k");
  store_assert_text (fixture->store, "other", "same");
  store_assert_put (fixture->store, "third", "more", NULL);
  assert_damaged (fixture->store, "k");
  store_assert_text (fixture->store, "third", "more");
  store_assert_put (fixture->store, "k", "healed", BREVET_IF_PRESENT);
  store_fixture_close (fixture);
  store_fixture_open (fixture, 0);
  store_assert_text (fixture->store, "k", "healed");
  store_assert_text (fixture->store, "other", "same");
}

static void
test_changed_body (StoreFixture *fixture, gconstpointer data)
{
  check_damaged_body (fixture, "*“k”*damaged*", "nev");
}

static void
test_longer_body (StoreFixture *fixture, gconstpointer data)
{
  check_damaged_body (fixture, "*“k”*damaged*", "new, and more");
}

static void
test_lost_body (StoreFixture *fixture, gconstpointer data)
{
  check_damaged_body (fixture, "*“k”*No such file*", NULL);
}

static void
test_link_repaired (StoreFixture *fixture, gconstpointer data)
{
  const char *const targets[] = {
    NULL, "generation-9", "generation-02", "/etc", "generation-1/../generation-1", "generation-1.new",
  };
  g_autofree char *link_path = g_build_filename (file_directory_of (fixture), "current", NULL);

  fill (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (targets); i++)
    {
      g_assert_cmpint (g_unlink (link_path), ==, 0);
      if (targets[i] != NULL)
        g_assert_cmpint (symlink (targets[i], link_path), ==, 0);
      reopen_with_warnings (fixture, "*going on with generation 2*", NULL);
      store_assert_text (fixture->store, "k", "new");
      file_assert_content (file_directory_of (fixture), "2 1", "generation-2");
      store_fixture_close (fixture);
    }
}

/* A backup that followed the link has a directory in its place. */
static void
test_no_link (StoreFixture *fixture, gconstpointer data)
{
  g_autofree char *link_path = g_build_filename (file_directory_of (fixture), "current", NULL);

  fill (fixture);
  g_assert_cmpint (g_unlink (link_path), ==, 0);
  g_assert_cmpint (g_mkdir (link_path, 0700), ==, 0);
  file_assert_open_fails (file_directory_of (fixture), BREVET_ERROR_CORRUPT, "no symbolic link");
}

static void
test_leftovers (StoreFixture *fixture, gconstpointer data)
{
  const char *const leftovers[] = { "generation-3.new/things", "generation-3/things", "generation-1.new" };
  g_autofree char *temporary = g_build_filename (file_directory_of (fixture), "current.new", NULL);
  g_autofree char *foreign = g_build_filename (file_directory_of (fixture), "generation-of-mine", NULL);
  g_autofree char *names = NULL;

  fill (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (leftovers); i++)
    {
      g_autofree char *path = g_build_filename (file_directory_of (fixture), leftovers[i], NULL);
      g_autofree char *file = g_build_filename (path, "file", NULL);

      g_assert_cmpint (g_mkdir_with_parents (path, 0700), ==, 0);
      file_write (file, "left");
    }
  g_assert_cmpint (symlink ("generation-3", temporary), ==, 0);
  file_write (foreign, "not the store's");
  store_fixture_open (fixture, 0);
  names = file_list_names (file_directory_of (fixture));
  g_assert_cmpstr (names, ==, "current generation-1 generation-2 generation-of-mine lock");
  store_assert_text (fixture->store, "k", "new");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  store_suite_add_test (&file_suite, "damaged-index", test_damaged_index);
  store_suite_add_test (&file_suite, "lost-index", test_lost_index);
  store_suite_add_test (&file_suite, "no-good-index", test_no_good_index);
  store_suite_add_test (&file_suite, "newer-format", test_newer_format);
  store_suite_add_test (&file_suite, "changed-body", test_changed_body);
  store_suite_add_test (&file_suite, "longer-body", test_longer_body);
  store_suite_add_test (&file_suite, "lost-body", test_lost_body);
  store_suite_add_test (&file_suite, "link-repaired", test_link_repaired);
  store_suite_add_test (&file_suite, "no-link", test_no_link);
  store_suite_add_test (&file_suite, "leftovers", test_leftovers);
  return g_test_run ();
}
