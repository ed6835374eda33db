/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"
#include "brevet-plugin.h"

G_BEGIN_DECLS

/**
 * BrevetTransport:
 *
 * The device's way to the service: carries one request there and its answer back. Settings that every transport over a network
 * reads: `host`, `port`, `ca-file` (absent: the system's trust), `timeout`.
 */
#define BREVET_TYPE_TRANSPORT (brevet_transport_get_type ())
BREVET_API
G_DECLARE_INTERFACE (BrevetTransport, brevet_transport, BREVET, TRANSPORT, BrevetPlugin)

/**
 * BrevetTransportInterface:
 * @exchange_async: see brevet_transport_exchange_async()
 * @exchange_finish: see brevet_transport_exchange_finish()
 */
struct _BrevetTransportInterface
{
  GTypeInterface parent_iface;

  void (*exchange_async) (BrevetTransport *self, BrevetRequest *request, GCancellable *cancellable, GAsyncReadyCallback callback,
                          gpointer user_data);
  BrevetReply *(*exchange_finish) (BrevetTransport *self, GAsyncResult *result, GError **error);
};

/**
 * brevet_transport_exchange_async:
 * @request: the request; not to be changed until it is answered
 *
 * Sends one request. Never follows a redirect and never repeats a request by itself.
 */
BREVET_API
void brevet_transport_exchange_async (BrevetTransport *self, BrevetRequest *request, GCancellable *cancellable,
                                      GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_transport_exchange_finish:
 *
 * Returns: (transfer full) (nullable): the service's answer, whatever its status; %NULL with %BREVET_ERROR_UNREACHABLE if there was
 *   none (name not found, refused, time-out, TLS failure: the message says which), %BREVET_ERROR_UNTRUSTED if who answered has no
 *   acceptable certificate
 */
BREVET_API
BrevetReply *brevet_transport_exchange_finish (BrevetTransport *self, GAsyncResult *result, GError **error);

G_END_DECLS
