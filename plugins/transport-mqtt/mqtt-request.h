/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-handler.h"
#include "brevet-mqtt-dialog.h"

G_BEGIN_DECLS

/* What a device says over MQTT as a request, and the reply to it as a message. */

/* Makes the request that stands for a question.
 * @claims: what the device presented with its CONNECT; copied, as a handler adds to a request's claims
 * @question: (nullable): NULL for a request that is only to be admitted, to learn whether the device may speak at all
 * @wait: seconds that the device is ready to wait for the final result; 0 for none */
BrevetRequest *mqtt_request_new (const BrevetMqttUser *user, BrevetClaims *claims, const BrevetMqttQuestion *question, guint wait);

/* Has @request admitted and then handled, also when the peer goes away: what was acknowledged is done.
 * @payload: its body
 * @cancellable: cancelled when nobody waits for the reply any more */
void mqtt_request_ask_async (BrevetHandler *handler, BrevetRequest *request, GBytes *payload, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data);

BrevetReply *mqtt_request_ask_finish (GAsyncResult *result);

/* The message that carries @reply.
 * @rid: what the device called its question
 * @packet_id: 0 for QoS 0
 * Returns: a PUBLISH packet */
GBytes *mqtt_request_print_reply (BrevetReply *reply, const char *rid, guint16 packet_id);

G_END_DECLS
