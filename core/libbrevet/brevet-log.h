/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/* Message ids: one per event that an operator searches for. They are part of the interface: never reused, never changed. Their
 * explanations are in the message catalog data/brevet.catalog. */
#define BREVET_MESSAGE_SERVICE_STARTED       "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a01"
#define BREVET_MESSAGE_SERVICE_STOPPED       "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a02"
#define BREVET_MESSAGE_SERVICE_RELOADED      "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a03"
#define BREVET_MESSAGE_CONFIGURATION_PROBLEM "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a04"
#define BREVET_MESSAGE_ATTESTATION_REFUSED   "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a05"
#define BREVET_MESSAGE_ASSIGNED              "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a06"
#define BREVET_MESSAGE_REGISTRATION_FAILED   "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a07"
#define BREVET_MESSAGE_ISSUED                "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a08"
#define BREVET_MESSAGE_ISSUANCE_FAILED       "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a09"
#define BREVET_MESSAGE_CERTIFICATE_REFUSED   "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a0a"
#define BREVET_MESSAGE_OPERATION_RESUMED     "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a0b"
#define BREVET_MESSAGE_OPERATOR_CHANGE       "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a0c"
#define BREVET_MESSAGE_OPERATOR_REFUSED      "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a0d"
#define BREVET_MESSAGE_OVERLOADED            "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a0e"
#define BREVET_MESSAGE_LISTENER_PAUSED       "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a0f"
#define BREVET_MESSAGE_REQUEST_REFUSED       "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a10"
#define BREVET_MESSAGE_AGENT_STARTED         "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a11"
#define BREVET_MESSAGE_AGENT_STOPPED         "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a12"
#define BREVET_MESSAGE_AGENT_RELOADED        "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a13"
#define BREVET_MESSAGE_IDENTITY_INSTALLED    "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a14"
#define BREVET_MESSAGE_ATTEMPT_FAILED        "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a15"
#define BREVET_MESSAGE_DEVICE_REFUSED        "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a16"
#define BREVET_MESSAGE_TRUST_BUNDLE_CHANGED  "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a17"
#define BREVET_MESSAGE_IDENTITY_DAMAGED      "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a18"
#define BREVET_MESSAGE_IDENTITY_EXPIRED      "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a19"
#define BREVET_MESSAGE_STORAGE_FAILED        "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a1a"
#define BREVET_MESSAGE_HUB_PROOF_FAILED      "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a1b"
#define BREVET_MESSAGE_PROXY_REFUSED         "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a1c"
#define BREVET_MESSAGE_TOKEN_FAILED          "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a1d"
#define BREVET_MESSAGE_CERTIFICATE_REVOKED   "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a30"
#define BREVET_MESSAGE_REVOCATION_PROBLEM    "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a31"
#define BREVET_MESSAGE_ORPHAN_FOUND          "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a32"
#define BREVET_MESSAGE_ORPHAN_PROBLEM        "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a33"
#define BREVET_MESSAGE_ORPHAN_LOST           "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a34"
#define BREVET_MESSAGE_REVOCATION_LIST       "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a35"
#define BREVET_MESSAGE_AUTHORITY_TROUBLE     "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a1e"
#define BREVET_MESSAGE_STANDBY_ASKED         "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a1f"
#define BREVET_MESSAGE_ATTEMPT_LOST          "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a20"
#define BREVET_MESSAGE_CA_DOWN               "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a40"
#define BREVET_MESSAGE_CA_RECOVERED          "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a41"
#define BREVET_MESSAGE_CA_DEGRADED           "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a42"
#define BREVET_MESSAGE_CA_QUEUE_LONG         "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a43"
#define BREVET_MESSAGE_CA_EXPIRES            "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a44"
#define BREVET_MESSAGE_TRUST_BUNDLE_KEPT     "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a50"
#define BREVET_MESSAGE_RECORD_DAMAGED        "6d4f0c0f5d5a4f0ab3a3cf1f3c1f7a60"

/**
 * brevet_log_init:
 * @program: name that stands before each line on a terminal or a pipe
 * @verbose: also write debug messages (as with `G_MESSAGES_DEBUG=all`)
 *
 * Routes GLib's log of this process: structured to the journal where standard error is connected to it, else one line per message
 * on standard error, with the fields whose names begin with `BREVET_` after the text. Call it first in main().
 */
BREVET_API
void brevet_log_init (const char *program, gboolean verbose);

/**
 * brevet_log_event: (skip)
 * @level: %G_LOG_LEVEL_MESSAGE, %G_LOG_LEVEL_WARNING or %G_LOG_LEVEL_INFO
 * @message_id: one of the BREVET_MESSAGE_ constants
 * @message: a sentence for an operator, without a trailing stop; not a format
 * @...: pairs of field name (`"BREVET_REGISTRATION"`, upper case) and string value; a pair whose value is %NULL is left out.
 *   Ended by %NULL.
 *
 * Writes one structured record. Never give it a key, a token, a CSR or a response body.
 */
BREVET_API
void brevet_log_event (GLogLevelFlags level, const char *message_id, const char *message, ...) G_GNUC_NULL_TERMINATED;

G_END_DECLS
