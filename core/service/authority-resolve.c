/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* From a name to a certificate authority that can be asked: the stored document first, the configured group behind it. */

#include "authority-pool-private.h"

#include "brevet-ca-error.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "records.h"

/* One name on its way. */
typedef struct {
  char *name;
  char *identity;                    /* NULL for the CA that the name stands for now */
  BrevetAuthorityDocument *document; /* NULL if the name is that of a group alone */
  BrevetAuthority *current;          /* what the name stands for now, NULL if that cannot be used */
  GError *problem;                   /* why not */
  BrevetCaVersion *version;          /* what is being noted about it */
} Resolution;

static void
resolution_free (gpointer data)
{
  Resolution *resolution = data;

  g_free (resolution->name);
  g_free (resolution->identity);
  g_clear_pointer (&resolution->document, brevet_authority_document_free);
  g_clear_pointer (&resolution->current, brevet_authority_unref);
  g_clear_error (&resolution->problem);
  g_clear_pointer (&resolution->version, brevet_ca_version_free);
  g_free (resolution);
}

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

static void
return_authority (GTask *task, BrevetAuthority *authority)
{
  g_task_return_pointer (task, authority, (GDestroyNotify) brevet_authority_unref);
}

/* Of the name it is known what it stands for now, which may be what has no record. */
static void
on_earlier_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Resolution *resolution = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  BrevetAuthority *authority = brevet_authority_pool_make_earlier_finish (BREVET_AUTHORITY_POOL (source), result, &error);

  if (authority != NULL)
    return_authority (task, authority);
  else if (resolution->problem != NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_task_return_error (task, g_steal_pointer (&resolution->problem));
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
choose_version (GTask *task)
{
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  Resolution *resolution = g_task_get_task_data (task);

  if (resolution->current != NULL &&
      (resolution->identity == NULL || g_str_equal (resolution->identity, resolution->current->identity)))
    return_authority (task, g_steal_pointer (&resolution->current));
  else if (resolution->identity != NULL)
    brevet_authority_pool_make_earlier_async (self, resolution->name, resolution->identity, g_task_get_cancellable (task),
                                              on_earlier_made, g_object_ref (task));
  else
    g_task_return_error (task, g_steal_pointer (&resolution->problem));
}

static gboolean
is_noted (BrevetAuthorityPool *self, BrevetAuthority *authority)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  return brevet_authority_pool_look_up_noted (self, authority->name, authority->identity)->is_noted;
}

static void
on_noted (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  Resolution *resolution = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;

  if (!brevet_authority_versions_note_finish (result, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }
  brevet_authority_pool_set_noted (self, resolution->current);
  choose_version (task);
}

/* Whoever is asked must be known later on, whatever the name stands for then: that is written before anybody asks. Takes
 * @authority. */
static void
take_current (GTask *task, BrevetAuthority *authority, const char *module)
{
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  Resolution *resolution = g_task_get_task_data (task);

  resolution->current = authority;
  if (self->is_to_read || is_noted (self, authority))
    {
      choose_version (task);
      return;
    }
  resolution->version = brevet_authority_version_new (authority->name, module, authority->backend, self->seal);
  brevet_authority_versions_note_async (self->store, self->seal, resolution->version, g_task_get_cancellable (task), on_noted,
                                        g_object_ref (task));
}

/* Takes @problem. */
static void
take_problem (GTask *task, GError *problem)
{
  Resolution *resolution = g_task_get_task_data (task);

  resolution->problem = problem;
  choose_version (task);
}

static void
on_made (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  BrevetAuthorityPool *self = BREVET_AUTHORITY_POOL (source);
  Resolution *resolution = g_task_get_task_data (task);
  GError *error = NULL;
  BrevetAuthority *authority = g_task_propagate_pointer (G_TASK (result), &error);

  if (authority != NULL)
    take_current (task, authority, g_hash_table_lookup (self->modules, resolution->document->type));
  else
    take_problem (task, error);
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
      authority = brevet_authority_pool_make_from_document (self, document, &error);
      if (authority != NULL)
        keep_made (self, document, authority);
    }
  if (authority != NULL)
    return_authority (task, g_steal_pointer (&authority));
  else
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” cannot be used: %s",
                             document->name, error->message);
  return G_SOURCE_REMOVE;
}

/* g_main_context_invoke() would run it right here while nobody runs the main context, so it is queued explicitly. */
void
brevet_authority_pool_ask_main_thread (GTask *task, GSourceFunc function)
{
  g_autoptr(GSource) source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, function, g_object_ref (task), g_object_unref);
  g_source_set_static_name (source, "[brevet] certificate authority");
  g_source_attach (source, NULL);
}

/* The document belongs to @task, which waits. */
static void
make (GTask *task, BrevetAuthorityDocument *document)
{
  g_autoptr(GTask) making = g_task_new (g_task_get_source_object (task), g_task_get_cancellable (task), on_made,
                                        g_object_ref (task));

  g_task_set_source_tag (making, make);
  g_task_set_task_data (making, document, NULL);
  brevet_authority_pool_ask_main_thread (making, make_on_main_thread);
}

static void
resolve_document (GTask *task)
{
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  Resolution *resolution = g_task_get_task_data (task);
  BrevetAuthorityDocument *document = resolution->document;
  const char *module = g_hash_table_lookup (self->modules, document->type);
  g_autoptr(GError) error = NULL;
  BrevetAuthority *made;
  BrevetConfiguredAuthority *group;

  if (module == NULL)
    take_problem (task, g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” is of type %s, which "
                                     "no installed plugin provides; install one or store another type", document->name,
                                     document->type));
  else if (!brevet_authority_pool_choose_group (self, document, module, &group, &error))
    take_problem (task, g_error_new (BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The certificate authority “%s” cannot be used: %s",
                                     document->name, error->message));
  else if (group != NULL)
    take_current (task, brevet_authority_new (document->name, group->authority->backend, group->authority->check,
                                              group->authority->traffic), module);
  else if ((made = find_made (self, document)) != NULL)
    take_current (task, made, module);
  else
    make (task, document);
}

static void
resolve_configured (GTask *task)
{
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  Resolution *resolution = g_task_get_task_data (task);
  BrevetConfiguredAuthority *configured = brevet_authority_pool_find_group (self, resolution->name);

  forget_made (self, resolution->name);
  if (configured == NULL)
    brevet_authority_pool_forget_noted (self, resolution->name);
  if (configured != NULL)
    take_current (task, brevet_authority_ref (configured->authority), configured->module);
  else
    take_problem (task, g_error_new (BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "There is no certificate authority “%s”",
                                     resolution->name));
}

static void
on_document_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Resolution *resolution = g_task_get_task_data (task);
  g_autoptr(BrevetRecord) record = NULL;
  g_autoptr(GError) error = NULL;

  record = brevet_store_get_finish (BREVET_STORE (source), result, &error);
  if (record == NULL && g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    {
      resolve_configured (task);
      return;
    }
  resolution->document = record != NULL ? brevet_records_read_authority (record, &error) : NULL;
  if (resolution->document != NULL)
    resolve_document (task);
  else if (record != NULL)
    /* What was begun at a CA that is known needs nobody who can read what the name stands for now. */
    take_problem (task, g_steal_pointer (&error));
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

void
brevet_authority_pool_resolve_async (BrevetAuthorityPool *self, const char *name, const char *identity, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  g_autofree char *key = brevet_identifier_fold (name);
  Resolution *resolution = g_new0 (Resolution, 1);

  g_task_set_source_tag (task, brevet_authority_pool_resolve_async);
  resolution->name = g_strdup (name);
  resolution->identity = g_strdup (identity);
  g_task_set_task_data (task, resolution, resolution_free);
  brevet_store_get_async (self->store, BREVET_COLLECTION_AUTHORITIES, key, cancellable, on_document_read, g_object_ref (task));
}

BrevetAuthority *
brevet_authority_pool_resolve_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
