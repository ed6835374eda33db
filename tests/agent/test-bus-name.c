/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The name of the agent on the bus: free, about to become free, and taken for good. */
#include "brevet-error.h"
#include "bus-name.h"
#include "test-bus.h"

#define NAME "org.brevet.Test1"
/* Of a test that waits for something that must come, and of one that waits for nothing. */
#define LONG 60
#define SHORT 1

typedef struct {
  GTestDBus *bus;
  GDBusConnection *former;
  GDBusConnection *next;
  GAsyncResult *result;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (f->bus);
  f->former = test_bus_connect (f->bus);
  f->next = test_bus_connect (f->bus);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->result);
  g_clear_object (&f->former);
  g_clear_object (&f->next);
  g_test_dbus_down (f->bus);
  g_clear_object (&f->bus);
}

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Fixture *f = user_data;

  g_assert_null (f->result);
  f->result = g_object_ref (result);
}

static void
take (Fixture *f, guint patience)
{
  brevet_bus_name_take_async (f->next, NAME, patience, store_result, f);
}

static gboolean
wait_for_result (Fixture *f, GError **error)
{
  while (f->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  return brevet_bus_name_take_finish (f->result, error);
}

static GVariant *
ask (GDBusConnection *connection, const char *method, GVariant *arguments)
{
  g_autoptr(GError) error = NULL;
  GVariant *reply = NULL;

  reply = g_dbus_connection_call_sync (connection, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", method,
                                       arguments, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);

  g_assert_no_error (error);
  return reply;
}

static void
own (GDBusConnection *connection)
{
  g_autoptr(GVariant) reply = ask (connection, "RequestName", g_variant_new ("(su)", NAME, (guint32) G_BUS_NAME_OWNER_FLAGS_NONE));
}

static void
assert_owner (Fixture *f, GDBusConnection *owner)
{
  g_autoptr(GDBusConnection) observer = test_bus_connect (f->bus);
  g_autoptr(GVariant) reply = ask (observer, "GetNameOwner", g_variant_new ("(s)", NAME));
  const char *unique_name;

  g_variant_get (reply, "(&s)", &unique_name);
  g_assert_cmpstr (unique_name, ==, g_dbus_connection_get_unique_name (owner));
}

/* What the bus has got so far it has also answered when this returns. */
static void
wait_until_queued (Fixture *f)
{
  gsize owners = 0;

  while (owners < 2)
    {
      g_autoptr(GVariant) reply = ask (f->next, "ListQueuedOwners", g_variant_new ("(s)", NAME));
      g_autoptr(GVariant) list = g_variant_get_child_value (reply, 0);

      owners = g_variant_n_children (list);
    }
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

static void
test_free (Fixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  gboolean taken;

  take (f, SHORT);
  taken = wait_for_result (f, &error);
  g_assert_no_error (error);
  g_assert_true (taken);
  assert_owner (f, f->next);
}

static void
test_former_owner_goes (Fixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  gboolean taken;

  own (f->former);
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*" NAME " belongs to another process; waiting*");
  take (f, LONG);
  wait_until_queued (f);
  g_assert_null (f->result);
  /* As the bus sees the end of a process. */
  g_dbus_connection_close_sync (f->former, NULL, &error);
  g_assert_no_error (error);
  taken = wait_for_result (f, &error);
  g_assert_no_error (error);
  g_assert_true (taken);
  g_test_assert_expected_messages ();
  assert_owner (f, f->next);
}

static void
test_former_owner_stays (Fixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  own (f->former);
  g_test_expect_message (G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "*" NAME " belongs to another process; waiting*");
  take (f, SHORT);
  g_assert_false (wait_for_result (f, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT);
  g_assert_nonnull (strstr (error->message, NAME " belongs to another process"));
  g_test_assert_expected_messages ();
  assert_owner (f, f->former);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  /* That is the bus itself. */
  brevet_bus_name_take_async (f->next, "org.freedesktop.DBus", LONG, store_result, f);
  g_assert_false (wait_for_result (f, &error));
  g_assert_nonnull (strstr (error->message, "The bus refuses the name org.freedesktop.DBus"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/bus-name/free", Fixture, NULL, set_up, test_free, tear_down);
  g_test_add ("/bus-name/former-owner-goes", Fixture, NULL, set_up, test_former_owner_goes, tear_down);
  g_test_add ("/bus-name/former-owner-stays", Fixture, NULL, set_up, test_former_owner_stays, tear_down);
  g_test_add ("/bus-name/refused", Fixture, NULL, set_up, test_refused, tear_down);
  return g_test_run ();
}
