/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "record-damage.h"

#include "brevet-log.h"

/* Whoever has more has lost a disk, and reads the whole list. */
#define MOST_TOLD 200

static GMutex lock;
static GHashTable *told; /* under the lock: collection, key and version */

/* Whether nobody has heard of it yet. @is_last: whether nobody will hear of the next one. */
static gboolean
is_new (BrevetRecord *record, gboolean *is_last)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&lock);
  g_autofree char *id = g_strjoin ("\n", brevet_record_get_collection (record), brevet_record_get_key (record),
                                   brevet_record_get_etag (record), NULL);

  if (told == NULL)
    told = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (g_hash_table_contains (told, id) || g_hash_table_size (told) >= MOST_TOLD)
    return FALSE;
  g_hash_table_add (told, g_steal_pointer (&id));
  *is_last = g_hash_table_size (told) == MOST_TOLD;
  return TRUE;
}

void
brevet_record_damage_report (BrevetRecord *record, const GError *error, const char *consequence)
{
  const char *collection = brevet_record_get_collection (record);
  const char *key = brevet_record_get_key (record);
  gboolean is_last = FALSE;
  g_autofree char *message = NULL;

  if (!is_new (record, &is_last))
    return;
  message = g_strdup_printf ("%s; %s. “brevet-dps store check” lists what cannot be read, “brevet-dps store set-aside %s %s” puts "
                             "this one aside%s", error->message, consequence, collection, key,
                             is_last ? "; no further ones are named here" : "");
  brevet_log_event (G_LOG_LEVEL_WARNING, BREVET_MESSAGE_RECORD_DAMAGED, message, "BREVET_COLLECTION", collection, "BREVET_KEY", key,
                    NULL);
}
