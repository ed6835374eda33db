/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-connection.h"

G_BEGIN_DECLS

/* One connection for each device in the whole process, whichever listener or worker it belongs to (MQTT 3.1.1 §3.1.4). */

/* Makes @connection the one of @device, and has the one before it closed.
 * @device: scope and registration id, folded */
void mqtt_sessions_enter (const char *device, BrevetGateConnection *connection);

/* Each connection that has entered leaves before it is freed, from `closed`: so whatever is found here is alive. */
void mqtt_sessions_leave (const char *device, BrevetGateConnection *connection);

G_END_DECLS
