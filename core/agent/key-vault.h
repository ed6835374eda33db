/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-secret.h"
#include "brevet-token-worker.h"
#include "generation.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetKeyVault:
 *
 * The way of one identity to its keys in tokens: the PINs, a thread (#BrevetTokenWorker), and time limits. A PIN is used for the
 * token that it was given for, and for no other. Reference counted; to be used on one thread.
 */
typedef struct _BrevetKeyVault BrevetKeyVault;

BrevetKeyVault *brevet_key_vault_new (void);

BrevetKeyVault *brevet_key_vault_ref (BrevetKeyVault *self);

void brevet_key_vault_unref (BrevetKeyVault *self);

/**
 * brevet_key_vault_set_pin:
 * @token: PKCS#11 URI of a token
 * @pin: (nullable): its PIN; %NULL if it needs none
 *
 * A token whose PIN was never set cannot be used. What was set once is kept: keys are left behind in a token that the configuration
 * does not name any more.
 */
void brevet_key_vault_set_pin (BrevetKeyVault *self, const char *token, BrevetSecret *pin);

/**
 * brevet_key_vault_knows:
 *
 * Returns: %TRUE if brevet_key_vault_set_pin() was called for @token
 */
gboolean brevet_key_vault_knows (BrevetKeyVault *self, const char *token);

/**
 * BrevetVaultKey:
 * @key: the key, ready for use
 * @csr: a request for a certificate (DER)
 *
 * A key in a token. Plain data.
 */
typedef struct {
  BrevetKey *key;
  GBytes *csr;
} BrevetVaultKey;

void brevet_vault_key_free (BrevetVaultKey *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetVaultKey, brevet_vault_key_free)

/**
 * brevet_key_vault_make_async:
 * @planned: its key place says where; the label must be on stable storage already
 * @kind: what to make
 * @common_name: for the request
 * @seconds: time for it
 *
 * Makes a key in a token.
 */
void brevet_key_vault_make_async (BrevetKeyVault *self, BrevetGeneration *planned, BrevetKeyKind kind, const char *common_name,
                                  guint seconds, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_key_vault_open_async:
 * @holder: a generation whose key is in a token
 * @common_name: for the request
 * @seconds: time for it
 *
 * Looks for a key that was made earlier.
 */
void brevet_key_vault_open_async (BrevetKeyVault *self, BrevetGeneration *holder, const char *common_name, guint seconds,
                                  GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_key_vault_key_finish:
 *
 * Of the two above.
 *
 * Returns: (transfer full) (nullable): the key; %NULL with %BREVET_ERROR_NOT_FOUND if the token is there and does not have it, or
 *   has another one in its place; with an error of brevet_token_generate_key(); or with %BREVET_ERROR_UNREACHABLE if the token does
 *   not answer in time
 */
BrevetVaultKey *brevet_key_vault_key_finish (GAsyncResult *result, GError **error);

/**
 * brevet_key_vault_release:
 * @key: (transfer full) (nullable): a key in a token
 *
 * For who has done with @key: that ends its session with the token, which may hang.
 */
void brevet_key_vault_release (BrevetKeyVault *self, BrevetKey *key);

/**
 * brevet_key_vault_drop_async:
 * @planned: its key place names a key that was perhaps made, or made by half
 * @seconds: time for it
 *
 * Removes what there is of that key. There may be only the public half, which brevet_key_vault_clean_async() does not see.
 */
void brevet_key_vault_drop_async (BrevetKeyVault *self, BrevetGeneration *planned, guint seconds, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer user_data);

gboolean brevet_key_vault_drop_finish (GAsyncResult *result, GError **error);

/**
 * brevet_key_vault_run_async:
 *
 * Anything else with a key in @token: as brevet_token_worker_run_async(), with its finish function.
 */
void brevet_key_vault_run_async (BrevetKeyVault *self, const char *token, guint seconds, BrevetTokenJob job, gpointer data,
                                 GDestroyNotify free_data, GDestroyNotify free_result, GCancellable *cancellable,
                                 GAsyncReadyCallback callback, gpointer user_data);

/**
 * BrevetVaultLook:
 * @removed: (element-type utf8): labels of the keys that were removed
 * @kept: (element-type utf8): labels of the keys that are there
 *
 * What a token has for an identity. Plain data.
 */
typedef struct {
  GPtrArray *removed;
  GPtrArray *kept;
} BrevetVaultLook;

void brevet_vault_look_free (BrevetVaultLook *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetVaultLook, brevet_vault_look_free)

/**
 * brevet_key_vault_clean_async:
 * @token: PKCS#11 URI of a token
 * @prefix: what the labels of the identity's own keys begin with
 * @keep: labels of the keys that may be needed
 *
 * Removes the keys of the identity that are not in @keep, and no others.
 */
void brevet_key_vault_clean_async (BrevetKeyVault *self, const char *token, const char *prefix, const char *const *keep,
                                   guint seconds, GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

BrevetVaultLook *brevet_key_vault_clean_finish (GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetKeyVault, brevet_key_vault_unref)

G_END_DECLS
