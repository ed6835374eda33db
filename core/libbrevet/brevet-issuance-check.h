/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-outcome.h"
#include "brevet-ca-request.h"

G_BEGIN_DECLS

/**
 * BrevetIssuanceCheck:
 *
 * What the core verifies of every certificate, from whatever CA, before it is handed out (protocol/ca-backends.md §8.6). One per
 * CA; it remembers issuers that it has verified already. Usable from several threads.
 */
typedef struct _BrevetIssuanceCheck BrevetIssuanceCheck;

#define BREVET_TYPE_ISSUANCE_CHECK (brevet_issuance_check_get_type ())

BREVET_API
GType brevet_issuance_check_get_type (void);

/**
 * brevet_issuance_check_new:
 * @settings: (nullable): reads `maximum-validity` (default 398d), `minimum-validity` (default 30s), `allow-server-auth` (default
 *   false), `any-common-name` (default false: the CN must be the one that was asked for); %NULL for the defaults
 *
 * Returns: (transfer full) (nullable): a check, or %NULL with an error about a setting
 */
BREVET_API
BrevetIssuanceCheck *brevet_issuance_check_new (BrevetSettings *settings, GError **error);

BREVET_API
BrevetIssuanceCheck *brevet_issuance_check_ref (BrevetIssuanceCheck *self);

BREVET_API
void brevet_issuance_check_unref (BrevetIssuanceCheck *self);

/**
 * brevet_issuance_check_run:
 * @request: what was asked for
 * @outcome: an issued outcome
 * @trust: what the CA says is to be trusted; the path must lead to one of its roots
 * @now: seconds since 1970-01-01 UTC
 *
 * Checks: same public key as in the CSR; no CA; key usage and extended key usage; common name; alternative names (the URI that was
 * asked for, and nothing else but the common name once more as a DNS name, which many CAs add); dates; serial number positive and
 * at most 20 octets; signature algorithm; path. That the serial number is new for its issuer is checked by the inventory.
 *
 * Returns: (transfer full) (nullable): the chain to hand out: leaf first, in order, without the root; %NULL with
 *   %BREVET_CA_ERROR_PROTOCOL and a sentence that says which check failed, with the value
 */
BREVET_API
BrevetChain *brevet_issuance_check_run (BrevetIssuanceCheck *self, BrevetCaRequest *request, BrevetCaOutcome *outcome,
                                        BrevetTrustBundle *trust, gint64 now, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetIssuanceCheck, brevet_issuance_check_unref)

G_END_DECLS
