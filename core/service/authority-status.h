/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "service-context.h"

G_BEGIN_DECLS

/**
 * BrevetAuthorityStatus:
 * @name: name of the certificate authority
 * @type: (nullable): what the service API calls its kind
 * @authority: (nullable): what can be asked; %NULL if nothing can
 * @problem: (nullable): why nothing can
 * @versions: (element-type BrevetCaVersion): what the name stands for, and has stood for
 * @census: who uses it
 * @bundles: (nullable) (element-type utf8): trust bundles that follow it
 * @pending: certificates that it has still to be told to revoke
 * @orphans: attempts that were given up without knowing whether it has issued
 *
 * What is known of one certificate authority. Plain data, all of it borrowed.
 */
typedef struct {
  const char *name;
  const char *type;
  BrevetAuthority *authority;
  const GError *problem;
  GPtrArray *versions;
  BrevetCensusResult *census;
  GPtrArray *bundles;
  guint64 pending;
  guint64 orphans;
} BrevetAuthorityStatus;

/**
 * brevet_authority_status_to_json:
 *
 * Returns: (transfer full): what operators are shown (docs/service-api-extensions.md)
 */
JsonObject *brevet_authority_status_to_json (const BrevetAuthorityStatus *self);

/**
 * brevet_authority_status_gather_async:
 * @name: (nullable): one certificate authority; %NULL for all of them, and for those that devices still have certificates of
 *   although nothing of their name is there any more
 */
void brevet_authority_status_gather_async (BrevetServiceContext *context, const char *name, GCancellable *cancellable,
                                           GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_authority_status_gather_finish:
 *
 * Returns: (transfer full) (nullable): an object for each, in the order of their names; none if nothing is known of the one that
 *   was asked for; %NULL with an error of the store
 */
JsonArray *brevet_authority_status_gather_finish (GAsyncResult *result, GError **error);

/* As the members of a status are: nothing for 0. @seconds: since 1970-01-01 UTC */
void brevet_status_add_time (JsonObject *object, const char *member, gint64 seconds);

/* When the devices were counted. */
void brevet_status_add_census (JsonObject *object, BrevetCensusResult *census);

G_END_DECLS
