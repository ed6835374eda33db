/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-prover.h"
#include "brevet-registration-state.h"
#include "brevet-transport.h"

G_BEGIN_DECLS

/**
 * BrevetRegistrationStage:
 * @BREVET_REGISTRATION_STAGE_PROVING: the proof is being made
 * @BREVET_REGISTRATION_STAGE_REGISTERING: the service is asked
 * @BREVET_REGISTRATION_STAGE_ASSIGNING: the service works on it, and is asked for the result now and then
 *
 * How far a registration is.
 */
typedef enum {
  BREVET_REGISTRATION_STAGE_PROVING,
  BREVET_REGISTRATION_STAGE_REGISTERING,
  BREVET_REGISTRATION_STAGE_ASSIGNING,
} BrevetRegistrationStage;

/**
 * BrevetRegistrationFailure:
 * @error_code: six digits of the service's error, 0 if it sent none
 * @tracking_id: (nullable): what the service's operator finds the request by
 * @retry_after: seconds after which the service wants to be asked again, at most a day; -1 if it names none
 * @disabled: the service says that the device is disabled. Services that answer this like any other refusal leave it %FALSE.
 *
 * What the service said about a registration that failed, beside the sentence in the error.
 */
typedef struct {
  guint error_code;
  char *tracking_id;
  int retry_after;
  gboolean disabled;
} BrevetRegistrationFailure;

/**
 * BrevetRegistrationClient:
 *
 * The device's side of one registration (protocol/dps.md §3): proves, registers, answers a challenge, polls until the result is
 * there. Needs nothing but a transport and a prover; stores nothing. One registration at a time.
 *
 * Signals: `stage-changed` with the #BrevetRegistrationStage as guint, each time that it is another one.
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
 * brevet_registration_client_set_patient:
 * @patient: %TRUE, as it is at first: a service that is not reached, is busy or fails (429, 5xx) is asked again; %FALSE: that ends
 *   the registration with %BREVET_ERROR_UNREACHABLE at once, for callers who know better when to come back
 *
 * Waiting for the result of an operation is no trouble: that goes on until the time-out in both cases.
 */
void brevet_registration_client_set_patient (BrevetRegistrationClient *self, gboolean patient);

/**
 * brevet_registration_client_speaks:
 *
 * Returns: %TRUE if @api_version is one in which a client can register: %BREVET_API_VERSION_PREVIEW or
 *   %BREVET_API_VERSION_2025_PREVIEW
 */
gboolean brevet_registration_client_speaks (const char *api_version);

/**
 * brevet_registration_client_set_api_version:
 * @api_version: one that the client speaks; at first it is %BREVET_API_VERSION_PREVIEW
 *
 * What is asked for, and what comes, is that of this version: with %BREVET_API_VERSION_2025_PREVIEW no trust bundle comes.
 */
void brevet_registration_client_set_api_version (BrevetRegistrationClient *self, const char *api_version);

/**
 * brevet_registration_client_register_async:
 * @csr: (nullable): CSR as DER, or %NULL to register without a certificate
 * @payload: (nullable): JSON value for custom allocation
 * @timeout: seconds for the whole registration, 1 to 86400
 *
 * Registers with `Prefer: wait`, so that a service that can do so answers at once; polls otherwise, as often as Retry-After says. A
 * throttled or failing service (429, 5xx) is asked again with growing pauses until @timeout, unless the client is not patient.
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

/**
 * brevet_registration_client_get_failure:
 *
 * Returns: (transfer none): what the service said in its last answer to the last registration, if that was an error; without any
 *   answer all is empty. Valid until the next registration.
 */
const BrevetRegistrationFailure *brevet_registration_client_get_failure (BrevetRegistrationClient *self);

G_END_DECLS
