/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-transport.h"

G_DEFINE_INTERFACE (BrevetTransport, brevet_transport, BREVET_TYPE_PLUGIN)

static void
brevet_transport_default_init (BrevetTransportInterface *iface)
{
}

void
brevet_transport_exchange_async (BrevetTransport *self, BrevetRequest *request, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (BREVET_IS_TRANSPORT (self));
  g_return_if_fail (request != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_TRANSPORT_GET_IFACE (self)->exchange_async (self, request, cancellable, callback, user_data);
}

BrevetReply *
brevet_transport_exchange_finish (BrevetTransport *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (BREVET_IS_TRANSPORT (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_TRANSPORT_GET_IFACE (self)->exchange_finish (self, result, error);
}
