/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-credentials.h"
#include "brevet-gate-protocol.h"
#include "brevet-settings.h"

G_BEGIN_DECLS

/**
 * BrevetGate:
 *
 * One port open to strangers: accepts connections on the process' workers, speaks TLS, keeps deadlines and caps, and hands the
 * bytes to a protocol. To be used on the main thread.
 *
 * Settings, in the group of the listener: `address` (IP address; default all), `port`, `certificate` (PEM file, chain in order),
 * `key` (PEM file or PKCS#11 URI) with `key-password` and its variants, `workers` (default: one per CPU), `maximum-connections`
 * (default: from the limit of open files, at most 10000), `maximum-connections-per-address` (default: a quarter of that, at least
 * 16), `handshake-timeout` (10s). Sockets that systemd passes under the listener's name (`FileDescriptorName=`) replace `address`
 * and `port`.
 *
 * Behind proxies: `proxy-addresses` (addresses and prefixes, and `unix`: who is believed; default nobody), `proxy-protocol` (every
 * connection comes from one of them and begins with a PROXY header, whose source address becomes the remote address),
 * `proxy-certificate-tlv` and `proxy-chain-tlv` (where in it the client's certificate is), `tls` (`no`: a proxy has ended it;
 * neither `certificate` nor `key` are needed then).
 */
#define BREVET_TYPE_GATE (brevet_gate_get_type ())
BREVET_API
G_DECLARE_FINAL_TYPE (BrevetGate, brevet_gate, BREVET, GATE, GObject)

/**
 * brevet_gate_new:
 * @settings: where to listen, and limits
 * @default_port: port if the settings name none
 *
 * Reads the settings, but no other file.
 *
 * Returns: (transfer full) (nullable): a gate, or %NULL with %BREVET_ERROR_NOT_CONFIGURED
 */
BREVET_API
BrevetGate *brevet_gate_new (BrevetSettings *settings, guint16 default_port, GError **error);

/**
 * brevet_gate_new_public:
 *
 * As brevet_gate_new(), for a protocol that tells everybody the same, is told nothing, and whose answers prove themselves: with
 * `tls=no` everybody is served, and not proxies alone.
 *
 * Returns: (transfer full) (nullable): a gate, or %NULL with %BREVET_ERROR_NOT_CONFIGURED
 */
BREVET_API
BrevetGate *brevet_gate_new_public (BrevetSettings *settings, guint16 default_port, GError **error);

/**
 * brevet_gate_start:
 * @protocol: name of the registered protocol that new connections speak
 *
 * Loads the credentials, binds and begins to accept.
 *
 * Returns: %FALSE with an error that names address or file
 */
BREVET_API
gboolean brevet_gate_start (BrevetGate *self, const char *protocol, GError **error);

/**
 * brevet_gate_reload:
 *
 * Reads certificate and key again; new connections see them, open ones go on as they are. On failure nothing changes.
 */
BREVET_API
gboolean brevet_gate_reload (BrevetGate *self, GError **error);

/**
 * brevet_gate_stop_async:
 *
 * Stops accepting at once, lets busy connections finish for at most ten seconds, then closes them. Call it once for each gate that
 * was started.
 */
BREVET_API
void brevet_gate_stop_async (BrevetGate *self, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

BREVET_API
gboolean brevet_gate_stop_finish (BrevetGate *self, GAsyncResult *result, GError **error);

/**
 * brevet_gate_has_tls:
 *
 * Returns: %FALSE if the settings leave TLS to the proxies
 */
BREVET_API
gboolean brevet_gate_has_tls (BrevetGate *self);

/**
 * brevet_gate_get_port:
 *
 * Returns: the port that is bound; 0 before start
 */
BREVET_API
guint16 brevet_gate_get_port (BrevetGate *self);

G_END_DECLS
