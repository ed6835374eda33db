/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-network-peer.h"

G_BEGIN_DECLS

/**
 * brevet_network_trust_new:
 *
 * What the certificate of @peer is checked against. Loads the TLS module of the process when it is called for the first time, so
 * call it when the network is needed and not before.
 *
 * The trust of the first peer that has a file or certificates in memory becomes the default TLS database of the process: each TLS
 * connection would otherwise read the system's whole trust store first, which costs megabytes and tens of milliseconds on a device.
 * Other users of TLS in the process should therefore name their database. May be called from any thread.
 *
 * Returns: (transfer full) (nullable): the database, or %NULL with %BREVET_ERROR_NOT_CONFIGURED,
 *   %BREVET_ERROR_FAILED if there is not a single certificate in it
 */
BREVET_API
GTlsDatabase *brevet_network_trust_new (const BrevetNetworkPeer *peer, GError **error);

G_END_DECLS
