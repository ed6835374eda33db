/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-plugin.h"

typedef struct {
  char           *name;
  BrevetSettings *settings;
} BrevetPluginPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (BrevetPlugin, brevet_plugin, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_NAME,
  PROP_CONFIG,
  N_PROPERTIES,
};

static GParamSpec *properties[N_PROPERTIES];

static void
brevet_plugin_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  BrevetPluginPrivate *priv = brevet_plugin_get_instance_private (BREVET_PLUGIN (object));

  switch (id)
    {
    case PROP_NAME:
      priv->name = g_value_dup_string (value);
      break;
    case PROP_CONFIG:
      priv->settings = g_value_dup_object (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
brevet_plugin_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  BrevetPluginPrivate *priv = brevet_plugin_get_instance_private (BREVET_PLUGIN (object));

  switch (id)
    {
    case PROP_NAME:
      g_value_set_string (value, priv->name);
      break;
    case PROP_CONFIG:
      g_value_set_object (value, priv->settings);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
    }
}

static void
brevet_plugin_constructed (GObject *object)
{
  BrevetPluginPrivate *priv = brevet_plugin_get_instance_private (BREVET_PLUGIN (object));

  G_OBJECT_CLASS (brevet_plugin_parent_class)->constructed (object);
  if (priv->name == NULL)
    priv->name = g_strdup (G_OBJECT_TYPE_NAME (object));
  if (priv->settings == NULL)
    priv->settings = brevet_settings_new ("plugin", priv->name, NULL);
}

static void
brevet_plugin_finalize (GObject *object)
{
  BrevetPluginPrivate *priv = brevet_plugin_get_instance_private (BREVET_PLUGIN (object));

  g_clear_object (&priv->settings);
  g_free (priv->name);
  G_OBJECT_CLASS (brevet_plugin_parent_class)->finalize (object);
}

static void
brevet_plugin_class_init (BrevetPluginClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  const GParamFlags flags = G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

  object_class->set_property = brevet_plugin_set_property;
  object_class->get_property = brevet_plugin_get_property;
  object_class->constructed = brevet_plugin_constructed;
  object_class->finalize = brevet_plugin_finalize;

  properties[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, flags);
  properties[PROP_CONFIG] = g_param_spec_object ("config", NULL, NULL, BREVET_TYPE_SETTINGS, flags);
  g_object_class_install_properties (object_class, N_PROPERTIES, properties);
}

static void
brevet_plugin_init (BrevetPlugin *self)
{
}

const char *
brevet_plugin_get_name (BrevetPlugin *self)
{
  BrevetPluginPrivate *priv = brevet_plugin_get_instance_private (self);

  g_return_val_if_fail (BREVET_IS_PLUGIN (self), NULL);
  return priv->name;
}

BrevetSettings *
brevet_plugin_get_settings (BrevetPlugin *self)
{
  BrevetPluginPrivate *priv = brevet_plugin_get_instance_private (self);

  g_return_val_if_fail (BREVET_IS_PLUGIN (self), NULL);
  return priv->settings;
}

gboolean
brevet_plugin_configure (BrevetPlugin *self, GError **error)
{
  g_return_val_if_fail (BREVET_IS_PLUGIN (self), FALSE);

  if (BREVET_PLUGIN_GET_CLASS (self)->configure == NULL)
    return TRUE;
  return BREVET_PLUGIN_GET_CLASS (self)->configure (self, error);
}

/* Without a check, nobody knows which keys are known. */
static void
mark_all_used (BrevetSettings *settings)
{
  g_autoptr(GPtrArray) keys = brevet_settings_list_keys (settings);

  for (guint i = 0; i < keys->len; i++)
    brevet_settings_has (settings, g_ptr_array_index (keys, i));
}

gboolean
brevet_plugin_check_defaults (BrevetPlugin *self, GError **error)
{
  g_return_val_if_fail (BREVET_IS_PLUGIN (self), FALSE);

  if (BREVET_PLUGIN_GET_CLASS (self)->check_defaults != NULL)
    return BREVET_PLUGIN_GET_CLASS (self)->check_defaults (self, error);
  mark_all_used (brevet_plugin_get_settings (self));
  return TRUE;
}
