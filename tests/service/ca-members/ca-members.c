/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A CA that needs nothing but the stored members of its document, as those of a hosted CA are. It issues nothing; a test looks at
 * what it was made of, and on which thread. */

#include "brevet-ca-backend.h"

#include <libpeas/peas.h>

#define TYPE_CA_MEMBERS (ca_members_get_type ())
G_DECLARE_FINAL_TYPE (CaMembers, ca_members, CA, MEMBERS, BrevetPlugin)

struct _CaMembers
{
  BrevetPlugin parent_instance;
};

static void ca_backend_iface_init (BrevetCaBackendInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CaMembers, ca_members, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_CA_BACKEND, ca_backend_iface_init))

static gboolean
ca_members_configure (BrevetPlugin *plugin, GError **error)
{
  g_object_set_data (G_OBJECT (plugin), "made-on", g_thread_self ());
  return brevet_settings_require_string (brevet_plugin_get_settings (plugin), "api-key", error) != NULL;
}

static void
ca_members_class_init (CaMembersClass *class)
{
  BREVET_PLUGIN_CLASS (class)->configure = ca_members_configure;
}

static void
ca_members_init (CaMembers *self)
{
}

static BrevetCaCapabilities
ca_members_get_capabilities (BrevetCaBackend *backend)
{
  return 0;
}

static void
ca_backend_iface_init (BrevetCaBackendInterface *iface)
{
  iface->get_capabilities = ca_members_get_capabilities;
}

G_MODULE_EXPORT void peas_register_types (PeasObjectModule *module);

void
peas_register_types (PeasObjectModule *module)
{
  peas_object_module_register_extension_type (module, BREVET_TYPE_CA_BACKEND, TYPE_CA_MEMBERS);
}
