/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls a CA plugin as the core does, for whoever watches from outside: one instance, and one line of JSON for each call that is
 * asked for on the command line or on the standard input. Its answers say all that a caller can know, and what the core's check
 * makes of a certificate. */

#include "ca-call.h"

#include <gio/gunixinputstream.h>
#include <stdio.h>

/* How often the main loop should come round, in milliseconds. */
#define BEAT 10

static gboolean
load (CaCall *self, GError **error)
{
  g_autoptr(BrevetConfig) config = brevet_config_load (self->settings, error);
  g_autoptr(GPtrArray) groups = config != NULL ? brevet_config_list_groups (config, "ca") : NULL;

  g_clear_object (&self->backend);
  if (groups == NULL)
    return FALSE;
  if (groups->len != 1)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "%s has %u groups [ca …] instead of one", self->settings,
                   groups->len);
      return FALSE;
    }
  self->backend = (BrevetCaBackend *) brevet_registry_create_from_group (self->registry, BREVET_TYPE_CA_BACKEND, "ca",
                                                                         groups->pdata[0], error);
  return self->backend != NULL;
}

void
ca_call_forget (CaCall *self)
{
  g_hash_table_remove_all (self->keys);
  g_hash_table_remove_all (self->attempts);
  g_hash_table_remove_all (self->issued);
  g_hash_table_remove_all (self->serials);
}

/* A new instance, as after a restart or a reload: of what was learned before, only certificates and keys are left. */
void
ca_call_open (CaCall *self, JsonObject *answer)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *identity = NULL;
  BrevetCaTraffic traffic;

  if (!load (self, &error))
    {
      ca_call_add_error (answer, error);
      return;
    }
  identity = brevet_ca_backend_dup_identity (self->backend);
  brevet_ca_backend_get_traffic (self->backend, &traffic);
  json_object_set_string_member (answer, "outcome", "opened");
  json_object_set_string_member (answer, "identity", identity);
  json_object_set_int_member (answer, "capabilities", brevet_ca_backend_get_capabilities (self->backend));
  json_object_set_int_member (answer, "maximumInFlight", traffic.maximum_in_flight);
  json_object_set_int_member (answer, "burst", traffic.burst);
  json_object_set_double_member (answer, "perSecond", traffic.per_second);
}

void
ca_call_say (JsonObject *answer)
{
  g_autoptr(JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  json_node_set_object (node, answer);
  text = json_to_string (node, FALSE);
  printf ("%s\n", text);
  fflush (stdout);
}

/* --- what is asked --- */

static void
obey (CaCall *self, const char *line)
{
  g_autoptr(GBytes) text = g_bytes_new (line, strlen (line));
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) order = NULL;

  if (*line == '{')
    order = brevet_json_read_object (text, &error);
  else
    {
      order = json_object_new ();
      json_object_set_string_member (order, "do", line);
    }
  if (order == NULL)
    {
      g_printerr ("ca-call: not understood: %s: %s\n", line, error->message);
      self->failed = TRUE;
      self->ended = TRUE;
      return;
    }
  ca_call_begin (self, order);
}

static void read_line (CaCall *self);

static void
on_line (GObject *source, GAsyncResult *result, gpointer user_data)
{
  CaCall *self = user_data;
  g_autofree char *line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (source), result, NULL, NULL);

  if (line == NULL)
    {
      self->ended = TRUE;
      g_main_context_wakeup (NULL);
      return;
    }
  if (*line != '\0')
    obey (self, line);
  read_line (self);
}

static void
read_line (CaCall *self)
{
  g_data_input_stream_read_line_async (self->input, G_PRIORITY_DEFAULT, NULL, on_line, self);
}

/* A machine that is busy lets everybody wait for the processor; that is not what a plugin is judged by. */
gint64
ca_call_get_time (void)
{
  g_autofree char *text = NULL;
  guint64 waited = 0;

  /* Nanoseconds on the processor, and waiting for it. */
  if (g_file_get_contents ("/proc/thread-self/schedstat", &text, NULL, NULL))
    sscanf (text, "%*u %" G_GUINT64_FORMAT, &waited);
  return g_get_monotonic_time () - (gint64) (waited / 1000);
}

/* The longest time that the main loop did not come round, while something was asked. */
static gboolean
on_beat (gpointer user_data)
{
  CaCall *self = user_data;
  gint64 now = ca_call_get_time ();

  self->longest_gap = MAX (self->longest_gap, now - self->last_beat);
  self->last_beat = now;
  return G_SOURCE_CONTINUE;
}

static void
run (CaCall *self, char **commands)
{
  g_autoptr(GInputStream) input = g_unix_input_stream_new (0, FALSE);
  guint beat;

  self->last_beat = ca_call_get_time ();
  beat = g_timeout_add (BEAT, on_beat, self);
  if (commands != NULL)
    {
      /* One after the other. */
      for (guint i = 0; commands[i] != NULL && !self->ended; i++)
        {
          obey (self, commands[i]);
          while (self->n_calls > 0)
            g_main_context_iteration (NULL, TRUE);
        }
      self->ended = TRUE;
    }
  else
    {
      self->input = g_data_input_stream_new (input);
      read_line (self);
    }
  while (!self->ended || self->n_calls > 0)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (beat);
  g_clear_object (&self->input);
}

static void
clear (CaCall *self)
{
  g_clear_object (&self->backend);
  g_clear_object (&self->registry);
  g_hash_table_unref (self->keys);
  g_hash_table_unref (self->attempts);
  g_hash_table_unref (self->issued);
  g_hash_table_unref (self->serials);
}

static const char summary[] =
  "Calls a CA plugin as the service does. A command is a word (open, check, trust, crl, issue, find, revoke, close) or an object:\n"
  "  {\"do\":\"issue\",\"name\":\"dev-1\",\"key\":\"a\",\"uri\":URI,\"validity\":SECONDS,"
  "\"deadline\":MS,\"cancel\":MS or \"sent\",\"again\":true}\n"
  "  {\"do\":\"open\",\"forget\":true}  {\"do\":\"poll\",\"ticket\":TICKET}  {\"do\":\"find\",\"known\":[ID…]}\n"
  "  {\"do\":\"revoke\",\"of\":ID,\"reason\":NUMBER}\n"
  "Each to issue is an issuance of its own, with its own idempotency key; with “again”, it is the last one for this key\n"
  "once more, as after a lost answer. To poll and to find take the request of the last issuance, too. Each may have an id.\n"
  "Without commands, they are lines of the standard input. Each is answered with a line of JSON.";

int
main (int argc, char *argv[])
{
  g_autofree char *directory = NULL;
  g_autofree char *settings = NULL;
  g_auto(GStrv) commands = NULL;
  const GOptionEntry options[] = {
    { "plugin-directory", 0, 0, G_OPTION_ARG_FILENAME, &directory, "Where the plugin is, before all other places", "DIR" },
    { "settings", 0, 0, G_OPTION_ARG_FILENAME, &settings, "Configuration with one group [ca NAME]", "FILE" },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &commands, NULL, "[COMMAND…]" },
    { NULL },
  };
  g_autoptr(GOptionContext) context = g_option_context_new (NULL);
  g_autoptr(GError) error = NULL;
  CaCall self = { .settings = NULL };

  /* What a plugin has to say does not get between the answers. */
  g_log_writer_default_set_use_stderr (TRUE);
  g_option_context_set_summary (context, summary);
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error) || settings == NULL)
    {
      g_printerr ("ca-call: %s\n", error != NULL ? error->message : "--settings is missing");
      return 2;
    }
  if (directory != NULL)
    {
      const char *rest = g_getenv ("BREVET_PLUGIN_PATH");
      g_autofree char *path = rest != NULL ? g_strconcat (directory, ":", rest, NULL) : g_strdup (directory);

      g_setenv ("BREVET_PLUGIN_PATH", path, TRUE);
    }
  self.settings = settings;
  self.registry = brevet_registry_new ();
  self.keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_key_unref);
  self.attempts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_ca_request_unref);
  self.issued = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_ca_outcome_unref);
  self.serials = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  run (&self, commands);
  clear (&self);
  return self.failed ? 1 : 0;
}
