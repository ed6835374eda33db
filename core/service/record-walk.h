/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/* Looks at one record of a collection. */
typedef void (*BrevetRecordVisit) (BrevetRecord *record, gpointer data);

/**
 * brevet_record_walk_async:
 * @parent: (nullable): only records with this parent
 * @data: for @visit; must live until it is done
 *
 * Shows all records of a collection to @visit, in the order of their keys, a page of them in memory at a time.
 */
void brevet_record_walk_async (BrevetStore *store, const char *collection, const char *parent, BrevetRecordVisit visit,
                               gpointer data, GCancellable *cancellable, GAsyncReadyCallback callback,
                               gpointer user_data);

/**
 * brevet_record_walk_finish:
 *
 * Returns: %FALSE with an error of the store; some of the records may have been shown then
 */
gboolean brevet_record_walk_finish (GAsyncResult *result, GError **error);

G_END_DECLS
