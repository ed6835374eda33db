/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-status.h"

#include "authority-versions.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "record-damage.h"
#include "record-json.h"
#include "record-walk.h"

/* What is counted for all of them at once: the last one by its members, the others by the CA that each record names. */
static const char *const collections[] = {
  BREVET_COLLECTION_REVOCATIONS, BREVET_COLLECTION_ORPHANS, BREVET_COLLECTION_TRUST_BUNDLES,
};

typedef struct {
  BrevetServiceContext *context;
  char *wanted; /* NULL for all */
  BrevetCensusResult *census;
  guint collection;
  GHashTable *counts[2]; /* folded name → how many, of the first two collections */
  GHashTable *bundles;   /* folded name → GPtrArray of ids */
  GPtrArray *names;
  guint next;
  JsonArray *statuses;
  /* The one that is being looked at: */
  BrevetAuthority *authority;
  GError *problem;
  char *type;
} Gathering;

static void
forget_authority (Gathering *self)
{
  g_clear_pointer (&self->authority, brevet_authority_unref);
  g_clear_error (&self->problem);
  g_clear_pointer (&self->type, g_free);
}

static void
gathering_free (gpointer data)
{
  Gathering *self = data;

  forget_authority (self);
  brevet_service_context_unref (self->context);
  g_free (self->wanted);
  g_clear_pointer (&self->census, brevet_census_result_unref);
  for (guint i = 0; i < G_N_ELEMENTS (self->counts); i++)
    g_hash_table_unref (self->counts[i]);
  g_hash_table_unref (self->bundles);
  g_clear_pointer (&self->names, g_ptr_array_unref);
  g_clear_pointer (&self->statuses, json_array_unref);
  g_free (self);
}

static void look_at_next (GTask *task);

/* Nothing if nothing is known of the name. */
static void
add_status (Gathering *self, const char *name, GPtrArray *versions)
{
  g_autofree char *key = brevet_identifier_fold (name);
  BrevetAuthorityStatus status = {
    .name = name,
    .type = self->type,
    .authority = self->authority,
    .problem = self->problem,
    .versions = versions,
    .census = self->census,
    .bundles = g_hash_table_lookup (self->bundles, key),
    .pending = GPOINTER_TO_UINT (g_hash_table_lookup (self->counts[0], key)),
    .orphans = GPOINTER_TO_UINT (g_hash_table_lookup (self->counts[1], key)),
  };
  gboolean is_used = FALSE;

  for (guint i = 0; i < self->census->authorities->len && !is_used; i++)
    {
      const BrevetCensusAuthority *users = g_ptr_array_index (self->census->authorities, i);

      is_used = brevet_identifier_equal (users->authority, name);
    }
  if (self->authority == NULL && self->problem == NULL && versions->len == 0 && !is_used)
    return;
  json_array_add_object_element (self->statuses, brevet_authority_status_to_json (&status));
}

static void
on_versions_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Gathering *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) versions = brevet_authority_versions_list_finish (result, NULL, &error);

  if (versions == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  add_status (self, g_ptr_array_index (self->names, self->next), versions);
  forget_authority (self);
  self->next++;
  look_at_next (task);
}

static void
on_document_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Gathering *self = g_task_get_task_data (task);
  const char *name = g_ptr_array_index (self->names, self->next);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  g_autoptr(BrevetAuthorityDocument) document = NULL;

  if (record == NULL && !g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  if (record != NULL)
    document = brevet_records_read_authority (record, NULL);
  else
    document = brevet_authority_pool_get_configured (self->context->authorities, name);
  self->type = document != NULL ? g_strdup (document->type) : NULL;
  brevet_authority_versions_list_async (self->context->store, name, g_task_get_cancellable (task), on_versions_listed,
                                        g_object_ref (task));
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Gathering *self = g_task_get_task_data (task);
  g_autofree char *key = brevet_identifier_fold (g_ptr_array_index (self->names, self->next));

  self->authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, &self->problem);
  /* Devices may still have certificates of what is not there any more. */
  if (g_error_matches (self->problem, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_clear_error (&self->problem);
  brevet_store_get_async (self->context->store, BREVET_COLLECTION_AUTHORITIES, key, g_task_get_cancellable (task),
                          on_document_read, g_object_ref (task));
}

static void
look_at_next (GTask *task)
{
  Gathering *self = g_task_get_task_data (task);

  if (self->next == self->names->len)
    g_task_return_pointer (task, g_steal_pointer (&self->statuses), (GDestroyNotify) json_array_unref);
  else
    brevet_authority_pool_resolve_async (self->context->authorities, g_ptr_array_index (self->names, self->next), NULL,
                                         g_task_get_cancellable (task), on_resolved, g_object_ref (task));
}

static gboolean
has_name (GPtrArray *names, const char *name)
{
  for (guint i = 0; i < names->len; i++)
    if (brevet_identifier_equal (g_ptr_array_index (names, i), name))
      return TRUE;
  return FALSE;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return g_ascii_strcasecmp (*(char **) a, *(char **) b);
}

static void
on_names_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Gathering *self = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr(GPtrArray) names = brevet_authority_pool_list_finish (BREVET_AUTHORITY_POOL (source), result, &error);

  if (names == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  for (guint i = 0; i < names->len; i++)
    g_ptr_array_add (self->names, g_strdup (g_ptr_array_index (names, i)));
  for (guint i = 0; i < self->census->authorities->len; i++)
    {
      const BrevetCensusAuthority *users = g_ptr_array_index (self->census->authorities, i);

      if (!has_name (self->names, users->authority))
        g_ptr_array_add (self->names, g_strdup (users->authority));
    }
  g_ptr_array_sort (self->names, compare_names);
  look_at_next (task);
}

static void
list_names (GTask *task)
{
  Gathering *self = g_task_get_task_data (task);

  if (self->wanted == NULL)
    {
      brevet_authority_pool_list_async (self->context->authorities, g_task_get_cancellable (task), on_names_listed,
                                        g_object_ref (task));
      return;
    }
  g_ptr_array_add (self->names, g_strdup (self->wanted));
  look_at_next (task);
}

static void
note_bundle (Gathering *self, JsonObject *object)
{
  JsonNode *node = json_object_get_member (object, "certificateAuthorities");
  JsonArray *names = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;
  const char *id = brevet_record_json_get_string (object, "id");

  for (guint i = 0; names != NULL && i < json_array_get_length (names); i++)
    {
      JsonNode *name = json_array_get_element (names, i);
      gboolean is_text = json_node_get_value_type (name) == G_TYPE_STRING;
      g_autofree char *key = brevet_identifier_fold (is_text ? json_node_get_string (name) : "");
      GPtrArray *bundles = g_hash_table_lookup (self->bundles, key);

      if (bundles == NULL)
        {
          bundles = g_ptr_array_new_with_free_func (g_free);
          g_hash_table_insert (self->bundles, g_steal_pointer (&key), bundles);
        }
      g_ptr_array_add (bundles, g_strdup (id != NULL ? id : ""));
    }
}

static void
take_record (BrevetRecord *record, gpointer data)
{
  Gathering *self = data;
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, &error);
  const char *name;
  char *key;

  if (object == NULL)
    {
      brevet_record_damage_report (record, error, "the status of certificate authorities does not count it");
      return;
    }
  if (self->collection >= G_N_ELEMENTS (self->counts))
    {
      note_bundle (self, object);
      return;
    }
  name = brevet_record_json_get_string (object, "certificateAuthority");
  key = brevet_identifier_fold (name != NULL ? name : "");
  g_hash_table_replace (self->counts[self->collection], key,
                        GUINT_TO_POINTER (GPOINTER_TO_UINT (g_hash_table_lookup (self->counts[self->collection], key)) + 1));
}

static void count_collection (GTask *task);

static void
on_collection_counted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Gathering *self = g_task_get_task_data (task);
  GError *error = NULL;

  if (!brevet_record_walk_finish (result, &error))
    g_task_return_error (task, error);
  else if (++self->collection < G_N_ELEMENTS (collections))
    count_collection (task);
  else
    list_names (task);
}

static void
count_collection (GTask *task)
{
  Gathering *self = g_task_get_task_data (task);

  brevet_record_walk_async (self->context->store, collections[self->collection], NULL, take_record, self,
                            g_task_get_cancellable (task), on_collection_counted, g_object_ref (task));
}

static void
on_counted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Gathering *self = g_task_get_task_data (task);
  GError *error = NULL;

  self->census = brevet_census_take_finish (result, &error);
  if (self->census == NULL)
    g_task_return_error (task, error);
  else
    count_collection (task);
}

void
brevet_authority_status_gather_async (BrevetServiceContext *context, const char *name, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (NULL, cancellable, callback, user_data);
  Gathering *self = g_new0 (Gathering, 1);

  g_task_set_source_tag (task, brevet_authority_status_gather_async);
  self->context = brevet_service_context_ref (context);
  self->wanted = g_strdup (name);
  for (guint i = 0; i < G_N_ELEMENTS (self->counts); i++)
    self->counts[i] = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->bundles = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) g_ptr_array_unref);
  self->names = g_ptr_array_new_with_free_func (g_free);
  self->statuses = json_array_new ();
  g_task_set_task_data (task, self, gathering_free);
  brevet_census_take_async (context->census, 0, NULL, on_counted, g_object_ref (task));
}

JsonArray *
brevet_authority_status_gather_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
