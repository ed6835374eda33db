/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configured-records.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-wire-json.h"
#include "configured-documents.h"
#include "service-api-private.h"

struct _BrevetConfiguredRecords
{
  BrevetServiceContext *context;
  BrevetBatch          *batch;
  GPtrArray            *notes;    /* one text for each change in the batch */
  GHashTable           *wanted;   /* "collection key" of everything that is configured */
};

/* One record that the configuration wants. */
typedef struct {
  const BrevetServiceResource *resource;
  const char *folder;             /* in the paths of the service API */
  BrevetSettings *settings;
  JsonObject *object;
} Wanted;

void
brevet_configured_records_free (BrevetConfiguredRecords *self)
{
  brevet_service_context_unref (self->context);
  brevet_batch_unref (self->batch);
  g_ptr_array_unref (self->notes);
  g_hash_table_unref (self->wanted);
  g_free (self);
}

static char *
make_id (const char *collection, const char *name)
{
  g_autofree char *key = brevet_identifier_fold (name);

  return g_strconcat (collection, " ", key, NULL);
}

static gboolean
claim_name (BrevetConfiguredRecords *self, const Wanted *wanted, GError **error)
{
  const char *name = brevet_settings_get_name (wanted->settings);

  if (name == NULL)
    {
      g_propagate_error (error, brevet_settings_error (wanted->settings, NULL, "the group needs a name: [%s NAME]",
                                                       brevet_settings_get_kind (wanted->settings)));
      return FALSE;
    }
  if (g_hash_table_add (self->wanted, make_id (wanted->resource->collection, name)))
    return TRUE;
  g_propagate_error (error, brevet_settings_error (wanted->settings, NULL, "there is a %s of this name already, as the case of "
                                                   "letters makes no difference; remove one of the two", wanted->resource->noun));
  return FALSE;
}

static BrevetRecord *
find_record (BrevetServiceContext *context, const char *collection, const char *name, GError **error)
{
  g_autofree char *key = brevet_identifier_fold (name);
  g_autoptr(GError) cause = NULL;
  BrevetRecord *record = brevet_store_get (context->store, collection, key, &cause);

  if (record == NULL && !g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_propagate_error (error, g_steal_pointer (&cause));
  return record;
}

/* Everything but the members that every write changes. */
static JsonObject *
parse_content (GBytes *body)
{
  static const char *const members[] = {
    "etag", "createdDateTime", "createdDateTimeUtc", "lastModifiedDateTime", "lastUpdatedDateTimeUtc",
  };
  JsonObject *object = brevet_wire_parse_object (body, "the record", NULL);

  for (guint i = 0; object != NULL && i < G_N_ELEMENTS (members); i++)
    json_object_remove_member (object, members[i]);
  return object;
}

static gboolean
is_unchanged (const BrevetServiceResource *resource, gpointer document, BrevetRecord *record)
{
  g_autoptr(BrevetBatch) batch = brevet_batch_new ();
  g_autoptr(JsonObject) stored = record != NULL ? parse_content (brevet_record_get_body (record)) : NULL;
  g_autoptr(JsonObject) content = NULL;
  const BrevetChange *change;

  if (stored == NULL)
    return FALSE;
  resource->put (batch, document, NULL);
  change = g_ptr_array_index (brevet_batch_get_changes (batch), 0);
  content = parse_content (change->body);
  return json_object_equal (stored, content);
}

static void
add_change (BrevetConfiguredRecords *self, const Wanted *wanted, gpointer document, BrevetRecord *record)
{
  const char *name = brevet_settings_get_name (wanted->settings);

  if (is_unchanged (wanted->resource, document, record))
    return;
  wanted->resource->put (self->batch, document, record != NULL ? brevet_record_get_etag (record) : BREVET_IF_ABSENT);
  g_ptr_array_add (self->notes, g_strdup_printf ("%s %s %s, as the configuration says", record != NULL ? "Replaced" : "Created",
                                                 wanted->resource->noun, name));
}

/* Reads and checks a document exactly as the service API does it for a PUT. */
static gpointer
parse (BrevetServiceContext *context, const Wanted *wanted, BrevetRecord *record, GError **error)
{
  g_autofree char *name = g_uri_escape_string (brevet_settings_get_name (wanted->settings), NULL, FALSE);
  g_autofree char *path = g_strdup_printf ("/%s/%s", wanted->folder, name);
  g_autoptr(BrevetRequest) request = brevet_request_new ("PUT", path, "api-version=" BREVET_API_VERSION_PREVIEW);
  g_autoptr(GBytes) body = brevet_wire_print_object (wanted->object);
  g_autoptr(BrevetRoute) route = NULL;
  BrevetServiceCall call = { .context = context, .resource = wanted->resource, .request = request, .record = record };
  guint status;

  route = brevet_route_parse ("PUT", path, brevet_request_get_query (request), &status, error);
  if (route == NULL)
    return NULL;
  brevet_request_set_body (request, body);
  call.route = route;
  return wanted->resource->parse (&call, error);
}

static gboolean
add (BrevetConfiguredRecords *self, const Wanted *wanted, GError **error)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) cause = NULL;
  gpointer document = NULL;

  if (!claim_name (self, wanted, error))
    return FALSE;
  record = find_record (self->context, wanted->resource->collection, brevet_settings_get_name (wanted->settings), &cause);
  if (cause != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&cause));
      return FALSE;
    }
  document = parse (self->context, wanted, record, &cause);
  /* What is damaged in the store need not stay so: here is what belongs there. */
  if (record != NULL && g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_CORRUPT))
    {
      g_warning ("%s; it is written anew from the configuration", cause->message);
      g_clear_error (&cause);
      document = parse (self->context, wanted, NULL, &cause);
    }
  if (document == NULL)
    {
      g_propagate_error (error, brevet_settings_error (wanted->settings, NULL, "%s", cause->message));
      return FALSE;
    }
  add_change (self, wanted, document, record);
  wanted->resource->free_document (document);
  return TRUE;
}

/* Whether @key of an enrollment's group names something that is configured or stored. */
static gboolean
check_reference (BrevetConfiguredRecords *self, BrevetSettings *settings, const char *key, const BrevetServiceResource *resource,
                 GError **error)
{
  const char *name = brevet_settings_get_string (settings, key, NULL);
  g_autofree char *id = name != NULL ? make_id (resource->collection, name) : NULL;
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(JsonObject) configured = NULL;
  g_autoptr(GError) cause = NULL;

  if (name == NULL || g_hash_table_contains (self->wanted, id))
    return TRUE;
  if (resource->show_configured != NULL)
    configured = resource->show_configured (self->context, name);
  if (configured != NULL)
    return TRUE;
  record = find_record (self->context, resource->collection, name, &cause);
  if (record != NULL)
    return TRUE;
  if (cause != NULL)
    g_propagate_error (error, g_steal_pointer (&cause));
  else
    g_propagate_error (error, brevet_settings_error (settings, key, "there is no %s “%s”; add a group [%s %s]", resource->noun,
                                                     name, key, name));
  return FALSE;
}

static gboolean
add_trust_bundle (BrevetConfiguredRecords *self, BrevetSettings *settings, const char *key, GError **error)
{
  g_autoptr(JsonObject) object = brevet_configured_trust_bundle_to_json (settings, key, error);
  Wanted wanted = { &brevet_service_trust_bundles, "trustBundles", settings, object };

  return object != NULL && add (self, &wanted, error);
}

static gboolean
add_enrollment (BrevetConfiguredRecords *self, BrevetSettings *settings, GError **error)
{
  g_autoptr(JsonObject) object = brevet_configured_enrollment_to_json (settings, error);
  Wanted wanted = { &brevet_service_enrollments, "enrollments", settings, object };

  return object != NULL && check_reference (self, settings, "ca", &brevet_service_authorities, error) &&
         check_reference (self, settings, "trust-bundle", &brevet_service_trust_bundles, error) && add (self, &wanted, error);
}

static gboolean
add_groups (BrevetConfiguredRecords *self, BrevetConfig *config, GError **error)
{
  g_autoptr(GPtrArray) bundles = brevet_config_list_groups (config, "trust-bundle");
  g_autoptr(GPtrArray) enrollments = brevet_config_list_groups (config, "enrollment");

  for (guint i = 0; i < bundles->len; i++)
    if (!add_trust_bundle (self, g_ptr_array_index (bundles, i), "file", error))
      return FALSE;
  for (guint i = 0; i < enrollments->len; i++)
    {
      BrevetSettings *settings = g_ptr_array_index (enrollments, i);
      gboolean has_bundle = brevet_settings_has (settings, "trust-bundle-file");

      if ((has_bundle && !add_trust_bundle (self, settings, "trust-bundle-file", error)) || !add_enrollment (self, settings, error))
        return FALSE;
    }
  return TRUE;
}

BrevetConfiguredRecords *
brevet_configured_records_new (BrevetConfig *config, BrevetServiceContext *context, GError **error)
{
  g_autoptr(BrevetConfiguredRecords) self = g_new0 (BrevetConfiguredRecords, 1);

  self->context = brevet_service_context_ref (context);
  self->batch = brevet_batch_new ();
  self->notes = g_ptr_array_new_with_free_func (g_free);
  self->wanted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return add_groups (self, config, error) ? g_steal_pointer (&self) : NULL;
}

gboolean
brevet_configured_records_commit (BrevetConfiguredRecords *self, GError **error)
{
  if (self->notes->len == 0)
    return TRUE;
  if (!brevet_store_commit (self->context->store, self->batch, error))
    {
      g_prefix_error (error, "The enrollments of the configuration could not be stored: ");
      return FALSE;
    }
  for (guint i = 0; i < self->notes->len; i++)
    brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_OPERATOR_CHANGE, g_ptr_array_index (self->notes, i), NULL);
  return TRUE;
}
