/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-certificate.h"

G_BEGIN_DECLS

/**
 * BrevetRevocationReason:
 *
 * CRLReason of RFC 5280 §5.3.1.
 */
typedef enum {
  BREVET_REVOCATION_UNSPECIFIED            = 0,
  BREVET_REVOCATION_KEY_COMPROMISE         = 1,
  BREVET_REVOCATION_CA_COMPROMISE          = 2,
  BREVET_REVOCATION_AFFILIATION_CHANGED    = 3,
  BREVET_REVOCATION_SUPERSEDED             = 4,
  BREVET_REVOCATION_CESSATION_OF_OPERATION = 5,
  BREVET_REVOCATION_CERTIFICATE_HOLD       = 6,
  BREVET_REVOCATION_REMOVE_FROM_CRL        = 8,
  BREVET_REVOCATION_PRIVILEGE_WITHDRAWN    = 9,
  BREVET_REVOCATION_AA_COMPROMISE          = 10,
} BrevetRevocationReason;

/**
 * BrevetRevocation:
 *
 * One certificate that must not be accepted any more. Immutable and reference counted.
 */
typedef struct _BrevetRevocation BrevetRevocation;

#define BREVET_TYPE_REVOCATION (brevet_revocation_get_type ())

BREVET_API
GType brevet_revocation_get_type (void);

/**
 * brevet_revocation_new:
 * @certificate: what is revoked
 * @time: since when, seconds since 1970-01-01 UTC
 * @reason: why
 *
 * Returns: (transfer full): the revocation
 */
BREVET_API
BrevetRevocation *brevet_revocation_new (BrevetCertificate *certificate, gint64 time, BrevetRevocationReason reason);

/**
 * brevet_revocation_new_for_serial:
 * @issuer_sha256: SHA-256 of the issuer's name (the text of brevet_certificate_get_subject()), in hexadecimal digits
 * @serial: serial number, as brevet_certificate_get_serial() has it
 * @time: since when, seconds since 1970-01-01 UTC
 * @reason: why
 *
 * For a certificate that nobody has any more.
 *
 * Returns: (transfer full): the revocation
 */
BREVET_API
BrevetRevocation *brevet_revocation_new_for_serial (const char *issuer_sha256, const char *serial, gint64 time,
                                                    BrevetRevocationReason reason);

BREVET_API
BrevetRevocation *brevet_revocation_ref (BrevetRevocation *self);

BREVET_API
void brevet_revocation_unref (BrevetRevocation *self);

/**
 * brevet_revocation_get_certificate:
 *
 * Made anew each time, so that a long list does not hold a parsed certificate for each entry.
 *
 * Returns: (transfer full) (nullable): what is revoked; %NULL if nothing is left of it but brevet_revocation_get_serial()
 */
BREVET_API
BrevetCertificate *brevet_revocation_get_certificate (BrevetRevocation *self);

/**
 * brevet_revocation_get_serial:
 * @issuer: a certificate authority's own certificate
 *
 * What to put on the list of @issuer of a certificate that is lost: one that other CAs of the same name get as well does no harm.
 *
 * Returns: (transfer none) (nullable): the serial number, if the certificate is lost and had an issuer of this name
 */
BREVET_API
const char *brevet_revocation_get_serial (BrevetRevocation *self, BrevetCertificate *issuer);

/**
 * brevet_revocation_get_time:
 *
 * Returns: seconds since 1970-01-01 UTC
 */
BREVET_API
gint64 brevet_revocation_get_time (BrevetRevocation *self);

/**
 * brevet_revocation_get_reason:
 *
 * Returns: why
 */
BREVET_API
BrevetRevocationReason brevet_revocation_get_reason (BrevetRevocation *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRevocation, brevet_revocation_unref)

G_END_DECLS
