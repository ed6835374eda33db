/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-bus-names.h"
#include "identity.h"

G_BEGIN_DECLS

/**
 * BrevetIdentityBus:
 *
 * One identity as an object on D-Bus: its properties follow the identity, its methods drive it.
 */
#define BREVET_TYPE_IDENTITY_BUS (brevet_identity_bus_get_type ())
G_DECLARE_FINAL_TYPE (BrevetIdentityBus, brevet_identity_bus, BREVET, IDENTITY_BUS, GObject)

/**
 * brevet_identity_bus_new:
 * @identity: a loaded identity
 *
 * Returns: (transfer full): its object, not exported yet
 */
BrevetIdentityBus *brevet_identity_bus_new (BrevetIdentity *identity);

/**
 * brevet_identity_bus_get_object:
 *
 * Returns: (transfer none): what an object manager exports
 */
GDBusObjectSkeleton *brevet_identity_bus_get_object (BrevetIdentityBus *self);

BrevetIdentity *brevet_identity_bus_get_identity (BrevetIdentityBus *self);

/**
 * brevet_identity_bus_flush:
 *
 * Brings the properties up to date and sends what has changed, so that nobody hears of an event before its effect can be seen.
 */
void brevet_identity_bus_flush (BrevetIdentityBus *self);

G_END_DECLS
