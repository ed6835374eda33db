/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-name.h"

#include "brevet-error.h"

#define BUS "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"

/* What the bus answers to RequestName (D-Bus specification, “Message Bus Messages”). */
#define NAME_IS_OURS 1
#define NAME_IS_QUEUED 2

typedef struct {
  char *name;
  guint patience;
  guint acquired; /* subscription */
  guint expiry;   /* source id */
  gboolean ended;
} Taking;

static void
taking_free (gpointer data)
{
  Taking *taking = data;

  g_free (taking->name);
  g_free (taking);
}

/* The signal and the reply tell of the same name, in either order. */
static void
end (GTask *task, GError *error)
{
  Taking *taking = g_task_get_task_data (task);

  if (taking->ended)
    {
      g_clear_error (&error);
      return;
    }
  taking->ended = TRUE;
  g_clear_handle_id (&taking->expiry, g_source_remove);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  /* Last: this lets go of the task. */
  g_dbus_connection_signal_unsubscribe (g_task_get_source_object (task), taking->acquired);
}

static GError *
taken_error (const char *name)
{
  return g_error_new (BREVET_ERROR, BREVET_ERROR_CONFLICT,
                      "The bus name %s belongs to another process; is brevetd running already?", name);
}

static gboolean
on_expired (gpointer user_data)
{
  GTask *task = user_data;
  Taking *taking = g_task_get_task_data (task);

  taking->expiry = 0;
  end (task, taken_error (taking->name));
  return G_SOURCE_REMOVE;
}

static void
on_acquired (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *signal,
             GVariant *parameters, gpointer user_data)
{
  end (user_data, NULL);
}

static void
wait_in_queue (GTask *task)
{
  Taking *taking = g_task_get_task_data (task);

  if (taking->ended)
    return;
  g_message ("The bus name %s belongs to another process; waiting %u s for its end", taking->name, taking->patience);
  taking->expiry = g_timeout_add_seconds_full (G_PRIORITY_DEFAULT, taking->patience, on_expired, g_object_ref (task),
                                               g_object_unref);
}

static void
on_requested (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = user_data;
  Taking *taking = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);
  guint32 answer = 0;

  if (reply == NULL)
    {
      g_dbus_error_strip_remote_error (error);
      g_prefix_error (&error, "The bus refuses the name %s (is the policy of brevet installed?): ", taking->name);
      end (task, error);
      return;
    }
  g_variant_get (reply, "(u)", &answer);
  if (answer == NAME_IS_QUEUED)
    wait_in_queue (task);
  else
    end (task, answer == NAME_IS_OURS ? NULL : taken_error (taking->name));
}

/* Called directly, since g_bus_own_name() does not say why a name was not given. */
void
brevet_bus_name_take_async (GDBusConnection *connection, const char *name, guint patience, GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (connection, NULL, callback, user_data);
  Taking *taking = g_new0 (Taking, 1);

  g_task_set_source_tag (task, brevet_bus_name_take_async);
  g_task_set_task_data (task, taking, taking_free);
  taking->name = g_strdup (name);
  taking->patience = patience;
  /* Before the request: what is given later than the reply is told of by a signal. */
  taking->acquired = g_dbus_connection_signal_subscribe (connection, BUS, BUS, "NameAcquired", BUS_PATH, name,
                                                         G_DBUS_SIGNAL_FLAGS_NONE, on_acquired, g_object_ref (task),
                                                         g_object_unref);
  g_dbus_connection_call (connection, BUS, BUS_PATH, BUS, "RequestName",
                          g_variant_new ("(su)", name, (guint32) G_BUS_NAME_OWNER_FLAGS_NONE), G_VARIANT_TYPE ("(u)"),
                          G_DBUS_CALL_FLAGS_NONE, -1, NULL, on_requested, g_object_ref (task));
}

gboolean
brevet_bus_name_take_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}
