/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"

G_BEGIN_DECLS

/**
 * brevet_judge_async:
 * @enrollment: the enrollment that is asked
 * @claims: what the device presents
 *
 * Has the verifier of one enrollment judge a device, with all that it needs to know: the verified CA certificates that the
 * enrollment refers to, and what it remembers of the device. What it wants to be remembered from now on is stored before its
 * verdict is given.
 */
void brevet_judge_async (BrevetServiceContext *context, BrevetEnrollment *enrollment, BrevetClaims *claims,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_judge_finish:
 *
 * Returns: (transfer full) (nullable): accepted or challenge; %NULL with %BREVET_ERROR_REJECTED and a reason, with
 *   %BREVET_ERROR_NOT_FOUND if the device has nothing to do with the enrollment, or with another error if it could not be found out
 */
BrevetVerdict *brevet_judge_finish (GAsyncResult *result, GError **error);

G_END_DECLS
