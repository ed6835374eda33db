/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-settings.h"
#include "brevet-settings-private.h"

#include <string.h>

/* The length first, so that no two different lists of texts are the same bytes. */
static void
feed (GChecksum *checksum, gconstpointer data, gsize length)
{
  guint64 prefix = GUINT64_TO_BE ((guint64) length);

  g_checksum_update (checksum, (const guchar *) &prefix, sizeof prefix);
  g_checksum_update (checksum, data, (gssize) length);
}

/* Whether there is a content is told by key and value, so it needs no mark of its own. */
static gboolean
feed_key (BrevetSettings *self, const char *key, GChecksum *checksum, GError **error)
{
  const char *value = brevet_settings_peek (self, key);
  g_autoptr(BrevetSecret) content = NULL;
  const guint8 *data;
  gsize length;

  feed (checksum, key, strlen (key));
  feed (checksum, value, strlen (value));
  if (!brevet_settings_read_named (self, key, &content, error))
    return FALSE;
  if (content != NULL)
    {
      data = brevet_secret_get_data (content, &length);
      feed (checksum, data, length);
    }
  return TRUE;
}

static int
compare (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

gboolean
brevet_settings_digest (BrevetSettings *self, const char *const *keys, GChecksum *checksum, GError **error)
{
  g_autoptr(GPtrArray) present = NULL;
  const char *kind = NULL;

  g_return_val_if_fail (BREVET_IS_SETTINGS (self) && checksum != NULL, FALSE);

  present = brevet_settings_list_keys (self);
  g_ptr_array_sort (present, compare);

  kind = brevet_settings_get_kind (self);
  feed (checksum, kind, strlen (kind));
  for (guint i = 0; i < present->len; i++)
    {
      const char *key = g_ptr_array_index (present, i);

      if ((keys == NULL || g_strv_contains (keys, key)) && !feed_key (self, key, checksum, error))
        return FALSE;
    }
  /* No key is empty: the next group cannot be taken for more of this one. */
  feed (checksum, "", 0);
  return TRUE;
}
