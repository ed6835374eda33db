/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "configured-records.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-log.h"
#include "brevet-wire-json.h"
#include "configured-documents.h"
#include "service-api-private.h"

/* Somebody else may write the same records meanwhile, but not over and over again. */
#define MAXIMUM_ATTEMPTS 5

struct _BrevetConfiguredRecords
{
  BrevetServiceContext *context;
  GPtrArray            *wanted;   /* Wanted */
  GHashTable           *names;    /* "collection key" of each of them */
};

/* One record that the configuration wants. */
typedef struct {
  const BrevetServiceResource *resource;
  const char *folder;             /* in the paths of the service API */
  BrevetSettings *settings;
  JsonObject *object;
} Wanted;

/* What the store lacks of them. */
typedef struct {
  BrevetServiceContext *context;
  BrevetBatch *batch;
  GPtrArray *notes;               /* one text for each change in the batch */
} Changes;

static void
wanted_free (gpointer data)
{
  Wanted *wanted = data;

  g_object_unref (wanted->settings);
  json_object_unref (wanted->object);
  g_free (wanted);
}

static Changes *
changes_new (BrevetServiceContext *context)
{
  Changes *self = g_new0 (Changes, 1);

  self->context = context;
  self->batch = brevet_batch_new ();
  self->notes = g_ptr_array_new_with_free_func (g_free);
  return self;
}

static void
changes_free (Changes *self)
{
  brevet_batch_unref (self->batch);
  g_ptr_array_unref (self->notes);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Changes, changes_free)

void
brevet_configured_records_free (BrevetConfiguredRecords *self)
{
  brevet_service_context_unref (self->context);
  g_ptr_array_unref (self->wanted);
  g_hash_table_unref (self->names);
  g_free (self);
}

static char *
make_id (const char *collection, const char *name)
{
  g_autofree char *key = brevet_identifier_fold (name);

  return g_strconcat (collection, " ", key, NULL);
}

static gboolean
claim_name (BrevetConfiguredRecords *self, Wanted *wanted, GError **error)
{
  const char *name = brevet_settings_get_name (wanted->settings);

  if (name == NULL)
    {
      g_propagate_error (error, brevet_settings_error (wanted->settings, NULL, "the group needs a name: [%s NAME]",
                                                       brevet_settings_get_kind (wanted->settings)));
      return FALSE;
    }
  if (g_hash_table_add (self->names, make_id (wanted->resource->collection, name)))
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
add_change (Changes *self, const Wanted *wanted, gpointer document, BrevetRecord *record)
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
add_wanted (Changes *self, const Wanted *wanted, GError **error)
{
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) cause = NULL;
  gpointer document = NULL;

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

/* Every mistake is found here, while nothing is written: what is stored already makes no difference to what is right. */
static gboolean
check (BrevetConfiguredRecords *self, const Wanted *wanted, GError **error)
{
  g_autoptr(GError) cause = NULL;
  gpointer document = parse (self->context, wanted, NULL, &cause);

  if (document == NULL)
    g_propagate_error (error, brevet_settings_error (wanted->settings, NULL, "%s", cause->message));
  else
    wanted->resource->free_document (document);
  return document != NULL;
}

/* Takes @object. */
static gboolean
want (BrevetConfiguredRecords *self, const BrevetServiceResource *resource, const char *folder, BrevetSettings *settings,
      JsonObject *object, GError **error)
{
  Wanted *wanted = g_new0 (Wanted, 1);

  wanted->resource = resource;
  wanted->folder = folder;
  wanted->settings = g_object_ref (settings);
  wanted->object = object;
  g_ptr_array_add (self->wanted, wanted);
  return claim_name (self, wanted, error) && check (self, wanted, error);
}

/* Whether @name, which stands under @key of a group, is something that is configured or stored. */
static gboolean
check_name (BrevetConfiguredRecords *self, BrevetSettings *settings, const char *key, const char *name,
            const BrevetServiceResource *resource, GError **error)
{
  g_autofree char *id = make_id (resource->collection, name);
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(JsonObject) configured = NULL;
  g_autoptr(GError) cause = NULL;

  if (g_hash_table_contains (self->names, id))
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
                                                     name, g_str_equal (key, "standby-ca") ? "ca" : key, name));
  return FALSE;
}

static gboolean
check_reference (BrevetConfiguredRecords *self, BrevetSettings *settings, const char *key, const BrevetServiceResource *resource,
                 GError **error)
{
  const char *name = brevet_settings_get_string (settings, key, NULL);

  return name == NULL || check_name (self, settings, key, name, resource, error);
}

static gboolean
check_followed (BrevetConfiguredRecords *self, BrevetSettings *settings, const char *key, GError **error)
{
  g_auto(GStrv) names = brevet_settings_get_strings (settings, key);

  for (guint i = 0; names[i] != NULL; i++)
    if (!check_name (self, settings, key, names[i], &brevet_service_authorities, error))
      return FALSE;
  return TRUE;
}

/* @authorities_key: (nullable) */
static gboolean
want_trust_bundle (BrevetConfiguredRecords *self, BrevetSettings *settings, const char *key, const char *authorities_key,
                   GError **error)
{
  JsonObject *object;

  if (authorities_key != NULL && !check_followed (self, settings, authorities_key, error))
    return FALSE;
  object = brevet_configured_trust_bundle_to_json (settings, key, authorities_key, error);
  return object != NULL && want (self, &brevet_service_trust_bundles, "trustBundles", settings, object, error);
}

static gboolean
want_enrollment (BrevetConfiguredRecords *self, BrevetSettings *settings, GError **error)
{
  g_autoptr(JsonObject) object = brevet_configured_enrollment_to_json (settings, error);

  return object != NULL && check_reference (self, settings, "ca", &brevet_service_authorities, error) &&
         check_reference (self, settings, "standby-ca", &brevet_service_authorities, error) &&
         check_reference (self, settings, "trust-bundle", &brevet_service_trust_bundles, error) &&
         want (self, &brevet_service_enrollments, "enrollments", settings, g_steal_pointer (&object), error);
}

static gboolean
want_groups (BrevetConfiguredRecords *self, BrevetConfig *config, GError **error)
{
  g_autoptr(GPtrArray) bundles = brevet_config_list_groups (config, "trust-bundle");
  g_autoptr(GPtrArray) enrollments = brevet_config_list_groups (config, "enrollment");

  for (guint i = 0; i < bundles->len; i++)
    if (!want_trust_bundle (self, g_ptr_array_index (bundles, i), "file", "ca", error))
      return FALSE;
  for (guint i = 0; i < enrollments->len; i++)
    {
      BrevetSettings *settings = g_ptr_array_index (enrollments, i);
      gboolean has_bundle = brevet_settings_has (settings, "trust-bundle-file");

      if (has_bundle && !want_trust_bundle (self, settings, "trust-bundle-file", NULL, error))
        return FALSE;
      if (!want_enrollment (self, settings, error))
        return FALSE;
    }
  return TRUE;
}

BrevetConfiguredRecords *
brevet_configured_records_new (BrevetConfig *config, BrevetServiceContext *context, GError **error)
{
  g_autoptr(BrevetConfiguredRecords) self = g_new0 (BrevetConfiguredRecords, 1);

  self->context = brevet_service_context_ref (context);
  self->wanted = g_ptr_array_new_with_free_func (wanted_free);
  self->names = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  return want_groups (self, config, error) ? g_steal_pointer (&self) : NULL;
}

static Changes *
compare (BrevetConfiguredRecords *self, GError **error)
{
  g_autoptr(Changes) changes = changes_new (self->context);

  for (guint i = 0; i < self->wanted->len; i++)
    if (!add_wanted (changes, g_ptr_array_index (self->wanted, i), error))
      return NULL;
  return g_steal_pointer (&changes);
}

static gboolean
commit (Changes *changes, GError **error)
{
  if (changes->notes->len == 0)
    return TRUE;
  if (!brevet_store_commit (changes->context->store, changes->batch, error))
    return FALSE;
  for (guint i = 0; i < changes->notes->len; i++)
    brevet_log_event (G_LOG_LEVEL_MESSAGE, BREVET_MESSAGE_OPERATOR_CHANGE, g_ptr_array_index (changes->notes, i), NULL);
  return TRUE;
}

gboolean
brevet_configured_records_commit (BrevetConfiguredRecords *self, GError **error)
{
  for (guint attempt = 1;; attempt++)
    {
      g_autoptr(GError) cause = NULL;
      g_autoptr(Changes) changes = compare (self, &cause);

      if (changes != NULL && commit (changes, &cause))
        return TRUE;
      if (attempt < MAXIMUM_ATTEMPTS && g_error_matches (cause, BREVET_ERROR, BREVET_ERROR_CONFLICT))
        continue;
      g_propagate_prefixed_error (error, g_steal_pointer (&cause), "The enrollments of the configuration could not be stored: ");
      return FALSE;
    }
}
