/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-traffic.h"
#include "brevet-authority-document.h"
#include "brevet-ca-backend.h"
#include "brevet-config.h"
#include "brevet-issuance-check.h"
#include "brevet-registry.h"
#include "brevet-store.h"

G_BEGIN_DECLS

/* See service-chores.h. */
typedef struct _BrevetServiceChores BrevetServiceChores;

/**
 * BrevetAuthority:
 * @name: name that enrollments use
 * @identity: which CA that is (brevet_ca_backend_dup_identity())
 * @backend: the CA
 * @check: what its certificates must pass
 * @traffic: its queue and circuit breaker: each question to @backend needs a turn
 * @limits: those of @traffic as its settings have them; in force there once the settings are
 *
 * A certificate authority that can be asked. Reference counted, immutable.
 */
typedef struct {
  char *name;
  char *identity;
  BrevetCaBackend *backend;
  BrevetIssuanceCheck *check;
  BrevetAuthorityTraffic *traffic;
  BrevetAuthorityLimits limits;
} BrevetAuthority;

BrevetAuthority *brevet_authority_ref (BrevetAuthority *self);

void brevet_authority_unref (BrevetAuthority *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAuthority, brevet_authority_unref)

/**
 * BrevetAuthorityPool:
 *
 * From the name of a certificate authority to something that can be asked. A name is that of a stored certificate authority; its
 * type says which plugin is meant, and its profileName may name a configured group `[ca NAME]` of this plugin. Without profileName
 * the only such group is meant. Where neither is so, it stands for itself: an instance is made from what the operator says in
 * `[plugin ca-…]`, and its profileName and apiKey (settings `profile` and `api-key`), nothing else.
 * What a name has stood for is kept (#BrevetCaVersion), and can be asked after the name has come to stand for another CA.
 * Every configured group is itself a certificate authority of its own name, unless one is stored under that name.
 *
 * Usable from several threads; only the registry, and so the making of instances, is left to the main thread, which must be running
 * the default main context.
 */
#define BREVET_TYPE_AUTHORITY_POOL (brevet_authority_pool_get_type ())
G_DECLARE_FINAL_TYPE (BrevetAuthorityPool, brevet_authority_pool, BREVET, AUTHORITY_POOL, GObject)

/**
 * brevet_authority_pool_new:
 *
 * Makes and configures the backends of all groups `[ca NAME]`. On the main thread.
 *
 * @traffics: (nullable): the traffic that goes on through reloads; %NULL for one of its own
 *
 * Returns: (transfer full) (nullable): the pool, or %NULL with an error that names file and line
 */
BrevetAuthorityPool *brevet_authority_pool_new (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store,
                                                BrevetAuthorityTraffics *traffics, GError **error);

/**
 * brevet_authority_pool_new_to_read:
 *
 * Like brevet_authority_pool_new(), for a program that is not the service: what it resolves leaves no trace in @store.
 *
 * Returns: (transfer full) (nullable): the pool, or %NULL with an error that names file and line
 */
BrevetAuthorityPool *brevet_authority_pool_new_to_read (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store,
                                                        GError **error);

/**
 * brevet_authority_pool_resolve_async:
 * @name: name of the certificate authority
 * @identity: (nullable): which CA is meant if the name has come to stand for another: the one that a ticket or a certificate is of;
 *   %NULL for the one that it stands for now
 */
void brevet_authority_pool_resolve_async (BrevetAuthorityPool *self, const char *name, const char *identity,
                                          GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_authority_pool_resolve_finish:
 *
 * Returns: (transfer full) (nullable): the authority; %NULL with %BREVET_ERROR_NOT_FOUND if there is none of this name, or nothing
 *   is known of the one with this identity any more; %BREVET_CA_ERROR_CONFIG if it cannot be used (no plugin for its type, wrong
 *   settings)
 */
BrevetAuthority *brevet_authority_pool_resolve_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error);

/**
 * brevet_authority_pool_put_in_force:
 *
 * From now on the certificate authorities of the configuration have the limits that it says. Until then the traffic that they share
 * with those of the former configuration goes on as before.
 */
void brevet_authority_pool_put_in_force (BrevetAuthorityPool *self);

/**
 * brevet_authority_pool_note_trust:
 * @authority: a certificate authority of this pool
 * @trust: what it says is to be trusted
 * @chores: (nullable): of the service, which does not stop before it is written
 *
 * Keeps it with the version of the CA, if it is news; in the background. From any thread.
 */
void brevet_authority_pool_note_trust (BrevetAuthorityPool *self, BrevetAuthority *authority, BrevetTrustBundle *trust,
                                       BrevetServiceChores *chores);

/**
 * brevet_authority_pool_list_async:
 *
 * Asks for the names of all certificate authorities, those that are stored and those of the configuration.
 */
void brevet_authority_pool_list_async (BrevetAuthorityPool *self, GCancellable *cancellable, GAsyncReadyCallback callback,
                                       gpointer user_data);

/**
 * brevet_authority_pool_list_finish:
 *
 * Returns: (transfer full) (nullable) (element-type utf8): the names, each once; %NULL with an error of the store
 */
GPtrArray *brevet_authority_pool_list_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error);

/**
 * brevet_authority_pool_accept_document:
 * @document: a certificate authority that is about to be stored, as it came
 * @has_new_key: its API key came along, and was not stored before
 *
 * Makes @document what is to be stored: its API key is sealed, or dropped if it means a configured group. Look at the result with
 * brevet_authority_pool_check_document_async() before it is stored.
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID if its type is unknown, if there are several groups of its type and it names none, or
 *   if it names one and brings an API key along; with another error if its API key cannot be sealed. A type that the protocol
 *   documents but no installed plugin provides is fine here.
 */
gboolean brevet_authority_pool_accept_document (BrevetAuthorityPool *self, BrevetAuthorityDocument *document, gboolean has_new_key,
                                                GError **error);

/**
 * brevet_authority_pool_check_document_async:
 * @document: accepted; must stay until the answer
 *
 * Lets the plugin look at @document if it stands for itself, without asking a CA.
 */
void brevet_authority_pool_check_document_async (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document,
                                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_authority_pool_check_document_finish:
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID naming the member that is wrong
 */
gboolean brevet_authority_pool_check_document_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error);

/**
 * brevet_authority_pool_seal_stored:
 *
 * Seals what is stored in plain text, or with a key that is no longer the first one. What cannot be opened is logged, and no new
 * key is made then. Waits for the store; from any thread.
 *
 * Returns: %FALSE with an error of the store
 */
gboolean brevet_authority_pool_seal_stored (BrevetAuthorityPool *self, GError **error);

/**
 * brevet_authority_pool_look_after_secrets:
 *
 * Looks whether the key that seals is still where the next start will look for it, and seals what could not be sealed before. Waits
 * for the disk and the store; from any thread.
 *
 * Returns: %FALSE with an error that says what to do
 */
gboolean brevet_authority_pool_look_after_secrets (BrevetAuthorityPool *self, GError **error);

/**
 * brevet_authority_pool_get_configured:
 * @name: name of a certificate authority
 *
 * Returns: (transfer full) (nullable): the document of the configured group of this name, or %NULL
 */
BrevetAuthorityDocument *brevet_authority_pool_get_configured (BrevetAuthorityPool *self, const char *name);

/**
 * brevet_authority_pool_ref_configured:
 * @name: one of brevet_authority_pool_list_configured()
 *
 * Returns: (transfer full): the authority of this configured group, whatever is stored under the name
 */
BrevetAuthority *brevet_authority_pool_ref_configured (BrevetAuthorityPool *self, const char *name);

/**
 * brevet_authority_pool_list_configured:
 *
 * Returns: (transfer none) (array zero-terminated=1): names of the configured groups
 */
const char *const *brevet_authority_pool_list_configured (BrevetAuthorityPool *self);

G_END_DECLS
