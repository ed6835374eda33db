/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <brevet.h>
#include <glib/gstdio.h>
#include <string.h>

#define OWN_ABI "X-Brevet-Abi=" G_STRINGIFY (BREVET_PLUGIN_ABI)

typedef struct {
  char *first;
  char *second;
  BrevetRegistry *registry;
} Fixture;

static void
write_plugin (const char *directory, const char *module, const char *abi, const char *provides)
{
  g_autofree char *path = g_strdup_printf ("%s/%s.plugin", directory, module);
  g_autofree char *text = g_strdup_printf ("[Plugin]\nModule=%s\nName=%s\n%s\nX-Brevet-Provides=%s\n", module, module, abi,
                                           provides);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
link_module (const char *directory, const char *module)
{
  g_autofree char *file = g_strdup_printf ("lib%s.so", module);
  g_autofree char *source = g_test_build_filename (G_TEST_BUILT, "libbrevet", file, NULL);
  g_autofree char *target = g_build_filename (directory, file, NULL);
  g_autoptr(GFile) link = g_file_new_for_path (target);

  g_assert_true (g_file_make_symbolic_link (link, source, NULL, NULL));
}

static void
setup (Fixture *f, gconstpointer data)
{
  g_autofree char *path = NULL;
  g_autofree char *garbage = NULL;

  f->first = test_scratch_new ();
  f->second = test_scratch_new ();
  path = g_strdup_printf ("%s:%s", f->first, f->second);
  g_setenv ("BREVET_PLUGIN_PATH", path, TRUE);

  write_plugin (f->first, "test-good", OWN_ABI, "Red; Green;");
  link_module (f->first, "test-good");
  write_plugin (f->second, "test-good", OWN_ABI, "Shadowed");
  write_plugin (f->second, "test-mute", OWN_ABI, "Blue");
  link_module (f->second, "test-mute");
  write_plugin (f->first, "test-absent", OWN_ABI, "Green");
  write_plugin (f->first, "test-garbage", OWN_ABI, "");
  garbage = g_build_filename (f->first, "libtest-garbage.so", NULL);
  g_assert_true (g_file_set_contents (garbage, "this is no library", -1, NULL));
  write_plugin (f->first, "test-newer", "X-Brevet-Abi=999", "");
  write_plugin (f->first, "test-foreign", "", "");
  write_plugin (f->first, "other-kind", OWN_ABI, "Red");
  f->registry = brevet_registry_new ();
}

static void
teardown (Fixture *f, gconstpointer data)
{
  g_object_unref (f->registry);
  test_scratch_remove (f->first);
  test_scratch_remove (f->second);
  g_free (f->first);
  g_free (f->second);
}

static void
test_create (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("attestation", "mine", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetPlugin) plugin = brevet_registry_create (f->registry, BREVET_TYPE_PROVER, "test-good", "mine", settings, &error);
  g_autoptr(BrevetPlugin) other = brevet_registry_create (f->registry, BREVET_TYPE_PROVER, "test-good", "other", NULL, &error);

  g_assert_no_error (error);
  g_assert_true (BREVET_IS_PROVER (plugin));
  g_assert_cmpstr (brevet_plugin_get_name (plugin), ==, "mine");
  g_assert_true (brevet_plugin_get_settings (plugin) == settings);
  g_assert_true (other != plugin);
  g_assert_cmpstr (brevet_settings_get_kind (brevet_plugin_get_settings (other)), ==, "test");
  g_assert_cmpstr (brevet_settings_get_name (brevet_plugin_get_settings (other)), ==, "other");
}

static void
test_configure (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("attestation", "mine", NULL);
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "mood", "bad", "dps.conf:3");
  g_assert_null (brevet_registry_create (f->registry, BREVET_TYPE_PROVER, "test-good", "mine", settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_cmpstr (error->message, ==, "dps.conf:3: [attestation mine] mood: it must not be bad");
}

static void
assert_refused (Fixture *f, GType contract, const char *module, const char *reason)
{
  g_autoptr(GError) error = NULL;

  /* Twice: the second time must not believe that the first one loaded it. */
  for (int i = 0; i < 2; i++)
    {
      g_clear_error (&error);
      g_assert_null (brevet_registry_create (f->registry, contract, module, "x", NULL, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, module));
      g_assert_nonnull (strstr (error->message, reason));
    }
}

static void
test_unknown (Fixture *f, gconstpointer data)
{
  g_autofree char *both = g_strdup_printf ("%s:%s:", f->first, f->second);

  assert_refused (f, BREVET_TYPE_PROVER, "test-gone", both);
  assert_refused (f, BREVET_TYPE_PROVER, "test-gone", "test-good");
  g_assert_true (g_str_has_prefix (brevet_registry_get_search_path (f->registry), both));
}

static void
test_broken (Fixture *f, gconstpointer data)
{
  assert_refused (f, BREVET_TYPE_PROVER, "test-absent", "cannot open shared object file");
  assert_refused (f, BREVET_TYPE_PROVER, "test-garbage", "is broken");
  assert_refused (f, BREVET_TYPE_PROVER, "test-mute", "peas_register_types");
}

static void
test_version (Fixture *f, gconstpointer data)
{
  assert_refused (f, BREVET_TYPE_PROVER, "test-newer", "X-Brevet-Abi=999, this is ");
  assert_refused (f, BREVET_TYPE_PROVER, "test-foreign", "X-Brevet-Abi=, this is ");
}

static void
test_contract (Fixture *f, gconstpointer data)
{
  assert_refused (f, BREVET_TYPE_STORE, "test-good", "is no BrevetStore");
}

static void
test_provides (Fixture *f, gconstpointer data)
{
  g_auto(GStrv) all = brevet_registry_list_provided (f->registry, "test");
  static const char *const expected[] = { "Blue", "Green", "Red", NULL };

  g_assert_cmpstrv (all, (char **) expected);
  g_assert_cmpstr (brevet_registry_find_module (f->registry, "test", "Red"), ==, "test-good");
  g_assert_cmpstr (brevet_registry_find_module (f->registry, "other", "Red"), ==, "other-kind");
  g_assert_null (brevet_registry_find_module (f->registry, "test", "Shadowed"));
  g_assert_null (brevet_registry_find_module (f->registry, "test", "red"));
  g_assert_null (brevet_registry_find_module (f->registry, "tes", "Red"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/registry/create", Fixture, NULL, setup, test_create, teardown);
  g_test_add ("/registry/configure", Fixture, NULL, setup, test_configure, teardown);
  g_test_add ("/registry/unknown", Fixture, NULL, setup, test_unknown, teardown);
  g_test_add ("/registry/broken", Fixture, NULL, setup, test_broken, teardown);
  g_test_add ("/registry/version", Fixture, NULL, setup, test_version, teardown);
  g_test_add ("/registry/contract", Fixture, NULL, setup, test_contract, teardown);
  g_test_add ("/registry/provides", Fixture, NULL, setup, test_provides, teardown);
  return g_test_run ();
}
