/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-bus-generated.h"

G_BEGIN_DECLS

/* Names of data/dbus/org.brevet.Agent1.xml that its generated code does not have. */
#define BREVET_BUS_NAME "org.brevet.Agent1"
#define BREVET_BUS_PATH "/org/brevet/Agent1"
#define BREVET_BUS_IDENTITIES_PATH BREVET_BUS_PATH "/identities"

/**
 * brevet_bus_identity_path:
 * @name: name of an identity in the configuration
 *
 * Returns: (transfer full): the object path of the identity
 */
char *brevet_bus_identity_path (const char *name);

/**
 * brevet_bus_type_from_string:
 * @text: `system` or `session`
 * @type: (out): the bus
 *
 * Returns: %FALSE with %BREVET_ERROR_INVALID for another word
 */
gboolean brevet_bus_type_from_string (const char *text, GBusType *type, GError **error);

G_END_DECLS
