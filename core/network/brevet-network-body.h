/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * brevet_network_read_body_async:
 * @maximum: most bytes that it may have
 *
 * Reads what a peer sends to its end, on the thread-default main context.
 */
BREVET_API
void brevet_network_read_body_async (GInputStream *stream, gsize maximum, int priority, GCancellable *cancellable,
                                     GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_network_read_body_finish:
 *
 * Returns: (transfer full) (nullable): all of it; %NULL with %G_IO_ERROR_MESSAGE_TOO_LARGE, which says the limit, or an error of
 *   the stream
 */
BREVET_API
GByteArray *brevet_network_read_body_finish (GAsyncResult *result, GError **error);

G_END_DECLS
