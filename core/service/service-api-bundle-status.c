/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which devices have which version of a trust bundle (docs/service-api-extensions.md). */

#include "service-api-status.h"

#include "authority-status.h"
#include "brevet-clock.h"
#include "brevet-error.h"
#include "record-damage.h"
#include "records-devices.h"

#define BODY_LIMIT 1024
#define PAGE 500

const BrevetServiceResource brevet_service_bundle_status = {
  .noun = "trust bundle",
  .collection = BREVET_COLLECTION_TRUST_BUNDLES,
  .body_limit = BODY_LIMIT,
  .read_right = BREVET_RIGHT_SERVICE_CONFIG,
  .write_right = BREVET_RIGHT_SERVICE_CONFIG,
};

/* One version of the bundle. */
typedef struct {
  char *etag;
  gint64 time; /* microseconds since 1970-01-01 UTC, 0 if it is not known */
  JsonArray *certificates;
} Version;

typedef struct {
  GTask *task;
  BrevetServiceContext *context;
  BrevetTrustBundleDocument *bundle;
  gint64 updated;
  BrevetCensusResult *census;
  GPtrArray *versions;
} Look;

static void
version_free (gpointer data)
{
  Version *version = data;

  g_free (version->etag);
  g_clear_pointer (&version->certificates, json_array_unref);
  g_free (version);
}

static void
look_free (Look *look)
{
  g_object_unref (look->task);
  brevet_service_context_unref (look->context);
  g_clear_pointer (&look->bundle, brevet_trust_bundle_document_free);
  g_clear_pointer (&look->census, brevet_census_result_unref);
  g_ptr_array_unref (look->versions);
  g_free (look);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Look, look_free)

static Version *
find_version (Look *look, const char *etag)
{
  for (guint i = 0; i < look->versions->len; i++)
    if (g_strcmp0 (((Version *) g_ptr_array_index (look->versions, i))->etag, etag) == 0)
      return g_ptr_array_index (look->versions, i);
  return NULL;
}

static void
add_version (Look *look, const char *etag, gint64 time, JsonArray *certificates)
{
  Version *version;

  if (find_version (look, etag) != NULL)
    return;
  version = g_new0 (Version, 1);
  version->etag = g_strdup (etag);
  version->time = time;
  version->certificates = certificates != NULL ? json_array_ref (certificates) : NULL;
  g_ptr_array_add (look->versions, version);
}

/* Also those of which nothing is known but that devices have them. */
static void
complete_versions (Look *look)
{
  g_autoptr(JsonArray) certificates = brevet_records_describe_certificates (look->bundle->bundle, look->bundle->sources);

  add_version (look, look->bundle->etag, look->updated, certificates);
  for (guint i = 0; i < look->census->bundles->len; i++)
    {
      const BrevetCensusBundle *held = g_ptr_array_index (look->census->bundles, i);

      if (held->version != NULL && g_ascii_strcasecmp (held->bundle, look->bundle->id) == 0)
        add_version (look, held->version, 0, NULL);
    }
}

static int
compare_versions (gconstpointer a, gconstpointer b)
{
  gint64 first = (*(Version **) a)->time;
  gint64 second = (*(Version **) b)->time;

  return first < second ? 1 : first > second ? -1 : 0;
}

static JsonArray *
show_versions (Look *look)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < look->versions->len; i++)
    {
      Version *version = g_ptr_array_index (look->versions, i);
      guint64 devices = brevet_census_result_count_holders (look->census, look->bundle->id, version->etag);
      gboolean is_current = g_str_equal (version->etag, look->bundle->etag);
      JsonObject *object;

      if (devices == 0 && !is_current)
        continue;
      object = json_object_new ();
      json_object_set_string_member (object, "etag", version->etag);
      json_object_set_boolean_member (object, "isCurrent", is_current);
      brevet_status_add_time (object, "since", version->time / G_USEC_PER_SEC);
      json_object_set_int_member (object, "devices", devices);
      if (version->certificates != NULL)
        json_object_set_array_member (object, "certificates", json_array_ref (version->certificates));
      json_array_add_object_element (array, object);
    }
  return array;
}

static JsonObject *
show (Look *look)
{
  JsonObject *object = json_object_new ();
  JsonArray *names = json_array_new ();

  for (guint i = 0; look->bundle->authorities[i] != NULL; i++)
    json_array_add_string_element (names, look->bundle->authorities[i]);
  json_object_set_string_member (object, "id", look->bundle->id);
  json_object_set_array_member (object, "certificateAuthorities", names);
  g_ptr_array_sort (look->versions, compare_versions);
  json_object_set_array_member (object, "versions", show_versions (look));
  json_object_set_int_member (object, "devicesWithout", brevet_census_result_count_holders (look->census, look->bundle->id, NULL));
  brevet_status_add_census (object, look->census);
  return object;
}

static void list_versions (Look *look, const char *after);

static void
take_versions (Look *look, GPtrArray *records)
{
  for (guint i = 0; i < records->len; i++)
    {
      BrevetRecord *record = g_ptr_array_index (records, i);
      g_autofree char *etag = NULL;
      g_autoptr(GError) damage = NULL;
      g_autoptr(JsonArray) certificates = brevet_records_read_bundle_version (record, &etag, &damage);

      if (certificates != NULL)
        add_version (look, etag, brevet_record_get_created (record), certificates);
      else
        brevet_record_damage_report (record, damage, "it is not shown what was in this version of the trust bundle");
    }
}

static void
on_versions_listed (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Look) look = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(GPtrArray) records = brevet_store_list_finish (BREVET_STORE (source), result, &error);

  if (records == NULL)
    {
      brevet_service_call_fail (look->task, error);
      return;
    }
  take_versions (look, records);
  if (records->len == PAGE)
    list_versions (g_steal_pointer (&look), brevet_record_get_key (g_ptr_array_index (records, PAGE - 1)));
  else
    {
      complete_versions (look);
      brevet_service_call_show (look->task, show (look), NULL);
    }
}

/* Takes @look over. */
static void
list_versions (Look *look, const char *after)
{
  BrevetServiceCall *call = g_task_get_task_data (look->task);

  brevet_store_list_async (look->context->store, BREVET_COLLECTION_BUNDLE_VERSIONS, call->key, after, PAGE,
                           g_task_get_cancellable (look->task), on_versions_listed, look);
}

static void
on_counted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Look) look = user_data;
  g_autoptr(GError) error = NULL;

  look->census = brevet_census_take_finish (result, &error);
  if (look->census == NULL)
    brevet_service_call_fail (look->task, error);
  else
    list_versions (g_steal_pointer (&look), NULL);
}

static void
on_bundle_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(Look) look = user_data;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  BrevetCensus *census = look->context->census;

  if (record == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      brevet_service_call_refuse_missing (look->task);
      return;
    }
  look->bundle = record != NULL ? brevet_records_read_trust_bundle (record, &error) : NULL;
  if (look->bundle == NULL)
    {
      brevet_service_call_fail (look->task, error);
      return;
    }
  look->updated = brevet_record_get_updated (record);
  brevet_census_take_async (census, 0, NULL, on_counted, g_steal_pointer (&look));
}

void
brevet_service_call_bundle_status (GTask *task)
{
  BrevetServiceCall *call = g_task_get_task_data (task);
  Look *look = g_new0 (Look, 1);

  look->task = g_object_ref (task);
  look->context = brevet_service_context_ref (call->context);
  look->versions = g_ptr_array_new_with_free_func (version_free);
  brevet_store_get_async (call->context->store, BREVET_COLLECTION_TRUST_BUNDLES, call->key, g_task_get_cancellable (task),
                          on_bundle_read, look);
}
