/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-mqtt-client.h"
#include "brevet-network-peer.h"

G_BEGIN_DECLS

/**
 * BREVET_HUB_PORT:
 *
 * Where hubs speak MQTT over TLS, unless something else is known.
 */
#define BREVET_HUB_PORT 8883

/**
 * BrevetHubVisit:
 * @host: the assigned hub
 * @port: its port
 * @timeout: seconds until the hub must have accepted the device
 * @ca_file: (nullable): what the hub must be trusted by, in place of @trust
 * @trust: (nullable): the same, in memory; with neither of them, or an empty one: the system's trust
 * @device_id: name of the device at the hub
 * @chain: its certificate and intermediates
 * @key: private key of the certificate
 *
 * What it takes to come to a hub as a device. Plain data that belongs to the caller.
 */
typedef struct {
  const char *host;
  guint16 port;
  guint timeout;
  const char *ca_file;
  BrevetTrustBundle *trust;
  const char *device_id;
  BrevetChain *chain;
  BrevetKey *key;
} BrevetHubVisit;

/**
 * brevet_hub_enter_async:
 * @visit: need not live longer than the call
 *
 * Connects to a hub as a device does: MQTT 3.1.1 over TLS with the device's certificate, the device id as client id, and the user
 * name that Azure's hub wants and others ignore. Whoever is connected to the hub with this device id is disconnected by it.
 */
void brevet_hub_enter_async (const BrevetHubVisit *visit, GCancellable *cancellable, GAsyncReadyCallback callback,
                             gpointer user_data);

/**
 * brevet_hub_enter_finish:
 *
 * Returns: (transfer full) (nullable): a connected client; %NULL with %BREVET_ERROR_REJECTED if the hub refuses the device, or ends
 *   the connection instead of an answer, as hubs do that do not accept its certificate; %BREVET_ERROR_UNREACHABLE if it is not
 *   reached or does not answer in time; %BREVET_ERROR_UNTRUSTED if its certificate is not acceptable; %G_IO_ERROR_CANCELLED. The
 *   messages name the hub.
 */
BrevetMqttClient *brevet_hub_enter_finish (GAsyncResult *result, GError **error);

/**
 * brevet_hub_leave:
 * @client: (transfer full): from brevet_hub_enter_finish()
 *
 * Disconnects in order; the main loop does the rest.
 */
void brevet_hub_leave (BrevetMqttClient *client);

/**
 * brevet_hub_make_topic:
 *
 * Returns: (transfer full): the topic for telemetry of a device
 */
char *brevet_hub_make_topic (const char *device_id);

G_END_DECLS
