/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-dialect.h"
#include "brevet-message.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * BrevetRegistrationStatus:
 *
 * Status of a registration or operation (protocol/dps.md §2.4).
 */
typedef enum {
  BREVET_REGISTRATION_UNASSIGNED,
  BREVET_REGISTRATION_ASSIGNING,
  BREVET_REGISTRATION_ASSIGNED,
  BREVET_REGISTRATION_FAILED,
  BREVET_REGISTRATION_DISABLED,
} BrevetRegistrationStatus;

/**
 * BrevetRegistrationState:
 * @registration_id: (nullable): in the spelling of the first registration; %NULL if a service did not say it
 * @status: status
 * @substatus: (nullable): `initialAssignment` and its siblings
 * @assigned_hub: (nullable): host name
 * @device_id: (nullable): name of the device at the hub
 * @mechanism: (nullable): name of the attestation mechanism: the member that holds @attestation
 * @attestation: (nullable): what the device is told about its attestation
 * @error_code: six digits; 0 if it did not fail
 * @error_message: (nullable): a sentence for the device's operator
 * @payload: (nullable): data returned by custom allocation
 * @certificate_pem: (nullable): the issued certificate with its intermediates
 * @trust_bundle: (nullable): the bundle as the device API shows it, see brevet_trust_bundle_document_to_json()
 * @etag: (nullable): version of the registration, written and read as it is
 * @created: microseconds since 1970-01-01 UTC, 0 if unknown
 * @updated: microseconds since 1970-01-01 UTC, 0 if unknown
 *
 * What a registration came to (protocol/dps.md §2.5). Plain data.
 */
typedef struct {
  char *registration_id;
  BrevetRegistrationStatus status;
  char *substatus;
  char *assigned_hub;
  char *device_id;
  char *mechanism;
  JsonObject *attestation;
  guint error_code;
  char *error_message;
  JsonNode *payload;
  char *certificate_pem;
  JsonObject *trust_bundle;
  char *etag;
  gint64 created;
  gint64 updated;
} BrevetRegistrationState;

BrevetRegistrationState *brevet_registration_state_new (const char *registration_id, BrevetRegistrationStatus status);

void brevet_registration_state_free (BrevetRegistrationState *self);

/**
 * brevet_registration_state_to_json:
 * @dialect: certificate and trust bundle appear in %BREVET_DIALECT_2021_11_01_PREVIEW; in %BREVET_DIALECT_2025_07_01_PREVIEW the
 *   certificate appears as a chain, up to its root if the trust bundle holds that
 *
 * Returns: (transfer full): the object of protocol/dps.md §2.5, without null members
 */
JsonObject *brevet_registration_state_to_json (const BrevetRegistrationState *self, BrevetDialect dialect);

/**
 * brevet_registration_state_from_json:
 *
 * Reads every member that any dialect knows; used by clients, and by the service to read its own records.
 *
 * Returns: (transfer full) (nullable): the state, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetRegistrationState *brevet_registration_state_from_json (JsonObject *object, GError **error);

/**
 * brevet_operation_reply:
 * @operation_id: the operation
 * @state: its state; while it is assigning only registration id and status are shown
 * @dialect: dialect of the request
 * @retry_after: seconds between 2 and 59 while it is assigning
 *
 * Makes the reply of register and of the operation status lookup: 202 while assigning, 200 when final; members in the order
 * `operationId`, `status`, `registrationState` (protocol/dps.md §1.4, §15.3).
 *
 * Returns: (transfer full): a reply
 */
BrevetReply *brevet_operation_reply (const char *operation_id, const BrevetRegistrationState *state, BrevetDialect dialect,
                                     guint retry_after);

/**
 * brevet_operation_parse:
 * @body: body of a reply with status 200 or 202
 * @operation_id: (out) (transfer full) (nullable): the operation
 *
 * For clients. A reply without `registrationState` yields a state with the outer status alone.
 *
 * Returns: (transfer full) (nullable): the state, or %NULL with %BREVET_ERROR_INVALID
 */
BrevetRegistrationState *brevet_operation_parse (GBytes *body, char **operation_id, GError **error);

/**
 * brevet_registration_status_to_string:
 *
 * Returns: (transfer none): the word of the protocol
 */
const char *brevet_registration_status_to_string (BrevetRegistrationStatus status);

gboolean brevet_registration_status_from_string (const char *text, BrevetRegistrationStatus *status);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRegistrationState, brevet_registration_state_free)

G_END_DECLS
