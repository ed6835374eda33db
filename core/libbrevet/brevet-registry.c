/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-registry.h"
#include "brevet-error.h"

#include <gmodule.h>
#include <libpeas/peas.h>
#include <string.h>

struct _BrevetRegistry
{
  GObject     parent_instance;

  PeasEngine *engine;
  char       *search_path;
};

G_DEFINE_FINAL_TYPE (BrevetRegistry, brevet_registry, G_TYPE_OBJECT)

static void
brevet_registry_dispose (GObject *object)
{
  BrevetRegistry *self = BREVET_REGISTRY (object);

  g_clear_object (&self->engine);
  G_OBJECT_CLASS (brevet_registry_parent_class)->dispose (object);
}

static void
brevet_registry_finalize (GObject *object)
{
  g_free (BREVET_REGISTRY (object)->search_path);
  G_OBJECT_CLASS (brevet_registry_parent_class)->finalize (object);
}

static void
brevet_registry_class_init (BrevetRegistryClass *class)
{
  G_OBJECT_CLASS (class)->dispose = brevet_registry_dispose;
  G_OBJECT_CLASS (class)->finalize = brevet_registry_finalize;
}

static void
brevet_registry_init (BrevetRegistry *self)
{
  const char *variable = g_getenv ("BREVET_PLUGIN_PATH");
  g_auto(GStrv) directories = NULL;

  self->search_path = variable != NULL && *variable != '\0' ? g_strconcat (variable, ":", BREVET_PLUGIN_DIR, NULL)
                                                            : g_strdup (BREVET_PLUGIN_DIR);
  /* An engine of our own: other users of libpeas in the process do not see our plugins, nor we theirs. */
  self->engine = peas_engine_new_with_nonglobal_loaders ();
  directories = g_strsplit (self->search_path, ":", -1);
  for (char **directory = directories; *directory != NULL; directory++)
    if (**directory != '\0')
      peas_engine_add_search_path (self->engine, *directory, NULL);
}

BrevetRegistry *
brevet_registry_new (void)
{
  return g_object_new (BREVET_TYPE_REGISTRY, NULL);
}

const char *
brevet_registry_get_search_path (BrevetRegistry *self)
{
  g_return_val_if_fail (BREVET_IS_REGISTRY (self), NULL);
  return self->search_path;
}

static char *
module_path (PeasPluginInfo *info)
{
  G_GNUC_BEGIN_IGNORE_DEPRECATIONS
  return g_module_build_path (peas_plugin_info_get_module_dir (info), peas_plugin_info_get_module_name (info));
  G_GNUC_END_IGNORE_DEPRECATIONS
}

static gboolean
check_abi (PeasPluginInfo *info, GError **error)
{
  const char *abi = peas_plugin_info_get_external_data (info, "Brevet-Abi");
  guint64 number = 0;

  if (abi != NULL && g_ascii_string_to_unsigned (abi, 10, 0, G_MAXUINT, &number, NULL) && number == BREVET_PLUGIN_ABI)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
               "The plugin “%s” in %s was made for other contracts (X-Brevet-Abi=%s, this is %d); install the version that belongs "
               "to brevet %s", peas_plugin_info_get_module_name (info), peas_plugin_info_get_module_dir (info),
               abi != NULL ? abi : "", BREVET_PLUGIN_ABI, BREVET_VERSION);
  return FALSE;
}

/* libpeas only logs a warning when a module cannot be opened, and the operator wants to know why: so it is opened here first. It
 * stays open, as its types cannot be unregistered. */
static gboolean
open_module (PeasPluginInfo *info, GError **error)
{
  g_autofree char *path = module_path (info);
  GModule *module = g_module_open (path, G_MODULE_BIND_LOCAL);
  gpointer entry = NULL;

  if (module == NULL || !g_module_symbol (module, "peas_register_types", &entry))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The plugin “%s” is broken: %s",
                   peas_plugin_info_get_module_name (info), g_module_error ());
      if (module != NULL)
        g_module_close (module);
      return FALSE;
    }
  g_module_make_resident (module);
  g_module_close (module);
  return TRUE;
}

static gboolean
load (BrevetRegistry *self, PeasPluginInfo *info, GError **error)
{
  g_autoptr(GError) local_error = NULL;

  if (peas_plugin_info_is_loaded (info))
    return TRUE;
  if (!check_abi (info, error) || !open_module (info, error))
    return FALSE;
  if (peas_plugin_info_is_available (info, &local_error) && peas_engine_load_plugin (self->engine, info))
    return TRUE;

  if (local_error == NULL)
    peas_plugin_info_is_available (info, &local_error);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The plugin “%s” in %s cannot be loaded: %s",
               peas_plugin_info_get_module_name (info), peas_plugin_info_get_module_dir (info),
               local_error != NULL ? local_error->message : "no reason given");
  return FALSE;
}

static char *
list_modules (BrevetRegistry *self)
{
  g_autoptr(GPtrArray) names = g_ptr_array_new ();

  for (const GList *at = peas_engine_get_plugin_list (self->engine); at != NULL; at = at->next)
    g_ptr_array_add (names, (gpointer) peas_plugin_info_get_module_name (at->data));
  g_ptr_array_add (names, NULL);
  return names->len > 1 ? g_strjoinv (", ", (char **) names->pdata) : g_strdup ("none");
}

static PeasPluginInfo *
find_plugin (BrevetRegistry *self, const char *module, GError **error)
{
  PeasPluginInfo *info = peas_engine_get_plugin_info (self->engine, module);
  g_autofree char *known = NULL;

  if (info != NULL)
    return info;
  known = list_modules (self);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "There is no plugin “%s” in %s; there are: %s", module,
               self->search_path, known);
  return NULL;
}

static BrevetSettings *
empty_settings (const char *module, const char *name)
{
  g_autofree char *kind = g_strndup (module, strcspn (module, "-"));

  return brevet_settings_new (kind, name, NULL);
}

/* Not configured yet. */
static BrevetPlugin *
instantiate (BrevetRegistry *self, GType contract, const char *module, const char *name, BrevetSettings *settings, GError **error)
{
  PeasPluginInfo *info = find_plugin (self, module, error);
  BrevetPlugin *plugin = NULL;

  if (info == NULL || !load (self, info, error))
    return NULL;
  if (!peas_engine_provides_extension (self->engine, info, contract))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The plugin “%s” in %s is no %s; choose another one", module,
                   peas_plugin_info_get_module_dir (info), g_type_name (contract));
      return NULL;
    }

  plugin = (BrevetPlugin *) peas_engine_create_extension (self->engine, info, contract, "name", name, "config", settings, NULL);
  if (plugin == NULL)
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The plugin “%s” in %s did not make a %s", module,
                 peas_plugin_info_get_module_dir (info), g_type_name (contract));
  return plugin;
}

BrevetPlugin *
brevet_registry_create (BrevetRegistry *self, GType contract, const char *module, const char *name, BrevetSettings *settings,
                        GError **error)
{
  g_autoptr(BrevetPlugin) plugin = NULL;
  g_autoptr(BrevetSettings) used = NULL;

  g_return_val_if_fail (BREVET_IS_REGISTRY (self), NULL);
  g_return_val_if_fail (G_TYPE_IS_INTERFACE (contract), NULL);
  g_return_val_if_fail (module != NULL && name != NULL, NULL);

  used = settings != NULL ? g_object_ref (settings) : empty_settings (module, name);
  plugin = instantiate (self, contract, module, name, used, error);
  if (plugin == NULL || !brevet_plugin_configure (plugin, error))
    return NULL;
  return g_steal_pointer (&plugin);
}

gboolean
brevet_registry_check_defaults (BrevetRegistry *self, GType contract, const char *module, BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetPlugin) plugin = NULL;

  g_return_val_if_fail (BREVET_IS_REGISTRY (self) && G_TYPE_IS_INTERFACE (contract), FALSE);
  g_return_val_if_fail (module != NULL && BREVET_IS_SETTINGS (settings), FALSE);

  plugin = instantiate (self, contract, module, module, settings, error);
  return plugin != NULL && brevet_plugin_check_defaults (plugin, error);
}

BrevetPlugin *
brevet_registry_create_from_group (BrevetRegistry *self, GType contract, const char *prefix, BrevetSettings *settings,
                                   GError **error)
{
  g_autoptr(BrevetPlugin) plugin = NULL;
  g_autoptr(GError) cause = NULL;
  g_autofree char *module = NULL;
  const char *type = NULL;
  const char *name = NULL;

  g_return_val_if_fail (BREVET_IS_REGISTRY (self) && prefix != NULL && BREVET_IS_SETTINGS (settings), NULL);
  g_return_val_if_fail (G_TYPE_IS_INTERFACE (contract), NULL);

  name = brevet_settings_get_name (settings);
  if (name == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, NULL, "the group needs a name: [%s NAME]",
                                                       brevet_settings_get_kind (settings)));
      return NULL;
    }
  type = brevet_settings_require_string (settings, "type", error);
  if (type == NULL)
    return NULL;
  module = g_strconcat (prefix, "-", type, NULL);
  plugin = instantiate (self, contract, module, name, settings, &cause);
  if (plugin == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "type", "%s", cause->message));
      return NULL;
    }
  return brevet_plugin_configure (plugin, error) ? g_steal_pointer (&plugin) : NULL;
}

static gboolean
is_kind (PeasPluginInfo *info, const char *contract_name)
{
  const char *module = peas_plugin_info_get_module_name (info);
  gsize length = strlen (contract_name);

  return strncmp (module, contract_name, length) == 0 && module[length] == '-';
}

static char **
get_provided (PeasPluginInfo *info)
{
  const char *text = peas_plugin_info_get_external_data (info, "Brevet-Provides");
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  g_auto(GStrv) items = g_strsplit (text != NULL ? text : "", ";", -1);

  for (char **item = items; *item != NULL; item++)
    if (*g_strstrip (*item) != '\0')
      g_strv_builder_add (builder, *item);
  return g_strv_builder_end (builder);
}

gboolean
brevet_registry_has_type (BrevetRegistry *self, const char *contract_name, const char *type)
{
  g_autofree char *module = NULL;

  g_return_val_if_fail (BREVET_IS_REGISTRY (self), FALSE);
  g_return_val_if_fail (contract_name != NULL && type != NULL, FALSE);

  module = g_strconcat (contract_name, "-", type, NULL);
  return peas_engine_get_plugin_info (self->engine, module) != NULL;
}

const char *
brevet_registry_find_module (BrevetRegistry *self, const char *contract_name, const char *provides)
{
  g_return_val_if_fail (BREVET_IS_REGISTRY (self), NULL);
  g_return_val_if_fail (contract_name != NULL && provides != NULL, NULL);

  for (const GList *at = peas_engine_get_plugin_list (self->engine); at != NULL; at = at->next)
    {
      g_auto(GStrv) provided = get_provided (at->data);

      if (is_kind (at->data, contract_name) && g_strv_contains ((const char *const *) provided, provides))
        return peas_plugin_info_get_module_name (at->data);
    }
  return NULL;
}

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

char **
brevet_registry_list_provided (BrevetRegistry *self, const char *contract_name)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func (g_free);

  g_return_val_if_fail (BREVET_IS_REGISTRY (self) && contract_name != NULL, NULL);

  for (const GList *at = peas_engine_get_plugin_list (self->engine); at != NULL; at = at->next)
    {
      g_auto(GStrv) provided = get_provided (at->data);

      for (char **item = provided; is_kind (at->data, contract_name) && *item != NULL; item++)
        if (!g_ptr_array_find_with_equal_func (all, *item, g_str_equal, NULL))
          g_ptr_array_add (all, g_strdup (*item));
    }
  g_ptr_array_sort (all, compare_texts);
  g_ptr_array_add (all, NULL);
  return (char **) g_ptr_array_steal (all, NULL);
}
