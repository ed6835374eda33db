/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity-config.h"
#include "generation.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * brevet_identity_staging_fits:
 * @made: (nullable): a generation that was made earlier, staged or complete
 * @current: (nullable): the generation in use
 * @input_digest: of the inputs as they are now
 * @new_key: a key is wanted that was never in use
 *
 * Returns: %TRUE if @made is what would be made now
 */
gboolean brevet_identity_staging_fits (BrevetGeneration *made, BrevetIdentityConfig *config, BrevetGeneration *current,
                                       const char *input_digest, gboolean new_key);

/**
 * brevet_identity_staging_make_async:
 * @current: (nullable): the generation in use
 * @input_digest: of the inputs as they are now
 * @new_key: a new key is wanted, else that of @current
 *
 * Makes a generation to be staged: key and CSR. In a thread: an RSA key takes seconds on a small device.
 */
void brevet_identity_staging_make_async (BrevetIdentityConfig *config, BrevetGeneration *current, const char *input_digest,
                                         gboolean new_key, GCancellable *cancellable, GAsyncReadyCallback callback,
                                         gpointer user_data);

BrevetGeneration *brevet_identity_staging_make_finish (GAsyncResult *result, GError **error);

G_END_DECLS
