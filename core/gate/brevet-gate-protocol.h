/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-connection.h"

G_BEGIN_DECLS

/**
 * BrevetGateProtocol:
 * @opened: the connection is ready, or was handed over; set its state and a deadline
 * @received: bytes have come. Returns how many were consumed; the gate keeps the rest and offers it again, with what has come
 *   since, after brevet_gate_connection_set_reading() was called with %TRUE. Leave bytes only after reading was switched off, or
 *   when nothing more is expected.
 * @drained: the last byte that was written is with the kernel
 * @expired: the deadline has passed
 * @closed: the connection is no longer this protocol's: the peer has gone, it was closed, or it was handed over. Free the state
 *   here.
 *
 * What the bytes on a connection mean. All functions are called on the worker thread of the connection, which has its own
 * thread-default main context; they must not block.
 */
typedef struct
{
  void (*opened) (BrevetGateConnection *connection, gpointer user_data);
  gsize (*received) (BrevetGateConnection *connection, const guint8 *data, gsize length);
  void (*drained) (BrevetGateConnection *connection);
  void (*expired) (BrevetGateConnection *connection);
  void (*closed) (BrevetGateConnection *connection);
} BrevetGateProtocol;

/**
 * brevet_gate_register_protocol:
 * @name: a name, unique in the process
 * @protocol: (transfer none): its functions; must stay valid
 * @user_data: given to `opened`
 * @destroy: (nullable): frees @user_data when @name is unregistered and the last connection is closed
 *
 * Makes a protocol known in the whole process, so that gates can be opened for it and connections handed over to it by name.
 *
 * Returns: %FALSE with %BREVET_ERROR_CONFLICT if @name is taken
 */
BREVET_API
gboolean brevet_gate_register_protocol (const char *name, const BrevetGateProtocol *protocol, gpointer user_data,
                                        GDestroyNotify destroy, GError **error);

BREVET_API
void brevet_gate_unregister_protocol (const char *name);

/**
 * brevet_gate_has_protocol:
 *
 * Returns: %TRUE if somebody has registered @name. It may be gone when a connection is handed over: that one can fail nevertheless.
 */
BREVET_API
gboolean brevet_gate_has_protocol (const char *name);

/**
 * brevet_gate_has_websocket:
 *
 * Returns: %FALSE if this gate was built without WebSocket: an upgrade cannot be granted then
 */
BREVET_API
gboolean brevet_gate_has_websocket (void);

/* One registration; a connection keeps it alive. */
typedef struct
{
  gatomicrefcount           references;
  const BrevetGateProtocol *functions;
  gpointer                  user_data;
  GDestroyNotify            destroy;
} BrevetGateProtocolEntry;

BrevetGateProtocolEntry *brevet_gate_protocol_lookup (const char *name);

void brevet_gate_protocol_entry_unref (BrevetGateProtocolEntry *entry);

G_END_DECLS
