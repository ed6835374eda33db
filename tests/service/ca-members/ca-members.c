/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A CA that needs nothing but the stored members of its document, as those of a hosted CA are. It issues nothing; a test looks at
 * what it was made of, and on which thread. */

#include "brevet-ca-backend.h"

#include <libpeas/peas.h>
#include <string.h>

#define TYPE_CA_MEMBERS (ca_members_get_type ())
G_DECLARE_FINAL_TYPE (CaMembers, ca_members, CA, MEMBERS, BrevetPlugin)

struct _CaMembers
{
  BrevetPlugin parent_instance;
  char *identity;
};

static void ca_backend_iface_init (BrevetCaBackendInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (CaMembers, ca_members, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_CA_BACKEND, ca_backend_iface_init))

static gboolean
check_endpoint (BrevetSettings *settings, GError **error)
{
  if (!g_str_has_prefix (brevet_settings_get_string (settings, "endpoint", "https://members.example"), "https://"))
    {
      g_propagate_error (error, brevet_settings_error (settings, "endpoint", "it must begin with https://"));
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_text (BrevetSettings *settings, const char *key, const char *text, GError **error)
{
  if (text != NULL && strchr (text, ' ') == NULL)
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, key, "it is missing, or has a blank in it"));
  return FALSE;
}

static gboolean
ca_members_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);
  const char *profile = brevet_settings_get_string (settings, "profile", "none");
  g_autoptr(BrevetSecret) key = NULL;

  g_object_set_data (G_OBJECT (plugin), "made-on", g_thread_self ());
  if (!check_endpoint (settings, error) || !check_text (settings, "profile", profile, error) ||
      !brevet_settings_get_secret (settings, "api-key", &key, error) ||
      !check_text (settings, "api-key", key != NULL ? (const char *) brevet_secret_get_data (key, NULL) : NULL, error))
    return FALSE;
  CA_MEMBERS (plugin)->identity = g_strdup_printf ("members %s %s", profile,
                                                   brevet_settings_get_string (settings, "endpoint", "https://members.example"));
  return TRUE;
}

static gboolean
ca_members_check_defaults (BrevetPlugin *plugin, GError **error)
{
  return check_endpoint (brevet_plugin_get_settings (plugin), error);
}

static void
ca_members_finalize (GObject *object)
{
  g_free (CA_MEMBERS (object)->identity);
  G_OBJECT_CLASS (ca_members_parent_class)->finalize (object);
}

static void
ca_members_class_init (CaMembersClass *class)
{
  G_OBJECT_CLASS (class)->finalize = ca_members_finalize;
  BREVET_PLUGIN_CLASS (class)->configure = ca_members_configure;
  BREVET_PLUGIN_CLASS (class)->check_defaults = ca_members_check_defaults;
}

static void
ca_members_init (CaMembers *self)
{
}

static char *
ca_members_dup_identity (BrevetCaBackend *backend)
{
  return g_strdup (CA_MEMBERS (backend)->identity);
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
  iface->dup_identity = ca_members_dup_identity;
}

G_MODULE_EXPORT void peas_register_types (PeasObjectModule *module);

void
peas_register_types (PeasObjectModule *module)
{
  peas_object_module_register_extension_type (module, BREVET_TYPE_CA_BACKEND, TYPE_CA_MEMBERS);
}
