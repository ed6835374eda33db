/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-key.h"

#include <gnutls/gnutls.h>

G_BEGIN_DECLS

/**
 * BrevetGateCredentials:
 *
 * What a gate shows to its peers: a chain and its key. Immutable and reference counted: a connection keeps the ones that it began
 * with.
 */
typedef struct _BrevetGateCredentials BrevetGateCredentials;

/**
 * brevet_gate_credentials_new:
 * @chain: the gate's certificate and its issuers; a root is not sent
 * @key: the private key of the first certificate
 *
 * Returns: (transfer full) (nullable): new credentials, or %NULL with %BREVET_ERROR_NOT_CONFIGURED if @key does not fit
 */
BREVET_API
BrevetGateCredentials *brevet_gate_credentials_new (BrevetChain *chain, BrevetKey *key, GError **error);

BREVET_API
BrevetGateCredentials *brevet_gate_credentials_ref (BrevetGateCredentials *self);

BREVET_API
void brevet_gate_credentials_unref (BrevetGateCredentials *self);

/* Makes the TLS session of a new connection; its GnuTLS session pointer is @self. */
int brevet_gate_credentials_open_session (BrevetGateCredentials *self, const gnutls_datum_t *ticket_key, gnutls_session_t *session);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetGateCredentials, brevet_gate_credentials_unref)

G_END_DECLS
