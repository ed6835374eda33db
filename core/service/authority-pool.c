/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-pool-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"

G_DEFINE_FINAL_TYPE (BrevetAuthorityPool, brevet_authority_pool, G_TYPE_OBJECT)

BrevetAuthority *
brevet_authority_new (const char *name, BrevetCaBackend *backend, BrevetIssuanceCheck *check)
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
configured_free (BrevetConfiguredAuthority *configured)
{
  g_free (configured->module);
  g_free (configured->type);
  g_clear_pointer (&configured->authority, brevet_authority_unref);
  g_free (configured);
}

static void
made_free (BrevetMadeAuthority *made)
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
      g_propagate_error (error, brevet_settings_error (settings, NULL, "there is another certificate authority “%s”, and case "
                                                       "makes no difference; give one of them another name", name));
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
  BrevetConfiguredAuthority *configured;

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

  configured = g_new0 (BrevetConfiguredAuthority, 1);
  configured->type = name_type (self, module);
  configured->module = g_steal_pointer (&module);
  configured->authority = brevet_authority_new (name, BREVET_CA_BACKEND (backend), check);
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

BrevetConfiguredAuthority *
brevet_authority_pool_find_group (BrevetAuthorityPool *self, const char *name)
{
  g_autofree char *key = brevet_identifier_fold (name);

  return g_hash_table_lookup (self->configured, key);
}

gboolean
brevet_authority_pool_choose_group (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, const char *module,
                                    BrevetConfiguredAuthority **chosen, GError **error)
{
  g_autoptr(GString) known = g_string_new (NULL);
  guint count = 0;

  *chosen = NULL;
  for (guint i = 0; g_ptr_array_index (self->names, i) != NULL; i++)
    {
      const char *name = g_ptr_array_index (self->names, i);
      BrevetConfiguredAuthority *configured = brevet_authority_pool_find_group (self, name);

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
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "Several certificate authorities of type %s are configured; name one "
                 "of them with profileName: %s", document->type, known->str);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The profileName “%s” is no configured certificate authority of type "
                 "%s; there are: %s", document->profile_name, document->type, known->str);
  return FALSE;
}

gboolean
brevet_authority_pool_check_document (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, GError **error)
{
  const char *module = g_hash_table_lookup (self->modules, document->type);
  BrevetConfiguredAuthority *group;

  if (module != NULL)
    return brevet_authority_pool_choose_group (self, document, module, &group, error);
  if (brevet_authority_type_is_documented (document->type))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The certificateAuthorityType “%s” is unknown: no installed plugin "
               "provides it", document->type);
  return FALSE;
}

BrevetAuthorityDocument *
brevet_authority_pool_get_configured (BrevetAuthorityPool *self, const char *name)
{
  BrevetConfiguredAuthority *configured = brevet_authority_pool_find_group (self, name);
  BrevetAuthorityDocument *document;

  if (configured == NULL)
    return NULL;
  document = g_new0 (BrevetAuthorityDocument, 1);
  document->name = g_strdup (configured->authority->name);
  document->type = g_strdup (configured->type);
  document->profile_name = g_strdup (configured->authority->name);
  return document;
}

BrevetAuthority *
brevet_authority_pool_ref_configured (BrevetAuthorityPool *self, const char *name)
{
  BrevetConfiguredAuthority *configured = brevet_authority_pool_find_group (self, name);

  g_return_val_if_fail (configured != NULL, NULL);

  return brevet_authority_ref (configured->authority);
}

const char *const *
brevet_authority_pool_list_configured (BrevetAuthorityPool *self)
{
  return (const char *const *) self->names->pdata;
}
