/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-key.h"

G_BEGIN_DECLS

/**
 * brevet_network_credential_new_async:
 * @chain: certificates, leaf first
 * @key: (nullable): private key of the leaf; in memory or behind a PKCS#11 URI
 * @cancellable: (nullable): ends the waiting, not what is being done
 *
 * Puts both into the form in which GIO's TLS wants them. In a thread: a key in a token is looked for there.
 */
BREVET_API
void brevet_network_credential_new_async (BrevetChain *chain, BrevetKey *key, GCancellable *cancellable,
                                          GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_network_credential_new_finish:
 *
 * Returns: (transfer full) (nullable): the credential; %NULL with %BREVET_ERROR_NOT_CONFIGURED
 */
BREVET_API
GTlsCertificate *brevet_network_credential_new_finish (GAsyncResult *result, GError **error);

/**
 * brevet_network_credential_present:
 * @credential: (nullable): what brevet_network_credential_new() made
 * @host: the host that it is for
 * @event: what is about to happen to @connection
 * @connection: a connection that a library opens
 *
 * For a library that asks for a credential only when the server does. That is too late: the TLS session of an earlier connection to
 * the same host is taken up again, and the server sees whoever began it, which may be another identity, or the same one with a
 * certificate that was replaced. A credential that is there before the handshake takes up its own sessions only.
 */
BREVET_API
void brevet_network_credential_present (GTlsCertificate *credential, const char *host, GSocketClientEvent event,
                                        GIOStream *connection);

G_END_DECLS
