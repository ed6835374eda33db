/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"
#include "brevet-csr.h"

G_BEGIN_DECLS

/**
 * BrevetCaRequest:
 *
 * What the core asks of a CA: one certificate for one key. Filled by the core before it is handed over, immutable afterwards;
 * reference counted.
 */
typedef struct _BrevetCaRequest BrevetCaRequest;

#define BREVET_TYPE_CA_REQUEST (brevet_ca_request_get_type ())

/**
 * BREVET_CA_IDEMPOTENCY_KEY_SIZE:
 *
 * Length of an idempotency key in bytes.
 */
#define BREVET_CA_IDEMPOTENCY_KEY_SIZE 32

BREVET_API
GType brevet_ca_request_get_type (void);

/**
 * brevet_ca_request_new:
 * @operation_id: the operation that this is part of
 * @registration_id: the device, in the spelling of its registration
 * @csr: the verified request of the device
 * @idempotency_key: (array fixed-size=32): 32 unpredictable bytes, the same whenever the same issuance is asked again
 * @requested_at: when the intent was recorded, seconds since 1970-01-01 UTC; the same whenever the same issuance is asked again
 *
 * Returns: (transfer full): a request for a certificate whose common name is @registration_id
 */
BREVET_API
BrevetCaRequest *brevet_ca_request_new (const char *operation_id, const char *registration_id, BrevetCsr *csr,
                                        const guint8 *idempotency_key, gint64 requested_at);

BREVET_API
BrevetCaRequest *brevet_ca_request_ref (BrevetCaRequest *self);

BREVET_API
void brevet_ca_request_unref (BrevetCaRequest *self);

/**
 * brevet_ca_request_get_operation_id:
 *
 * Returns: (transfer none): the operation that this is part of
 */
BREVET_API
const char *brevet_ca_request_get_operation_id (BrevetCaRequest *self);

/**
 * brevet_ca_request_get_registration_id:
 *
 * Returns: (transfer none): the device, in the spelling of its registration
 */
BREVET_API
const char *brevet_ca_request_get_registration_id (BrevetCaRequest *self);

/**
 * brevet_ca_request_get_csr:
 *
 * Returns: (transfer none): the verified request of the device
 */
BREVET_API
BrevetCsr *brevet_ca_request_get_csr (BrevetCaRequest *self);

/**
 * brevet_ca_request_get_idempotency_key:
 *
 * Returns: (transfer none) (array fixed-size=32): 32 bytes, the same whenever the same issuance is asked again, also after a
 *   restart
 */
BREVET_API
const guint8 *brevet_ca_request_get_idempotency_key (BrevetCaRequest *self);

/**
 * brevet_ca_request_get_requested_at:
 *
 * Returns: when the intent was recorded, seconds since 1970-01-01 UTC
 */
BREVET_API
gint64 brevet_ca_request_get_requested_at (BrevetCaRequest *self);

/**
 * brevet_ca_request_set_common_name:
 * @common_name: subject of the certificate, 1 to 64 characters
 */
BREVET_API
void brevet_ca_request_set_common_name (BrevetCaRequest *self, const char *common_name);

/**
 * brevet_ca_request_get_common_name:
 *
 * Returns: (transfer none): subject of the certificate
 */
BREVET_API
const char *brevet_ca_request_get_common_name (BrevetCaRequest *self);

/**
 * brevet_ca_request_set_uri:
 * @uri: (nullable): URI that the subjectAltName must hold, or %NULL for none
 */
BREVET_API
void brevet_ca_request_set_uri (BrevetCaRequest *self, const char *uri);

/**
 * brevet_ca_request_get_uri:
 *
 * Returns: (nullable) (transfer none): URI that the subjectAltName must hold
 */
BREVET_API
const char *brevet_ca_request_get_uri (BrevetCaRequest *self);

/**
 * brevet_ca_request_set_validity:
 * @seconds: wanted lifetime, 0 for what the CA does by itself
 */
BREVET_API
void brevet_ca_request_set_validity (BrevetCaRequest *self, gint64 seconds);

/**
 * brevet_ca_request_get_validity:
 *
 * Returns: wanted lifetime in seconds, 0 for what the CA does by itself
 */
BREVET_API
gint64 brevet_ca_request_get_validity (BrevetCaRequest *self);

/**
 * brevet_ca_request_set_deadline:
 * @monotonic: microseconds of brevet_clock_monotonic() after which nobody waits any more, 0 for none
 */
BREVET_API
void brevet_ca_request_set_deadline (BrevetCaRequest *self, gint64 monotonic);

/**
 * brevet_ca_request_get_deadline:
 *
 * Returns: microseconds of brevet_clock_monotonic() after which nobody waits any more, 0 for none
 */
BREVET_API
gint64 brevet_ca_request_get_deadline (BrevetCaRequest *self);

/**
 * brevet_ca_request_add_known:
 * @sha256: of a certificate, as brevet_certificate_get_sha256() tells it
 *
 * Says that the core has this certificate already: whoever looks for one passes over it.
 */
BREVET_API
void brevet_ca_request_add_known (BrevetCaRequest *self, const char *sha256);

/**
 * brevet_ca_request_is_known:
 *
 * A device may use one key for many certificates, and ask for two at once. A backend that finds several for one key answers with
 * the newest of those that are not known.
 *
 * Returns: %TRUE if the core has @certificate already
 */
BREVET_API
gboolean brevet_ca_request_is_known (BrevetCaRequest *self, BrevetCertificate *certificate);

/**
 * brevet_ca_request_mark_sent:
 *
 * A backend calls this just before it writes the request to its CA: from then on a cut connection is ambiguous.
 */
BREVET_API
void brevet_ca_request_mark_sent (BrevetCaRequest *self);

/**
 * brevet_ca_request_was_sent:
 *
 * Returns: %TRUE once brevet_ca_request_mark_sent() was called
 */
BREVET_API
gboolean brevet_ca_request_was_sent (BrevetCaRequest *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetCaRequest, brevet_ca_request_unref)

G_END_DECLS
