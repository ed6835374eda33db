/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetCrlSource:
 * @name: name of the certificate authority
 * @identity: (nullable): which CA that is, %NULL if that could not be found out
 * @is_current: whether @name stands for it now
 * @der: (nullable): its list; %NULL if it could not be made now
 *
 * One certificate authority that has a revocation list. Plain data.
 */
typedef struct {
  char *name;
  char *identity;
  gboolean is_current;
  GBytes *der;
} BrevetCrlSource;

/**
 * brevet_crl_build_async:
 *
 * Reads what is revoked, and asks every certificate authority that has a list for a new one, each in its own time; also those that
 * names stood for earlier, as long as the service knows them.
 */
void brevet_crl_build_async (BrevetServiceContext *context, GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);

/**
 * brevet_crl_build_finish:
 * @issuers: (out) (transfer full) (element-type utf8): names of those who issued what has not expired
 *
 * Returns: (transfer full) (element-type BrevetCrlSource) (nullable): all that have lists; %NULL with an error of the store
 */
GPtrArray *brevet_crl_build_finish (GAsyncResult *result, GHashTable **issuers, GError **error);

G_END_DECLS
