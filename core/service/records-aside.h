/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-store.h"

G_BEGIN_DECLS

/* What remains to be known of records that nobody can read. */

/* Key: collection, `/`, key; there while an enrollment is disabled or a certificate revoked. */
#define BREVET_COLLECTION_BARRED "barred"

/**
 * brevet_records_bar:
 * @collection: of enrollments, enrollment groups or certificates
 * @id: the record in it
 * @is_barred: whether it shuts out whom it is about
 *
 * Belongs into the batch that writes the record: so that this is known of it even when it is damaged.
 */
void brevet_records_bar (BrevetBatch *batch, const char *collection, const char *id, gboolean is_barred);

/**
 * brevet_records_barred_key:
 *
 * Returns: (transfer full): the key under which there is a record while that one shuts out whom it is about
 */
char *brevet_records_barred_key (const char *collection, const char *key);

/**
 * brevet_records_aside:
 *
 * Returns: (transfer full): the collection for records of @collection that an operator has put aside, under the same keys
 */
char *brevet_records_aside (const char *collection);

G_END_DECLS
