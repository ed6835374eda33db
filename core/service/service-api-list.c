/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Walks through whole collections, page by page: lists, and the search for enrollments that name a thing. */

#include "service-api-private.h"

#include "brevet-identifier.h"
#include "record-damage.h"
#include "reply.h"

#define PAGE_SIZE 200
#define UNREADABLE_FIELD "x-brevet-unreadable-records"

static int
compare_keys (gconstpointer a, gconstpointer b, gpointer user_data)
{
  return g_strcmp0 (a, b);
}

static gboolean
add_to_array (gpointer key, gpointer value, gpointer user_data)
{
  json_array_add_object_element (user_data, json_object_ref (value));
  return FALSE;
}

static void
answer_list (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  const char *const *names = call->resource->list_configured != NULL ? call->resource->list_configured (call->context) : NULL;
  JsonArray *array = json_array_new ();
  BrevetReply *reply;

  for (guint i = 0; names != NULL && names[i] != NULL; i++)
    {
      g_autofree char *key = brevet_identifier_fold (names[i]);

      if (g_tree_lookup (call->listed, key) == NULL)
        g_tree_insert (call->listed, g_strdup (key), call->resource->show_configured (call->context, names[i]));
    }
  g_tree_foreach (call->listed, add_to_array, array);
  reply = brevet_reply_with_array (call->request, 200, array);
  brevet_service_call_note_unreadable (call, reply);
  brevet_service_call_answer (task, reply);
}

void
brevet_service_call_note_unreadable (BrevetServiceCall *call, BrevetReply *reply)
{
  g_autofree char *number = g_strdup_printf ("%u", call->unreadable);

  if (call->unreadable > 0)
    brevet_reply_set_header (reply, UNREADABLE_FIELD, number);
}

static void list_page (GTask *task, const char *after);

/* One that cannot be read does not hide the others. */
static void
take_page (BrevetServiceCall *call, GPtrArray *records)
{
  for (guint i = 0; i < records->len; i++)
    {
      BrevetRecord *record = g_ptr_array_index (records, i);
      g_autoptr(GError) damage = NULL;
      JsonObject *object = call->resource->show (call, record, &damage);

      if (object != NULL)
        g_tree_insert (call->listed, g_strdup (brevet_record_get_key (record)), object);
      else
        {
          brevet_record_damage_report (record, damage, "lists are shown without it");
          call->unreadable++;
        }
    }
}

static const char *
get_last_key (GPtrArray *records)
{
  return brevet_record_get_key (g_ptr_array_index (records, records->len - 1));
}

static void
on_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GPtrArray) records = NULL;
  g_autoptr(GError) error = NULL;

  records = brevet_store_list_finish (BREVET_STORE (source), result, &error);
  if (records == NULL)
    {
      brevet_service_call_fail (task, error);
      return;
    }
  take_page (call, records);
  if (records->len == PAGE_SIZE)
    list_page (task, get_last_key (records));
  else
    answer_list (task);
}

static void
list_page (GTask *task, const char *after)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  brevet_store_list_async (call->context->store, call->resource->collection, NULL, after, PAGE_SIZE, g_task_get_cancellable (task),
                           on_listed, g_object_ref (task));
}

void
brevet_service_call_list (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  call->listed = g_tree_new_full (compare_keys, NULL, g_free, (GDestroyNotify) json_object_unref);
  list_page (task, NULL);
}

static void search_page (GTask *task, const char *after);

static gboolean
search_bundle (BrevetServiceCall *call, BrevetRecord *record, char **found, GError **error)
{
  g_autoptr(BrevetTrustBundleDocument) bundle = brevet_records_read_trust_bundle (record, error);

  for (guint i = 0; bundle != NULL && bundle->authorities[i] != NULL && *found == NULL; i++)
    if (brevet_identifier_equal (bundle->authorities[i], call->route->id))
      *found = g_strdup_printf ("trust bundle “%s”", bundle->id);
  return bundle != NULL;
}

/* Describes the first enrollment of a page that names the thing. */
static gboolean
search_enrollment (BrevetServiceCall *call, BrevetRecord *record, char **found, GError **error)
{
  g_autoptr(BrevetEnrollment) enrollment = brevet_records_read_enrollment (record, error);

  if (enrollment == NULL)
    return FALSE;
  if (call->resource->is_named_in (enrollment, call->route->id))
    *found = g_strdup_printf ("%s “%s”", enrollment->is_group ? "enrollment group" : "enrollment", enrollment->id);
  return TRUE;
}

static gboolean
search_records (BrevetServiceCall *call, GPtrArray *records, char **found, GError **error)
{
  gboolean (*search) (BrevetServiceCall *, BrevetRecord *, char **, GError **) =
    g_str_equal (call->collection, BREVET_COLLECTION_TRUST_BUNDLES) ? search_bundle : search_enrollment;

  for (guint i = 0; i < records->len && *found == NULL; i++)
    if (!search (call, g_ptr_array_index (records, i), found, error))
      return FALSE;
  return TRUE;
}

static gboolean
choose_next_collection (BrevetServiceCall *call)
{
  if (g_str_equal (call->collection, BREVET_COLLECTION_ENROLLMENTS))
    call->collection = BREVET_COLLECTION_GROUPS;
  else if (g_str_equal (call->collection, BREVET_COLLECTION_GROUPS) && call->resource->is_followed)
    call->collection = BREVET_COLLECTION_TRUST_BUNDLES;
  else
    return FALSE;
  return TRUE;
}

static void
on_page_to_search (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autoptr(GPtrArray) records = NULL;
  g_autofree char *found = NULL;
  GError *error = NULL;

  records = brevet_store_list_finish (BREVET_STORE (source), result, &error);
  if (records == NULL || !search_records (call, records, &found, &error))
    {
      g_task_return_error (task, error);
      return;
    }
  if (found == NULL && records->len == PAGE_SIZE)
    {
      search_page (task, get_last_key (records));
      return;
    }
  if (found == NULL && choose_next_collection (call))
    {
      search_page (task, NULL);
      return;
    }
  g_task_return_pointer (task, g_steal_pointer (&found), g_free);
}

static void
search_page (GTask *task, const char *after)
{
  BrevetServiceCall *call = g_task_get_task_data (task);

  brevet_store_list_async (call->context->store, call->collection, NULL, after, PAGE_SIZE, g_task_get_cancellable (task),
                           on_page_to_search, g_object_ref (task));
}

static void
on_index_searched (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  GError *error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetIssuerEntry) entry = NULL;

  if (records != NULL && records->len > 0)
    entry = brevet_records_read_issuer (g_ptr_array_index (records, 0), &error);
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_pointer (task, entry != NULL ? g_strdup_printf ("enrollment group “%s”", entry->group) : NULL, g_free);
}

static void
search_index (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  g_autofree char *reference = brevet_records_reference (call->key);

  brevet_store_list_async (call->context->store, BREVET_COLLECTION_ISSUERS, reference, NULL, 1, g_task_get_cancellable (task),
                           on_index_searched, g_object_ref (task));
}

void
brevet_service_references_find_async (BrevetServiceCall *call, GCancellable *cancellable, GAsyncReadyCallback callback,
                                      gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_service_references_find_async);
  g_task_set_task_data (task, call, NULL); /* the caller's task holds it longer than this one lasts */
  if (call->resource->is_indexed)
    {
      search_index (task);
      return;
    }
  call->collection = BREVET_COLLECTION_ENROLLMENTS;
  search_page (task, NULL);
}

gboolean
brevet_service_references_find_finish (GAsyncResult *result, char **found, GError **error)
{
  GError *cause = NULL;

  *found = g_task_propagate_pointer (G_TASK (result), &cause);
  if (cause == NULL)
    return TRUE;
  g_propagate_error (error, cause);
  return FALSE;
}
