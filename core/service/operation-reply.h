/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-dialect.h"
#include "brevet-message.h"
#include "records.h"
#include "service-context.h"

G_BEGIN_DECLS

/**
 * brevet_operation_reply_async:
 * @operation: (transfer full): an operation in any state; its certificate is loaded if it is not there already
 * @dialect: dialect of the request
 *
 * Last stage: puts certificate and trust bundle to the result and makes the reply. When the reply of a finished operation has been
 * handed to the network, the operation is marked as delivered, and it is noted which version of the trust bundle the device has.
 */
void brevet_operation_reply_async (BrevetServiceContext *context, BrevetRequest *request, BrevetOperation *operation,
                                   BrevetDialect dialect, GCancellable *cancellable, GAsyncReadyCallback callback,
                                   gpointer user_data);

/**
 * brevet_operation_reply_finish:
 *
 * Returns: (transfer full) (nullable): the reply, or %NULL with an error if the store fails
 */
BrevetReply *brevet_operation_reply_finish (GAsyncResult *result, GError **error);

G_END_DECLS
