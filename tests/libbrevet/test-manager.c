/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"

#include <brevet-manager.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <string.h>
#include <unistd.h>

/* The end of the socket at which systemd would listen. */
typedef struct {
  char *scratch;
  GSocket *socket;
} Manager;

static void
manager_set_up (Manager *manager, gconstpointer data)
{
  g_autofree char *path = NULL;
  g_autoptr(GSocketAddress) address = NULL;
  g_autoptr(GError) error = NULL;

  manager->scratch = test_scratch_new ();
  path = g_build_filename (manager->scratch, "notify", NULL);
  address = g_unix_socket_address_new (path);
  manager->socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, &error);
  g_assert_no_error (error);
  g_assert_true (g_socket_bind (manager->socket, address, FALSE, &error));
  g_assert_no_error (error);
  g_setenv ("NOTIFY_SOCKET", path, TRUE);
}

static void
manager_tear_down (Manager *manager, gconstpointer data)
{
  g_unsetenv ("NOTIFY_SOCKET");
  g_unsetenv ("WATCHDOG_USEC");
  g_unsetenv ("WATCHDOG_PID");
  g_object_unref (manager->socket);
  test_scratch_remove (manager->scratch);
  g_free (manager->scratch);
}

static char *
receive (Manager *manager)
{
  g_autoptr(GError) error = NULL;
  char text[1024];
  gssize length = g_socket_receive (manager->socket, text, sizeof text, NULL, &error);

  g_assert_no_error (error);
  return g_strndup (text, length);
}

static void
assert_received (Manager *manager, const char *expected)
{
  g_autofree char *text = receive (manager);

  g_assert_cmpstr (text, ==, expected);
}

static void
assert_silent (Manager *manager)
{
  g_assert_cmpint (g_socket_condition_check (manager->socket, G_IO_IN), ==, 0);
}

static void
test_state (Manager *manager, gconstpointer data)
{
  brevet_manager_notify ("READY=1");
  brevet_manager_set_status ("Serving %d devices\nREADY=0", 7);

  assert_received (manager, "READY=1");
  assert_received (manager, "STATUS=Serving 7 devices READY=0");
}

/* A manager in a container may listen at a name that is no file. */
static void
test_abstract (Manager *manager, gconstpointer data)
{
  g_autofree char *name = g_strdup_printf ("brevet-test-%d", getpid ());
  g_autofree char *variable = g_strconcat ("@", name, NULL);
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new_with_type (name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  g_autoptr(GError) error = NULL;

  g_clear_object (&manager->socket);
  manager->socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, &error);
  g_assert_no_error (error);
  g_assert_true (g_socket_bind (manager->socket, address, FALSE, &error));
  g_assert_no_error (error);
  g_setenv ("NOTIFY_SOCKET", variable, TRUE);
  brevet_manager_notify ("READY=1");
  assert_received (manager, "READY=1");
}

/* Whoever was to listen has gone: that ends nobody. */
static void
test_manager_gone (Manager *manager, gconstpointer data)
{
  g_socket_close (manager->socket, NULL);
  brevet_manager_notify ("READY=1");
}

/* Fills the queue of the manager, which does not read. Returns how many messages that took. */
static guint
fill (void)
{
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new (g_getenv ("NOTIFY_SOCKET"));
  g_autoptr(GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  g_autoptr(GError) error = NULL;
  guint count = 0;

  g_socket_set_blocking (socket, FALSE);
  while (g_socket_send_to (socket, address, "full", strlen ("full"), NULL, &error) >= 0)
    count++;
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  return count;
}

/* A manager that does not read for a while stops nobody, and hears in order what counts as soon as it reads again. */
static void
test_manager_busy (Manager *manager, gconstpointer data)
{
  guint count = fill ();

  brevet_manager_notify ("RELOADING=1");
  brevet_manager_notify ("WATCHDOG=1");
  brevet_manager_set_status ("Half way");
  brevet_manager_notify ("WATCHDOG=1");
  brevet_manager_set_status ("Done");
  brevet_manager_notify ("READY=1");
  g_main_context_iteration (NULL, FALSE);
  for (guint i = 0; i < count; i++)
    assert_received (manager, "full");
  assert_silent (manager);
  while (!(g_socket_condition_check (manager->socket, G_IO_IN) & G_IO_IN))
    g_main_context_iteration (NULL, TRUE);
  assert_received (manager, "RELOADING=1");
  assert_received (manager, "WATCHDOG=1");
  assert_received (manager, "STATUS=Done");
  assert_received (manager, "READY=1");
  brevet_manager_notify ("STOPPING=1");
  assert_received (manager, "STOPPING=1");
}

/* Of what is told for ever to a manager that never reads, the last is kept; and then it goes. */
static void
test_manager_stuck (Manager *manager, gconstpointer data)
{
  fill ();
  for (guint i = 0; i < 1000; i++)
    brevet_manager_notify (i % 2 == 0 ? "RELOADING=1" : "READY=1");
  g_socket_close (manager->socket, NULL);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  brevet_manager_notify ("READY=1");
}

static void
test_reloading (Manager *manager, gconstpointer data)
{
  gint64 before = g_get_monotonic_time ();
  g_autofree char *text = NULL;
  g_auto(GStrv) lines = NULL;
  gint64 at;

  brevet_manager_notify_reloading ();
  text = receive (manager);
  lines = g_strsplit (text, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 2);
  g_assert_cmpstr (lines[0], ==, "RELOADING=1");
  g_assert_true (g_str_has_prefix (lines[1], "MONOTONIC_USEC="));
  at = g_ascii_strtoll (strchr (lines[1], '=') + 1, NULL, 10);
  g_assert_cmpint (at, >=, before);
  g_assert_cmpint (at, <=, g_get_monotonic_time ());
}

static gboolean
on_message (GSocket *socket, GIOCondition condition, gpointer user_data)
{
  guint *messages = user_data;
  char text[64];
  gssize length = g_socket_receive (socket, text, sizeof text - 1, NULL, NULL);

  text[MAX (length, 0)] = '\0';
  g_assert_cmpstr (text, ==, "WATCHDOG=1");
  *messages += 1;
  return G_SOURCE_CONTINUE;
}

static void
test_watchdog (Manager *manager, gconstpointer data)
{
  g_autoptr(GSource) listening = g_socket_create_source (manager->socket, G_IO_IN, NULL);
  g_autofree char *pid = g_strdup_printf ("%d", getpid ());
  guint messages = 0;
  guint watchdog;
  gint64 begin = g_get_monotonic_time ();

  g_setenv ("WATCHDOG_USEC", "200000", TRUE);
  g_setenv ("WATCHDOG_PID", pid, TRUE);
  g_source_set_callback (listening, G_SOURCE_FUNC (on_message), &messages, NULL);
  g_source_attach (listening, NULL);

  watchdog = brevet_manager_start_watchdog ();
  g_assert_cmpuint (watchdog, !=, 0);
  while (messages < 4)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_get_monotonic_time () - begin, >=, 3 * 100000);
  g_assert_true (g_source_remove (watchdog));
  g_source_destroy (listening);
}

static void
test_no_watchdog (Manager *manager, gconstpointer data)
{
  g_assert_cmpuint (brevet_manager_start_watchdog (), ==, 0);

  /* Meant for the process that started this one. */
  g_setenv ("WATCHDOG_USEC", "200000", TRUE);
  g_setenv ("WATCHDOG_PID", "1", TRUE);
  g_assert_cmpuint (brevet_manager_start_watchdog (), ==, 0);

  g_unsetenv ("WATCHDOG_PID");
  g_setenv ("WATCHDOG_USEC", "often", TRUE);
  g_test_expect_message ("brevet-command", G_LOG_LEVEL_WARNING, "*WATCHDOG_USEC=often*");
  g_assert_cmpuint (brevet_manager_start_watchdog (), ==, 0);
  g_test_assert_expected_messages ();
  assert_silent (manager);
}

static void
test_no_manager (void)
{
  brevet_manager_notify ("READY=1");
  brevet_manager_set_status ("Nobody reads this");
  brevet_manager_notify_reloading ();
  g_assert_cmpuint (brevet_manager_start_watchdog (), ==, 0);
}

int
main (int argc, char **argv)
{
  g_unsetenv ("NOTIFY_SOCKET");
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/manager/none", test_no_manager);
  g_test_add ("/manager/state", Manager, NULL, manager_set_up, test_state, manager_tear_down);
  g_test_add ("/manager/abstract", Manager, NULL, manager_set_up, test_abstract, manager_tear_down);
  g_test_add ("/manager/gone", Manager, NULL, manager_set_up, test_manager_gone, manager_tear_down);
  g_test_add ("/manager/busy", Manager, NULL, manager_set_up, test_manager_busy, manager_tear_down);
  g_test_add ("/manager/stuck", Manager, NULL, manager_set_up, test_manager_stuck, manager_tear_down);
  g_test_add ("/manager/reloading", Manager, NULL, manager_set_up, test_reloading, manager_tear_down);
  g_test_add ("/manager/watchdog", Manager, NULL, manager_set_up, test_watchdog, manager_tear_down);
  g_test_add ("/manager/no-watchdog", Manager, NULL, manager_set_up, test_no_watchdog, manager_tear_down);
  return g_test_run ();
}
