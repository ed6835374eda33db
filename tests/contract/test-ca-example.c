/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every CA must do, asked of the plugin of the tutorial and the CA that comes with it; and its settings. */

#include "ca-suite.h"
#include "test-scratch.h"

#include <string.h>

typedef struct
{
  char        *directory;
  GSubprocess *process;
  char        *address;
} World;

static gpointer
world_new (void)
{
  World *self = g_new0 (World, 1);
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE |
                                                                       G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr(GDataInputStream) from = NULL;
  g_autoptr(GError) error = NULL;

  self->directory = test_scratch_new ();
  g_subprocess_launcher_setenv (launcher, "PYTHONDONTWRITEBYTECODE", "1", TRUE);
  self->process = g_subprocess_launcher_spawn (launcher, &error, "/usr/bin/python3", EXAMPLE_CA, self->directory, NULL);
  g_assert_no_error (error);
  from = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  self->address = g_data_input_stream_read_line (from, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (self->address);
  return self;
}

static void
world_free (gpointer world)
{
  World *self = world;

  g_output_stream_close (g_subprocess_get_stdin_pipe (self->process), NULL, NULL);
  g_subprocess_wait (self->process, NULL, NULL);
  g_object_unref (self->process);
  test_scratch_remove (self->directory);
  g_free (self->directory);
  g_free (self->address);
  g_free (self);
}

static BrevetCaBackend *
create (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();

  return (BrevetCaBackend *) brevet_registry_create (registry, BREVET_TYPE_CA_BACKEND, "ca-example", "example", settings, error);
}

static BrevetCaBackend *
world_create (gpointer world)
{
  World *self = world;
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "example", self->directory);
  g_autoptr(GError) error = NULL;
  BrevetCaBackend *backend;

  brevet_settings_set (settings, "address", self->address, "dps.conf:2");
  brevet_settings_set (settings, "token-file", "token", "dps.conf:3");
  brevet_settings_set (settings, "ca-file", "root.pem", "dps.conf:4");
  backend = create (settings, &error);
  g_assert_no_error (error);
  return backend;
}

typedef struct
{
  const char *name;
  const char *key;
  const char *value;
} Mistake;

static const Mistake mistakes[] = {
  { "plain", "address", "http://ca.example" },    { "path", "address", "https://ca.example/ca" },
  { "user", "address", "https://me@ca.example" }, { "token-blank", "token", "01 23" },
  { "token-empty", "token", "" },                 { "ca-file", "ca-file", "nowhere.pem" },
  { "timeout", "timeout", "soon" },
};

static void
test_mistake (gconstpointer data)
{
  const Mistake *mistake = data;
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "example", "/nonexistent");
  g_autofree char *begins = g_strdup_printf ("dps.conf:9: [ca example] %s: ", mistake->key);
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "address", "https://ca.example", "dps.conf:2");
  brevet_settings_set (settings, "token", "0123", "dps.conf:3");
  brevet_settings_set (settings, mistake->key, mistake->value, "dps.conf:9");
  g_assert_null (create (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_test_message ("%s", error->message);
  g_assert_true (g_str_has_prefix (error->message, begins));
}

static void
test_provides (void)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();

  g_assert_cmpstr (brevet_registry_find_module (registry, "ca", "ExampleCertificateAuthority"), ==, "ca-example");
}

int
main (int argc, char *argv[])
{
  static const CaSuite suite = { "example", world_new, world_create, world_free };

  g_test_init (&argc, &argv, NULL);
  ca_suite_add (&suite);
  g_test_add_func ("/ca-example/provides", test_provides);
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autofree char *path = g_strconcat ("/ca-example/settings/", mistakes[i].name, NULL);

      g_test_add_data_func (path, &mistakes[i], test_mistake);
    }
  return g_test_run ();
}
