/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bus-world.h"

#include "brevet-error.h"
#include "test-bus.h"

#include <string.h>

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* Names of a dictionary of properties, sorted. */
char *
bus_world_list_names (GVariant *dictionary)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (gsize i = 0; i < g_variant_n_children (dictionary); i++)
    {
      g_autoptr(GVariant) entry = g_variant_get_child_value (dictionary, i);
      g_autoptr(GVariant) name = g_variant_get_child_value (entry, 0);

      g_ptr_array_add (names, g_variant_dup_string (name, NULL));
    }
  g_ptr_array_sort (names, compare_texts);
  g_ptr_array_add (names, NULL);
  return g_strjoinv (" ", (char **) names->pdata);
}

static void
on_signal (GDBusConnection *connection, const char *sender, const char *path, const char *interface, const char *name,
           GVariant *parameters, gpointer user_data)
{
  BusWorld *self = user_data;
  g_autoptr(GVariant) changed = NULL;
  g_autofree char *what = NULL;

  if (!g_str_has_prefix (path, BREVET_BUS_PATH))
    return;
  if (g_str_equal (name, "PropertiesChanged"))
    {
      g_variant_get (parameters, "(s@a{sv}@as)", NULL, &changed, NULL);
      what = bus_world_list_names (changed);
    }
  else if (g_str_has_prefix (name, "Interfaces"))
    g_variant_get_child (parameters, 0, "o", &what);
  else
    what = g_variant_print (parameters, FALSE);
  g_ptr_array_add (self->heard, g_strdup_printf ("%s %s %s", strrchr (path, '/') + 1, name, what));
}

void
bus_world_set_up (BusWorld *self, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  agent_fixture_set_up (&self->base, data);
  agent_fixture_load (&self->base);
  self->heard = g_ptr_array_new_with_free_func (g_free);
  self->bus = g_test_dbus_new (G_TEST_DBUS_NONE);
  g_test_dbus_up (self->bus);
  self->server = test_bus_connect (self->bus);
  self->client = test_bus_connect (self->bus);
  self->agent_bus = brevet_agent_bus_new (self->base.agent, self->server, &error);
  g_assert_no_error (error);
  g_dbus_connection_signal_subscribe (self->client, g_dbus_connection_get_unique_name (self->server), NULL, NULL, NULL, NULL,
                                      G_DBUS_SIGNAL_FLAGS_NONE, on_signal, self, NULL);
}

void
bus_world_turn (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

void
bus_world_tear_down (BusWorld *self, gconstpointer data)
{
  g_assert_finalize_object (g_steal_pointer (&self->agent_bus));
  agent_fixture_tear_down (&self->base, data);
  test_bus_close (&self->client);
  test_bus_close (&self->server);
  bus_world_turn ();
  g_test_dbus_down (self->bus);
  g_object_unref (self->bus);
  g_ptr_array_unref (self->heard);
}

void
bus_world_begin_call (BusWorld *self, const char *path, const char *interface, const char *method, GVariant *arguments,
                      GAsyncResult **result)
{
  g_dbus_connection_call (self->client, g_dbus_connection_get_unique_name (self->server), path, interface, method, arguments, NULL,
                          G_DBUS_CALL_FLAGS_NONE, -1, NULL, agent_fixture_store_result, result);
}

GVariant *
bus_world_finish_call (BusWorld *self, GAsyncResult *result, GError **error)
{
  return g_dbus_connection_call_finish (self->client, result, error);
}

GVariant *
bus_world_try_call (BusWorld *self, const char *path, const char *interface, const char *method, GVariant *arguments,
                    GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  bus_world_begin_call (self, path, interface, method, arguments, &result);
  agent_fixture_wait_for (result != NULL);
  return bus_world_finish_call (self, result, error);
}

GVariant *
bus_world_call (BusWorld *self, const char *path, const char *interface, const char *method, GVariant *arguments)
{
  g_autoptr(GError) error = NULL;
  GVariant *reply = bus_world_try_call (self, path, interface, method, arguments, &error);

  g_assert_no_error (error);
  return reply;
}

void
bus_world_assert_call_fails (BusWorld *self, const char *method, GVariant *arguments, int code, const char *part)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GVariant) reply = bus_world_try_call (self, BUS_IDENTITY, BUS_IDENTITY_INTERFACE, method, arguments, &error);

  g_assert_null (reply);
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, part) == NULL)
    g_error ("%s does not mention “%s”", error->message, part);
}

/* Everything that was sent before has arrived. */
void
bus_world_settle (BusWorld *self)
{
  g_autoptr(GVariant) pong = NULL;

  bus_world_turn ();
  pong = bus_world_call (self, BUS_IDENTITY, "org.freedesktop.DBus.Peer", "Ping", NULL);
  bus_world_turn ();
}

void
bus_world_assert_heard (BusWorld *self, ...)
{
  va_list expected;
  const char *text;
  guint i = 0;

  bus_world_settle (self);
  va_start (expected, self);
  while ((text = va_arg (expected, const char *)) != NULL)
    {
      if (i >= self->heard->len)
        g_error ("“%s” was not heard", text);
      if (!g_pattern_match_simple (text, g_ptr_array_index (self->heard, i)))
        g_error ("Heard “%s” in place of “%s”", (char *) g_ptr_array_index (self->heard, i), text);
      i++;
    }
  va_end (expected);
  if (i < self->heard->len)
    g_error ("“%s” was heard too", (char *) g_ptr_array_index (self->heard, i));
  g_ptr_array_set_size (self->heard, 0);
}

static char *
get_property (BusWorld *self, const char *path, const char *interface, const char *name)
{
  g_autoptr(GVariant) reply = bus_world_call (self, path, "org.freedesktop.DBus.Properties", "Get",
                                              g_variant_new ("(ss)", interface, name));
  g_autoptr(GVariant) value = NULL;

  g_variant_get (reply, "(v)", &value);
  return g_variant_print (value, FALSE);
}

void
bus_world_assert_property (BusWorld *self, const char *path, const char *interface, const char *name, const char *expected)
{
  g_autofree char *text = get_property (self, path, interface, name);

  if (!g_pattern_match_simple (expected, text))
    g_error ("%s is %s, not %s", name, text, expected);
}

BrevetIdentity *
bus_world_get_main (BusWorld *self)
{
  return agent_fixture_get (&self->base, "main");
}

void
bus_world_install (BusWorld *self, guint64 number)
{
  g_autoptr(BrevetGeneration) generation = agent_fixture_make_generation (&self->base, number);

  scripted_identity_install (bus_world_get_main (self), generation);
}

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  /* Wrong configurations are part of this, and told of. */
  if (level & (G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO | G_LOG_LEVEL_DEBUG))
    return G_LOG_WRITER_HANDLED;
  return g_log_writer_default (level, fields, n_fields, user_data);
}

void
bus_world_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  g_log_set_writer_func (write_log, NULL, NULL);
  /* Errors that come back from the bus are ours again. */
  g_assert_cmpuint (BREVET_ERROR, !=, 0);
}
