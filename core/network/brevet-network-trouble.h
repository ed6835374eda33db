/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-error.h"
#include "brevet-network-peer.h"

G_BEGIN_DECLS

/**
 * brevet_network_trouble_new:
 * @port: the port that was tried, which need not be the peer's own
 * @cause: what went wrong below us
 * @flaws: what is wrong with the peer's certificate, 0 if nothing is
 *
 * Says in words of an operator why @peer gave no answer.
 *
 * Returns: (transfer full): an error of %BREVET_ERROR_UNREACHABLE, or %BREVET_ERROR_UNTRUSTED for a flaw, naming host and port; a
 *   copy of @cause if that is of %BREVET_ERROR already
 */
BREVET_API
GError *brevet_network_trouble_new (const BrevetNetworkPeer *peer, guint16 port, const GError *cause, GTlsCertificateFlags flaws);

/**
 * brevet_network_trouble_new_timeout:
 * @seconds: how long was waited
 *
 * Returns: (transfer full): an error of %BREVET_ERROR_UNREACHABLE
 */
BREVET_API
GError *brevet_network_trouble_new_timeout (const BrevetNetworkPeer *peer, guint16 port, guint seconds);

/**
 * brevet_network_trouble_new_text:
 * @format: the reason
 *
 * Returns: (transfer full): an error that names host and port, and the reason
 */
BREVET_API
GError *brevet_network_trouble_new_text (const BrevetNetworkPeer *peer, guint16 port, BrevetError code, const char *format,
                                         ...) G_GNUC_PRINTF (4, 5);

G_END_DECLS
