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
 * brevet_identity_staging_is_of_kind:
 *
 * Returns: %TRUE if @key is what @kind means
 */
gboolean brevet_identity_staging_is_of_kind (BrevetKey *key, BrevetKeyKind kind);

/**
 * brevet_identity_staging_make_async:
 * @current: (nullable): the generation in use
 * @input_digest: of the inputs as they are now
 * @new_key: a new key is wanted, else that of @current
 *
 * For keys that are kept with the records. Makes a generation to be staged: key and CSR. In a thread: an RSA key takes seconds on a
 * small device.
 */
void brevet_identity_staging_make_async (BrevetIdentityConfig *config, BrevetGeneration *current, const char *input_digest,
                                         gboolean new_key, GCancellable *cancellable, GAsyncReadyCallback callback,
                                         gpointer user_data);

BrevetGeneration *brevet_identity_staging_make_finish (GAsyncResult *result, GError **error);

/**
 * brevet_identity_staging_plan:
 * @label: of a key that is not made yet
 *
 * Returns: (transfer full): what is staged before a key is made in the token of @config
 */
BrevetGeneration *brevet_identity_staging_plan (BrevetIdentityConfig *config, BrevetGeneration *current, const char *input_digest,
                                                const char *label);

/**
 * brevet_identity_staging_complete:
 * @staged: (nullable): what @candidate was asked for with
 * @candidate: a complete generation that is not to be used yet
 *
 * Returns: (transfer full): what is staged while @candidate waits for its hub: all of it, and the CSR with which it could be asked
 *   for again
 */
BrevetGeneration *brevet_identity_staging_complete (BrevetGeneration *staged, BrevetGeneration *candidate);

/**
 * brevet_identity_staging_is_complete:
 * @staged: (nullable): what is staged
 *
 * Returns: %TRUE if it is a candidate that waits for its hub
 */
gboolean brevet_identity_staging_is_complete (BrevetGeneration *staged);

/**
 * brevet_identity_staging_make_candidate:
 * @staged: what is staged, complete
 *
 * Returns: (transfer full): what can take the place of the generation in use
 */
BrevetGeneration *brevet_identity_staging_make_candidate (BrevetGeneration *staged);

G_END_DECLS
