/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-listener.h"

G_DEFINE_INTERFACE (BrevetListener, brevet_listener, BREVET_TYPE_PLUGIN)

static void
brevet_listener_default_init (BrevetListenerInterface *iface)
{
}

gboolean
brevet_listener_start (BrevetListener *self, BrevetHandler *handler, GError **error)
{
  g_return_val_if_fail (BREVET_IS_LISTENER (self), FALSE);
  g_return_val_if_fail (BREVET_IS_HANDLER (handler), FALSE);

  return BREVET_LISTENER_GET_IFACE (self)->start (self, handler, error);
}

gboolean
brevet_listener_reload (BrevetListener *self, GError **error)
{
  g_return_val_if_fail (BREVET_IS_LISTENER (self), FALSE);

  return BREVET_LISTENER_GET_IFACE (self)->reload (self, error);
}

void
brevet_listener_stop_async (BrevetListener *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_LISTENER (self));
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_LISTENER_GET_IFACE (self)->stop_async (self, cancellable, callback, user_data);
}

gboolean
brevet_listener_stop_finish (BrevetListener *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_LISTENER (self), FALSE);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), FALSE);

  return BREVET_LISTENER_GET_IFACE (self)->stop_finish (self, result, error);
}

guint16
brevet_listener_get_port (BrevetListener *self)
{
  g_return_val_if_fail (BREVET_IS_LISTENER (self), 0);

  return BREVET_LISTENER_GET_IFACE (self)->get_port (self);
}
