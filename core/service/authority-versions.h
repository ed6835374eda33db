/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-ca-backend.h"
#include "records-ca.h"
#include "secret-seal.h"

G_BEGIN_DECLS

/* The CAs that names of certificate authorities have stood for, in the store. */

/**
 * brevet_authority_version_new:
 * @backend: a configured CA
 *
 * Returns: (transfer full): the version that @name begins to stand for now, from the settings of @backend with its secrets sealed;
 *   those that cannot be are left out, with a warning
 */
BrevetCaVersion *brevet_authority_version_new (const char *name, const char *module, BrevetCaBackend *backend,
                                               BrevetSecretSeal *seal);

/**
 * brevet_authority_version_open:
 *
 * Returns: (transfer full) (nullable): the settings of @version with its secrets; %NULL with an error if one cannot be opened
 */
BrevetSettings *brevet_authority_version_open (const BrevetCaVersion *version, BrevetSecretSeal *seal, GError **error);

/**
 * brevet_authority_version_seal:
 *
 * Seals with the key that seals now what is sealed with another one.
 *
 * Returns: %TRUE if that has changed @version
 */
gboolean brevet_authority_version_seal (BrevetCaVersion *version, BrevetSecretSeal *seal);

/**
 * brevet_authority_version_is_sealed:
 * @lost: (out): whether it holds a secret that @seal cannot open
 *
 * Returns: %TRUE if it holds a sealed secret
 */
gboolean brevet_authority_version_is_sealed (const BrevetCaVersion *version, BrevetSecretSeal *seal, gboolean *lost);

/**
 * brevet_authority_versions_list_async:
 * @name: (nullable): name of a certificate authority; %NULL for all of them
 *
 * Lists what the name stands for and has stood for. Damaged records are logged and left out.
 */
void brevet_authority_versions_list_async (BrevetStore *store, const char *name, GCancellable *cancellable,
                                           GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_authority_versions_list_finish:
 * @damaged: (out) (optional) (transfer full) (element-type BrevetRecord): those that cannot be read; nobody knows whether they are
 *   needed
 *
 * Returns: (transfer full) (nullable) (element-type BrevetCaVersion): the versions, in no order; %NULL with an error of the store
 */
GPtrArray *brevet_authority_versions_list_finish (GAsyncResult *result, GPtrArray **damaged, GError **error);

/**
 * brevet_authority_versions_list:
 *
 * The same, waiting for the store: never inside a main loop.
 */
GPtrArray *brevet_authority_versions_list (BrevetStore *store, const char *name, GError **error);

/**
 * brevet_authority_versions_note_async:
 * @version: what its name stands for now
 *
 * Stores @version if the store does not have it like that, and ends all others of the same name.
 */
void brevet_authority_versions_note_async (BrevetStore *store, BrevetSecretSeal *seal, const BrevetCaVersion *version,
                                           GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

gboolean brevet_authority_versions_note_finish (GAsyncResult *result, GError **error);

/**
 * brevet_authority_versions_note_trust_async:
 * @trust: what the CA says is to be trusted
 *
 * Keeps @trust with a version that is in the store.
 */
void brevet_authority_versions_note_trust_async (BrevetStore *store, const char *name, const char *identity,
                                                 BrevetTrustBundle *trust, GCancellable *cancellable, GAsyncReadyCallback callback,
                                                 gpointer user_data);

gboolean brevet_authority_versions_note_trust_finish (GAsyncResult *result, GError **error);

G_END_DECLS
