/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"

G_BEGIN_DECLS

/**
 * BrevetGateConnection:
 *
 * One connection, seen from its protocol. Belongs to one worker thread; every function but ref and unref is for that thread.
 *
 * Memory of one connection, in the worst case: the GnuTLS session (some 20 KiB, up to 16 KiB more for a record that is not
 * complete, 32 KiB for a handshake message that is not complete), 16 KiB of input that the protocol has not taken, and the output
 * that the protocol has written: one reply, at most %BREVET_GATE_OUTPUT_LIMIT bytes beside it. What a protocol keeps comes on top.
 * A WebSocket adds less than 5 KiB while a frame is incomplete or a pong waits, else 100 bytes.
 * The header of a proxy takes at most 32 KiB (and as much again while it grows), and is gone before TLS begins.
 * The kernel keeps at most 128 KiB of output.
 */
typedef struct _BrevetGateConnection BrevetGateConnection;

/* Who writes faster than the peer reads by more than this is cut off; a protocol waits for `drained` instead. */
#define BREVET_GATE_OUTPUT_LIMIT (1024 * 1024)

BREVET_API
BrevetGateConnection *brevet_gate_connection_ref (BrevetGateConnection *self);

BREVET_API
void brevet_gate_connection_unref (BrevetGateConnection *self);

/**
 * brevet_gate_connection_set_state:
 * @state: (nullable): what the protocol knows about this connection
 */
BREVET_API
void brevet_gate_connection_set_state (BrevetGateConnection *self, gpointer state);

BREVET_API
gpointer brevet_gate_connection_get_state (BrevetGateConnection *self);

/**
 * brevet_gate_connection_write:
 * @bytes: what to send; kept, not copied
 *
 * Sends as much as possible at once and the rest when the peer takes it. `drained` may be called from within, so let this be the
 * last thing that a function does.
 */
BREVET_API
void brevet_gate_connection_write (BrevetGateConnection *self, GBytes *bytes);

/**
 * brevet_gate_connection_set_reading:
 * @reading: whether to read; %TRUE when the connection is opened
 *
 * While reading is off, the gate only watches whether the peer goes away; a peer that ends its direction of the connection then
 * counts as gone. Switching it on offers bytes that were kept back.
 */
BREVET_API
void brevet_gate_connection_set_reading (BrevetGateConnection *self, gboolean reading);

/**
 * brevet_gate_connection_set_busy:
 * @busy: whether a request is in flight; %FALSE when the connection is opened
 *
 * A connection that is not busy may be dropped for a new one when the gate is full, and is closed at once when the gate stops.
 */
BREVET_API
void brevet_gate_connection_set_busy (BrevetGateConnection *self, gboolean busy);

/**
 * brevet_gate_connection_set_deadline:
 * @milliseconds: from now; 0 for none. Replaces the former one.
 */
BREVET_API
void brevet_gate_connection_set_deadline (BrevetGateConnection *self, guint milliseconds);

/**
 * brevet_gate_connection_is_stopping:
 *
 * Returns: %TRUE if the gate is about to close: finish what is in flight and close the connection
 */
BREVET_API
gboolean brevet_gate_connection_is_stopping (BrevetGateConnection *self);

/**
 * brevet_gate_connection_close:
 *
 * Sends what was written, says goodbye, and reads for a while what the peer still sends, so that the last reply is not lost to a
 * reset.
 */
BREVET_API
void brevet_gate_connection_close (BrevetGateConnection *self);

/**
 * brevet_gate_connection_abort:
 *
 * Closes at once. `closed` is called from within.
 */
BREVET_API
void brevet_gate_connection_abort (BrevetGateConnection *self);

/**
 * brevet_gate_connection_set_protocol:
 * @name: a registered protocol
 *
 * Hands the connection over. The old protocol's `closed` and the new one's `opened` are called from within; bytes that were not
 * consumed are the new one's.
 *
 * Returns: %FALSE if nobody has registered @name; nothing has changed then
 */
BREVET_API
gboolean brevet_gate_connection_set_protocol (BrevetGateConnection *self, const char *name);

/**
 * brevet_gate_connection_start_websocket:
 *
 * From now on the peer speaks WebSocket (RFC 6455): the payload of its binary messages is what protocols receive, wherever a
 * message or frame ends, and each brevet_gate_connection_write() is sent as one binary message. The gate answers pings, while the
 * protocol reads, and the closing handshake; an unmasked frame, a text message, a reserved bit or opcode, a control frame that is
 * fragmented or too long ends the connection with the status code of §7.4.1. Call it when the answer to the upgrade request was
 * written, before brevet_gate_connection_set_protocol().
 *
 * Returns: %FALSE if this gate was built without WebSocket (brevet_gate_has_websocket()) or the connection is not open any more;
 *   nothing has changed then
 */
BREVET_API
gboolean brevet_gate_connection_start_websocket (BrevetGateConnection *self);

/**
 * brevet_gate_connection_dismiss:
 *
 * May be called from any thread: has the connection closed soon, as if its peer had gone. `closed` is called on the connection's
 * own thread, never from within.
 */
BREVET_API
void brevet_gate_connection_dismiss (BrevetGateConnection *self);

/**
 * brevet_gate_connection_get_peer_chain:
 *
 * Returns: (nullable) (transfer none): the certificates of a peer that has proved to hold the key of the first, to us or to a proxy
 *   that is believed, now or, in a resumed session, then; not judged
 */
BREVET_API
BrevetChain *brevet_gate_connection_get_peer_chain (BrevetGateConnection *self);

/**
 * brevet_gate_connection_get_remote_address:
 *
 * Returns: (transfer none): the peer's address without a port; behind the PROXY protocol, the one that the proxy has named
 */
BREVET_API
const char *brevet_gate_connection_get_remote_address (BrevetGateConnection *self);

/**
 * brevet_gate_connection_is_from_proxy:
 *
 * Returns: %TRUE if whoever has connected is in `proxy-addresses`: what it says about its client is believed
 */
BREVET_API
gboolean brevet_gate_connection_is_from_proxy (BrevetGateConnection *self);

/**
 * brevet_gate_connection_set_peer:
 * @chain: (nullable): the client's certificates
 * @address: its address
 *
 * For a protocol that has read from a proxy's words whose connection this is, before it hands the connection over.
 */
BREVET_API
void brevet_gate_connection_set_peer (BrevetGateConnection *self, BrevetChain *chain, const char *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetGateConnection, brevet_gate_connection_unref)

G_END_DECLS
