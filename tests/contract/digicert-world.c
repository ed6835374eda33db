/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-world.h"

#include "test-scratch.h"
#include "test-wait.h"

static JsonObject *
hear (DigicertWorld *self)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line (self->from, NULL, NULL, &error);
  g_autoptr(JsonParser) parser = json_parser_new ();

  g_assert_no_error (error);
  g_assert_nonnull (line);
  json_parser_load_from_data (parser, line, -1, &error);
  g_assert_no_error (error);
  return json_node_dup_object (json_parser_get_root (parser));
}

DigicertWorld *
digicert_world_new (void)
{
  DigicertWorld *self = g_new0 (DigicertWorld, 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE |
                                                                       G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_autoptr(JsonObject) greeting = NULL;

  self->directory = test_scratch_new ();
  g_subprocess_launcher_setenv (launcher, "PYTHONDONTWRITEBYTECODE", "1", TRUE);
  self->process = g_subprocess_launcher_spawn (launcher, &error, "/usr/bin/python3", DIGICERT_MOCK, self->directory, NULL);
  g_assert_no_error (error);
  self->from = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  self->to = g_subprocess_get_stdin_pipe (self->process);
  greeting = hear (self);
  self->port = (guint) json_object_get_int_member (greeting, "port");
  return self;
}

JsonObject *
digicert_world_order (DigicertWorld *self, const char *format, ...)
{
  g_autofree char *order = NULL;
  g_autofree char *line = NULL;
  g_autoptr(GError) error = NULL;
  va_list arguments;

  va_start (arguments, format);
  order = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  line = g_strconcat (order, "\n", NULL);
  g_output_stream_write_all (self->to, line, strlen (line), NULL, NULL, &error);
  g_assert_no_error (error);
  return hear (self);
}

void
digicert_world_free (DigicertWorld *self)
{
  g_autoptr(JsonObject) report = digicert_world_order (self, "{\"do\":\"report\"}");
  JsonArray *violations = json_object_get_array_member (report, "violations");

  for (guint i = 0; i < json_array_get_length (violations); i++)
    g_test_message ("%s", json_array_get_string_element (violations, i));
  g_assert_cmpuint (json_array_get_length (violations), ==, 0);
  g_output_stream_close (self->to, NULL, NULL);
  g_subprocess_wait (self->process, NULL, NULL);
  g_object_unref (self->from);
  g_object_unref (self->process);
  test_scratch_remove (self->directory);
  g_free (self->directory);
  g_free (self);
}

BrevetSettings *
digicert_world_settings (DigicertWorld *self, const char *profile)
{
  BrevetSettings *settings = brevet_settings_new ("ca", "factory", self->directory);
  g_autofree char *endpoint = g_strdup_printf ("https://127.0.0.1:%u", self->port);

  brevet_settings_set (settings, "profile", profile, "dps.conf:3");
  brevet_settings_set (settings, "api-key", DIGICERT_API_KEY, "dps.conf:4");
  brevet_settings_set (settings, "endpoint", endpoint, "dps.conf:5");
  brevet_settings_set (settings, "ca-file", "tls.pem", "dps.conf:6");
  if (g_str_has_prefix (profile, "IOT_"))
    brevet_settings_set (settings, "trust", "root.pem", "dps.conf:7");
  return settings;
}

BrevetCaBackend *
digicert_create (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  BrevetPlugin *plugin = brevet_registry_create (registry, BREVET_TYPE_CA_BACKEND, "ca-digicert", "factory", settings, error);

  return plugin != NULL ? BREVET_CA_BACKEND (plugin) : NULL;
}

BrevetCaBackend *
digicert_world_backend (DigicertWorld *self, const char *key, const char *value)
{
  gboolean is_profile = g_strcmp0 (key, "profile") == 0;
  g_autoptr(BrevetSettings) settings = digicert_world_settings (self, is_profile ? value : DIGICERT_PROFILE);
  g_autoptr(GError) error = NULL;
  BrevetCaBackend *backend;

  if (key != NULL && !is_profile)
    brevet_settings_set (settings, key, value, "dps.conf:9");
  backend = digicert_create (settings, &error);
  g_assert_no_error (error);
  return backend;
}

void
digicert_world_plan (DigicertWorld *self, const char *operation, const char *scenario)
{
  json_object_unref (digicert_world_order (self, "{\"do\":\"plan\",\"operation\":\"%s\",\"scenarios\":[\"%s\"]}", operation,
                                           scenario));
}

char *
digicert_world_calls (DigicertWorld *self)
{
  g_autoptr(JsonObject) report = digicert_world_order (self, "{\"do\":\"report\"}");
  JsonArray *calls = json_object_get_array_member (report, "calls");
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < json_array_get_length (calls); i++)
    g_string_append_printf (text, "%s%s", i > 0 ? " " : "",
                            json_object_get_string_member (json_array_get_object_element (calls, i), "operation"));
  return g_string_free (text, FALSE);
}

BrevetCaOutcome *
digicert_poll (BrevetCaBackend *backend, const char *ticket, BrevetCaRequest *request, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_ca_backend_poll_async (backend, ticket, request, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_ca_backend_poll_finish (backend, result, error);
}

BrevetCaOutcome *
digicert_find (BrevetCaBackend *backend, BrevetCaRequest *request, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_ca_backend_find_async (backend, request, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_ca_backend_find_finish (backend, result, error);
}

gboolean
digicert_revoke (BrevetCaBackend *backend, BrevetCaOutcome *outcome, BrevetRevocationReason reason, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_ca_backend_revoke_async (backend, brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome)),
                                  brevet_ca_outcome_get_backend_reference (outcome), reason, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_ca_backend_revoke_finish (backend, result, error);
}
