/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-settings.h"

#include "brevet-duration.h"
#include "brevet-settings-private.h"

#include <string.h>

gboolean
brevet_settings_has (BrevetSettings *self, const char *key)
{
  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, FALSE);
  return brevet_settings_lookup (self, key) != NULL;
}

const char *
brevet_settings_get_string (BrevetSettings *self, const char *key, const char *fallback)
{
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  value = brevet_settings_lookup (self, key);
  return value != NULL ? value : fallback;
}

const char *
brevet_settings_require_string (BrevetSettings *self, const char *key, GError **error)
{
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  value = brevet_settings_lookup (self, key);
  if (value != NULL && *value != '\0')
    return value;
  g_propagate_error (error, brevet_settings_error (self, key, value == NULL ? "this key is missing; add “%s=…”"
                                                                            : "the value is empty; write “%s=…”", key));
  return NULL;
}

char **
brevet_settings_get_strings (BrevetSettings *self, const char *key)
{
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_auto(GStrv) items = NULL;
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  value = brevet_settings_lookup (self, key);
  items = g_strsplit_set (value != NULL ? value : "", ";,", -1);
  for (char **item = items; *item != NULL; item++)
    if (*g_strstrip (*item) != '\0')
      g_strv_builder_add (builder, *item);
  return g_strv_builder_end (builder);
}

gboolean
brevet_settings_get_int (BrevetSettings *self, const char *key, gint64 fallback, gint64 minimum, gint64 maximum, gint64 *value,
                         GError **error)
{
  g_autofree char *text = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL && value != NULL, FALSE);

  text = g_strdup (brevet_settings_lookup (self, key));
  *value = fallback;
  if (text == NULL || g_ascii_string_to_signed (g_strstrip (text), 10, minimum, maximum, value, NULL))
    return TRUE;
  g_propagate_error (error, brevet_settings_error (self, key, "“%s” is not a whole number from %" G_GINT64_FORMAT " to %"
                                                   G_GINT64_FORMAT, text, minimum, maximum));
  return FALSE;
}

gboolean
brevet_settings_get_boolean (BrevetSettings *self, const char *key, gboolean fallback, gboolean *value, GError **error)
{
  static const char *const yes[] = { "true", "yes", "on", "1", NULL };
  static const char *const no[] = { "false", "no", "off", "0", NULL };
  const char *text = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL && value != NULL, FALSE);

  text = brevet_settings_lookup (self, key);
  if (text == NULL)
    *value = fallback;
  else if (g_strv_contains (yes, text))
    *value = TRUE;
  else if (g_strv_contains (no, text))
    *value = FALSE;
  else
    {
      g_propagate_error (error, brevet_settings_error (self, key, "“%s” is neither true nor false; write “true” or “false”", text));
      return FALSE;
    }
  return TRUE;
}

gboolean
brevet_settings_get_duration (BrevetSettings *self, const char *key, gint64 fallback, gint64 minimum, gint64 maximum,
                              gint64 *seconds, GError **error)
{
  g_autofree char *shortest = NULL;
  g_autofree char *longest = NULL;
  const char *text = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL && seconds != NULL, FALSE);

  text = brevet_settings_lookup (self, key);
  *seconds = fallback;
  if (text == NULL)
    return TRUE;
  if (!brevet_duration_parse (text, seconds))
    {
      g_propagate_error (error, brevet_settings_error (self, key, "“%s” is not a duration; write for example 90d", text));
      return FALSE;
    }
  if (*seconds >= minimum && *seconds <= maximum)
    return TRUE;

  shortest = brevet_duration_format (minimum);
  longest = brevet_duration_format (maximum);
  g_propagate_error (error, brevet_settings_error (self, key, "“%s” is out of range; write a duration from %s to %s", text,
                                                   shortest, longest));
  return FALSE;
}

char *
brevet_settings_get_path (BrevetSettings *self, const char *key)
{
  const char *value = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && key != NULL, NULL);

  value = brevet_settings_lookup (self, key);
  if (value == NULL || *value == '\0')
    return NULL;
  return g_canonicalize_filename (value, brevet_settings_get_base_directory (self));
}

/* systemd separates several state directories of a unit by colons. */
char *
brevet_settings_get_state_path (BrevetSettings *self, const char *key, const char *name)
{
  g_autofree char *path = brevet_settings_get_path (self, key);
  const char *list = g_getenv ("STATE_DIRECTORY");
  g_autofree char *directory = NULL;

  if (path != NULL)
    return g_canonicalize_filename (path, NULL);
  if (list == NULL || !g_path_is_absolute (list))
    return NULL;
  directory = g_strndup (list, strcspn (list, ":"));
  return g_canonicalize_filename (name != NULL ? name : directory, directory);
}
