/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An agent without a job: it exports on the bus what a key file says, and does what it is told line by line on standard input.
 *
 * Usage: scripted-agent KEYFILE
 *
 * The group [agent] and the groups with the names of identities hold properties, named as on the bus. Keys of an identity that
 * begin with @ are the answers of its methods: a text for GetCertificate and GetTrustBundle, and for the others “ok” (if absent),
 * “wait” (for the command `release`), “end” (the process ends), or “NAME TEXT”, an error. An answer may be changed later on.
 *
 *   set IDENTITY|agent PROPERTY VALUE    answer IDENTITY METHOD VALUE    add IDENTITY    remove IDENTITY
 *   release [IDENTITY PROPERTY VALUE …]    answers the call, before the bus hears of the properties
 *   renewed IDENTITY NUMBER SHA256 TIME    failed IDENTITY NAME TEXT TRACKING-ID TIME    bundle IDENTITY ETAG
 *
 * Words are quoted as in a shell, and escaped as in C. What was done is answered with “done”, calls are told with “called IDENTITY
 * METHOD wait” or “begin”.
 */

#include "brevet-bus-names.h"
#include "brevet-error.h"

#include <gio/gunixinputstream.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  GMainLoop *loop;
  GKeyFile *file;
  BrevetBusAgent1 *agent;
  GDBusObjectManagerServer *objects;
  GHashTable *answers;
  GDBusMethodInvocation *pending;
} World;

static World world;

/* Properties are set by the names they have in GObject: NotAfter is not-after. */
static char *
property_name (const char *name)
{
  GString *text = g_string_new (NULL);

  for (const char *c = name; *c != '\0'; c++)
    {
      if (g_ascii_isupper (*c) && c != name)
        g_string_append_c (text, '-');
      g_string_append_c (text, g_ascii_tolower (*c));
    }
  return g_string_free (text, FALSE);
}

static void
set_property (gpointer object, const char *name, const char *text)
{
  g_autofree char *property = property_name (name);
  GParamSpec *pspec = g_object_class_find_property (G_OBJECT_GET_CLASS (object), property);

  if (pspec == NULL)
    g_error ("There is no property %s", name);
  if (pspec->value_type == G_TYPE_INT64)
    g_object_set (object, property, g_ascii_strtoll (text, NULL, 10), NULL);
  else if (pspec->value_type == G_TYPE_UINT64)
    g_object_set (object, property, g_ascii_strtoull (text, NULL, 10), NULL);
  else if (pspec->value_type == G_TYPE_UINT)
    g_object_set (object, property, (guint) g_ascii_strtoull (text, NULL, 10), NULL);
  else if (pspec->value_type == G_TYPE_STRV)
    {
      g_auto(GStrv) items = g_strsplit (text, ";", -1);

      g_object_set (object, property, items, NULL);
    }
  else
    g_object_set (object, property, text, NULL);
}

static const char *
find_answer (const char *identity, const char *method)
{
  g_autofree char *key = g_strconcat (identity, " ", method, NULL);

  return g_hash_table_lookup (world.answers, key);
}

static void
set_answer (const char *identity, const char *method, const char *answer)
{
  g_hash_table_replace (world.answers, g_strconcat (identity, " ", method, NULL), g_strdup (answer));
}

static void
say (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  vprintf (format, arguments);
  va_end (arguments);
  putchar ('\n');
  fflush (stdout);
}

static void
return_named_error (GDBusMethodInvocation *invocation, const char *answer)
{
  g_auto(GStrv) parts = g_strsplit (answer, " ", 2);

  g_dbus_method_invocation_return_dbus_error (invocation, parts[0], parts[1] != NULL ? parts[1] : "");
}

static gboolean
on_act (BrevetBusAgent1Identity *identity, GDBusMethodInvocation *invocation, GVariant *options, gpointer user_data)
{
  const char *name = brevet_bus_agent1_identity_get_name (identity);
  const char *method = g_dbus_method_invocation_get_method_name (invocation);
  const char *answer = find_answer (name, method);
  gboolean wait = TRUE;

  g_variant_lookup (options, "wait", "b", &wait);
  say ("called %s %s %s", name, method, wait ? "wait" : "begin");
  if (g_strcmp0 (answer, "end") == 0)
    g_main_loop_quit (world.loop);
  else if (g_strcmp0 (answer, "wait") == 0)
    world.pending = invocation;
  else if (answer == NULL || g_str_equal (answer, "ok"))
    g_dbus_method_invocation_return_value (invocation, NULL);
  else
    return_named_error (invocation, answer);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static gboolean
on_get (BrevetBusAgent1Identity *identity, GDBusMethodInvocation *invocation, gpointer user_data)
{
  const char *name = brevet_bus_agent1_identity_get_name (identity);
  const char *answer = find_answer (name, g_dbus_method_invocation_get_method_name (invocation));

  if (answer != NULL)
    g_dbus_method_invocation_return_value (invocation, g_variant_new ("(s)", answer));
  else
    g_dbus_method_invocation_return_error (invocation, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "%s has none yet", name);
  return G_DBUS_METHOD_INVOCATION_HANDLED;
}

static void
publish_identities (void)
{
  g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func (g_free);
  g_auto(GStrv) groups = g_key_file_get_groups (world.file, NULL);

  for (guint i = 0; groups[i] != NULL; i++)
    {
      g_autofree char *path = brevet_bus_identity_path (groups[i]);
      g_autoptr(GDBusObject) object = g_dbus_object_manager_get_object (G_DBUS_OBJECT_MANAGER (world.objects), path);

      if (object != NULL)
        g_ptr_array_add (paths, g_steal_pointer (&path));
    }
  g_ptr_array_add (paths, NULL);
  brevet_bus_agent1_set_identities (world.agent, (const char *const *) paths->pdata);
}

static void
fill (gpointer object, const char *group)
{
  g_auto(GStrv) keys = g_key_file_get_keys (world.file, group, NULL, NULL);

  for (guint i = 0; keys != NULL && keys[i] != NULL; i++)
    {
      g_autofree char *value = g_key_file_get_string (world.file, group, keys[i], NULL);

      if (*keys[i] == '@')
        set_answer (group, keys[i] + 1, value);
      else
        set_property (object, keys[i], value);
    }
}

static void
add_identity (const char *name)
{
  g_autofree char *path = brevet_bus_identity_path (name);
  g_autoptr(BrevetBusObjectSkeleton) object = brevet_bus_object_skeleton_new (path);
  g_autoptr(BrevetBusAgent1Identity) identity = brevet_bus_agent1_identity_skeleton_new ();

  brevet_bus_agent1_identity_set_name (identity, name);
  fill (identity, name);
  g_signal_connect (identity, "handle-provision", G_CALLBACK (on_act), NULL);
  g_signal_connect (identity, "handle-renew", G_CALLBACK (on_act), NULL);
  g_signal_connect (identity, "handle-reprovision", G_CALLBACK (on_act), NULL);
  g_signal_connect (identity, "handle-get-certificate", G_CALLBACK (on_get), NULL);
  g_signal_connect (identity, "handle-get-trust-bundle", G_CALLBACK (on_get), NULL);
  brevet_bus_object_skeleton_set_agent1_identity (object, identity);
  g_dbus_object_manager_server_export (world.objects, G_DBUS_OBJECT_SKELETON (object));
}

static BrevetBusAgent1Identity *
find_identity (const char *name)
{
  g_autofree char *path = brevet_bus_identity_path (name);
  g_autoptr(GDBusObject) object = g_dbus_object_manager_get_object (G_DBUS_OBJECT_MANAGER (world.objects), path);

  if (object == NULL)
    g_error ("There is no identity %s", name);
  return brevet_bus_object_peek_agent1_identity (BREVET_BUS_OBJECT (object));
}

static void
set (gpointer object, char **pairs)
{
  for (guint i = 0; pairs[i] != NULL && pairs[i + 1] != NULL; i += 2)
    set_property (object, pairs[i], pairs[i + 1]);
}

static void
obey (char **words)
{
  const char *verb = words[0];

  if (g_str_equal (verb, "set"))
    {
      gpointer object = g_str_equal (words[1], "agent") ? (gpointer) world.agent : (gpointer) find_identity (words[1]);

      set (object, words + 2);
      g_dbus_interface_skeleton_flush (object);
    }
  else if (g_str_equal (verb, "answer"))
    set_answer (words[1], words[2], words[3]);
  else if (g_str_equal (verb, "release"))
    {
      if (words[1] != NULL)
        set (find_identity (words[1]), words + 2);
      g_dbus_method_invocation_return_value (g_steal_pointer (&world.pending), NULL);
    }
  else if (g_str_equal (verb, "add"))
    add_identity (words[1]);
  else if (g_str_equal (verb, "remove"))
    {
      g_autofree char *path = brevet_bus_identity_path (words[1]);

      g_dbus_object_manager_server_unexport (world.objects, path);
    }
  else if (g_str_equal (verb, "renewed"))
    brevet_bus_agent1_identity_emit_renewed (find_identity (words[1]), g_ascii_strtoull (words[2], NULL, 10), words[3],
                                             g_ascii_strtoll (words[4], NULL, 10));
  else if (g_str_equal (verb, "failed"))
    brevet_bus_agent1_identity_emit_failed (find_identity (words[1]), words[2], words[3], words[4],
                                            g_ascii_strtoll (words[5], NULL, 10));
  else if (g_str_equal (verb, "bundle"))
    brevet_bus_agent1_identity_emit_trust_bundle_changed (find_identity (words[1]), words[2]);
  else
    g_error ("There is no command %s", verb);
  if (g_str_equal (verb, "add") || g_str_equal (verb, "remove"))
    publish_identities ();
}

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GDataInputStream *input = G_DATA_INPUT_STREAM (source);
  g_autofree char *line = g_data_input_stream_read_line_finish (input, result, NULL, NULL);
  g_auto(GStrv) words = NULL;

  /* One that the bus has started has nobody who talks to it. */
  if (line == NULL)
    {
      if (g_getenv ("DBUS_STARTER_ADDRESS") == NULL)
        g_main_loop_quit (world.loop);
      return;
    }
  if (!g_shell_parse_argv (line, NULL, &words, NULL))
    g_error ("This cannot be read: %s", line);
  for (guint i = 0; words[i] != NULL; i++)
    {
      char *word = g_strcompress (words[i]);

      g_free (words[i]);
      words[i] = word;
    }
  obey (words);
  g_dbus_connection_flush_sync (g_dbus_object_manager_server_get_connection (world.objects), NULL, NULL);
  say ("done");
  g_data_input_stream_read_line_async (input, G_PRIORITY_DEFAULT, NULL, on_line, NULL);
}

static void
on_bus_acquired (GDBusConnection *connection, const char *name, gpointer user_data)
{
  g_auto(GStrv) groups = g_key_file_get_groups (world.file, NULL);

  g_dbus_connection_set_exit_on_close (connection, FALSE);
  world.objects = g_dbus_object_manager_server_new (BREVET_BUS_PATH);
  world.agent = brevet_bus_agent1_skeleton_new ();
  fill (world.agent, "agent");
  for (guint i = 0; groups[i] != NULL; i++)
    if (!g_str_equal (groups[i], "agent"))
      add_identity (groups[i]);
  g_dbus_object_manager_server_set_connection (world.objects, connection);
  publish_identities ();
  g_dbus_interface_skeleton_export (G_DBUS_INTERFACE_SKELETON (world.agent), connection, BREVET_BUS_PATH, NULL);
}

static void
on_name_acquired (GDBusConnection *connection, const char *name, gpointer user_data)
{
  GDataInputStream *input = user_data;

  say ("ready");
  g_data_input_stream_read_line_async (input, G_PRIORITY_DEFAULT, NULL, on_line, NULL);
}

static void
on_name_lost (GDBusConnection *connection, const char *name, gpointer user_data)
{
  g_main_loop_quit (world.loop);
}

int
main (int argc, char **argv)
{
  g_autoptr(GInputStream) standard_input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr(GDataInputStream) input = g_data_input_stream_new (standard_input);
  g_autoptr(GError) error = NULL;
  guint owner = 0;

  world.loop = g_main_loop_new (NULL, FALSE);
  world.file = g_key_file_new ();
  world.answers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  if (argc != 2 || !g_key_file_load_from_file (world.file, argv[1], G_KEY_FILE_NONE, &error))
    g_error ("%s", error != NULL ? error->message : "Usage: scripted-agent KEYFILE");

  owner = g_bus_own_name (G_BUS_TYPE_STARTER, BREVET_BUS_NAME, G_BUS_NAME_OWNER_FLAGS_NONE, on_bus_acquired, on_name_acquired,
                          on_name_lost, input, NULL);
  g_main_loop_run (world.loop);
  g_bus_unown_name (owner);
  g_clear_object (&world.objects);
  g_clear_object (&world.agent);
  g_clear_pointer (&world.answers, g_hash_table_unref);
  g_clear_pointer (&world.file, g_key_file_unref);
  g_clear_pointer (&world.loop, g_main_loop_unref);
  return 0;
}
