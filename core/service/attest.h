/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetAttested:
 * @enrollment: the enrollment that speaks for the device
 * @verdict: accepted, or a challenge
 *
 * What the attest stage found. Plain data.
 */
typedef struct {
  BrevetEnrollment *enrollment;
  BrevetVerdict *verdict;
} BrevetAttested;

void brevet_attested_free (BrevetAttested *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAttested, brevet_attested_free)

/**
 * brevet_attest_async:
 * @claims: what the peer presents, with the device that it claims to be
 *
 * First stage: finds the enrollment for a device and has its verifier judge @claims. An individual enrollment decides alone.
 * Without one, a chain leads to the groups of its issuers, of which the first that knows the chain decides, also when it is
 * disabled (protocol/dps.md §7.1). If none does, or there is no chain, the enabled groups are tried with the token (§8), if there
 * is one. What stands in a body can only be about an individual enrollment.
 */
void brevet_attest_async (BrevetServiceContext *context, BrevetClaims *claims, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_attest_finish:
 * @refusing: (out) (nullable) (transfer full): the enrollment that refused the device, or could not judge it; %NULL if there is
 *   none for it, or none did
 *
 * Returns: (transfer full) (nullable): the finding; %NULL with %BREVET_ERROR_REJECTED and the reason for the operator's log if
 *   nobody vouches for the device, or another error if it could not be found out
 */
BrevetAttested *brevet_attest_finish (GAsyncResult *result, BrevetEnrollment **refusing, GError **error);

/**
 * brevet_attest_needs_body:
 *
 * Returns: %TRUE if some mechanism can judge @claims only together with the body of the request
 */
gboolean brevet_attest_needs_body (BrevetServiceContext *context, BrevetClaims *claims);

G_END_DECLS
