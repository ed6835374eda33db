/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-channel.h"
#include "brevet-mqtt-packet.h"

G_BEGIN_DECLS

/**
 * BrevetMqttClient:
 *
 * A client of MQTT 3.1.1: one connection to one broker, QoS 0 and 1, clean session. It sends PINGREQ by itself when the keep-alive
 * asks for it, acknowledges what it receives, and notices a broker that does not answer. Everything happens on the thread-default
 * main context of its making.
 *
 * Signals: `message` with topic (utf8) and payload (#GBytes) for each PUBLISH that arrives; `closed` once, with a #GError, which is
 * %NULL only after brevet_mqtt_client_disconnect(). Calls in flight fail with %BREVET_ERROR_UNREACHABLE when the connection ends.
 */
#define BREVET_TYPE_MQTT_CLIENT (brevet_mqtt_client_get_type ())
BREVET_API
G_DECLARE_FINAL_TYPE (BrevetMqttClient, brevet_mqtt_client, BREVET, MQTT_CLIENT, GObject)

/**
 * brevet_mqtt_client_new:
 * @channel: an open channel; the client starts, uses and closes it
 *
 * Returns: (transfer full): a client that is not connected yet
 */
BREVET_API
BrevetMqttClient *brevet_mqtt_client_new (BrevetMqttChannel *channel);

/**
 * brevet_mqtt_client_connect_async:
 * @client_id: name of this client at the broker
 * @user_name: (nullable): user name
 * @password: (nullable): password; not kept
 * @keep_alive: seconds, 0 for none
 *
 * Sends CONNECT and waits for CONNACK, without a time limit of its own: cancel it.
 */
BREVET_API
void brevet_mqtt_client_connect_async (BrevetMqttClient *self, const char *client_id, const char *user_name, const char *password,
                                       guint16 keep_alive, GCancellable *cancellable, GAsyncReadyCallback callback,
                                       gpointer user_data);

/**
 * brevet_mqtt_client_connect_finish:
 * @code: (out) (optional): what the broker answered; %BREVET_MQTT_ACCEPTED on success
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED if the broker refused (@code says how, the message in words),
 *   %BREVET_ERROR_UNREACHABLE if there was no answer or a malformed one; @code is %BREVET_MQTT_ACCEPTED then too
 */
BREVET_API
gboolean brevet_mqtt_client_connect_finish (BrevetMqttClient *self, GAsyncResult *result, BrevetMqttConnectCode *code,
                                            GError **error);

BREVET_API
void brevet_mqtt_client_subscribe_async (BrevetMqttClient *self, const char *filter, guint8 qos, GCancellable *cancellable,
                                         GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_mqtt_client_subscribe_finish:
 *
 * Returns: %FALSE with %BREVET_ERROR_REJECTED if the broker refused the filter, %BREVET_ERROR_UNREACHABLE
 */
BREVET_API
gboolean brevet_mqtt_client_subscribe_finish (BrevetMqttClient *self, GAsyncResult *result, GError **error);

/**
 * brevet_mqtt_client_publish_async:
 * @topic: topic name
 * @payload: message
 * @qos: 0: done when it was handed to the channel; 1: done when the broker has acknowledged it
 */
BREVET_API
void brevet_mqtt_client_publish_async (BrevetMqttClient *self, const char *topic, GBytes *payload, guint8 qos,
                                       GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

BREVET_API
gboolean brevet_mqtt_client_publish_finish (BrevetMqttClient *self, GAsyncResult *result, GError **error);

/**
 * brevet_mqtt_client_disconnect:
 *
 * Sends DISCONNECT and closes the channel. What was published before is still sent.
 */
BREVET_API
void brevet_mqtt_client_disconnect (BrevetMqttClient *self);

/**
 * brevet_mqtt_connect_code_to_string:
 *
 * Returns: (transfer none): the code in words, for messages: `not authorized (5)`
 */
BREVET_API
const char *brevet_mqtt_connect_code_to_string (guint code);

G_END_DECLS
