/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-evidence.h"
#include "brevet-mqtt-dialog.h"
#include "mqtt-plan.h"

G_BEGIN_DECLS

/**
 * MqttLine:
 *
 * The connection of one device to the service: opened for its first question, kept while it polls, closed after a final answer,
 * after trouble, and after a pause. Lives on the thread-default main context of its making, but for ref and unref. It never comes
 * back to life.
 */
typedef struct _MqttLine MqttLine;

/**
 * mqtt_line_new:
 * @plan: how the service can be reached
 * @client_id: name of the device
 * @user_name: what it calls itself
 * @evidence: (nullable): with what it proves itself
 *
 * Returns: (transfer full): a line that nobody has asked anything yet
 */
MqttLine *mqtt_line_new (MqttPlan *plan, const char *client_id, const char *user_name, BrevetEvidence *evidence);

MqttLine *mqtt_line_ref (MqttLine *self);

void mqtt_line_unref (MqttLine *self);

/**
 * mqtt_line_is_closed:
 *
 * Returns: %TRUE if it is of no use any more; from any thread
 */
gboolean mqtt_line_is_closed (MqttLine *self);

/**
 * mqtt_line_is_mine:
 *
 * Returns: %TRUE if the caller's thread-default main context is that of the line, and it is for @user_name; from any thread
 */
gboolean mqtt_line_is_mine (MqttLine *self, const char *user_name);

/**
 * mqtt_line_has_evidence:
 *
 * Returns: %TRUE if the line was or will be opened with @evidence, or with what says the same
 */
gboolean mqtt_line_has_evidence (MqttLine *self, BrevetEvidence *evidence);

/**
 * mqtt_line_is_idle:
 *
 * Returns: %TRUE if nobody waits for an answer
 */
gboolean mqtt_line_is_idle (MqttLine *self);

/**
 * mqtt_line_ask:
 * @task: answered with a #BrevetReply
 * @question: what to ask; its rid is chosen here
 * @payload: (nullable): message
 */
void mqtt_line_ask (MqttLine *self, GTask *task, BrevetMqttQuestion *question, GBytes *payload);

/**
 * mqtt_line_close:
 *
 * Ends it; who waits gets an error. From any thread; done on its own.
 */
void mqtt_line_close (MqttLine *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MqttLine, mqtt_line_unref)

G_END_DECLS
