/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-bus-names.h"

G_BEGIN_DECLS

/**
 * BrevetIdentityHealth:
 * @BREVET_IDENTITY_HEALTH_VALID: there is an identity, and it is within its validity
 * @BREVET_IDENTITY_HEALTH_EXPIRED: the certificate is past its validity, or before it (brevet_identity_health_is_early())
 * @BREVET_IDENTITY_HEALTH_OVERDUE: it is valid; its renewal is due, and the last attempt failed
 * @BREVET_IDENTITY_HEALTH_UNPROVISIONED: there is none yet
 * @BREVET_IDENTITY_HEALTH_BLOCKED: there is none that is valid, and there will be none until somebody acts: it is disabled, or the
 *   service refuses the device
 *
 * How an identity is, in a word. The values are the exit codes of `brevet status`.
 */
typedef enum {
  BREVET_IDENTITY_HEALTH_VALID = 0,
  BREVET_IDENTITY_HEALTH_EXPIRED = 10,
  BREVET_IDENTITY_HEALTH_OVERDUE = 11,
  BREVET_IDENTITY_HEALTH_UNPROVISIONED = 12,
  BREVET_IDENTITY_HEALTH_BLOCKED = 13,
} BrevetIdentityHealth;

/**
 * brevet_identity_health_judge:
 * @now: seconds since 1970-01-01 UTC
 *
 * Returns: how @identity is
 */
BrevetIdentityHealth brevet_identity_health_judge (BrevetBusAgent1Identity *identity, gint64 now);

/**
 * brevet_identity_health_judge_all:
 * @identities: (element-type BrevetBusAgent1Identity): several
 *
 * Returns: the worst: blocked, then expired, unprovisioned, overdue
 */
BrevetIdentityHealth brevet_identity_health_judge_all (GPtrArray *identities, gint64 now);

/**
 * brevet_identity_health_is_early:
 * @now: seconds since 1970-01-01 UTC
 *
 * Returns: whether the certificate of @identity is not valid yet by this clock, which is %BREVET_IDENTITY_HEALTH_EXPIRED, too
 */
gboolean brevet_identity_health_is_early (BrevetBusAgent1Identity *identity, gint64 now);

/**
 * brevet_identity_health_describe:
 * @now: seconds since 1970-01-01 UTC
 *
 * Returns: (transfer none): how @identity is, in the word for programs: `renewal-overdue`
 */
const char *brevet_identity_health_describe (BrevetBusAgent1Identity *identity, gint64 now);

G_END_DECLS
