/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-pool.h"

#include "brevet-ca-error.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "records.h"

/* A group `[ca NAME]` of the configuration. */
typedef struct {
  char *module;
  char *type; /* what the service API calls it */
  BrevetAuthority *authority;
} Configured;

/* An instance made from a stored document, good for one version of it. */
typedef struct {
  char *etag;
  BrevetAuthority *authority;
} Made;

struct _BrevetAuthorityPool
{
  GObject parent_instance;

  BrevetRegistry *registry; /* main thread only */
  BrevetStore *store;

  /* Immutable once the pool is made. */
  GHashTable *modules;    /* certificateAuthorityType → module */
  GHashTable *configured; /* folded name → Configured */
  GPtrArray *names;       /* of configured groups, in their order, zero-terminated */

  GMutex mutex;
  GHashTable *made; /* folded name → Made */
};

G_DEFINE_FINAL_TYPE (BrevetAuthorityPool, brevet_authority_pool, G_TYPE_OBJECT)

static BrevetAuthority *
make_authority (const char *name, BrevetCaBackend *backend, BrevetIssuanceCheck *check)
{
  BrevetAuthority *authority = g_atomic_rc_box_new0 (BrevetAuthority);

  authority->name = g_strdup (name);
  authority->backend = g_object_ref (backend);
  authority->check = brevet_issuance_check_ref (check);
  return authority;
}

BrevetAuthority *
brevet_authority_ref (BrevetAuthority *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
clear_authority (gpointer data)
{
  BrevetAuthority *self = data;

  g_clear_pointer (&self->name, g_free);
  g_clear_object (&self->backend);
  g_clear_pointer (&self->check, brevet_issuance_check_unref);
}

void
brevet_authority_unref (BrevetAuthority *self)
{
  g_atomic_rc_box_release_full (self, clear_authority);
}

static void
configured_free (Configured *configured)
{
  g_free (configured->module);
  g_free (configured->type);
  g_clear_pointer (&configured->authority, brevet_authority_unref);
  g_free (configured);
}

static void
made_free (Made *made)
{
  g_free (made->etag);
  brevet_authority_unref (made->authority);
  g_free (made);
}

static void
brevet_authority_pool_dispose (GObject *object)
{
  BrevetAuthorityPool *self = BREVET_AUTHORITY_POOL (object);

  g_hash_table_remove_all (self->made);
  g_hash_table_remove_all (self->configured);
  g_clear_object (&self->registry);
  g_clear_object (&self->store);
  G_OBJECT_CLASS (brevet_authority_pool_parent_class)->dispose (object);
}

static void
brevet_authority_pool_finalize (GObject *object)
{
  BrevetAuthorityPool *self = BREVET_AUTHORITY_POOL (object);

  g_hash_table_unref (self->made);
  g_hash_table_unref (self->configured);
  g_hash_table_unref (self->modules);
  g_ptr_array_unref (self->names);
  g_mutex_clear (&self->mutex);
  G_OBJECT_CLASS (brevet_authority_pool_parent_class)->finalize (object);
}

static void
brevet_authority_pool_class_init (BrevetAuthorityPoolClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->dispose = brevet_authority_pool_dispose;
  object_class->finalize = brevet_authority_pool_finalize;
}

static void
brevet_authority_pool_init (BrevetAuthorityPool *self)
{
  g_mutex_init (&self->mutex);
  self->modules = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->configured = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) configured_free);
  self->names = g_ptr_array_new_with_free_func (g_free);
  self->made = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) made_free);
}

/* The registry belongs to the main thread, so what the workers need of it is looked up beforehand. */
static void
learn_types (BrevetAuthorityPool *self)
{
  g_auto(GStrv) types = brevet_registry_list_provided (self->registry, "ca");

  for (guint i = 0; types[i] != NULL; i++)
    {
      const char *module = brevet_registry_find_module (self->registry, "ca", types[i]);

      if (module != NULL)
        g_hash_table_insert (self->modules, g_strdup (types[i]), g_strdup (module));
    }
}

/* The type that the service API shows for a group: the first name, in alphabetical order, that its plugin provides. */
static char *
name_type (BrevetAuthorityPool *self, const char *module)
{
  GHashTableIter iter;
  gpointer type, provider;
  const char *first = NULL;

  g_hash_table_iter_init (&iter, self->modules);
  while (g_hash_table_iter_next (&iter, &type, &provider))
    if (g_str_equal (provider, module) && (first == NULL || g_strcmp0 (type, first) < 0))
      first = type;
  return g_strdup (first != NULL ? first : module);
}

static gboolean
check_group_name (BrevetAuthorityPool *self, BrevetSettings *settings, GError **error)
{
  const char *name = brevet_settings_get_name (settings);
  g_autofree char *key = NULL;
  g_autoptr(GError) cause = NULL;

  if (name == NULL || !brevet_identifier_check (BREVET_IDENTIFIER_NAME, name, &cause))
    {
      g_propagate_error (error, brevet_settings_error (settings, NULL, "the certificate authority needs a name: [ca NAME]%s%s",
                                                       cause != NULL ? "; " : "", cause != NULL ? cause->message : ""));
      return FALSE;
    }
  key = brevet_identifier_fold (name);
  if (g_hash_table_contains (self->configured, key))
    {
      g_propagate_error (error, brevet_settings_error (settings, NULL, "there is another certificate authority “%s”, and case makes "
                                                       "no difference; give one of them another name", name));
      return FALSE;
    }
  return TRUE;
}

static gboolean
add_group (BrevetAuthorityPool *self, BrevetSettings *settings, GError **error)
{
  const char *name = brevet_settings_get_name (settings);
  const char *type = NULL;
  g_autofree char *module = NULL;
  g_autoptr(BrevetPlugin) backend = NULL;
  g_autoptr(BrevetIssuanceCheck) check = NULL;
  Configured *configured;

  if (!check_group_name (self, settings, error))
    return FALSE;
  type = brevet_settings_require_string (settings, "type", error);
  if (type == NULL)
    return FALSE;
  module = g_strconcat ("ca-", type, NULL);
  backend = brevet_registry_create (self->registry, BREVET_TYPE_CA_BACKEND, module, name, settings, error);
  if (backend == NULL)
    return FALSE;
  check = brevet_issuance_check_new (settings, error);
  if (check == NULL)
    return FALSE;

  configured = g_new0 (Configured, 1);
  configured->type = name_type (self, module);
  configured->module = g_steal_pointer (&module);
  configured->authority = make_authority (name, BREVET_CA_BACKEND (backend), check);
  g_hash_table_insert (self->configured, brevet_identifier_fold (name), configured);
  g_ptr_array_add (self->names, g_strdup (name));
  return TRUE;
}

BrevetAuthorityPool *
brevet_authority_pool_new (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store, GError **error)
{
  g_autoptr(BrevetAuthorityPool) self = g_object_new (BREVET_TYPE_AUTHORITY_POOL, NULL);
  g_autoptr(GPtrArray) groups = brevet_config_list_groups (config, "ca");

  self->registry = g_object_ref (registry);
  self->store = g_object_ref (store);
  learn_types (self);
  for (guint i = 0; i < groups->len; i++)
    if (!add_group (self, g_ptr_array_index (groups, i), error))
      return NULL;
  g_ptr_array_add (self->names, NULL);
  return g_steal_pointer (&self);
}

static Configured *
find_configured (BrevetAuthorityPool *self, const char *name)
{
  g_autofree char *key = brevet_identifier_fold (name);

  return g_hash_table_lookup (self->configured, key);
}

/* Finds the group that a document means. Returns FALSE if it means none of those that there are; TRUE and no group if the plugin has
 * no groups, so that the document stands for itself. */
static gboolean
choose_group (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, const char *module, Configured **chosen,
              GError **error)
{
  g_autoptr(GString) known = g_string_new (NULL);
  guint count = 0;

  *chosen = NULL;
  for (guint i = 0; g_ptr_array_index (self->names, i) != NULL; i++)
    {
      const char *name = g_ptr_array_index (self->names, i);
      Configured *configured = find_configured (self, name);

      if (!g_str_equal (configured->module, module))
        continue;
      g_string_append_printf (known, "%s%s", count > 0 ? ", " : "", name);
      count++;
      if (document->profile_name == NULL || brevet_identifier_equal (document->profile_name, name))
        *chosen = configured;
    }
  if (count == 0 || (*chosen != NULL && (count == 1 || document->profile_name != NULL)))
    return TRUE;

  *chosen = NULL;
  if (document->profile_name == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "Several certificate authorities of type %s are configured; name one of them "
                 "with profileName: %s", document->type, known->str);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The profileName “%s” is no configured certificate authority of type %s; "
                 "there are: %s", document->profile_name, document->type, known->str);
  return FALSE;
}

gboolean
brevet_authority_pool_check_document (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, GError **error)
{
  const char *module = g_hash_table_lookup (self->modules, document->type);
  Configured *group;

  if (module != NULL)
    return choose_group (self, document, module, &group, error);
  if (brevet_authority_type_is_documented (document->type))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The certificateAuthorityType “%s” is unknown: no installed plugin provides it",
               document->type);
  return FALSE;
}

BrevetAuthorityDocument *
brevet_authority_pool_get_configured (BrevetAuthorityPool *self, const char *name)
{
  Configured *configured = find_configured (self, name);
  BrevetAuthorityDocument *document;

  if (configured == NULL)
    return NULL;
  document = g_new0 (BrevetAuthorityDocument, 1);
  document->name = g_strdup (configured->authority->name);
  document->type = g_strdup (configured->type);
  document->profile_name = g_strdup (configured->authority->name);
  return document;
}

const char *const *
brevet_authority_pool_list_configured (BrevetAuthorityPool *self)
{
  return (const char *const *) self->names->pdata;
}

static BrevetAuthority *
find_made (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document)
{
  g_autofree char *key = brevet_identifier_fold (document->name);
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  Made *made = g_hash_table_lookup (self->made, key);

  return made != NULL && g_strcmp0 (made->etag, document->etag) == 0 ? brevet_authority_ref (made->authority) : NULL;
}

static void
keep_made (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, BrevetAuthority *authority)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  Made *made = g_new0 (Made, 1);

  made->etag = g_strdup (document->etag);
  made->authority = brevet_authority_ref (authority);
  g_hash_table_replace (self->made, brevet_identifier_fold (document->name), made);
}

/* Instances of authorities that are no longer stored hold secrets for nothing. */
static void
forget_made (BrevetAuthorityPool *self, const char *name)
{
  g_autofree char *key = brevet_identifier_fold (name);
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  g_hash_table_remove (self->made, key);
}

static BrevetSettings *
describe_to_plugin (const BrevetAuthorityDocument *document)
{
  BrevetSettings *settings = brevet_settings_new ("ca", document->name, NULL);
  g_autofree char *origin = g_strconcat ("certificateAuthorities/", document->name, NULL);

  if (document->profile_name != NULL)
    brevet_settings_set (settings, "profile", document->profile_name, origin);
  if (document->api_key != NULL)
    brevet_settings_set (settings, "api-key", (const char *) brevet_secret_get_data (document->api_key, NULL), origin);
  return settings;
}

static BrevetAuthority *
make_from_document (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, GError **error)
{
  const char *module = g_hash_table_lookup (self->modules, document->type);
  g_autoptr(BrevetSettings) settings = describe_to_plugin (document);
  g_autoptr(BrevetPlugin) backend = NULL;
  g_autoptr(BrevetIssuanceCheck) check = NULL;

  backend = brevet_registry_create (self->registry, BREVET_TYPE_CA_BACKEND, module, document->name, settings, error);
  if (backend == NULL)
    return NULL;
  check = brevet_issuance_check_new (NULL, error);
  return check != NULL ? make_authority (document->name, BREVET_CA_BACKEND (backend), check) : NULL;
}

static gboolean
make_on_main_thread (gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  const BrevetAuthorityDocument *document = g_task_get_task_data (task);
  g_autoptr(BrevetAuthority) authority = find_made (self, document);
  g_autoptr(GError) error = NULL;

  if (authority == NULL)
    {
      authority = make_from_document (self, document, &error);
      if (authority != NULL)
        keep_made (self, document, authority);
    }
  if (authority != NULL)
    g_task_return_pointer (task, g_steal_pointer (&authority), (GDestroyNotify) brevet_authority_unref);
  else
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” cannot be used: %s",
                             document->name, error->message);
  return G_SOURCE_REMOVE;
}

/* g_main_context_invoke() would run it right here while nobody runs the main context, so it is queued explicitly. */
static void
ask_main_thread (GTask *task)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, make_on_main_thread, g_object_ref (task), g_object_unref);
  g_source_set_static_name (source, "[brevet] certificate authority");
  g_source_attach (source, NULL);
}

static void
resolve_document (GTask *task, BrevetAuthorityDocument *document)
{
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  const char *module = g_hash_table_lookup (self->modules, document->type);
  g_autoptr(GError) error = NULL;
  BrevetAuthority *made;
  Configured *group;

  g_task_set_task_data (task, document, (GDestroyNotify) brevet_authority_document_free);
  if (module == NULL)
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” is of type %s, which no "
                             "installed plugin provides; install one or store another type", document->name, document->type);
  else if (!choose_group (self, document, module, &group, &error))
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” cannot be used: %s",
                             document->name, error->message);
  else if (group != NULL)
    g_task_return_pointer (task, make_authority (document->name, group->authority->backend, group->authority->check),
                           (GDestroyNotify) brevet_authority_unref);
  else if ((made = find_made (self, document)) != NULL)
    g_task_return_pointer (task, made, (GDestroyNotify) brevet_authority_unref);
  else
    ask_main_thread (task);
}

static void
resolve_configured (GTask *task, const char *name)
{
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  Configured *configured = find_configured (self, name);

  forget_made (self, name);
  if (configured != NULL)
    g_task_return_pointer (task, brevet_authority_ref (configured->authority), (GDestroyNotify) brevet_authority_unref);
  else
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "There is no certificate authority “%s”", name);
}

static void
on_document_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  g_autoptr(BrevetRecord) record = NULL;
  BrevetAuthorityDocument *document;
  g_autoptr(GError) error = NULL;

  record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  if (record == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      resolve_configured (task, g_task_get_task_data (task));
      return;
    }
  document = record != NULL ? brevet_records_read_authority (record, &error) : NULL;
  if (document != NULL)
    resolve_document (task, document);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

void
brevet_authority_pool_resolve_async (BrevetAuthorityPool *self, const char *name, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *key = brevet_identifier_fold (name);

  g_task_set_source_tag (task, brevet_authority_pool_resolve_async);
  g_task_set_task_data (task, g_strdup (name), g_free);
  brevet_store_get_async (self->store, BREVET_COLLECTION_AUTHORITIES, key, cancellable, on_document_read, g_object_ref (task));
}

BrevetAuthority *
brevet_authority_pool_resolve_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
