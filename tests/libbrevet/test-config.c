/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <brevet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  char *directory;
  char *path;
  char *drop_ins;
} Fixture;

static void
write_file (const char *directory, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (directory, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
setup (Fixture *f, gconstpointer data)
{
  f->directory = test_scratch_new ();
  f->path = g_build_filename (f->directory, "dps.conf", NULL);
  f->drop_ins = g_strconcat (f->path, ".d", NULL);
}

static void
teardown (Fixture *f, gconstpointer data)
{
  test_scratch_remove (f->directory);
  g_free (f->directory);
  g_free (f->path);
  g_free (f->drop_ins);
}

static BrevetConfig *
load (Fixture *f)
{
  g_autoptr(GError) error = NULL;
  BrevetConfig *config = brevet_config_load (f->path, &error);

  g_assert_no_error (error);
  return config;
}

static void
assert_value (BrevetConfig *config, const char *kind, const char *name, const char *key, const char *expected)
{
  BrevetSettings *settings = brevet_config_get_group (config, kind, name);

  g_assert_nonnull (settings);
  g_assert_cmpstr (brevet_settings_get_string (settings, key, NULL), ==, expected);
}

static void
test_groups (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GPtrArray) groups = NULL;

  write_file (f->directory, "dps.conf",
              "# a comment\n\n[service]\nlisten = 0.0.0.0:443 \n[ca  two]\ntype=local\n[ca one]\n[ca two]\nkey=a\\sb\n");
  config = load (f);
  assert_value (config, "service", NULL, "listen", "0.0.0.0:443");
  assert_value (config, "ca", "two", "type", "local");
  assert_value (config, "ca", "two", "key", "a b");
  g_assert_null (brevet_config_get_group (config, "ca", NULL));
  g_assert_null (brevet_config_get_group (config, "ca", "three"));

  groups = brevet_config_list_groups (config, "ca");
  g_assert_cmpuint (groups->len, ==, 2);
  g_assert_cmpstr (brevet_settings_get_name (g_ptr_array_index (groups, 0)), ==, "two");
  g_assert_cmpstr (brevet_settings_get_name (g_ptr_array_index (groups, 1)), ==, "one");
  g_assert_null (brevet_settings_get_string (brevet_config_ensure_group (config, "store", NULL), "path", NULL));
}

static void
test_drop_ins (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *expected = NULL;
  g_autofree char *path = NULL;

  write_file (f->directory, "dps.conf", "[ca factory]\ntype=local\nvalidity=90d\nkey=k.pem\n");
  g_assert_cmpint (g_mkdir (f->drop_ins, 0755), ==, 0);
  write_file (f->drop_ins, "20-late.conf", "[ca factory]\n\ntype=late\n");
  write_file (f->drop_ins, "10-early.conf", "[ca factory]\ntype=early\nvalidity=1d\n[ca extra]\ntype=x\n");
  write_file (f->drop_ins, "30-not.conf.bak", "[ca factory]\ntype=backup\n");
  write_file (f->drop_ins, ".hidden.conf", "[ca hidden]\ntype=hidden\n");

  config = load (f);
  assert_value (config, "ca", "factory", "type", "late");
  assert_value (config, "ca", "factory", "validity", "1d");
  assert_value (config, "ca", "extra", "type", "x");
  g_assert_null (brevet_config_get_group (config, "ca", "hidden"));

  error = brevet_settings_error (brevet_config_get_group (config, "ca", "factory"), "type", "wrong");
  expected = g_strdup_printf ("%s/20-late.conf:3: [ca factory] type: wrong", f->drop_ins);
  g_assert_cmpstr (error->message, ==, expected);

  g_free (expected);
  path = brevet_settings_get_path (brevet_config_get_group (config, "ca", "factory"), "key");
  expected = g_build_filename (f->directory, "k.pem", NULL);
  g_assert_cmpstr (path, ==, expected);
}

static void
assert_unreadable (Fixture *f, const char *why)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_load (f->path, &error);

  g_assert_null (config);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "10-odd.conf"));
  g_assert_nonnull (strstr (error->message, why));
}

/* Whatever lies in the directory, the program that reads it goes on at once. */
static void
test_odd_drop_ins (Fixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->drop_ins, "10-odd.conf", NULL);
  g_autoptr(BrevetConfig) config = NULL;

  write_file (f->directory, "dps.conf", "[ca factory]\ntype=local\n");
  g_assert_cmpint (g_mkdir (f->drop_ins, 0755), ==, 0);

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  assert_unreadable (f, "pipe");
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (g_mkdir (path, 0700), ==, 0);
  assert_unreadable (f, g_strerror (EISDIR));
  g_assert_cmpint (g_rmdir (path), ==, 0);
  g_assert_cmpint (symlink ("10-odd.conf", path), ==, 0);
  assert_unreadable (f, g_strerror (ELOOP));
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_cmpint (symlink ("/dev/zero", path), ==, 0);
  assert_unreadable (f, "longer than");
  g_assert_cmpint (g_unlink (path), ==, 0);

  /* This is how a drop-in of a package is masked. */
  g_assert_cmpint (symlink ("/dev/null", path), ==, 0);
  config = load (f);
  assert_value (config, "ca", "factory", "type", "local");
  g_assert_cmpint (g_unlink (path), ==, 0);
}

static void
test_missing_key (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *expected = g_strdup_printf ("%s:2: [ca factory] type: this key is missing; add “type=…”", f->path);

  write_file (f->directory, "dps.conf", "\n[ca factory]\n");
  config = load (f);
  g_assert_null (brevet_settings_require_string (brevet_config_get_group (config, "ca", "factory"), "type", &error));
  g_assert_cmpstr (error->message, ==, expected);
}

static void
test_unused (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GPtrArray) unused = NULL;
  g_autofree char *key = g_strdup_printf ("%s:3: [service] lisen", f->path);
  g_autofree char *group = g_strdup_printf ("%s:4: [cas factory]", f->path);

  write_file (f->directory, "dps.conf", "[service]\nport=1\nlisen=x\n[cas factory]\ntype=local\nkey=x\n");
  config = load (f);
  assert_value (config, "service", NULL, "port", "1");
  brevet_config_ensure_group (config, "store", NULL);
  unused = brevet_config_list_unused (config);
  g_assert_cmpuint (unused->len, ==, 2);
  g_assert_cmpstr (g_ptr_array_index (unused, 0), ==, key);
  g_assert_cmpstr (g_ptr_array_index (unused, 1), ==, group);
}

static void
assert_refused (Fixture *f, const char *place, const char *reason)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_config_load (f->path, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, place));
  g_assert_nonnull (strstr (error->message, reason));
}

static void
test_malformed (Fixture *f, gconstpointer data)
{
  assert_refused (f, f->path, "No such file or directory");
  write_file (f->directory, "dps.conf", "[service]\nport=1\nthis is not right\nkey=x\n");
  assert_refused (f, "dps.conf:3: ", "neither a group");
  write_file (f->directory, "dps.conf", "port=1\n[service]\n");
  assert_refused (f, "dps.conf:1: ", "neither a group");
  write_file (f->directory, "dps.conf", "[service]\n\n[ca factory\n");
  assert_refused (f, "dps.conf:3: ", "neither a group");
  write_file (f->directory, "dps.conf", "[service]\nport=1\nname=a\\qb\n");
  assert_refused (f, "dps.conf:3: ", "[service] name: there is an unknown escape sequence");
  write_file (f->directory, "dps.conf", "[service]\nname=\\q\\\n");
  assert_refused (f, "dps.conf:2: ", "ends with “\\”");
  write_file (f->directory, "dps.conf", "[service]\nname=\xff\xfe\n");
  assert_refused (f, "dps.conf:2: ", "[service] name: the value is not UTF-8 text");

  write_file (f->directory, "dps.conf", "[service]\nname=fine\n");
  g_assert_cmpint (g_mkdir (f->drop_ins, 0755), ==, 0);
  write_file (f->drop_ins, "10.conf", "[service]\nname\n");
  assert_refused (f, "dps.conf.d/10.conf:2: ", "neither a group");
}

static void
test_empty (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GPtrArray) unused = NULL;

  write_file (f->directory, "dps.conf", "");
  config = load (f);
  unused = brevet_config_list_unused (config);
  g_assert_cmpuint (unused->len, ==, 0);
}

static void
test_text (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text ("[ca x]\r\nkey=a.pem\r\n", "built-in", "/srv", &error);
  g_autofree char *path = brevet_settings_get_path (brevet_config_get_group (config, "ca", "x"), "key");

  g_assert_cmpstr (path, ==, "/srv/a.pem");
  g_assert_null (brevet_config_new_from_text ("nonsense", "built-in", NULL, &error));
  g_assert_true (g_str_has_prefix (error->message, "built-in:1: "));
}

/* A plugin finds the groups beside its own. */
static void
test_whole (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(BrevetConfig) found = NULL;
  g_autoptr(BrevetSettings) settings = NULL;
  g_autofree char *relative = NULL;

  write_file (f->directory, "dps.conf", "[transport main]\ntype=https\n[hub one]\nhost-name=h\n");
  relative = g_build_filename (f->directory, "x", "..", "dps.conf", NULL);
  config = brevet_config_load (relative, NULL);
  g_assert_cmpstr (brevet_config_get_path (config), ==, f->path);
  settings = g_object_ref (brevet_config_get_group (config, "transport", "main"));
  found = brevet_settings_get_config (settings);
  g_assert_true (found == config);
  assert_value (found, "hub", "one", "host-name", "h");
  g_clear_object (&found);
  /* The group alone does not keep the others. */
  g_assert_finalize_object (g_steal_pointer (&config));
  g_assert_null (brevet_settings_get_config (settings));
  g_assert_cmpstr (brevet_settings_get_string (settings, "type", NULL), ==, "https");
}

static void
test_without_file (void)
{
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text ("", "built-in", "/srv", NULL);
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "x", NULL);
  g_autoptr(BrevetConfig) found = brevet_settings_get_config (brevet_config_ensure_group (config, "ca", "x"));

  g_assert_null (brevet_config_get_path (config));
  g_assert_true (found == config);
  g_assert_null (brevet_settings_get_config (settings));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/config/groups", Fixture, NULL, setup, test_groups, teardown);
  g_test_add ("/config/drop-ins", Fixture, NULL, setup, test_drop_ins, teardown);
  g_test_add ("/config/odd-drop-ins", Fixture, NULL, setup, test_odd_drop_ins, teardown);
  g_test_add ("/config/missing-key", Fixture, NULL, setup, test_missing_key, teardown);
  g_test_add ("/config/unused", Fixture, NULL, setup, test_unused, teardown);
  g_test_add ("/config/malformed", Fixture, NULL, setup, test_malformed, teardown);
  g_test_add ("/config/empty", Fixture, NULL, setup, test_empty, teardown);
  g_test_add_func ("/config/text", test_text);
  g_test_add ("/config/whole", Fixture, NULL, setup, test_whole, teardown);
  g_test_add_func ("/config/without-file", test_without_file);
  return g_test_run ();
}
