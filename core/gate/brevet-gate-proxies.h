/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-gate-proxy-header.h"
#include "brevet-settings.h"

G_BEGIN_DECLS

/* Which proxies stand before a gate, and what they are believed. Immutable once it is read. */
typedef struct
{
  GPtrArray *masks;              /* GInetAddressMask */
  gboolean   is_local;           /* who comes through a socket of the file system is one of them */
  gboolean   has_header;         /* each connection begins with a PROXY header */
  gboolean   has_tls;            /* TLS ends here, and not at a proxy */
  gboolean   is_public;          /* what is served needs no TLS, and nobody who ends it */
  guint8     certificate_type;   /* where in the header the client's certificate is; 0 for nowhere */
  guint8     chain_type;
} BrevetGateProxies;

void brevet_gate_proxies_init (BrevetGateProxies *self);

gboolean brevet_gate_proxies_read (BrevetGateProxies *self, BrevetSettings *settings, GError **error);

void brevet_gate_proxies_clear (BrevetGateProxies *self);

/* Returns: TRUE if @peer is a proxy that is believed */
gboolean brevet_gate_proxies_include (BrevetGateProxies *self, const struct sockaddr_storage *peer);

/* Returns: TRUE if nobody but a proxy is served */
gboolean brevet_gate_proxies_are_alone (BrevetGateProxies *self);

/* Reads the certificates of the client that @header describes.
 * @chain: (out) (nullable): NULL if it has none
 * Returns: FALSE if there is something else in their place */
gboolean brevet_gate_proxies_read_chain (BrevetGateProxyHeader *header, BrevetChain **chain, GError **error);

/* Logs that a connection was refused; at most one line in a second, with the number of those that had none. Any thread. */
void brevet_gate_proxies_report (const char *address, const char *cause);

G_END_DECLS
