/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-pool.h"

G_BEGIN_DECLS

/**
 * brevet_authority_check_async:
 *
 * Looks whether a certificate authority could issue now, and notes the finding with its traffic. It issues nothing, and waits for
 * no turn. While a check is under way, others who want one wait for it. A CA that does not answer within 30 seconds is given up; as
 * long as it goes on like that it is not asked again. From any thread; answered on the caller's thread-default main context.
 */
void brevet_authority_check_async (BrevetAuthority *authority, GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data);

/**
 * brevet_authority_check_finish:
 *
 * Returns: (transfer full) (nullable): the finding; %NULL with the error of a check that itself failed, %G_IO_ERROR_TIMED_OUT, or
 *   %G_IO_ERROR_CANCELLED, of which nothing is noted
 */
BrevetCaHealth *brevet_authority_check_finish (GAsyncResult *result, GError **error);

G_END_DECLS
