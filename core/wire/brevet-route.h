/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-dialect.h"

G_BEGIN_DECLS

/**
 * BrevetRouteKind:
 *
 * The operations of the device API (protocol/dps.md §3, and brevet's own extension to it, docs/device-api-extensions.md) and of the
 * service API (§10.1, and the CA certificates of §7.2, docs/service-api-extensions.md).
 */
typedef enum {
  BREVET_ROUTE_REGISTER,                /* PUT    /{idScope}/registrations/{id}/register */
  BREVET_ROUTE_OPERATION,               /* GET    /{idScope}/registrations/{id}/operations/{operationId} */
  BREVET_ROUTE_REGISTRATION,            /* POST   /{idScope}/registrations/{id} */
  BREVET_ROUTE_DEVICE_TRUST_BUNDLE,     /* GET    /{idScope}/registrations/{id}/trustBundle, previews only */
  BREVET_ROUTE_ENROLLMENT,              /* GET, PUT, DELETE /enrollments/{id} */
  BREVET_ROUTE_ENROLLMENT_ATTESTATION,  /* POST   /enrollments/{id}/attestationmechanism */
  BREVET_ROUTE_GROUP,                   /* GET, PUT, DELETE /enrollmentGroups/{id} */
  BREVET_ROUTE_GROUP_ATTESTATION,       /* POST   /enrollmentGroups/{id}/attestationmechanism */
  BREVET_ROUTE_AUTHORITY,               /* GET, PUT, DELETE /certificateAuthorities/{name} */
  BREVET_ROUTE_AUTHORITIES,             /* GET    /certificateAuthorities */
  BREVET_ROUTE_TRUST_BUNDLE,            /* GET, PUT, DELETE /trustBundles/{id} */
  BREVET_ROUTE_TRUST_BUNDLES,           /* GET    /trustBundles */
  BREVET_ROUTE_CERTIFICATE,             /* GET, PUT, DELETE /certificates/{name} */
  BREVET_ROUTE_CERTIFICATE_CODE,        /* POST   /certificates/{name}/generateVerificationCode */
  BREVET_ROUTE_CERTIFICATE_PROOF,       /* POST   /certificates/{name}/verify */
  BREVET_ROUTE_CERTIFICATES,            /* GET    /certificates */
  BREVET_ROUTE_AUTHORITY_STATUS,        /* GET    /certificateAuthorityStatus/{name} */
  BREVET_ROUTE_AUTHORITY_STATUSES,      /* GET    /certificateAuthorityStatus */
  BREVET_ROUTE_AUTHORITY_CHECK,         /* POST   /certificateAuthorityStatus/{name}/check */
  BREVET_ROUTE_TRUST_BUNDLE_STATUS,     /* GET    /trustBundleStatus/{id} */
  BREVET_ROUTE_ISSUED,                  /* GET    /issuedCertificates/{id} */
  BREVET_ROUTE_ISSUED_REVOKE,           /* POST   /issuedCertificates/{id}/revoke */
  BREVET_ROUTE_ISSUED_LIST,             /* GET    /issuedCertificates, perhaps of one registrationId */
  BREVET_ROUTE_CRL,                     /* GET, HEAD /crl/{id}.crl, for everybody and without an api-version */
} BrevetRouteKind;

/**
 * BrevetVerb:
 *
 * What is to be done with the thing that a route names.
 */
typedef enum {
  BREVET_VERB_GET,
  BREVET_VERB_PUT,
  BREVET_VERB_DELETE,
  BREVET_VERB_POST,
} BrevetVerb;

/**
 * BrevetRoute:
 * @kind: which operation
 * @verb: the method
 * @dialect: from the api-version
 * @api_version: as received
 * @id_scope: (nullable): for the device API; decoded
 * @id: (nullable): registration id, group id or name; decoded and checked
 * @operation_id: (nullable): decoded
 * @registration_id: (nullable): the device whose things a list is to show; decoded and checked
 *
 * Where a request goes. Plain data; free with brevet_route_free().
 */
typedef struct {
  BrevetRouteKind kind;
  BrevetVerb verb;
  BrevetDialect dialect;
  char *api_version;
  char *id_scope;
  char *id;
  char *operation_id;
  char *registration_id;
} BrevetRoute;

/**
 * brevet_route_parse:
 * @method: `GET`, `PUT`, `POST`, `DELETE`, or `HEAD` for what is public
 * @path: absolute path, percent-encoded; a trailing slash is ignored, fixed words are compared without case, segments are decoded
 *   once
 * @query: (nullable): percent-encoded
 * @status: (out): on failure the status to answer: 400 (malformed path, id or api-version), 404 (no such path, or not in this
 *   api-version), 405 (not this method)
 * @error: return location
 *
 * Returns: (transfer full) (nullable): the route, or %NULL with %BREVET_ERROR_INVALID, %BREVET_ERROR_NOT_FOUND or
 *   %BREVET_ERROR_UNSUPPORTED
 */
BrevetRoute *brevet_route_parse (const char *method, const char *path, const char *query, guint *status, GError **error);

void brevet_route_free (BrevetRoute *self);

/**
 * brevet_route_is_public:
 *
 * Returns: %TRUE for what belongs to neither API and is answered to everybody
 */
gboolean brevet_route_is_public (const BrevetRoute *self);

/**
 * brevet_route_is_device_api:
 *
 * Returns: %TRUE for the device API, %FALSE for the service API and what is public
 */
gboolean brevet_route_is_device_api (const BrevetRoute *self);

/**
 * brevet_route_build_registration_path:
 * @id_scope: scope
 * @registration_id: device
 * @suffix: (nullable): `register`, `operations/{operationId}`, `trustBundle` or %NULL
 *
 * Returns: (transfer full): percent-encoded path for a client
 */
char *brevet_route_build_registration_path (const char *id_scope, const char *registration_id, const char *suffix);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetRoute, brevet_route_free)

G_END_DECLS
