/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-network-peer.h"
#include "mqtt-way.h"

G_BEGIN_DECLS

/**
 * MqttPlan:
 * @peer: the service
 * @ways: (element-type MqttWay): ways to it, in order of preference
 * @timeout: seconds for each of them
 * @preferred: which of them worked last; atomic
 *
 * How a service can be reached. Reference counted: a connection on another thread may outlive the transport by a moment. Only
 * @preferred ever changes.
 */
typedef struct {
  BrevetNetworkPeer *peer;
  GPtrArray *ways;
  guint timeout;
  gint preferred;
} MqttPlan;

/**
 * mqtt_plan_read:
 * @settings: of a transport: `host`, `ways` or `port`, `ca-file`, `timeout`, `connect-timeout`, `proxy`
 *
 * Returns: (transfer full) (nullable): the plan; %NULL with %BREVET_ERROR_NOT_CONFIGURED
 */
MqttPlan *mqtt_plan_read (BrevetSettings *settings, GError **error);

MqttPlan *mqtt_plan_ref (MqttPlan *self);

void mqtt_plan_unref (MqttPlan *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (MqttPlan, mqtt_plan_unref)

G_END_DECLS
