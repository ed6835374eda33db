/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-message.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* Six-digit codes that public material proves (protocol/dps.md §1.5); everything else is status × 1000. */
#define BREVET_WIRE_CODE_UNAUTHORIZED            401002
#define BREVET_WIRE_CODE_NOT_FOUND               404201
#define BREVET_WIRE_CODE_HUB_NOT_SPECIFIED       400208
#define BREVET_WIRE_CODE_HUB_NOT_AUTHORIZED      400209
#define BREVET_WIRE_CODE_CSR_NOT_CONFIGURED      400000

/**
 * BREVET_WIRE_CSR_NOT_CONFIGURED:
 *
 * The text that clients match exactly to register again without a CSR (protocol/dps.md §2.3).
 */
#define BREVET_WIRE_CSR_NOT_CONFIGURED "Device sent CSR but it is not configured in the service."

/**
 * brevet_wire_error_reply:
 * @status: 400 to 599
 * @code: six-digit code, or 0 for status × 1000
 * @tracking_id: correlation id
 * @message: a sentence for the client
 * @now: microseconds since 1970-01-01 UTC
 * @retry_after: seconds, 0 for none
 *
 * Returns: (transfer full): a reply with the members `errorCode`, `trackingId`, `message`, `timestampUtc` and the headers
 *   `x-ms-error-code`, `x-ms-request-id`, `retry-after`
 */
BrevetReply *brevet_wire_error_reply (guint status, guint code, const char *tracking_id, const char *message, gint64 now,
                                      guint retry_after);

/**
 * brevet_wire_challenge_reply:
 * @tracking_id: correlation id
 * @parameters: what the device needs to prove itself
 * @now: microseconds since 1970-01-01 UTC
 *
 * Returns: (transfer full): a 401 with the members of an error and those of @parameters beside them (protocol/dps.md §6.2)
 */
BrevetReply *brevet_wire_challenge_reply (const char *tracking_id, JsonObject *parameters, gint64 now);

/**
 * BrevetWireProblem:
 * @code: six-digit code
 * @message: (nullable): text of the service
 * @tracking_id: (nullable): correlation id
 *
 * An error reply as a client reads it.
 */
typedef struct {
  gint64 code;
  char *message;
  char *tracking_id;
} BrevetWireProblem;

/**
 * brevet_wire_problem_parse:
 * @reply: a reply with status 400 or more
 *
 * Never fails: what cannot be read is left empty, so that a proxy's page does no harm.
 *
 * Returns: (transfer full): the problem
 */
BrevetWireProblem *brevet_wire_problem_parse (BrevetReply *reply);

void brevet_wire_problem_free (BrevetWireProblem *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetWireProblem, brevet_wire_problem_free)

G_END_DECLS
