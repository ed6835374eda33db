/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-pool-private.h"

#include "brevet-identifier.h"

G_DEFINE_FINAL_TYPE (BrevetAuthorityPool, brevet_authority_pool, G_TYPE_OBJECT)

BrevetAuthority *
brevet_authority_new (const char *name, BrevetCaBackend *backend, BrevetIssuanceCheck *check, BrevetAuthorityTraffic *traffic)
{
  BrevetAuthority *authority = g_atomic_rc_box_new0 (BrevetAuthority);

  authority->name = g_strdup (name);
  authority->backend = g_object_ref (backend);
  authority->identity = brevet_ca_backend_dup_identity (backend);
  authority->check = brevet_issuance_check_ref (check);
  authority->traffic = brevet_authority_traffic_ref (traffic);
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
  g_clear_pointer (&self->identity, g_free);
  g_clear_object (&self->backend);
  g_clear_pointer (&self->traffic, brevet_authority_traffic_unref);
  g_clear_pointer (&self->check, brevet_issuance_check_unref);
}

void
brevet_authority_unref (BrevetAuthority *self)
{
  g_atomic_rc_box_release_full (self, clear_authority);
}

BrevetAuthority *
brevet_authority_pool_make (BrevetAuthorityPool *self, const char *name, BrevetCaBackend *backend, BrevetIssuanceCheck *check,
                            BrevetSettings *settings, GError **error)
{
  g_autofree char *identity = brevet_ca_backend_dup_identity (backend);
  g_autoptr(BrevetAuthorityTraffic) traffic = NULL;
  BrevetAuthority *authority;
  BrevetAuthorityLimits limits;

  if (!brevet_authority_limits_read (settings, backend, &limits, error))
    return NULL;
  traffic = brevet_authority_traffics_get (self->traffics, name, identity, &limits);
  authority = brevet_authority_new (name, backend, check, traffic);
  authority->limits = limits;
  return authority;
}

static void
made_free (BrevetMadeAuthority *made)
{
  g_free (made->etag);
  brevet_authority_unref (made->authority);
  g_free (made);
}

static void
noted_free (BrevetNotedVersion *noted)
{
  g_free (noted->digest);
  g_free (noted);
}

/* Under the mutex. */
static void
forget_noted (BrevetAuthorityPool *self, const char *name)
{
  g_autofree char *folded = brevet_identifier_fold (name);
  g_autofree char *prefix = g_strconcat (folded, "/", NULL);
  GHashTableIter iter;
  gpointer key, noted;

  g_hash_table_iter_init (&iter, self->noted);
  while (g_hash_table_iter_next (&iter, &key, &noted))
    if (g_str_has_prefix (key, prefix))
      ((BrevetNotedVersion *) noted)->is_noted = FALSE;
}

void
brevet_authority_pool_forget_noted (BrevetAuthorityPool *self, const char *name)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  forget_noted (self, name);
}

/* The name may have stood for others meanwhile, and come back. */
void
brevet_authority_pool_set_noted (BrevetAuthorityPool *self, const BrevetAuthority *authority)
{
  g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new (&self->mutex);

  forget_noted (self, authority->name);
  brevet_authority_pool_look_up_noted (self, authority->name, authority->identity)->is_noted = TRUE;
}

BrevetNotedVersion *
brevet_authority_pool_look_up_noted (BrevetAuthorityPool *self, const char *name, const char *identity)
{
  g_autofree char *key = brevet_records_ca_version_key (name, identity);
  BrevetNotedVersion *noted = g_hash_table_lookup (self->noted, key);

  if (noted == NULL)
    {
      noted = g_new0 (BrevetNotedVersion, 1);
      g_hash_table_insert (self->noted, g_steal_pointer (&key), noted);
    }
  return noted;
}

static void
brevet_authority_pool_dispose (GObject *object)
{
  BrevetAuthorityPool *self = BREVET_AUTHORITY_POOL (object);

  g_hash_table_remove_all (self->made);
  g_hash_table_remove_all (self->earlier);
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
  g_hash_table_unref (self->earlier);
  g_hash_table_unref (self->noted);
  g_hash_table_unref (self->defaults);
  g_clear_pointer (&self->seal, brevet_secret_seal_unref);
  g_hash_table_unref (self->configured);
  g_hash_table_unref (self->modules);
  g_ptr_array_unref (self->names);
  g_clear_pointer (&self->traffics, brevet_authority_traffics_unref);
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
  self->configured = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_configured_authority_free);
  self->names = g_ptr_array_new_with_free_func (g_free);
  self->made = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) made_free);
  self->defaults = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_object_unref);
  self->earlier = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) brevet_authority_unref);
  self->noted = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, (GDestroyNotify) noted_free);
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

/* Takes @seal. */
static BrevetAuthorityPool *
pool_new (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store, BrevetAuthorityTraffics *traffics,
          BrevetSecretSeal *seal, GError **error)
{
  g_autoptr(BrevetAuthorityPool) self = g_object_new (BREVET_TYPE_AUTHORITY_POOL, NULL);
  g_autoptr(GPtrArray) groups = brevet_config_list_groups (config, "ca");

  self->seal = seal;
  self->registry = g_object_ref (registry);
  self->store = g_object_ref (store);
  self->traffics = traffics != NULL ? brevet_authority_traffics_ref (traffics) : brevet_authority_traffics_new ();
  learn_types (self);
  if (!brevet_authority_pool_read_defaults (self, config, error))
    return NULL;
  for (guint i = 0; i < groups->len; i++)
    if (!brevet_authority_pool_add_group (self, g_ptr_array_index (groups, i), error))
      return NULL;
  g_ptr_array_add (self->names, NULL);
  return g_steal_pointer (&self);
}

BrevetAuthorityPool *
brevet_authority_pool_new (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store, BrevetAuthorityTraffics *traffics,
                           GError **error)
{
  BrevetSecretSeal *seal = brevet_secret_seal_new (config, error);

  return seal != NULL ? pool_new (config, registry, store, traffics, seal, error) : NULL;
}

/* Whoever only reads may have less rights than the service: then it does without the secrets. */
static BrevetSecretSeal *
make_seal_to_read (BrevetConfig *config)
{
  g_autoptr(GError) error = NULL;
  BrevetSecretSeal *seal = brevet_secret_seal_new (config, &error);

  if (seal == NULL)
    {
      g_debug ("Sealed secrets cannot be opened: %s", error->message);
      seal = brevet_secret_seal_new_empty ();
    }
  brevet_secret_seal_forbid_key (seal, "the service itself makes it");
  return seal;
}

BrevetAuthorityPool *
brevet_authority_pool_new_to_read (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store, GError **error)
{
  BrevetAuthorityPool *self = pool_new (config, registry, store, NULL, make_seal_to_read (config), error);

  if (self != NULL)
    self->is_to_read = TRUE;
  return self;
}

void
brevet_authority_pool_put_in_force (BrevetAuthorityPool *self)
{
  GHashTableIter iter;
  gpointer configured;

  g_hash_table_iter_init (&iter, self->configured);
  while (g_hash_table_iter_next (&iter, NULL, &configured))
    {
      BrevetAuthority *authority = ((BrevetConfiguredAuthority *) configured)->authority;

      brevet_authority_traffic_set_limits (authority->traffic, &authority->limits);
    }
}
