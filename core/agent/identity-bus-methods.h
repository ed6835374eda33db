/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "identity-bus.h"

G_BEGIN_DECLS

/**
 * brevet_identity_bus_connect_methods:
 * @interface: the interface of @self
 *
 * Answers the methods of org.brevet.Agent1.Identity, as long as @self lives.
 */
void brevet_identity_bus_connect_methods (BrevetIdentityBus *self, BrevetBusAgent1Identity *interface);

/**
 * brevet_identity_bus_return_error:
 * @invocation: (transfer full): what is answered
 *
 * Answers with an error of the interface: one of another domain becomes org.brevet.Error.Failed, and that is also the name of what
 * was cancelled.
 */
void brevet_identity_bus_return_error (GDBusMethodInvocation *invocation, const GError *error);

G_END_DECLS
