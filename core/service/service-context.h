/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "access-policy.h"
#include "authority-pool.h"
#include "brevet-key-policy.h"
#include "brevet-subject-policy.h"
#include "brevet-verifier.h"
#include "census.h"
#include "hubs.h"
#include "trust-bundle-holders.h"

G_BEGIN_DECLS

/* See crl-publisher.h. */
typedef struct _BrevetCrlPublisher BrevetCrlPublisher;

/**
 * BrevetServiceContext:
 * @id_scope: the scope that devices name
 * @chores: (nullable): the background jobs of the service, to poke; %NULL where there is no service
 * @crls: (nullable): revocation lists, and what was learned from them; %NULL where there is no service
 * @host_names: names of this service
 * @store: where everything is kept
 * @verifiers: (element-type utf8 BrevetVerifier): by mechanism
 * @authorities: certificate authorities
 * @census: who uses which of them, and has which trust bundle
 * @holders: keeps who has which trust bundle
 * @hubs: linked hubs
 * @policies: shared access policies
 * @key_policy: which keys a CSR may have
 * @subject_policy: which subject a certificate gets
 * @default_allocation: policy of enrollments that name none
 * @retry_after: seconds that a device is asked to wait between polls, 2 to 59
 * @maximum_wait: longest `Prefer: wait` in seconds that is honoured
 * @issuance_timeout: seconds after which an issuance that a CA neither answers nor holds as pending fails
 * @ambiguity_patience: seconds for which only the CA is asked that may have issued already, 0 for no end
 *
 * Everything that the stages share: made once from a configuration, immutable afterwards, replaced as a whole by a reload.
 * Reference counted; a request keeps the one that it began with.
 */
typedef struct {
  char *id_scope;
  BrevetServiceChores *chores;
  BrevetCrlPublisher *crls;
  char **host_names;
  BrevetStore *store;
  GHashTable *verifiers;
  BrevetAuthorityPool *authorities;
  BrevetCensus *census;
  BrevetBundleHolders *holders;
  BrevetHubs *hubs;
  BrevetAccessPolicies *policies;
  BrevetKeyPolicy *key_policy;
  BrevetSubjectPolicy *subject_policy;
  BrevetAllocationPolicy default_allocation;
  guint retry_after;
  guint maximum_wait;
  guint issuance_timeout;
  guint ambiguity_patience;
} BrevetServiceContext;

/**
 * brevet_service_context_new:
 * @store: an open store
 * @traffics: (nullable): the traffic of certificate authorities that goes on through reloads
 * @chores: (nullable): what is done in the background
 *
 * Makes all plugins that the configuration names, except listeners and the store. On the main thread.
 *
 * Returns: (transfer full) (nullable): the context, or %NULL with an error that names file and line
 */
BrevetServiceContext *brevet_service_context_new (BrevetConfig *config, BrevetRegistry *registry, BrevetStore *store,
                                                  BrevetAuthorityTraffics *traffics, BrevetServiceChores *chores,
                                                  GError **error);

BrevetServiceContext *brevet_service_context_ref (BrevetServiceContext *self);

void brevet_service_context_unref (BrevetServiceContext *self);

/**
 * brevet_service_context_get_verifier:
 *
 * Returns: (transfer none) (nullable): the verifier, or %NULL with %BREVET_ERROR_UNSUPPORTED naming the mechanism
 */
BrevetVerifier *brevet_service_context_get_verifier (BrevetServiceContext *self, const char *mechanism, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetServiceContext, brevet_service_context_unref)

G_END_DECLS
