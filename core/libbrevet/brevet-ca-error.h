/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-macros.h"

G_BEGIN_DECLS

/**
 * BREVET_CA_ERROR:
 *
 * The error domain of CA backends. The code decides what the core does next (there is a table in docs/ca-plugin-tutorial.md): a
 * permanent code fails the operation, a retryable one is asked again by the core, an operator code marks the CA as down.
 * Errors of this domain carry details; see brevet_ca_error_set_retry_after() and its siblings.
 */
#define BREVET_CA_ERROR (brevet_ca_error_quark ())

/**
 * BrevetCaError:
 * @BREVET_CA_ERROR_INTERNAL: the backend is at fault; permanent
 * @BREVET_CA_ERROR_INVALID_CSR: the CA cannot use this CSR; permanent
 * @BREVET_CA_ERROR_INVALID_REQUEST: the CA cannot use this request; permanent
 * @BREVET_CA_ERROR_POLICY: the CA's policy forbids it; permanent
 * @BREVET_CA_ERROR_REJECTED: the CA, or a human behind it, said no; permanent
 * @BREVET_CA_ERROR_NEW_KEY_REQUIRED: permanent for this CSR: the device must make a new key
 * @BREVET_CA_ERROR_CONFLICT: the CA knows this request already: find it
 * @BREVET_CA_ERROR_AUTH: the CA refuses our credentials; an operator must act
 * @BREVET_CA_ERROR_CONFIG: the CA's configuration is wrong; an operator must act
 * @BREVET_CA_ERROR_PROFILE: the CA's profile is wrong; an operator must act
 * @BREVET_CA_ERROR_QUOTA: licences or seats are used up; an operator must act
 * @BREVET_CA_ERROR_RATE_LIMITED: retryable after a pause
 * @BREVET_CA_ERROR_UNAVAILABLE: retryable; the request was certainly not carried out
 * @BREVET_CA_ERROR_TIMEOUT: retryable; the request was certainly not sent
 * @BREVET_CA_ERROR_AMBIGUOUS: the CA may have issued: ask again with the same key or find, or start a new attempt
 * @BREVET_CA_ERROR_PROTOCOL: the answer is not what the protocol allows; once more, then an operator must act
 * @BREVET_CA_ERROR_TICKET_EXPIRED: the pending request is gone; permanent, unless a certificate is found
 * @BREVET_CA_ERROR_NOT_FOUND: the CA does not know what was named; permanent
 * @BREVET_CA_ERROR_UNSUPPORTED: this backend has no such verb; permanent
 */
typedef enum {
  BREVET_CA_ERROR_INTERNAL,
  BREVET_CA_ERROR_INVALID_CSR,
  BREVET_CA_ERROR_INVALID_REQUEST,
  BREVET_CA_ERROR_POLICY,
  BREVET_CA_ERROR_REJECTED,
  BREVET_CA_ERROR_NEW_KEY_REQUIRED,
  BREVET_CA_ERROR_CONFLICT,
  BREVET_CA_ERROR_AUTH,
  BREVET_CA_ERROR_CONFIG,
  BREVET_CA_ERROR_PROFILE,
  BREVET_CA_ERROR_QUOTA,
  BREVET_CA_ERROR_RATE_LIMITED,
  BREVET_CA_ERROR_UNAVAILABLE,
  BREVET_CA_ERROR_TIMEOUT,
  BREVET_CA_ERROR_AMBIGUOUS,
  BREVET_CA_ERROR_PROTOCOL,
  BREVET_CA_ERROR_TICKET_EXPIRED,
  BREVET_CA_ERROR_NOT_FOUND,
  BREVET_CA_ERROR_UNSUPPORTED,
} BrevetCaError;

/**
 * BrevetCaErrorClass:
 * @BREVET_CA_ERROR_CLASS_PERMANENT: the operation fails and the device is told
 * @BREVET_CA_ERROR_CLASS_OPERATOR: the CA needs an operator; the device may try again later
 * @BREVET_CA_ERROR_CLASS_RETRYABLE: the core asks again
 * @BREVET_CA_ERROR_CLASS_AMBIGUOUS: the CA may have issued
 */
typedef enum {
  BREVET_CA_ERROR_CLASS_PERMANENT,
  BREVET_CA_ERROR_CLASS_OPERATOR,
  BREVET_CA_ERROR_CLASS_RETRYABLE,
  BREVET_CA_ERROR_CLASS_AMBIGUOUS,
} BrevetCaErrorClass;

BREVET_API
GQuark brevet_ca_error_quark (void);

/**
 * brevet_ca_error_classify:
 * @error: any error that a CA backend returned
 *
 * Says what the core must do about @error. A cancelled call is ambiguous when the request had been sent, which only the
 * caller knows; here it counts as %BREVET_CA_ERROR_CLASS_AMBIGUOUS. An error of a foreign domain is permanent.
 *
 * Returns: the class
 */
BREVET_API
BrevetCaErrorClass brevet_ca_error_classify (const GError *error);

/**
 * brevet_ca_error_set_retry_after:
 * @error: (not nullable): an error of %BREVET_CA_ERROR
 * @seconds: pause that the CA asks for, or -1 when it named none
 */
BREVET_API
void brevet_ca_error_set_retry_after (GError *error, int seconds);

/**
 * brevet_ca_error_get_retry_after:
 * @error: any error
 *
 * Returns: seconds, or -1 when none is known
 */
BREVET_API
int brevet_ca_error_get_retry_after (const GError *error);

/**
 * brevet_ca_error_set_upstream:
 * @error: (not nullable): an error of %BREVET_CA_ERROR
 * @http_status: status of the CA's answer, or 0
 * @code: (nullable): the CA's own error code
 * @message: (nullable): the CA's own text; cut to 512 bytes, unprintable characters are replaced. Operators see it, devices do not.
 */
BREVET_API
void brevet_ca_error_set_upstream (GError *error, guint http_status, const char *code, const char *message);

/**
 * brevet_ca_error_get_http_status:
 * @error: any error
 *
 * Returns: status of the CA's answer, 0 if there was none
 */
BREVET_API
guint brevet_ca_error_get_http_status (const GError *error);

/**
 * brevet_ca_error_get_upstream_code:
 * @error: any error
 *
 * Returns: (nullable) (transfer none): the CA's own error code
 */
BREVET_API
const char *brevet_ca_error_get_upstream_code (const GError *error);

/**
 * brevet_ca_error_set_transaction_id:
 * @error: (not nullable): an error of %BREVET_CA_ERROR
 * @transaction_id: (nullable): what the CA's support can look the call up by
 */
BREVET_API
void brevet_ca_error_set_transaction_id (GError *error, const char *transaction_id);

/**
 * brevet_ca_error_get_transaction_id:
 * @error: any error
 *
 * Returns: (nullable) (transfer none): what the CA's support can look the call up by
 */
BREVET_API
const char *brevet_ca_error_get_transaction_id (const GError *error);

/**
 * brevet_ca_error_get_upstream_message:
 * @error: any error
 *
 * Returns: (nullable) (transfer none): the CA's own text
 */
BREVET_API
const char *brevet_ca_error_get_upstream_message (const GError *error);

G_END_DECLS
