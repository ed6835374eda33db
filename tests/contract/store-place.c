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
