/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An operator who changes a record just while its page is looked at writes the same note in the same moment; the last one stays.
 * It is asked for only when the record is damaged, and the next change of the record puts it right. */

#include "barred-index.h"

#include "brevet-error.h"
#include "record-json.h"
#include "records-aside.h"
#include "records.h"

#define PER_PAGE 1000

/* Key of the record that is there once all that was stored has been looked at. */
#define COMPLETE "/complete"

typedef struct {
  const char *collection;
  const char *member;
  const char *value; /* of the member, if it shuts out whom the record is about */
} Source;

static const Source sources[] = {
  { BREVET_COLLECTION_ENROLLMENTS, "provisioningStatus", "disabled" },
  { BREVET_COLLECTION_GROUPS, "provisioningStatus", "disabled" },
  { BREVET_COLLECTION_CERTIFICATES, "status", BREVET_INVENTORY_REVOKED },
};

/* What nobody can read says nothing. */
static gboolean
is_barring (const Source *source, BrevetRecord *record)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, NULL);
  const char *value = object != NULL ? brevet_record_json_get_string (object, source->member) : NULL;

  return value != NULL && g_ascii_strcasecmp (value, source->value) == 0;
}

/* Notes one page. @after is the key of its last record, or NULL behind the last page. */
static gboolean
note_page (BrevetStore *store, const Source *source, char **after, GError **error)
{
  g_autoptr(GPtrArray) records = brevet_store_list (store, source->collection, NULL, *after, PER_PAGE, error);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();

  if (records == NULL)
    return FALSE;
  for (guint i = 0; i < records->len; i++)
    if (is_barring (source, g_ptr_array_index (records, i)))
      brevet_records_bar (batch, source->collection, brevet_record_get_key (g_ptr_array_index (records, i)), TRUE);
  g_clear_pointer (after, g_free);
  if (records->len == PER_PAGE)
    *after = g_strdup (brevet_record_get_key (g_ptr_array_index (records, PER_PAGE - 1)));
  return brevet_batch_get_changes (batch)->len == 0 || brevet_store_commit (store, batch, error);
}

static gboolean
note_all (BrevetStore *store, const Source *source, GCancellable *cancellable, GError **error)
{
  g_autofree char *after = NULL;

  do
    if (g_cancellable_set_error_if_cancelled (cancellable, error) || !note_page (store, source, &after, error))
      return FALSE;
  while (after != NULL);
  return TRUE;
}

gboolean
brevet_barred_index_complete (BrevetStore *store, GCancellable *cancellable, GError **error)
{
  g_autoptr(GError) absence = NULL;
  g_autoptr(BrevetRecord) complete = brevet_store_get (store, BREVET_COLLECTION_BARRED, COMPLETE, &absence);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(GBytes) body = g_bytes_new_static ("{}", 2);

  if (complete != NULL)
    return TRUE;
  if (!g_error_matches (absence, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&absence));
      return FALSE;
    }
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++)
    if (!note_all (store, &sources[i], cancellable, error))
      return FALSE;
  brevet_batch_put (batch, BREVET_COLLECTION_BARRED, COMPLETE, NULL, body, NULL);
  return brevet_store_commit (store, batch, error);
}
