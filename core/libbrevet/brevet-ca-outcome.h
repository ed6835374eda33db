/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-chain.h"
#include "brevet-trust-bundle.h"

G_BEGIN_DECLS

/**
 * BrevetCaOutcome:
 *
 * What a CA answered: a certificate, or a ticket to ask again with. Immutable and reference counted.
 */
typedef struct _BrevetCaOutcome BrevetCaOutcome;

#define BREVET_TYPE_CA_OUTCOME (brevet_ca_outcome_get_type ())

/**
 * BREVET_CA_TICKET_MAX_SIZE:
 *
 * Longest ticket in bytes.
 */
#define BREVET_CA_TICKET_MAX_SIZE 4096

BREVET_API
GType brevet_ca_outcome_get_type (void);

/**
 * brevet_ca_outcome_new_issued:
 * @chain: leaf, then its issuers, in any order: all of them but the root, as the core looks for no others; it puts them in order
 *   and drops the root
 * @roots: (nullable): roots that came along
 * @backend_reference: (nullable): the CA's own name for the certificate, needed to revoke it
 *
 * Returns: (transfer full): an outcome
 */
BREVET_API
BrevetCaOutcome *brevet_ca_outcome_new_issued (BrevetChain *chain, BrevetTrustBundle *roots, const char *backend_reference);

/**
 * brevet_ca_outcome_new_pending:
 * @ticket: printable ASCII, at most %BREVET_CA_TICKET_MAX_SIZE bytes, nothing secret; must survive a restart and be usable by a new
 *   instance with the same configuration
 * @poll_after: seconds before it is worth asking
 * @expires_at: seconds since 1970-01-01 UTC after which the ticket is worthless, 0 if unknown
 *
 * Returns: (transfer full): an outcome
 */
BREVET_API
BrevetCaOutcome *brevet_ca_outcome_new_pending (const char *ticket, guint poll_after, gint64 expires_at);

BREVET_API
BrevetCaOutcome *brevet_ca_outcome_ref (BrevetCaOutcome *self);

BREVET_API
void brevet_ca_outcome_unref (BrevetCaOutcome *self);

/**
 * brevet_ca_outcome_is_issued:
 *
 * Returns: %TRUE if there is a certificate, %FALSE if the request is pending
 */
BREVET_API
gboolean brevet_ca_outcome_is_issued (BrevetCaOutcome *self);

/**
 * brevet_ca_outcome_get_chain:
 *
 * Returns: (nullable) (transfer none): the certificate and its issuers, leaf first; %NULL if pending
 */
BREVET_API
BrevetChain *brevet_ca_outcome_get_chain (BrevetCaOutcome *self);

/**
 * brevet_ca_outcome_get_roots:
 *
 * Returns: (nullable) (transfer none): the roots that the CA sent along, %NULL if none
 */
BREVET_API
BrevetTrustBundle *brevet_ca_outcome_get_roots (BrevetCaOutcome *self);

/**
 * brevet_ca_outcome_get_backend_reference:
 *
 * Returns: (nullable) (transfer none): the CA's own name for the certificate
 */
BREVET_API
const char *brevet_ca_outcome_get_backend_reference (BrevetCaOutcome *self);

/**
 * brevet_ca_outcome_get_ticket:
 *
 * Returns: (nullable) (transfer none): what to ask with later; %NULL if issued
 */
BREVET_API
const char *brevet_ca_outcome_get_ticket (BrevetCaOutcome *self);

/**
 * brevet_ca_outcome_get_poll_after:
 *
 * Returns: seconds after which the CA wants to be asked again, 0 if it does not say
 */
BREVET_API
guint brevet_ca_outcome_get_poll_after (BrevetCaOutcome *self);

/**
 * brevet_ca_outcome_get_expires_at:
 *
 * Returns: end of the ticket, seconds since 1970-01-01 UTC, 0 if unknown
 */
BREVET_API
gint64 brevet_ca_outcome_get_expires_at (BrevetCaOutcome *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCaOutcome, brevet_ca_outcome_unref)

/**
 * BrevetCaHealth:
 *
 * What a check of a CA found. Immutable and reference counted.
 */
typedef struct _BrevetCaHealth BrevetCaHealth;

#define BREVET_TYPE_CA_HEALTH (brevet_ca_health_get_type ())

/**
 * BrevetCaHealthState:
 * @BREVET_CA_HEALTH_UNKNOWN: not checked
 * @BREVET_CA_HEALTH_OK: it can issue
 * @BREVET_CA_HEALTH_DEGRADED: it can issue, but somebody should look
 * @BREVET_CA_HEALTH_DOWN: it cannot issue
 */
typedef enum {
  BREVET_CA_HEALTH_UNKNOWN,
  BREVET_CA_HEALTH_OK,
  BREVET_CA_HEALTH_DEGRADED,
  BREVET_CA_HEALTH_DOWN,
} BrevetCaHealthState;

BREVET_API
GType brevet_ca_health_get_type (void);

/**
 * brevet_ca_health_new:
 * @message: a sentence for the operator
 * @expires: seconds since 1970-01-01 UTC: the soonest end of a certificate or credential that the CA depends on, 0 if unknown
 *
 * Returns: (transfer full): a finding
 */
BREVET_API
BrevetCaHealth *brevet_ca_health_new (BrevetCaHealthState state, const char *message, gint64 expires);

BREVET_API
BrevetCaHealth *brevet_ca_health_ref (BrevetCaHealth *self);

BREVET_API
void brevet_ca_health_unref (BrevetCaHealth *self);

/**
 * brevet_ca_health_get_state:
 *
 * Returns: whether it can issue
 */
BREVET_API
BrevetCaHealthState brevet_ca_health_get_state (BrevetCaHealth *self);

/**
 * brevet_ca_health_get_message:
 *
 * Returns: (transfer none): a sentence for the operator
 */
BREVET_API
const char *brevet_ca_health_get_message (BrevetCaHealth *self);

/**
 * brevet_ca_health_get_expires:
 *
 * Returns: seconds since 1970-01-01 UTC: the soonest end of what the CA depends on, 0 if unknown
 */
BREVET_API
gint64 brevet_ca_health_get_expires (BrevetCaHealth *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCaHealth, brevet_ca_health_unref)

G_END_DECLS
