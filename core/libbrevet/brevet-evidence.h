/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-key.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetEvidence:
 *
 * What a device sends to prove who it is: a token, a TLS client credential, or parameters of the request. Reference counted; filled
 * by the prover before it is shared.
 */
typedef struct _BrevetEvidence BrevetEvidence;

#define BREVET_TYPE_EVIDENCE (brevet_evidence_get_type ())

BREVET_API
GType brevet_evidence_get_type (void);

/**
 * brevet_evidence_new:
 *
 * Returns: (transfer full): empty evidence
 */
BREVET_API
BrevetEvidence *brevet_evidence_new (void);

BREVET_API
BrevetEvidence *brevet_evidence_ref (BrevetEvidence *self);

BREVET_API
void brevet_evidence_unref (BrevetEvidence *self);

/**
 * brevet_evidence_set_token:
 * @token: (nullable): authorisation token; wiped when the evidence is freed
 */
BREVET_API
void brevet_evidence_set_token (BrevetEvidence *self, const char *token);

/**
 * brevet_evidence_get_token:
 *
 * Returns: (nullable) (transfer none): the token; never to be logged
 */
BREVET_API
const char *brevet_evidence_get_token (BrevetEvidence *self);

/**
 * brevet_evidence_set_credential:
 * @chain: (nullable): certificates to present in the TLS handshake, leaf first
 * @key: (nullable): private key of the leaf
 */
BREVET_API
void brevet_evidence_set_credential (BrevetEvidence *self, BrevetChain *chain, BrevetKey *key);

/**
 * brevet_evidence_get_chain:
 *
 * Returns: (nullable) (transfer none): certificates to present, leaf first
 */
BREVET_API
BrevetChain *brevet_evidence_get_chain (BrevetEvidence *self);

/**
 * brevet_evidence_get_key:
 *
 * Returns: (nullable) (transfer none): private key of the leaf
 */
BREVET_API
BrevetKey *brevet_evidence_get_key (BrevetEvidence *self);

/**
 * brevet_evidence_set_parameters:
 * @parameters: (nullable): members to be put into the request
 */
BREVET_API
void brevet_evidence_set_parameters (BrevetEvidence *self, JsonObject *parameters);

/**
 * brevet_evidence_get_parameters:
 *
 * Returns: (nullable) (transfer none): members to be put into the request
 */
BREVET_API
JsonObject *brevet_evidence_get_parameters (BrevetEvidence *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetEvidence, brevet_evidence_unref)

G_END_DECLS
