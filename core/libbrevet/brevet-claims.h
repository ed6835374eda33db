/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetClaims:
 *
 * What a stranger presents about itself. A listener carries it and judges nothing; a verifier judges. Reference counted; filled by
 * one thread before it is shared.
 */
typedef struct _BrevetClaims BrevetClaims;

#define BREVET_TYPE_CLAIMS (brevet_claims_get_type ())

BREVET_API
GType brevet_claims_get_type (void);

/**
 * brevet_claims_new:
 *
 * Returns: (transfer full): empty claims
 */
BREVET_API
BrevetClaims *brevet_claims_new (void);

BREVET_API
BrevetClaims *brevet_claims_ref (BrevetClaims *self);

BREVET_API
void brevet_claims_unref (BrevetClaims *self);

/**
 * brevet_claims_set_token:
 * @token: (nullable): an authorisation token exactly as received, wiped when the claims are freed
 */
BREVET_API
void brevet_claims_set_token (BrevetClaims *self, const char *token);

/**
 * brevet_claims_get_token:
 *
 * Returns: (nullable) (transfer none): the token; never to be logged
 */
BREVET_API
const char *brevet_claims_get_token (BrevetClaims *self);

/**
 * brevet_claims_set_chain:
 * @chain: (nullable): certificates of a peer that has proved to hold the leaf's key in its TLS handshake. Not verified otherwise.
 */
BREVET_API
void brevet_claims_set_chain (BrevetClaims *self, BrevetChain *chain);

/**
 * brevet_claims_get_chain:
 *
 * Returns: (nullable) (transfer none): certificates of the peer, leaf first
 */
BREVET_API
BrevetChain *brevet_claims_get_chain (BrevetClaims *self);

/**
 * brevet_claims_set_remote_address:
 * @address: (nullable): address of the peer, for logs and limits; without a port
 */
BREVET_API
void brevet_claims_set_remote_address (BrevetClaims *self, const char *address);

/**
 * brevet_claims_get_remote_address:
 *
 * Returns: (nullable) (transfer none): address of the peer
 */
BREVET_API
const char *brevet_claims_get_remote_address (BrevetClaims *self);

/**
 * brevet_claims_set_device:
 * @id_scope: (nullable): the scope that the peer claims to belong to
 * @registration_id: (nullable): the device that the peer claims to be
 */
BREVET_API
void brevet_claims_set_device (BrevetClaims *self, const char *id_scope, const char *registration_id);

/**
 * brevet_claims_get_id_scope:
 *
 * Returns: (nullable) (transfer none): the scope that the peer claims to belong to
 */
BREVET_API
const char *brevet_claims_get_id_scope (BrevetClaims *self);

/**
 * brevet_claims_get_registration_id:
 *
 * Returns: (nullable) (transfer none): the device that the peer claims to be
 */
BREVET_API
const char *brevet_claims_get_registration_id (BrevetClaims *self);

/**
 * brevet_claims_set_parameters:
 * @parameters: (nullable): members of the request that belong to its attestation, such as the public parts of a TPM's keys
 */
BREVET_API
void brevet_claims_set_parameters (BrevetClaims *self, JsonObject *parameters);

/**
 * brevet_claims_get_parameters:
 *
 * Returns: (nullable) (transfer none): members of the request that belong to its attestation
 */
BREVET_API
JsonObject *brevet_claims_get_parameters (BrevetClaims *self);

/**
 * brevet_claims_set_public_only:
 * @public_only: the peer came to a listener that is there for what is public, and is answered nothing else
 */
BREVET_API
void brevet_claims_set_public_only (BrevetClaims *self, gboolean public_only);

/**
 * brevet_claims_get_public_only:
 *
 * Returns: %TRUE if the peer may be answered nothing but what is public, whatever else it presents
 */
BREVET_API
gboolean brevet_claims_get_public_only (BrevetClaims *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetClaims, brevet_claims_unref)

G_END_DECLS
