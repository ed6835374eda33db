/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-gate-listener.h"

typedef struct
{
  BrevetGate *gate;
  char       *protocol;   /* name under which connections of this listener are known to the gate; NULL while it does not serve */
} BrevetGateListenerPrivate;

static void listener_iface_init (BrevetListenerInterface *iface);

G_DEFINE_ABSTRACT_TYPE_WITH_CODE (BrevetGateListener, brevet_gate_listener, BREVET_TYPE_PLUGIN,
                                  G_ADD_PRIVATE (BrevetGateListener)
                                  G_IMPLEMENT_INTERFACE (BREVET_TYPE_LISTENER, listener_iface_init))

static BrevetGateListenerPrivate *
get_private (gpointer self)
{
  return brevet_gate_listener_get_instance_private (self);
}

static gboolean
brevet_gate_listener_configure (BrevetPlugin *plugin, GError **error)
{
  BrevetSettings *settings = brevet_plugin_get_settings (plugin);
  BrevetGateListenerPrivate *priv = get_private (plugin);
  BrevetGateListenerClass *class = BREVET_GATE_LISTENER_GET_CLASS (plugin);
  gboolean is_public = class->is_public != NULL && class->is_public (BREVET_GATE_LISTENER (plugin));
  g_autoptr(BrevetSecret) password = NULL;

  priv->gate = is_public ? brevet_gate_new_public (settings, class->default_port, error)
                         : brevet_gate_new (settings, class->default_port, error);
  if (priv->gate == NULL || !brevet_gate_has_tls (priv->gate))
    return priv->gate != NULL;
  return brevet_settings_require_string (settings, "certificate", error) != NULL
         && brevet_settings_require_string (settings, "key", error) != NULL
         && brevet_settings_get_secret (settings, "key-password", &password, error);
}

static void
unregister (BrevetGateListener *self)
{
  BrevetGateListenerClass *class = BREVET_GATE_LISTENER_GET_CLASS (self);
  BrevetGateListenerPrivate *priv = get_private (self);

  if (priv->protocol == NULL)
    return;

  if (class->unregister_protocols != NULL)
    class->unregister_protocols (self);
  brevet_gate_unregister_protocol (priv->protocol);
  g_clear_pointer (&priv->protocol, g_free);
}

static gboolean
brevet_gate_listener_start (BrevetListener *listener, BrevetHandler *handler, GError **error)
{
  BrevetGateListener *self = BREVET_GATE_LISTENER (listener);
  BrevetGateListenerClass *class = BREVET_GATE_LISTENER_GET_CLASS (self);
  BrevetGateListenerPrivate *priv = get_private (self);
  g_autofree char *name = g_strdup_printf ("%s %s", class->protocol, brevet_plugin_get_name (BREVET_PLUGIN (self)));

  g_return_val_if_fail (priv->gate != NULL && priv->protocol == NULL, FALSE);

  if (!class->register_protocols (self, name, handler, error))
    return FALSE;
  priv->protocol = g_steal_pointer (&name);
  if (brevet_gate_start (priv->gate, priv->protocol, error))
    return TRUE;

  unregister (self);
  return FALSE;
}

static gboolean
brevet_gate_listener_reload (BrevetListener *listener, GError **error)
{
  return brevet_gate_reload (get_private (listener)->gate, error);
}

static void
on_gate_stopped (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GTask) task = user_data;
  GError *error = NULL;

  unregister (g_task_get_source_object (task));
  if (brevet_gate_stop_finish (BREVET_GATE (source), result, &error))
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, error);
}

static void
brevet_gate_listener_stop_async (BrevetListener *listener, GCancellable *cancellable, GAsyncReadyCallback callback,
                                 gpointer user_data)
{
  g_autoptr(GTask) task = g_task_new (listener, cancellable, callback, user_data);

  g_task_set_source_tag (task, brevet_gate_listener_stop_async);
  g_task_set_check_cancellable (task, FALSE);
  brevet_gate_stop_async (get_private (listener)->gate, cancellable, on_gate_stopped, g_steal_pointer (&task));
}

static gboolean
brevet_gate_listener_stop_finish (BrevetListener *listener, GAsyncResult *result, GError **error)
{
  return g_task_propagate_boolean (G_TASK (result), error);
}

static guint16
brevet_gate_listener_get_port (BrevetListener *listener)
{
  BrevetGate *gate = get_private (listener)->gate;

  return gate == NULL ? 0 : brevet_gate_get_port (gate);
}

static void
brevet_gate_listener_finalize (GObject *object)
{
  BrevetGateListenerPrivate *priv = get_private (object);

  g_clear_object (&priv->gate);
  g_free (priv->protocol);
  G_OBJECT_CLASS (brevet_gate_listener_parent_class)->finalize (object);
}

static void
listener_iface_init (BrevetListenerInterface *iface)
{
  iface->start = brevet_gate_listener_start;
  iface->reload = brevet_gate_listener_reload;
  iface->stop_async = brevet_gate_listener_stop_async;
  iface->stop_finish = brevet_gate_listener_stop_finish;
  iface->get_port = brevet_gate_listener_get_port;
}

static void
brevet_gate_listener_class_init (BrevetGateListenerClass *class)
{
  G_OBJECT_CLASS (class)->finalize = brevet_gate_listener_finalize;
  BREVET_PLUGIN_CLASS (class)->configure = brevet_gate_listener_configure;
}

static void
brevet_gate_listener_init (BrevetGateListener *self)
{
}
