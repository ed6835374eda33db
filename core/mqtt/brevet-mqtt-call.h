/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-packet.h"

#include <gio/gio.h>

G_BEGIN_DECLS

/**
 * BrevetMqttCall:
 * @answer: what the broker answers it with
 * @task: (nullable): who waits; %NULL: the caller has cancelled and is answered. The packet identifier is not free before its
 *   acknowledgement has come.
 *
 * A packet of the client that waits for its answer.
 */
typedef struct {
  BrevetMqttPacketType answer;
  GTask *task;
  /*< private >*/
  GSource *cancelled;
} BrevetMqttCall;

BrevetMqttCall *brevet_mqtt_call_new (GTask *task, BrevetMqttPacketType answer);

void brevet_mqtt_call_free (BrevetMqttCall *self);

/**
 * brevet_mqtt_call_end:
 * @self: (transfer full): the call
 * @error: (nullable): why it failed
 *
 * Answers whoever waits, and frees the call.
 */
void brevet_mqtt_call_end (BrevetMqttCall *self, const GError *error);

G_END_DECLS
