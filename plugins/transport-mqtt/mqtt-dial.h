/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-evidence.h"
#include "brevet-mqtt-client.h"
#include "brevet-network-peer.h"

G_BEGIN_DECLS

/**
 * MqttPlan:
 * @peer: the service
 * @ways: (element-type MqttWay): ways to it, in order of preference
 * @timeout: seconds for each of them
 * @preferred: which of them worked last; atomic
 *
 * How a service can be reached; from the settings.
 */
typedef struct {
  BrevetNetworkPeer *peer;
  GPtrArray *ways;
  guint timeout;
  gint preferred;
} MqttPlan;

/**
 * mqtt_dial_async:
 * @plan: must live until it is done
 * @client_id: name of the device
 * @user_name: what it calls itself
 * @evidence: (nullable): with what it proves itself
 *
 * Tries one way after the other, beginning with the preferred one, until the service has answered; connects there and subscribes to
 * its answers.
 */
void mqtt_dial_async (MqttPlan *plan, const char *client_id, const char *user_name, BrevetEvidence *evidence,
                      GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * mqtt_dial_finish:
 * @port: (out): where the service has answered
 * @code: (out): %BREVET_MQTT_ACCEPTED, or how the service refuses the device
 *
 * Returns: (transfer full) (nullable): a client that may publish; %NULL with %BREVET_ERROR_REJECTED and @code if the service
 *   refuses; %BREVET_ERROR_UNREACHABLE, naming all ways; %BREVET_ERROR_UNTRUSTED if on one of the ways somebody answered who is not
 *   the service; %BREVET_ERROR_NOT_CONFIGURED
 */
BrevetMqttClient *mqtt_dial_finish (GAsyncResult *result, guint16 *port, BrevetMqttConnectCode *code, GError **error);

G_END_DECLS
