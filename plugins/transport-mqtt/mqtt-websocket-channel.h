/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-channel.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

/**
 * mqtt_websocket_channel_new:
 * @connection: an open WebSocket
 *
 * Returns: (transfer full): a channel over the binary messages of @connection
 */
BrevetMqttChannel *mqtt_websocket_channel_new (SoupWebsocketConnection *connection);

G_END_DECLS
