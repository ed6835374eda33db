/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"
#include "brevet-registry.h"
#include "brevet-store.h"
#include "brevet-transport.h"
#include "identity-config.h"

G_BEGIN_DECLS

/**
 * BrevetPlannedIdentity:
 * @config: what the configuration wants
 * @transport: made and configured; identities that name the same group share it
 * @prover: likewise
 */
typedef struct {
  BrevetIdentityConfig *config;
  BrevetTransport *transport;
  BrevetProver *prover;
} BrevetPlannedIdentity;

/**
 * BrevetAgentPlan:
 * @identities: (element-type BrevetPlannedIdentity): at least one, in the order of the configuration
 * @store: made and configured, not open
 * @warnings: (element-type utf8): keys and groups without effect, one sentence each
 *
 * Everything that a configuration asks for, made before anything of it takes effect. Plain data.
 */
typedef struct {
  GPtrArray *identities;
  BrevetStore *store;
  GPtrArray *warnings;
} BrevetAgentPlan;

/**
 * brevet_agent_plan_new:
 * @path: the configuration file
 * @registry: where the plugins come from
 *
 * Returns: (transfer full) (nullable): the plan, or %NULL with %BREVET_ERROR_NOT_CONFIGURED naming file and line
 */
BrevetAgentPlan *brevet_agent_plan_new (const char *path, BrevetRegistry *registry, GError **error);

/**
 * brevet_agent_plan_find:
 *
 * Returns: (transfer none) (nullable): the identity of that name
 */
BrevetPlannedIdentity *brevet_agent_plan_find (BrevetAgentPlan *self, const char *name);

void brevet_agent_plan_free (BrevetAgentPlan *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAgentPlan, brevet_agent_plan_free)

G_END_DECLS
