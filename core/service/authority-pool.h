/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-authority-document.h"
#include "brevet-ca-backend.h"
#include "brevet-config.h"
#include "brevet-issuance-check.h"
#include "brevet-registry.h"
#include "brevet-store.h"

G_BEGIN_DECLS

/**
 * BrevetAuthority:
 * @name: name that enrollments use
 * @backend: the CA
 * @check: what its certificates must pass
 *
 * A certificate authority that can be asked. Reference counted, immutable.
 */
typedef struct {
  char *name;
  BrevetCaBackend *backend;
  BrevetIssuanceCheck *check;
} BrevetAuthority;

BrevetAuthority *brevet_authority_ref (BrevetAuthority *self);

void brevet_authority_unref (BrevetAuthority *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAuthority, brevet_authority_unref)

/**
 * BrevetAuthorityPool:
 *
 * From the name of a certificate authority to something that can be asked. A name is that of a stored certificate authority; its
 * type says which plugin is meant, its profileName which configured group `[ca NAME]` of this plugin. Without profileName the only
 * such group is meant; where there is none at all, an instance is made from the stored members alone (settings `profile` and
 * `api-key`).
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
 * Returns: (transfer full) (nullable): the pool, or %NULL with an error that names file and line
 */
BrevetAuthorityPool *brevet_authority_pool_new (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store, GError **error);

/**
 * brevet_authority_pool_resolve_async:
 * @name: name of the certificate authority
 */
void brevet_authority_pool_resolve_async (BrevetAuthorityPool *self, const char *name, GCancellable *cancellable,
                                          GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_authority_pool_resolve_finish:
 *
 * Returns: (transfer full) (nullable): the authority; %NULL with %BREVET_ERROR_NOT_FOUND if there is none of this name,
 *   %BREVET_CA_ERROR_CONFIG if it cannot be used (no plugin for its type, wrong settings)
 */
BrevetAuthority *brevet_authority_pool_resolve_finish (BrevetAuthorityPool *self, GAsyncResult *result, GError **error);

/**
 * brevet_authority_pool_check_document:
 * @document: a certificate authority that is about to be stored
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID if its type is unknown, or if groups of its type are configured and its profileName
 *   names none of them, or is absent although there are several; a type that the protocol documents but no installed plugin
 *   provides is fine here
 */
gboolean brevet_authority_pool_check_document (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, GError **error);

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
