/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-settings.h"

G_BEGIN_DECLS

/**
 * MqttWay:
 * @websocket: over WebSocket; else over TLS as it is
 * @port: the service's port
 * @path: (nullable): of the WebSocket
 *
 * One of the ways to the service. Plain data.
 */
typedef struct {
  gboolean websocket;
  guint16 port;
  char *path;
} MqttWay;

/**
 * mqtt_ways_read:
 * @settings: of a transport: `ways`, a list of `tls[:PORT]` and `websocket[:PORT][/PATH]`, or `port` of a single `tls`
 *
 * Returns: (transfer full) (nullable) (element-type MqttWay): in the order in which they are to be tried; %NULL with
 *   %BREVET_ERROR_NOT_CONFIGURED
 */
GPtrArray *mqtt_ways_read (BrevetSettings *settings, GError **error);

/**
 * mqtt_way_to_string:
 *
 * Returns: (transfer full): the way as it is written in settings
 */
char *mqtt_way_to_string (const MqttWay *self);

G_END_DECLS
