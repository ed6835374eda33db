/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads the store for a census, a page at a time. */

#include "census-private.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "record-json.h"

/* There once every certificate of former versions of the service has its small record. */
#define COMPLETE_KEY "/complete"

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

static gboolean
add_inventory (Walk *walk, BrevetBatch *batch, BrevetRecord *record, GError **error)
{
  g_autoptr(BrevetInventoryEntry) entry = brevet_records_read_certificate (record, error);

  if (entry == NULL)
    return FALSE;
  if (g_str_equal (entry->status, BREVET_INVENTORY_ISSUED) &&
      brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain)) > walk->tally.now)
    brevet_records_put_device_certificate (batch, entry, brevet_record_get_key (record));
  return TRUE;
}

static gboolean
add_intent (Walk *walk, BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  BrevetCensusAuthority *authority;
  const char *identity;
  gint64 begin;

  if (object == NULL || !brevet_record_json_require (object, record, error, "certificateAuthority", NULL))
    return FALSE;
  identity = json_object_get_string_member_with_default (object, "identity", NULL);
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

static gboolean
take_record (Walk *walk, BrevetBatch *batch, BrevetRecord *record, GError **error)
{
  switch (walk->stage)
    {
    case STAGE_INVENTORY:
      return add_inventory (walk, batch, record, error);
    case STAGE_GROUPS:
      return brevet_holder_tally_add_group (&walk->holders, record, error);
    case STAGE_JOURNAL:
      return add_intent (walk, record, error);
    case STAGE_CERTIFICATES:
      return g_str_equal (brevet_record_get_key (record), COMPLETE_KEY) || brevet_device_tally_add (&walk->devices, record, error);
    case STAGE_VERSIONS:
      brevet_version_tally_add (&walk->versions, record);
      return TRUE;
    case STAGE_HOLDERS:
    case STAGE_END:
    default:
      g_return_val_if_reached (FALSE);
    }
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
  GError *error = NULL;

  for (BrevetRecord *record = brevet_cursor_peek (&walk->cursor); record != NULL; record = brevet_cursor_peek (&walk->cursor))
    {
      if (!take_record (walk, batch, record, &error))
        {
          g_task_return_error (task, error);
          return FALSE;
        }
      walk->cursor.index++;
    }
  if (walk->stage == STAGE_INVENTORY && walk->cursor.ended)
    {
      g_autoptr(GBytes) body = g_bytes_new_static ("{}", 2);

      brevet_batch_put (batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, COMPLETE_KEY, NULL, body, NULL);
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
  g_task_return_pointer (task, census, (GDestroyNotify) brevet_census_result_unref);
}

/* Returns: FALSE if somebody else goes on */
static gboolean
advance_holders (GTask *task)
{
  Walk *walk = g_task_get_task_data (task);
  GError *error = NULL;
  BrevetCursor *empty = brevet_holder_tally_advance (&walk->holders, &error);

  if (error != NULL)
    g_task_return_error (task, error);
  else if (empty != NULL)
    read_page (task, empty);
  else
    go_to (walk, STAGE_JOURNAL);
  return error == NULL && empty == NULL;
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
  brevet_store_get_async (store, BREVET_COLLECTION_DEVICE_CERTIFICATES, COMPLETE_KEY, NULL, on_complete_known, task);
}

BrevetCensusResult *
brevet_census_walk_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
