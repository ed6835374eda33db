/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "authority-pool.h"

G_BEGIN_DECLS

/* A group `[ca NAME]` of the configuration. */
typedef struct {
  char *module;
  char *type; /* what the service API calls it */
  BrevetAuthority *authority;
} BrevetConfiguredAuthority;

/* An instance made from a stored document, good for one version of it. */
typedef struct {
  char *etag;
  BrevetAuthority *authority;
} BrevetMadeAuthority;

struct _BrevetAuthorityPool
{
  GObject parent_instance;

  BrevetRegistry *registry; /* main thread only */
  BrevetStore *store;

  /* Immutable once the pool is made. */
  GHashTable *modules;    /* certificateAuthorityType → module */
  GHashTable *configured; /* folded name → BrevetConfiguredAuthority */
  GPtrArray *names;       /* of configured groups, in their order, zero-terminated */

  GMutex mutex;
  GHashTable *made; /* folded name → BrevetMadeAuthority */
};

BrevetAuthority *brevet_authority_new (const char *name, BrevetCaBackend *backend, BrevetIssuanceCheck *check);

/**
 * brevet_authority_pool_find_group:
 *
 * Returns: (transfer none) (nullable): the configured group of this name
 */
BrevetConfiguredAuthority *brevet_authority_pool_find_group (BrevetAuthorityPool *self, const char *name);

/**
 * brevet_authority_pool_choose_group:
 * @module: plugin of the document's type
 * @chosen: (out) (nullable) (transfer none): the group that @document means; %NULL if the plugin has no groups, so that the
 *   document stands for itself
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID if it means none of those that there are
 */
gboolean brevet_authority_pool_choose_group (BrevetAuthorityPool *self, const BrevetAuthorityDocument *document, const char *module,
                                             BrevetConfiguredAuthority **chosen, GError **error);

G_END_DECLS
