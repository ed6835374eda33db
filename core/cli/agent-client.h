/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-bus-names.h"

G_BEGIN_DECLS

/**
 * BrevetAgentClient:
 * @connection: to the bus
 * @agent: the agent as a whole
 * @objects: its identities; #BrevetBusObject
 *
 * The agent as a command sees it. What the proxies hold is kept up to date by the main loop.
 */
typedef struct {
  GDBusConnection *connection;
  BrevetBusAgent1 *agent;
  GDBusObjectManager *objects;
} BrevetAgentClient;

/**
 * brevet_agent_client_new:
 *
 * Connects to the agent, and has the bus start it if it is not running. All errors of this and the following functions are
 * sentences for people and in the domain %BREVET_ERROR, or %G_OPTION_ERROR where the command line is to be changed.
 *
 * Returns: (transfer full) (nullable): the agent, or %NULL with @error set
 */
BrevetAgentClient *brevet_agent_client_new (GBusType bus, GError **error);

void brevet_agent_client_free (BrevetAgentClient *self);

/**
 * brevet_agent_client_find:
 * @name: (nullable): name of an identity; without one, the only identity is meant, or else `default`
 *
 * Returns: (transfer full) (nullable): the identity, or %NULL with an error that lists the names there are
 */
BrevetBusAgent1Identity *brevet_agent_client_find (BrevetAgentClient *self, const char *name, GError **error);

/**
 * brevet_agent_client_select:
 * @name: (nullable): name of an identity, or %NULL for all
 *
 * Returns: (transfer full) (nullable) (element-type BrevetBusAgent1Identity): one or all identities; %NULL with @error set if there
 *   is none of that name
 */
GPtrArray *brevet_agent_client_select (BrevetAgentClient *self, const char *name, GError **error);

/**
 * brevet_agent_client_reload:
 *
 * Returns: (transfer full) (nullable): @identity with its properties read again: an answer may arrive before the news of what it
 *   has changed; %NULL with @error set
 */
BrevetBusAgent1Identity *brevet_agent_client_reload (BrevetAgentClient *self, BrevetBusAgent1Identity *identity, GError **error);

/**
 * brevet_agent_client_explain:
 * @error: (transfer full): what came from the bus
 *
 * Returns: (transfer full): the same in the words of people: what failed, what to do
 */
GError *brevet_agent_client_explain (GError *error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetAgentClient, brevet_agent_client_free)

G_END_DECLS
