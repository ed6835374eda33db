/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* CAs that names stood for earlier, made of what is kept of them. */

#include "authority-pool-private.h"

#include "brevet-ca-error.h"
#include "brevet-error.h"
#include "brevet-identifier.h"

/* Of the digest of its identity, in the name of its traffic. */
#define SHORT_DIGEST 8

typedef struct {
  char *name;
  char *identity;
  char *key;
  BrevetCaVersion *version;
} Earlier;

static void
earlier_free (gpointer data)
{
  Earlier *earlier = data;

  g_free (earlier->name);
  g_free (earlier->identity);
  g_free (earlier->key);
  g_clear_pointer (&earlier->version, brevet_ca_version_free);
  g_free (earlier);
}

static BrevetAuthority *
find_earlier (BrevetAuthorityPool *self, const char *key)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);
  BrevetAuthority *authority = g_hash_table_lookup (self->earlier, key);

  return authority != NULL ? brevet_authority_ref (authority) : NULL;
}

static void
keep_earlier (BrevetAuthorityPool *self, const char *key, BrevetAuthority *authority)
{
  g_autoptr(GMutexLocker) locker = g_mutex_locker_new (&self->mutex);

  g_hash_table_replace (self->earlier, g_strdup (key), brevet_authority_ref (authority));
}

static BrevetAuthority *
add_traffic (BrevetAuthorityPool *self, const Earlier *earlier, BrevetCaBackend *backend, BrevetIssuanceCheck *check,
             BrevetSettings *settings, GError **error)
{
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, earlier->identity, -1);
  g_autofree char *name = g_strdup_printf ("%s/%.*s", earlier->name, SHORT_DIGEST, digest);
  g_autoptr(BrevetAuthorityTraffic) traffic = NULL;
  BrevetAuthorityLimits limits;

  if (!brevet_authority_limits_read (settings, backend, &limits, error))
    return NULL;
  traffic = brevet_authority_traffics_get (self->traffics, name, earlier->identity, &limits);
  brevet_authority_traffic_set_limits (traffic, &limits);
  return brevet_authority_new (earlier->name, backend, check, traffic);
}

static BrevetAuthority *
make (BrevetAuthorityPool *self, const Earlier *earlier, GError **error)
{
  const BrevetCaVersion *version = earlier->version;
  g_autoptr(BrevetSettings) settings = brevet_authority_version_open (version, self->seal, error);
  g_autoptr(BrevetPlugin) backend = NULL;
  g_autoptr(BrevetIssuanceCheck) check = NULL;
  g_autofree char *identity = NULL;

  if (settings == NULL)
    return NULL;
  backend = brevet_registry_create (self->registry, BREVET_TYPE_CA_BACKEND, version->module, version->name, settings, error);
  check = backend != NULL ? brevet_issuance_check_new (settings, error) : NULL;
  if (check == NULL)
    return NULL;
  identity = brevet_ca_backend_dup_identity (BREVET_CA_BACKEND (backend));
  if (g_str_equal (identity, version->identity))
    return add_traffic (self, earlier, BREVET_CA_BACKEND (backend), check, settings, error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "its settings lead to %s now; put back the files that they name",
               identity);
  return NULL;
}

static gboolean
make_on_main_thread (gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  const Earlier *earlier = g_task_get_task_data (task);
  g_autoptr(BrevetAuthority) authority = find_earlier (self, earlier->key);
  g_autoptr(GError) error = NULL;

  if (authority == NULL)
    {
      authority = make (self, earlier, &error);
      if (authority != NULL)
        keep_earlier (self, earlier->key, authority);
    }
  if (authority != NULL)
    g_task_return_pointer (task, g_steal_pointer (&authority), (GDestroyNotify) brevet_authority_unref);
  else
    g_task_return_new_error (task, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG, "The CA that “%s” stood for earlier (%s) cannot be "
                             "used: %s", earlier->name, earlier->identity, error->message);
  return G_SOURCE_REMOVE;
}

static void
on_version_read (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = G_TASK (user_data);
  Earlier *earlier = g_task_get_task_data (task);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRecord) record = brevet_store_get_finish (BREVET_STORE (source), result, &error);

  earlier->version = record != NULL ? brevet_records_read_ca_version (record, &error) : NULL;
  if (earlier->version != NULL)
    brevet_authority_pool_ask_main_thread (task, make_on_main_thread);
  else if (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND))
    g_task_return_new_error (task, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "Nothing is known any more of the CA that “%s” stood for "
                             "earlier (%s)", earlier->name, earlier->identity);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

void
brevet_authority_pool_make_earlier_async (BrevetAuthorityPool *self, const char *name, const char *identity,
                                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  Earlier *earlier = g_new0 (Earlier, 1);
  BrevetAuthority *authority;

  g_task_set_source_tag (task, brevet_authority_pool_make_earlier_async);
  earlier->name = g_strdup (name);
  earlier->identity = g_strdup (identity);
  earlier->key = brevet_records_ca_version_key (name, identity);
  g_task_set_task_data (task, earlier, earlier_free);
  authority = find_earlier (self, earlier->key);
  if (authority != NULL)
    g_task_return_pointer (task, authority, (GDestroyNotify) brevet_authority_unref);
  else
    brevet_store_get_async (self->store, BREVET_COLLECTION_CA_VERSIONS, earlier->key, cancellable, on_version_read,
                            g_object_ref (task));
}

BrevetAuthority *
brevet_authority_pool_make_earlier_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);
  return g_task_propagate_pointer (G_TASK (result), error);
}
