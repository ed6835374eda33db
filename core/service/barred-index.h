/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * brevet_barred_index_complete:
 *
 * Notes of what a former version of the service has stored whom it shuts out, once in the life of a store. Blocks: for a thread
 * of its own.
 *
 * Returns: %FALSE with an error of the store; the next call goes on then
 */
gboolean brevet_barred_index_complete (BrevetStore *store, GCancellable *cancellable, GError **error);

G_END_DECLS
