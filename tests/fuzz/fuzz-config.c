/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include <brevet.h>

/* Asks each group of the file for everything that can be asked, with keys that the corpus uses. */
static void
ask_all (BrevetSettings *settings)
{
  static const char *const keys[] = { "validity", "port", "key", "enabled", "hosts", "path" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_auto(GStrv) items = brevet_settings_get_strings (settings, keys[i]);
      g_autofree char *path = brevet_settings_get_path (settings, keys[i]);
      g_autoptr(BrevetSecret) secret = NULL;
      const char *text = brevet_settings_get_string (settings, keys[i], "");
      gboolean truth = FALSE;
      gint64 number = 0;

      brevet_settings_get_int (settings, keys[i], 0, 0, 65535, &number, NULL);
      brevet_settings_get_boolean (settings, keys[i], FALSE, &truth, NULL);
      if (brevet_settings_get_duration (settings, keys[i], 0, 0, G_MAXINT64, &number, NULL))
        g_assert_cmpint (number, >=, 0);
      secret = brevet_secret_new_from_base64 (text, NULL);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "fuzz.conf", "/nonexistent", &error);
  g_autoptr(GPtrArray) groups = NULL;
  g_autoptr(GPtrArray) unused = NULL;

  if (config == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_true (g_str_has_prefix (error->message, "fuzz.conf"));
      return 0;
    }
  groups = brevet_config_list_groups (config, "ca");
  for (guint i = 0; i < groups->len; i++)
    ask_all (g_ptr_array_index (groups, i));
  unused = brevet_config_list_unused (config);
  return 0;
}
