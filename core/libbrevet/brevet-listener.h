/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-handler.h"
#include "brevet-plugin.h"

G_BEGIN_DECLS

/**
 * BrevetListener:
 *
 * One open door of the service: takes requests from the network to the handler and replies back. It carries the peer's certificate,
 * token and address as claims and judges nothing.
 */
#define BREVET_TYPE_LISTENER (brevet_listener_get_type ())
BREVET_API
G_DECLARE_INTERFACE (BrevetListener, brevet_listener, BREVET, LISTENER, BrevetPlugin)

/**
 * BrevetListenerInterface:
 * @start: see brevet_listener_start()
 * @reload: see brevet_listener_reload()
 * @stop_async: see brevet_listener_stop_async()
 * @stop_finish: see brevet_listener_stop_finish()
 * @get_port: see brevet_listener_get_port()
 */
struct _BrevetListenerInterface
{
  GTypeInterface parent_iface;

  gboolean (*start) (BrevetListener *self, BrevetHandler *handler, GError **error);
  gboolean (*reload) (BrevetListener *self, GError **error);
  void (*stop_async) (BrevetListener *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
  gboolean (*stop_finish) (BrevetListener *self, GAsyncResult *result, GError **error);
  guint16 (*get_port) (BrevetListener *self);
};

/**
 * brevet_listener_start:
 * @handler: what answers requests
 *
 * Binds and begins to accept. Everything that can fail fails here: address in use, certificate unreadable, key not matching.
 *
 * Returns: %FALSE with an error that names address or file
 */
BREVET_API
gboolean brevet_listener_start (BrevetListener *self, BrevetHandler *handler, GError **error);

/**
 * brevet_listener_reload:
 *
 * Reads certificate and key again. Connections that are open go on undisturbed. On failure nothing changes.
 */
BREVET_API
gboolean brevet_listener_reload (BrevetListener *self, GError **error);

/**
 * brevet_listener_stop_async:
 *
 * Stops accepting at once, lets requests in flight be answered (for at most ten seconds), then closes.
 */
BREVET_API
void brevet_listener_stop_async (BrevetListener *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_listener_stop_finish:
 *
 * Returns: %FALSE with an error if something could not be closed in order
 */
BREVET_API
gboolean brevet_listener_stop_finish (BrevetListener *self, GAsyncResult *result, GError **error);

/**
 * brevet_listener_get_port:
 *
 * Returns: the port that is bound, also when the settings asked for port 0 (any); 0 before start
 */
BREVET_API
guint16 brevet_listener_get_port (BrevetListener *self);

G_END_DECLS
