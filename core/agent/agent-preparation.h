/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent-plan.h"
#include "identity.h"

G_BEGIN_DECLS

/**
 * BrevetAgentPreparation:
 * @plan: (nullable): what the configuration asks for; %NULL if it is wrong
 * @store: (nullable): open; %NULL if there was none and it could not be opened
 * @loaded: (element-type BrevetIdentity): the identities that are new, as far as what is stored of them could be read
 * @error: (nullable): why something of it is missing
 *
 * All that must have been done before a configuration can take effect. Making it changes nothing of what is in effect.
 */
typedef struct {
  BrevetAgentPlan *plan;
  BrevetStore *store;
  GPtrArray *loaded;
  GError *error;
} BrevetAgentPreparation;

void brevet_agent_preparation_free (BrevetAgentPreparation *self);

/**
 * brevet_agent_prepare_async:
 * @path: the configuration file
 * @registry: where the plugins come from
 * @store: (nullable): the open store; %NULL if the one of the configuration is to be opened
 * @identities: (element-type BrevetIdentity): those that there are; they are not loaded again
 *
 * Reads the configuration, opens the store, loads the new identities.
 */
void brevet_agent_prepare_async (const char *path, BrevetRegistry *registry, BrevetStore *store, GPtrArray *identities,
                                 GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_agent_prepare_finish:
 *
 * Returns: (transfer full): what could be prepared, and the error, if any, in it; never %NULL
 */
BrevetAgentPreparation *brevet_agent_prepare_finish (GAsyncResult *result);

/**
 * brevet_agent_find_identity:
 * @identities: (element-type BrevetIdentity)
 *
 * Returns: (transfer none) (nullable): the one of that name
 */
BrevetIdentity *brevet_agent_find_identity (GPtrArray *identities, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAgentPreparation, brevet_agent_preparation_free)

G_END_DECLS
