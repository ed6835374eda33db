/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the store for a census, a page at a time. */

#include "census-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "record-damage.h"
#include "record-json.h"

/* The journal comes before the certificates: what leaves it meanwhile is found among those. */
typedef enum {
  STAGE_INVENTORY, /* once in the life of a store */
  STAGE_GROUPS,
  STAGE_HOLDERS,
  STAGE_JOURNAL,
  STAGE_CERTIFICATES,
  STAGE_VERSIONS,
  STAGE_END,
} Stage;

typedef struct {
  BrevetStore *store;
  Stage stage;
  gint64 began;
  gint64 started; /* by the clock that never jumps */
  BrevetTally tally;
  BrevetHolderTally holders;
  BrevetDeviceTally devices;
  BrevetVersionTally versions;
  BrevetCursor cursor; /* of the stages with one collection */
  BrevetCursor *wanted; /* whose page is being read */
  gboolean is_fresh;    /* the page of the cursor was not looked at yet */
} Walk;

static void
walk_free (gpointer data)
{
  Walk *walk = data;

  brevet_holder_tally_clear (&walk->holders);
  brevet_device_tally_clear (&walk->devices);
  brevet_version_tally_clear (&walk->versions);
  g_clear_pointer (&walk->cursor.page, g_ptr_array_unref);
  brevet_tally_clear (&walk->tally);
  g_object_unref (walk->store);
  g_free (walk);
}

static void advance (GTask *task);

static void
go_to (Walk *walk, Stage stage)
{
  static const char *const collections[] = {
    BREVET_COLLECTION_CERTIFICATES, BREVET_COLLECTION_GROUPS, NULL, BREVET_COLLECTION_JOURNAL,
    BREVET_COLLECTION_DEVICE_CERTIFICATES, BREVET_COLLECTION_BUNDLE_VERSIONS, NULL,
  };

  g_clear_pointer (&walk->cursor.page, g_ptr_array_unref);
  walk->cursor.collection = collections[stage];
  walk->cursor.index = 0;
  walk->cursor.ended = FALSE;
  walk->is_fresh = FALSE;
  walk->stage = stage;
}

static void
on_page (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Walk *walk = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) page = brevet_store_list_finish (BREVET_STORE (source), result, &error);

  if (page == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  walk->wanted->ended = page->len < BREVET_CENSUS_PAGE;
  walk->wanted->index = 0;
  g_clear_pointer (&walk->wanted->page, g_ptr_array_unref);
  walk->wanted->page = g_steal_pointer (&page);
  walk->is_fresh = TRUE;
  advance (task);
}

static void
read_page (GTask *task, BrevetCursor *cursor)
{
  Walk *walk = g_task_get_task_data (task);
  BrevetRecord *last = NULL;
  g_autofree char *after = NULL;

  if (cursor->page != NULL && cursor->page->len > 0)
    last = g_ptr_array_index (cursor->page, cursor->page->len - 1);
  after = last != NULL ? g_strdup (brevet_record_get_key (last)) : NULL;
  walk->wanted = cursor;
  brevet_store_list_async (walk->store, cursor->collection, NULL, after, BREVET_CENSUS_PAGE, NULL, on_page, g_object_ref (task));
}

/* A certificate that may be on a device, and that the inventory does not revoke for good. */
static gboolean
may_be_used (Walk *walk, const BrevetInventoryEntry *entry)
{
  gboolean is_held = g_str_equal (entry->status, BREVET_INVENTORY_REVOKED) &&
                     entry->revocation_reason == BREVET_REVOCATION_CERTIFICATE_HOLD;

  return (is_held || g_str_equal (entry->status, BREVET_INVENTORY_ISSUED)) &&
         brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain)) > walk->tally.now;
}

static void
add_inventory (Walk *walk, BrevetBatch *batch, BrevetRecord *record)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, &error);
  const char *device = brevet_record_get_parent (record);

  if (entry == NULL)
    {
      brevet_record_damage_report (record, error, "as long as it is there, no certificate is taken out of a trust bundle");
      brevet_records_put_unknown_device_certificate (batch, device != NULL ? device : "", brevet_record_get_key (record));
    }
  else if (may_be_used (walk, entry))
    brevet_records_put_device_certificate (batch, entry, brevet_record_get_key (record), brevet_record_get_created (record), NULL);
}

static gboolean
read_intent (Walk *walk, BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  BrevetCensusAuthority *authority;
  const char *identity;
  gint64 begin;

  if (object == NULL || !brevet_record_json_require (object, record, error, "certificateAuthority", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "identity", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_BOOLEAN, error, "sent", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "requestedAt", NULL))
    return FALSE;
  identity = brevet_record_json_get_string (object, "identity");
  authority = brevet_tally_authority (&walk->tally, json_object_get_string_member (object, "certificateAuthority"), identity);
  if (identity != NULL || json_object_get_boolean_member_with_default (object, "sent", TRUE))
    {
      authority->open++;
      return TRUE;
    }
  begin = json_object_get_int_member_with_default (object, "requestedAt", 0);
  authority->unsent = authority->unsent == 0 ? begin : MIN (authority->unsent, begin);
  return TRUE;
}

static void
add_intent (Walk *walk, BrevetRecord *record)
{
  g_autoptr(GError) error = NULL;

  if (!read_intent (walk, record, &error))
    brevet_tally_count_unreadable (&walk->tally, record, error);
}

static void
take_record (Walk *walk, BrevetBatch *batch, BrevetRecord *record)
{
  switch (walk->stage)
    {
    case STAGE_INVENTORY:
      add_inventory (walk, batch, record);
      break;
    case STAGE_GROUPS:
      brevet_holder_tally_add_group (&walk->holders, record);
      break;
    case STAGE_JOURNAL:
      add_intent (walk, record);
      break;
    case STAGE_CERTIFICATES:
      if (!g_str_equal (brevet_record_get_key (record), BREVET_DEVICE_CERTIFICATES_COMPLETE))
        brevet_device_tally_add (&walk->devices, record);
      break;
    case STAGE_VERSIONS:
      brevet_version_tally_add (&walk->versions, record);
      break;
    case STAGE_HOLDERS:
    case STAGE_END:
    default:
      g_return_if_reached ();
    }
}

static void on_repaired (GObject *source, GAsyncResult *result, gpointer user_data);

/* What the inventory says of a certificate whose small record cannot be read. This census has no use for it any more, but the next
 * one has. */
static void
on_entry_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Walk *walk = g_task_get_task_data (task);
  g_autoptr(BrevetRecord) damaged = g_ptr_array_steal_index_fast (walk->tally.repairs, walk->tally.repairs->len - 1);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetInventoryEntry) entry = record != NULL ? brevet_records_read_certificate (record, &error) : NULL;
  g_autoptr(BrevetBatch) batch = NULL;

  if (entry == NULL)
    {
      if (record != NULL)
        brevet_record_damage_report (record, error, "as long as it is there, no certificate is taken out of a trust bundle");
      advance (task);
      return;
    }
  batch = brevet_batch_new ();
  if (may_be_used (walk, entry))
    brevet_records_put_device_certificate (batch, entry, brevet_record_get_key (record), brevet_record_get_created (record),
                                           brevet_record_get_etag (damaged));
  else
    brevet_batch_delete (batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, brevet_record_get_key (damaged),
                         brevet_record_get_etag (damaged));
  g_message ("The record “%s” of %s is made anew from the inventory", brevet_record_get_key (damaged),
             brevet_record_get_collection (damaged));
  brevet_store_commit_async (walk->store, batch, NULL, on_repaired, g_object_ref (task));
}

static void
on_repaired (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(GError) error = NULL;

  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    g_debug ("The next census tries again: %s", error->message);
  advance (task);
}

static void
repair_next (GTask *task)
{
  Walk *walk = g_task_get_task_data (task);
  GPtrArray *repairs = walk->tally.repairs;
  g_autofree char *key = brevet_records_dup_device_certificate_key (g_ptr_array_index (repairs, repairs->len - 1));

  brevet_store_get_async (walk->store, BREVET_COLLECTION_CERTIFICATES, key, NULL, on_entry_read, g_object_ref (task));
}

static void
on_committed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Walk *walk = g_task_get_task_data (task);
  GError *error = NULL;

  /* What could not be tidied up is found again by the next census; what is missing in the index makes it wrong. */
  if (!brevet_store_commit_finish (BREVET_STORE (source), result, &error))
    {
      if (walk->stage == STAGE_INVENTORY)
        {
          g_task_return_error (task, error);
          return;
        }
      g_debug ("Records that count no more stay: %s", error->message);
      g_clear_error (&error);
    }
  advance (task);
}

/* Whether there was something to write: then it goes on when that is done. */
static gboolean
commit (GTask *task, BrevetBatch *batch)
{
  Walk *walk = g_task_get_task_data (task);

  if (batch == NULL || brevet_batch_get_changes (batch)->len == 0)
    return FALSE;
  brevet_store_commit_async (walk->store, batch, NULL, on_committed, g_object_ref (task));
  return TRUE;
}

/* The page of a stage with one collection. Returns: FALSE if somebody else goes on */
static gboolean
take_page (GTask *task)
{
  Walk *walk = g_task_get_task_data (task);
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(BrevetBatch) deletions = NULL;

  for (BrevetRecord *record = brevet_cursor_peek (&walk->cursor); record != NULL; record = brevet_cursor_peek (&walk->cursor))
    {
      take_record (walk, batch, record);
      walk->cursor.index++;
    }
  if (walk->stage == STAGE_INVENTORY && walk->cursor.ended)
    {
      g_autoptr(GBytes) body = g_bytes_new_static ("{}", 2);

      brevet_batch_put (batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, BREVET_DEVICE_CERTIFICATES_COMPLETE, NULL, body, NULL);
    }
  if (walk->stage == STAGE_CERTIFICATES && walk->cursor.ended)
    brevet_device_tally_end (&walk->devices);
  deletions = walk->stage == STAGE_VERSIONS ? g_steal_pointer (&walk->versions.batch) : g_steal_pointer (&walk->devices.batch);
  return !commit (task, walk->stage == STAGE_INVENTORY ? batch : deletions);
}

static void
return_result (GTask *task)
{
  Walk *walk = g_task_get_task_data (task);
  BrevetCensusResult *census = g_atomic_rc_box_new0 (BrevetCensusResult);

  census->began = walk->began;
  census->duration = brevet_clock_monotonic () - walk->started;
  census->authorities = g_ptr_array_ref (walk->tally.authorities);
  census->bundles = g_ptr_array_ref (walk->tally.bundles);
  census->unreadable = walk->tally.unreadable;
  g_task_return_pointer (task, census, (GDestroyNotify) brevet_census_result_unref);
}

/* Returns: FALSE if somebody else goes on */
static gboolean
advance_holders (GTask *task)
{
  Walk *walk = g_task_get_task_data (task);
  BrevetCursor *empty = brevet_holder_tally_advance (&walk->holders);

  if (empty != NULL)
    read_page (task, empty);
  else
    go_to (walk, STAGE_JOURNAL);
  return empty == NULL;
}

/* Returns: FALSE if somebody else goes on */
static gboolean
advance_cursor (GTask *task)
{
  Walk *walk = g_task_get_task_data (task);

  if (walk->is_fresh)
    {
      walk->is_fresh = FALSE;
      return take_page (task);
    }
  if (!walk->cursor.ended)
    {
      read_page (task, &walk->cursor);
      return FALSE;
    }
  go_to (walk, walk->stage + 1);
  return TRUE;
}

static void
advance (GTask *task)
{
  Walk *walk = g_task_get_task_data (task);
  gboolean goes_on = TRUE;

  if (walk->tally.repairs->len > 0)
    {
      repair_next (task);
      return;
    }
  while (goes_on && walk->stage != STAGE_END)
    goes_on = walk->stage == STAGE_HOLDERS ? advance_holders (task) : advance_cursor (task);
  if (goes_on)
    return_result (task);
}

static void
on_complete_known (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, error);
      return;
    }
  g_clear_error (&error);
  go_to (g_task_get_task_data (task), record != NULL ? STAGE_GROUPS : STAGE_INVENTORY);
  advance (task);
}

static Walk *
walk_new (BrevetStore *store)
{
  Walk *walk = g_new0 (Walk, 1);

  walk->store = g_object_ref (store);
  walk->began = brevet_clock_now ();
  walk->started = brevet_clock_monotonic ();
  brevet_tally_init (&walk->tally);
  brevet_holder_tally_init (&walk->holders, &walk->tally);
  brevet_device_tally_init (&walk->devices, &walk->tally);
  brevet_version_tally_init (&walk->versions, &walk->tally);
  return walk;
}

void
brevet_census_walk_async (BrevetStore *store, GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task = g_task_new (NULL, NULL, callback, user_data);

  g_task_set_source_tag (task, brevet_census_walk_async);
  g_task_set_task_data (task, walk_new (store), walk_free);
  brevet_store_get_async (store, BREVET_COLLECTION_DEVICE_CERTIFICATES, BREVET_DEVICE_CERTIFICATES_COMPLETE, NULL,
                          on_complete_known, task);
}

BrevetCensusResult *
brevet_census_walk_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
