/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "agent.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetAgentBus:
 *
 * Shows an agent on D-Bus as data/dbus/org.brevet.Agent1.xml describes it: the object manager and org.brevet.Agent1 at
 * /org/brevet/Agent1, one object per identity below. Who may call what is the bus policy's affair.
 */
#define BREVET_TYPE_AGENT_BUS (brevet_agent_bus_get_type ())
G_DECLARE_FINAL_TYPE (BrevetAgentBus, brevet_agent_bus, BREVET, AGENT_BUS, GObject)

/**
 * brevet_agent_bus_new:
 * @agent: a loaded agent
 * @connection: the bus; the name is requested by whoever makes this, afterwards
 *
 * Exports the agent and all its identities, and follows their changes.
 *
 * Returns: (transfer full) (nullable): the exported agent, or %NULL with an error
 */
BrevetAgentBus *brevet_agent_bus_new (BrevetAgent *agent, GDBusConnection *connection, GError **error);

G_END_DECLS
