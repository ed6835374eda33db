/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a name to a certificate authority that can be asked: the stored document first, the configured group behind it. */

#include "authority-pool-private.h"

#include "brevet-ca-error.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "records.h"

static BrevetAuthority *
find_made (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document)
{
  g_autofree char *key = brevet_identifier_fold (document->name);
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  BrevetMadeAuthority *made = g_hash_table_lookup (self->made, key);

  return made != NULL && g_strcmp0 (made->etag, document->etag) == 0 ? brevet_authority_ref (made->authority) : NULL;
}

static void
keep_made (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, BrevetAuthority *authority)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  BrevetMadeAuthority *made = g_new0 (BrevetMadeAuthority, 1);

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
  return check != NULL ? brevet_authority_new (document->name, BREVET_CA_BACKEND (backend), check) : NULL;
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
  BrevetConfiguredAuthority *group;

  g_task_set_task_data (task, document, (GDestroyNotify) brevet_authority_document_free);
  if (module == NULL)
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” is of type %s, which "
                             "no installed plugin provides; install one or store another type", document->name, document->type);
  else if (!brevet_authority_pool_choose_group (self, document, module, &group, &error))
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” cannot be used: %s",
                             document->name, error->message);
  else if (group != NULL)
    g_task_return_pointer (task, brevet_authority_new (document->name, group->authority->backend, group->authority->check),
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
  BrevetConfiguredAuthority *configured = brevet_authority_pool_find_group (self, name);

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
