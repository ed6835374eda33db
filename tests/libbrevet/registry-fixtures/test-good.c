/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A plugin that works, for the tests of the registry: a prover that wants a key `mood` and refuses `bad`. */
#include <brevet.h>
#include <libpeas/peas.h>

#define TEST_TYPE_GOOD (test_good_get_type ())
G_DECLARE_FINAL_TYPE (TestGood, test_good, TEST, GOOD, BrevetPlugin)

struct _TestGood
{
  BrevetPlugin parent_instance;
};

static void
prover_iface_init (BrevetProverInterface *iface)
{
}

G_DEFINE_FINAL_TYPE_WITH_CODE (TestGood, test_good, BREVET_TYPE_PLUGIN,
                               G_IMPLEMENT_INTERFACE (BREVET_TYPE_PROVER, prover_iface_init))

static gboolean
test_good_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);

  if (g_strcmp0 (brevet_settings_get_string (settings, "mood", NULL), "bad") != 0)
    return TRUE;
  g_propagate_error (error, brevet_settings_error (settings, "mood", "it must not be bad"));
  return FALSE;
}

static void
test_good_class_init (TestGoodClass *class)
{
  BREVET_PLUGIN_CLASS (class)->configure = test_good_configure;
}

static void
test_good_init (TestGood *self)
{
}

G_MODULE_EXPORT void peas_register_types (PeasObjectModule *module);

void
peas_register_types (PeasObjectModule *module)
{
  peas_object_module_register_extension_type (module, BREVET_TYPE_PROVER, TEST_TYPE_GOOD);
}
