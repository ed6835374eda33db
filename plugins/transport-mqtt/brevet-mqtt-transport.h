/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-transport.h"

G_BEGIN_DECLS

/**
 * BrevetMqttTransport:
 *
 * A #BrevetTransport over MQTT. Settings: `host`, `ways` or `port`, `ca-file`, `timeout`, `connect-timeout`, `proxy`. Carries what
 * MQTT has topics for: registering, and looking at an operation; %BREVET_ERROR_UNSUPPORTED for everything else.
 */
#define BREVET_TYPE_MQTT_TRANSPORT (brevet_mqtt_transport_get_type ())
G_DECLARE_FINAL_TYPE (BrevetMqttTransport, brevet_mqtt_transport, BREVET, MQTT_TRANSPORT, BrevetPlugin)

G_END_DECLS
