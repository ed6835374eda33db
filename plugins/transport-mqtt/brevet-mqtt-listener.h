/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-listener.h"

G_BEGIN_DECLS

/* The device API over MQTT 3.1.1. See README.md for its settings. */
#define BREVET_TYPE_MQTT_LISTENER (brevet_mqtt_listener_get_type ())
G_DECLARE_FINAL_TYPE (BrevetMqttListener, brevet_mqtt_listener, BREVET, MQTT_LISTENER, BrevetGateListener)

G_END_DECLS
