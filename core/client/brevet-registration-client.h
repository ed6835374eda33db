/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"
#include "brevet-registration-state.h"
#include "brevet-transport.h"

G_BEGIN_DECLS

/**
 * BrevetRegistrationClient:
 *
 * The device's side of one registration (protocol/dps.md §3): proves, registers, answers a challenge, polls until the result is
 * there. Needs nothing but a transport and a prover; stores nothing.
 */
#define BREVET_TYPE_REGISTRATION_CLIENT (brevet_registration_client_get_type ())
G_DECLARE_FINAL_TYPE (BrevetRegistrationClient, brevet_registration_client, BREVET, REGISTRATION_CLIENT, GObject)

/**
 * brevet_registration_client_new:
 * @transport: way to the service
 * @prover: proves that this is the device
 * @id_scope: scope of the service
 * @registration_id: name of the device
 *
 * Returns: (transfer full): a client for this device
 */
BrevetRegistrationClient *brevet_registration_client_new (BrevetTransport *transport, BrevetProver *prover, const char *id_scope,
                                                          const char *registration_id);

/**
 * brevet_registration_client_register_async:
 * @csr: (nullable): CSR as DER, or %NULL to register without a certificate
 * @payload: (nullable): JSON value for custom allocation
 * @timeout: seconds for the whole registration, 1 to 86400
 *
 * Registers with `Prefer: wait`, so that a service that can do so answers at once; polls otherwise, as often as Retry-After says. A
 * throttled or failing service (429, 5xx) is asked again with growing pauses until @timeout.
 */
void brevet_registration_client_register_async (BrevetRegistrationClient *self, GBytes *csr, JsonNode *payload, guint timeout,
                                                GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);

/**
 * brevet_registration_client_register_finish:
 *
 * Returns: (transfer full) (nullable): an assigned registration; %NULL with %BREVET_ERROR_REJECTED if the service refused or the
 *   registration failed (the message holds the service's code, text and tracking id), %BREVET_ERROR_UNREACHABLE if there was no
 *   usable answer in time, %BREVET_ERROR_UNTRUSTED at once if who answered is not the service
 */
BrevetRegistrationState *brevet_registration_client_register_finish (BrevetRegistrationClient *self, GAsyncResult *result,
                                                                     GError **error);

G_END_DECLS
