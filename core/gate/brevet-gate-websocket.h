/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Status codes of RFC 6455 §7.4.1 that we send on our own account. */
#define BREVET_GATE_WEBSOCKET_NORMAL 1000
#define BREVET_GATE_WEBSOCKET_GOING_AWAY 1001
#define BREVET_GATE_WEBSOCKET_PROTOCOL_ERROR 1002
#define BREVET_GATE_WEBSOCKET_UNSUPPORTED_DATA 1003
#define BREVET_GATE_WEBSOCKET_INVALID_DATA 1007

/* Reads the frames that a WebSocket client sends (RFC 6455), from bytes as they come; no I/O, no clock. Payload is handed out as it
 * comes and never collected, so the announced length of a frame or message costs nothing. Between two frames it is some 80 bytes,
 * within one 4 KiB more. */
typedef struct _BrevetGateWebsocket BrevetGateWebsocket;

/* Returns: NULL if there is no WebSocket in this build; no other function may be called then */
BrevetGateWebsocket *brevet_gate_websocket_new (void);

void brevet_gate_websocket_free (BrevetGateWebsocket *self);

/* Replaces @data, in place, by the payload of binary messages in it. Returns: how many bytes of payload there are; what follows the
 * end is passed over */
gsize brevet_gate_websocket_read (BrevetGateWebsocket *self, guint8 *data, gsize length);

/* Returns: (nullable) (transfer full): the frame that answers the last ping that was read; the ones before need no answer */
GBytes *brevet_gate_websocket_take_pong (BrevetGateWebsocket *self);

/* Returns: (nullable) (transfer none): the closing frame to answer with, once the peer has closed or broken the rules */
GBytes *brevet_gate_websocket_get_end (BrevetGateWebsocket *self);

/* Returns: (transfer full): one frame that is a whole binary message */
GBytes *brevet_gate_websocket_make_message (GBytes *payload);

/* Returns: (transfer full): a closing frame
 * @reason: at most 123 bytes of UTF-8 */
GBytes *brevet_gate_websocket_make_close (guint status, const char *reason);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetGateWebsocket, brevet_gate_websocket_free)

G_END_DECLS
