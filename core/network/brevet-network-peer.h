/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-key.h"
#include "brevet-settings.h"
#include "brevet-trust-bundle.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetNetworkPeer:
 * @host: name or address of the peer; what its certificate is checked for
 * @port: its port
 * @timeout: seconds for whatever is done with it as one piece
 * @ca_file: (nullable): what it must be trusted by
 * @trust: (nullable): the same, in memory; used instead of @ca_file. With neither of them: the system's trust
 * @resolver: (nullable): which proxy leads to it; %NULL: none
 *
 * Somebody on the network that brevet connects to over TLS; also for messages. Plain data.
 */
typedef struct {
  char *host;
  guint16 port;
  guint timeout;
  char *ca_file;
  BrevetTrustBundle *trust;
  GProxyResolver *resolver;
} BrevetNetworkPeer;

/**
 * brevet_network_peer_read:
 * @settings: of a transport: `host`, `port`, `ca-file`, `timeout`, `proxy` (an `http://` URI, or `system` for what the desktop or
 *   the environment says; absent: none)
 * @default_port: port if the settings name none; 0 if the peer has none then
 * @default_timeout: seconds if the settings name no time-out
 *
 * Reads and checks the settings; the CA file is parsed, and nothing else is opened.
 *
 * Returns: (transfer full) (nullable): a peer, or %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the key
 */
BREVET_API
BrevetNetworkPeer *brevet_network_peer_read (BrevetSettings *settings, guint16 default_port, guint default_timeout, GError **error);

/**
 * brevet_network_peer_read_for:
 * @settings: the same without `host` and `port`
 *
 * Like brevet_network_peer_read(), for a host that the settings name in another way.
 *
 * Returns: (transfer full) (nullable): a peer, or %NULL with %BREVET_ERROR_NOT_CONFIGURED naming the key
 */
BREVET_API
BrevetNetworkPeer *brevet_network_peer_read_for (BrevetSettings *settings, const char *host, guint16 port, guint default_timeout,
                                                 GError **error);

/**
 * brevet_network_peer_new:
 *
 * Returns: (transfer full): a peer with the system's trust, no proxy, and 30 seconds
 */
BREVET_API
BrevetNetworkPeer *brevet_network_peer_new (const char *host, guint16 port);

BREVET_API
void brevet_network_peer_free (BrevetNetworkPeer *self);

/**
 * brevet_network_connect_async:
 * @peer: whom to connect to; must live until it is done
 * @port: port, in place of the peer's own
 * @timeout: seconds for name, proxy, TCP and TLS together
 * @chain: (nullable): certificates to present, leaf first
 * @key: (nullable): private key of the leaf; in memory or behind a PKCS#11 URI
 *
 * Opens a TLS connection on the thread-default main context: name lookup, all addresses in turn, proxy, handshake, check of the
 * peer's certificate.
 */
BREVET_API
void brevet_network_connect_async (const BrevetNetworkPeer *peer, guint16 port, guint timeout, BrevetChain *chain, BrevetKey *key,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_network_connect_finish:
 *
 * Returns: (transfer full) (nullable): the open connection; %NULL with %BREVET_ERROR_UNREACHABLE (the message names host and port
 *   and says in an operator's words why), %BREVET_ERROR_UNTRUSTED if the peer's certificate is not acceptable,
 *   %BREVET_ERROR_NOT_CONFIGURED if the key cannot be used
 */
BREVET_API
GIOStream *brevet_network_connect_finish (GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetNetworkPeer, brevet_network_peer_free)

G_END_DECLS
