/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-request.h"
#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * brevet_known_certificates_async:
 *
 * Reads which certificates of a device for one public key are in the inventory, whatever became of them. A device may use its key
 * for several: a CA that looks for one that was lost has to pass over these.
 */
void brevet_known_certificates_async (BrevetStore *store, const char *registration_id, const char *spki_sha256,
                                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_known_certificates_finish:
 *
 * Returns: (transfer full) (nullable) (element-type utf8): their SHA-256 as brevet_certificate_get_sha256() tells it, or %NULL with
 *   an error of the store
 */
GPtrArray *brevet_known_certificates_finish (GAsyncResult *result, GError **error);

/**
 * brevet_known_certificates_lacked:
 * @request: a search that has found something
 * @record: what the inventory holds of that
 *
 * Between the reading of what is known and the search, a device may have got one more. The CA could not pass over it, and has not
 * said whether there is another one behind it.
 *
 * Returns: %TRUE if @request did not know of @record, and the next one will
 */
gboolean brevet_known_certificates_lacked (BrevetCaRequest *request, BrevetRecord *record);

G_END_DECLS
