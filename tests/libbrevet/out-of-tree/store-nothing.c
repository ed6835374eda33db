/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A plugin as somebody outside of this tree would write it, with nothing but what is installed. */
#include <brevet.h>
#include <libpeas/peas.h>

#define STORE_TYPE_NOTHING (store_nothing_get_type ())
G_DECLARE_FINAL_TYPE (StoreNothing, store_nothing, STORE, NOTHING, BrevetPlugin)

struct _StoreNothing
{
  BrevetPlugin parent_instance;
};

static gboolean
store_nothing_open (BrevetStore *store, GError **error)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED, "%s keeps nothing", brevet_plugin_get_name (BREVET_PLUGIN (store)));
  return FALSE;
}

static void
store_iface_init (BrevetStoreInterface *iface)
{
  iface->open = store_nothing_open;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (StoreNothing, store_nothing, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_STORE, store_iface_init))

static void
store_nothing_class_init (StoreNothingClass *class)
{
}

static void
store_nothing_init (StoreNothing *self)
{
}

G_MODULE_EXPORT void peas_register_types (PeasObjectModule *module);

void
peas_register_types (PeasObjectModule *module)
{
  peas_object_module_register_extension_type (module, BREVET_TYPE_STORE, STORE_TYPE_NOTHING);
}
