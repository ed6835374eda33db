/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-evidence.h"
#include "brevet-mqtt-client.h"
#include "mqtt-plan.h"

G_BEGIN_DECLS

/**
 * mqtt_dial_async:
 * @plan: how the service can be reached
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

/**
 * mqtt_dial_describe_delay:
 * @result: of a search that was cancelled, because it took too long
 * @seconds: how long
 *
 * Returns: (transfer full): an error that says what came of each way until then, as that of mqtt_dial_finish() does
 */
GError *mqtt_dial_describe_delay (GAsyncResult *result, guint seconds);

G_END_DECLS
