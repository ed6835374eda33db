/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Certificate authorities that come through the service API with a profile and an API key alone: all else is the operator's to say,
 * in a group `[plugin ca-…]`, above all which host gets the key. */

#include "authority-pool-private.h"

#include "brevet-ca-error.h"
#include "brevet-error.h"

#include <string.h>

/* What each of them brings along. */
static const char *const own_keys[] = { "profile", "api-key", "api-key-file", "api-key-credential", "type", NULL };

static gboolean
check_keys (BrevetSettings *settings, GError **error)
{
  for (guint i = 0; own_keys[i] != NULL; i++)
    if (brevet_settings_has (settings, own_keys[i]))
      {
        g_propagate_error (error, brevet_settings_error (settings, own_keys[i], "this is for all certificate authorities of the "
                                                         "plugin that come through the service API, and each of them brings its "
                                                         "own; remove it, or write a group [ca NAME]"));
        return FALSE;
      }
  return TRUE;
}

/* What the core itself reads of a certificate authority's settings. The limits ask the plugin for what is not said, which it knows
 * once it is configured. */
static gboolean
check_own_settings (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (settings, error);
  BrevetAuthorityLimits limits;

  return check != NULL && brevet_authority_limits_read (settings, NULL, &limits, error);
}

static gboolean
read_group (BrevetAuthorityPool *self, BrevetSettings *settings, GError **error)
{
  const char *module = brevet_settings_get_name (settings);
  g_autoptr(GError) cause = NULL;

  if (!brevet_registry_has_type (self->registry, "ca", module + strlen ("ca-")))
    {
      g_propagate_error (error, brevet_settings_error (settings, NULL, "no plugin %s is installed", module));
      return FALSE;
    }
  if (!check_keys (settings, error) || !check_own_settings (settings, error) ||
      !brevet_registry_check_defaults (self->registry, BREVET_TYPE_CA_BACKEND, module, settings, error))
    return FALSE;
  g_hash_table_insert (self->defaults, g_strdup (module), g_object_ref (settings));
  return TRUE;
}

gboolean
brevet_authority_pool_read_defaults (BrevetAuthorityPool *self, BrevetConfig *config, GError **error)
{
  g_autoptr(GPtrArray) groups = brevet_config_list_groups (config, "plugin");

  for (guint i = 0; i < groups->len; i++)
    {
      BrevetSettings *settings = g_ptr_array_index (groups, i);
      const char *module = brevet_settings_get_name (settings);

      if (module != NULL && g_str_has_prefix (module, "ca-") && !read_group (self, settings, error))
        return FALSE;
    }
  return TRUE;
}

static BrevetSettings *
describe_to_plugin (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, const char *module, GError **error)
{
  BrevetSettings *defaults = g_hash_table_lookup (self->defaults, module);
  g_autoptr(BrevetSettings) settings = defaults != NULL ? brevet_settings_copy (defaults, "ca", document->name)
                                                        : brevet_settings_new ("ca", document->name, NULL);
  g_autofree char *origin = g_strconcat ("certificateAuthorities/", document->name, NULL);
  g_autoptr(BrevetSecret) key = NULL;

  if (document->profile_name != NULL)
    brevet_settings_set (settings, "profile", document->profile_name, origin);
  if (document->api_key == NULL && document->sealed_api_key == NULL)
    return g_steal_pointer (&settings);
  key = brevet_authority_pool_open_api_key (self, document, error);
  if (key == NULL)
    return NULL;
  brevet_settings_set (settings, "api-key", (const char *) brevet_secret_get_data (key, NULL), origin);
  return g_steal_pointer (&settings);
}

static BrevetPlugin *
create (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, BrevetIssuanceCheck **check, GError **error)
{
  const char *module = g_hash_table_lookup (self->modules, document->type);
  g_autoptr(BrevetSettings) settings = describe_to_plugin (self, document, module, error);
  g_autoptr(BrevetPlugin) backend = NULL;

  if (settings == NULL)
    return NULL;
  backend = brevet_registry_create (self->registry, BREVET_TYPE_CA_BACKEND, module, document->name, settings, error);
  *check = backend != NULL ? brevet_issuance_check_new (settings, error) : NULL;
  return *check != NULL ? g_steal_pointer (&backend) : NULL;
}

BrevetAuthority *
brevet_authority_pool_make_from_document (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, GError **error)
{
  g_autoptr(BrevetIssuanceCheck) check = NULL;
  g_autoptr(BrevetPlugin) backend = create (self, document, &check, error);
  BrevetAuthority *authority;

  if (backend == NULL)
    return NULL;
  authority = brevet_authority_pool_make (self, document->name, BREVET_CA_BACKEND (backend), check,
                                          brevet_plugin_get_settings (backend), error);
  if (authority != NULL)
    brevet_authority_traffic_set_limits (authority->traffic, &authority->limits);
  return authority;
}

static GError *
explain_refusal (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, const GError *cause)
{
  const char *module = g_hash_table_lookup (self->modules, document->type);
  g_autofree char *groups = brevet_authority_pool_list_groups (self, module);

  if (groups != NULL)
    return g_error_new (BREVET_ERROR, BREVET_ERROR_INVALID, "The profileName “%s” is no configured certificate authority of type "
                        "%s; there are: %s. By itself, with its profileName as profile and its apiKey as api-key, the plugin "
                        "refuses it: %s", document->profile_name, document->type, groups, cause->message);
  return g_error_new (BREVET_ERROR, BREVET_ERROR_INVALID, "The plugin for %s, which gets the member profileName as profile and the "
                      "member apiKey as api-key, refuses them: %s", document->type, cause->message);
}

static gboolean
check_on_main_thread (gpointer user_data)
{
  GTask *task = G_TASK (user_data);
  BrevetAuthorityPool *self = g_task_get_source_object (task);
  const BrevetAuthorityDocument *document = g_task_get_task_data (task);
  g_autoptr(BrevetIssuanceCheck) check = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetPlugin) backend = create (self, document, &check, &error);

  if (backend != NULL)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, explain_refusal (self, document, error));
  return G_SOURCE_REMOVE;
}

void
brevet_authority_pool_check_document_async (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document,
                                            GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (self, cancellable, callback, user_data);
  const char *module = g_hash_table_lookup (self->modules, document->type);
  BrevetConfiguredAuthority *group = NULL;
  g_autoptr(GError) error = NULL;

  g_task_set_source_tag (task, brevet_authority_pool_check_document_async);
  g_task_set_task_data (task, (gpointer) document, NULL);
  if (module != NULL && !brevet_authority_pool_choose_group (self, document, module, &group, &error))
    g_task_return_error (task, g_steal_pointer (&error));
  else if (module != NULL && group == NULL)
    brevet_authority_pool_ask_main_thread (task, check_on_main_thread);
  else
    g_task_return_boolean (task, TRUE);
}

gboolean
brevet_authority_pool_check_document_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);
  return g_task_propagate_boolean (G_TASK (result), error);
}
