/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-channel.h"
#include "brevet-network-peer.h"
#include "mqtt-way.h"

G_BEGIN_DECLS

/**
 * mqtt_websocket_connect_async:
 * @peer: the service
 * @way: port and path
 * @chain: (nullable): certificates to present, leaf first
 * @key: (nullable): private key of the leaf
 *
 * Opens a WebSocket for MQTT, without a time limit of its own.
 */
void mqtt_websocket_connect_async (const BrevetNetworkPeer *peer, const MqttWay *way, BrevetChain *chain, BrevetKey *key,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * mqtt_websocket_connect_finish:
 *
 * Returns: (transfer full) (nullable): the channel; %NULL with an error of brevet_network_connect_finish()
 */
BrevetMqttChannel *mqtt_websocket_connect_finish (GAsyncResult *result, GError **error);

G_END_DECLS
