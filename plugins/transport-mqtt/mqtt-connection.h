/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-gate-protocol.h"
#include "brevet-handler.h"

G_BEGIN_DECLS

/* What all connections of one listener have in common; immutable once it is registered. Times in milliseconds unless they say
 * otherwise. Reference counted: it is registered once for the port and once for WebSocket. */
typedef struct
{
  BrevetHandler *handler;
  guint          connect_timeout;
  guint          idle_timeout;
  guint          packet_timeout;
  guint          maximum_keep_alive;   /* seconds */
  guint          wait;                 /* seconds; 0 for none */
  gsize          packet_limit;
  guint          request_limit;
} MqttService;

/* MQTT 3.1.1 over a gate; its user data is a MqttService.
 *
 * Memory of one connection beside the gate's. Before it is accepted: one packet of at most 16 KiB. Idle: about 1 KiB, its token
 * (4 KiB at most) and its certificates. At work: one incomplete packet, `request_limit` questions of at most `packet_limit` (8
 * times 96 KiB) with what the handler makes of them, as many replies, and 32 KiB of acknowledgements. Reading stops when so many
 * questions are open, and as long as the peer does not take what was written. */
extern const BrevetGateProtocol mqtt_connection_protocol;

G_END_DECLS
