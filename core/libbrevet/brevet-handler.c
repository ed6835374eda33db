/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-handler.h"

G_DEFINE_INTERFACE (BrevetHandler, brevet_handler, G_TYPE_OBJECT)

static void
brevet_handler_default_init (BrevetHandlerInterface *iface)
{
}

void
brevet_handler_admit_async (BrevetHandler *self, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                            gpointer user_data)
{
  g_return_if_fail (BREVET_IS_HANDLER (self));
  g_return_if_fail (request != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_HANDLER_GET_IFACE (self)->admit_async (self, request, cancellable, callback, user_data);
}

BrevetReply *
brevet_handler_admit_finish (BrevetHandler *self, GAsyncResult *result)
{
  g_return_val_if_fail (BREVET_IS_HANDLER (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_HANDLER_GET_IFACE (self)->admit_finish (self, result);
}

void
brevet_handler_handle_async (BrevetHandler *self, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data)
{
  g_return_if_fail (BREVET_IS_HANDLER (self));
  g_return_if_fail (request != NULL);
  g_return_if_fail (cancellable == NULL || G_IS_CANCELLABLE (cancellable));

  BREVET_HANDLER_GET_IFACE (self)->handle_async (self, request, cancellable, callback, user_data);
}

BrevetReply *
brevet_handler_handle_finish (BrevetHandler *self, GAsyncResult *result)
{
  g_return_val_if_fail (BREVET_IS_HANDLER (self), NULL);
  g_return_val_if_fail (G_IS_ASYNC_RESULT (result), NULL);

  return BREVET_HANDLER_GET_IFACE (self)->handle_finish (self, result);
}

BrevetReply *
brevet_handler_describe_error (BrevetHandler *self, BrevetRequest *request, guint status, const char *message)
{
  g_return_val_if_fail (BREVET_IS_HANDLER (self), NULL);
  g_return_val_if_fail (status >= 400 && status <= 599 && message != NULL, NULL);

  return BREVET_HANDLER_GET_IFACE (self)->describe_error (self, request, status, message);
}
