/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"
#include "brevet-mqtt-dialog.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _MqttExchange MqttExchange;

/**
 * MqttExchangeOver:
 * @late: %TRUE when its time is over, %FALSE when the caller has cancelled it
 *
 * Nobody waits any longer. May free @exchange.
 */
typedef void (*MqttExchangeOver) (MqttExchange *exchange, gboolean late, gpointer user_data);

/**
 * MqttExchange:
 * @task: (nullable): who waits for a #BrevetReply; %NULL once it is answered
 * @rid: what the question is called
 * @topic: where it is published
 * @payload: its message
 *
 * A question, and who waits for the answer.
 */
struct _MqttExchange {
  GTask *task;
  char *rid;
  char *topic;
  GBytes *payload;
  /*< private >*/
  GSource *deadline;
  GSource *cancelled;
  MqttExchangeOver on_over;
  gpointer user_data;
};

/**
 * mqtt_exchange_new:
 * @question: what to ask; gets its rid here
 * @payload: (nullable): message
 */
MqttExchange *mqtt_exchange_new (GTask *task, BrevetMqttQuestion *question, GBytes *payload);

void mqtt_exchange_free (MqttExchange *self);

/**
 * mqtt_exchange_watch:
 * @context: where @on_over is called
 *
 * Calls @on_over after @seconds, or when the task is cancelled.
 */
void mqtt_exchange_watch (MqttExchange *self, GMainContext *context, guint seconds, MqttExchangeOver on_over, gpointer user_data);

/**
 * mqtt_exchange_fail:
 * @status: 0 to answer with @error; else the service has refused the device, and the answer is a reply with this status that
 *   says so
 */
void mqtt_exchange_fail (MqttExchange *self, guint status, const GError *error);

/**
 * mqtt_exchange_make_reply:
 *
 * Returns: (transfer full): what @answer and @payload are over HTTPS
 */
BrevetReply *mqtt_exchange_make_reply (const BrevetMqttAnswer *answer, GBytes *payload);

G_END_DECLS
