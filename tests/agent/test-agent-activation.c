/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whoever asks for the agent on the bus starts it. */
#include "brevet-bus-names.h"
#include "test-scratch.h"

#include <signal.h>
#include <sys/types.h>

typedef struct {
  GTestDBus *bus;
  GDBusConnection *connection;
  char *directory;
  char *owner;
} Fixture;

static void
on_owner_changed (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *name,
                  GVariant *parameters, gpointer user_data)
{
  Fixture *f = user_data;

  g_free (f->owner);
  g_variant_get_child (parameters, 2, "s", &f->owner);
}

/* Activated services get what the bus was started with: G_DEBUG, the plugins, the sanitizers. */
static void
write_service (Fixture *f)
{
  g_autofree char *path = g_build_filename (f->directory, BREVET_BUS_NAME ".service", NULL);
  g_autofree char *config = g_build_filename (f->directory, "agent.conf", NULL);
  g_autofree char *quoted_program = g_shell_quote (g_getenv ("BREVETD"));
  g_autofree char *quoted_config = g_shell_quote (config);
  g_autofree char *text = g_strdup_printf ("[D-BUS Service]\nName=" BREVET_BUS_NAME "\nExec=%s --bus session --config %s\n",
                                           quoted_program, quoted_config);
  g_autoptr(GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  g_file_set_contents (config, "[identity main]\nid-scope=0ne000A1B2C\nregistration-id=main\nenabled=no\n"
                       "[transport main]\ntype=https\nhost=localhost\n"
                       "[attestation main]\ntype=symmetric-key\nkey=AAECAwQFBgcICQoLDA0ODw==\n"
                       "[store device]\ntype=file\ndirectory=store\n", -1, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  f->directory = test_scratch_new ();
  write_service (f);
  f->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_add_service_dir (f->bus, f->directory);
  g_test_dbus_up (f->bus);
  f->connection = g_dbus_connection_new_for_address_sync (
    g_test_dbus_get_bus_address (f->bus),
    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);
  g_assert_no_error (error);
  g_dbus_connection_signal_subscribe (f->connection, "org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged",
                                      "/org/freedesktop/DBus", BREVET_BUS_NAME, G_DBUS_SIGNAL_FLAGS_NONE, on_owner_changed, f,
                                      NULL);
}

static GVariant *
call (Fixture *f, const char *destination, const char *path, const char *interface, const char *method, GVariant *arguments)
{
  g_autoptr(GError) error = NULL;
  GVariant *reply = g_dbus_connection_call_sync (f->connection, destination, path, interface, method, arguments, NULL,
                                                 G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

  g_assert_no_error (error);
  return reply;
}

static void
stop_agent (Fixture *f)
{
  g_autoptr(GVariant) reply = call (f, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                    "GetConnectionUnixProcessID", g_variant_new ("(s)", BREVET_BUS_NAME));
  guint32 process = 0;

  g_variant_get (reply, "(u)", &process);
  g_assert_cmpint (kill ((pid_t) process, SIGTERM), ==, 0);
  while (g_strcmp0 (f->owner, "") != 0)
    g_main_context_iteration (NULL, TRUE);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_dbus_connection_close_sync (f->connection, NULL, NULL);
  g_clear_object (&f->connection);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_test_dbus_down (f->bus);
  g_object_unref (f->bus);
  g_free (f->owner);
  test_scratch_remove (f->directory);
  g_free (f->directory);
}

static void
test_activated_by_a_property (Fixture *f, gconstpointer data)
{
  g_autoptr(GVariant) reply = call (f, BREVET_BUS_NAME, BREVET_BUS_PATH, "org.freedesktop.DBus.Properties", "Get",
                                    g_variant_new ("(ss)", "org.brevet.Agent1", "Version"));
  g_autoptr(GVariant) value = NULL;
  g_autoptr(GVariant) state_reply = NULL;
  g_autoptr(GVariant) state = NULL;

  g_variant_get (reply, "(v)", &value);
  g_assert_cmpstr (g_variant_get_string (value, NULL), ==, BREVET_VERSION);
  /* What is asked for is there as soon as there is a name. */
  state_reply = call (f, BREVET_BUS_NAME, BREVET_BUS_IDENTITIES_PATH "/main", "org.freedesktop.DBus.Properties", "Get",
                      g_variant_new ("(ss)", "org.brevet.Agent1.Identity", "State"));
  g_variant_get (state_reply, "(v)", &state);
  g_assert_cmpstr (g_variant_get_string (state, NULL), ==, "disabled");
  stop_agent (f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/agent-activation/property", Fixture, NULL, set_up, test_activated_by_a_property, tear_down);
  return g_test_run ();
}
