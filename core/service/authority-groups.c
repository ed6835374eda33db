/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The groups `[ca NAME]` of the configuration. */

#include "authority-pool-private.h"

#include "brevet-error.h"
#include "brevet-identifier.h"

void
brevet_configured_authority_free (BrevetConfiguredAuthority *configured)
{
  g_free (configured->module);
  g_free (configured->type);
  g_clear_pointer (&configured->authority, brevet_authority_unref);
  g_free (configured);
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

gboolean
brevet_authority_pool_add_group (BrevetAuthorityPool *self, BrevetSettings *settings, GError **error)
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
  configured->authority = brevet_authority_pool_make (self, name, BREVET_CA_BACKEND (backend), check, settings, error);
  if (configured->authority == NULL)
    {
      brevet_configured_authority_free (configured);
      return FALSE;
    }
  g_hash_table_insert (self->configured, brevet_identifier_fold (name), configured);
  g_ptr_array_add (self->names, g_strdup (name));
  return TRUE;
}

BrevetConfiguredAuthority *
brevet_authority_pool_find_group (BrevetAuthorityPool *self, const char *name)
{
  g_autofree char *key = brevet_identifier_fold (name);

  return g_hash_table_lookup (self->configured, key);
}

char *
brevet_authority_pool_list_groups (BrevetAuthorityPool *self, const char *module)
{
  g_autoptr(GString) known = g_string_new (NULL);

  for (guint i = 0; g_ptr_array_index (self->names, i) != NULL; i++)
    {
      const char *name = g_ptr_array_index (self->names, i);

      if (g_str_equal (brevet_authority_pool_find_group (self, name)->module, module))
        g_string_append_printf (known, "%s%s", known->len > 0 ? ", " : "", name);
    }
  return known->len > 0 ? g_string_free (g_steal_pointer (&known), FALSE) : NULL;
}

/* Returns the number of groups of @module, and the last of them. */
static guint
count_groups (BrevetAuthorityPool *self, const char *module, BrevetConfiguredAuthority **last)
{
  guint count = 0;

  for (guint i = 0; g_ptr_array_index (self->names, i) != NULL; i++)
    {
      BrevetConfiguredAuthority *configured = brevet_authority_pool_find_group (self, g_ptr_array_index (self->names, i));

      if (!g_str_equal (configured->module, module))
        continue;
      *last = configured;
      count++;
    }
  return count;
}

gboolean
brevet_authority_pool_choose_group (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, const char *module,
                                    BrevetConfiguredAuthority **chosen, GError **error)
{
  g_autofree char *known = NULL;

  *chosen = NULL;
  if (document->profile_name != NULL)
    {
      BrevetConfiguredAuthority *named = brevet_authority_pool_find_group (self, document->profile_name);

      if (named != NULL && g_str_equal (named->module, module))
        *chosen = named;
      return TRUE;
    }
  if (count_groups (self, module, chosen) <= 1)
    return TRUE;
  *chosen = NULL;
  known = brevet_authority_pool_list_groups (self, module);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "Several certificate authorities of type %s are configured; name one "
               "of them with profileName: %s", document->type, known);
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
