/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "store-place.h"

#include <string.h>

BrevetStore *
store_place_create (const char *plugin, const char *key, const char *place, gint64 maximum_queued)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", NULL, NULL);
  g_autoptr(GError) error = NULL;
  BrevetPlugin *store;

  brevet_settings_set (settings, key, place, NULL);
  if (maximum_queued > 0)
    {
      g_autofree char *text = g_strdup_printf ("%" G_GINT64_FORMAT, maximum_queued);

      brevet_settings_set (settings, "maximum-queued", text, NULL);
    }
  store = brevet_registry_create (registry, BREVET_TYPE_STORE, plugin, "test", settings, &error);
  g_assert_no_error (error);
  return BREVET_STORE (store);
}

void
store_place_assert_open_fails (BrevetStore *store, const char *place, int code, const char *text)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_store_open (store, &error));
  g_assert_error (error, BREVET_ERROR, code);
  if (strstr (error->message, text) == NULL || strstr (error->message, place) == NULL)
    g_error ("“%s” names not both “%s” and “%s”", error->message, text, place);
}

void
store_place_check_holder (const StoreSuite *suite, gpointer world, const char *place, GSubprocess *holder)
{
  g_autoptr(GDataInputStream) output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (holder));
  g_autoptr(BrevetStore) store = suite->create (world, 0);
  g_autoptr(GError) error = NULL;
  g_autofree char *line = g_data_input_stream_read_line (output, NULL, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (line, ==, "open");
  store_place_assert_open_fails (store, place, BREVET_ERROR_BUSY, g_subprocess_get_identifier (holder));

  g_output_stream_close (g_subprocess_get_stdin_pipe (holder), NULL, &error);
  g_assert_no_error (error);
  g_subprocess_wait_check (holder, NULL, &error);
  g_assert_no_error (error);
  brevet_store_open (store, &error);
  g_assert_no_error (error);
}

gboolean
store_place_put_block (BrevetStore *store, guint number, GError **error)
{
  g_autofree char *key = g_strdup_printf ("block-%u", number);
  g_autofree char *text = g_strnfill (50000, (char) ('a' + number % 26));

  return store_put (store, key, text, NULL, error);
}

void
store_place_assert_blocks (BrevetStore *store, guint count)
{
  for (guint i = 0; i < count; i++)
    {
      g_autofree char *key = g_strdup_printf ("block-%u", i);
      g_autofree char *text = g_strnfill (50000, (char) ('a' + i % 26));

      store_assert_text (store, key, text);
    }
}

