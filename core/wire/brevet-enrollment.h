/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-attestation.h"
#include "brevet-dialect.h"

G_BEGIN_DECLS

/**
 * BrevetAllocationPolicy:
 * @BREVET_ALLOCATION_UNSET: the enrollment leaves it to the service
 * @BREVET_ALLOCATION_HASHED: evenly weighted by hash
 * @BREVET_ALLOCATION_GEO_LATENCY: nearest hub
 * @BREVET_ALLOCATION_STATIC: the named hub
 * @BREVET_ALLOCATION_CUSTOM: a webhook decides
 *
 * How a device's hub is chosen (protocol/dps.md §11.1).
 */
typedef enum {
  BREVET_ALLOCATION_UNSET,
  BREVET_ALLOCATION_HASHED,
  BREVET_ALLOCATION_GEO_LATENCY,
  BREVET_ALLOCATION_STATIC,
  BREVET_ALLOCATION_CUSTOM,
} BrevetAllocationPolicy;

/**
 * BrevetEnrollment:
 * @is_group: %TRUE for an enrollment group
 * @id: registration id or group id, in the spelling of its creation
 * @device_id: (nullable): individual enrollments only
 * @attestation: mechanism and its parameters
 * @enabled: %FALSE if provisioningStatus is `disabled`
 * @certificate_authority: (nullable): name of the CA that issues for its devices: `clientCertificateIssuancePolicy` or
 *   `credentialPolicyName`; %NULL for no issuance
 * @standby_authority: (nullable): name of the CA that issues while @certificate_authority is down (brevet's extension:
 *   `clientCertificateIssuancePolicy.standbyCertificateAuthorityName`)
 * @reuse_certificate: hand out a live certificate again instead of issuing (brevet's extension:
 *   `clientCertificateIssuancePolicy.reuseLiveCertificate`)
 * @trust_bundle_id: (nullable): bundle that its devices get
 * @allocation: policy
 * @hubs: (nullable): host names to choose from: `iotHubs`, or the one of `iotHubHostName`; %NULL for all linked hubs
 * @update_hub_assignment: re-evaluate the hub at each registration
 * @migrate_device_data: keep the device's data when its hub changes
 * @iot_edge: capability flag
 * @initial_twin: (nullable): kept and given back untouched
 * @optional_device_information: (nullable): kept and given back untouched
 * @custom_allocation: (nullable): kept and given back untouched
 * @etag: (nullable): version; set by whoever loads it
 * @created: microseconds since 1970-01-01 UTC, 0 if unknown
 * @updated: microseconds since 1970-01-01 UTC, 0 if unknown
 *
 * An individual enrollment or an enrollment group (protocol/dps.md §10.5). Plain data.
 */
typedef struct {
  gboolean is_group;
  char *id;
  char *device_id;
  BrevetAttestation *attestation;
  gboolean enabled;
  char *certificate_authority;
  char *standby_authority;
  gboolean reuse_certificate;
  char *trust_bundle_id;
  BrevetAllocationPolicy allocation;
  char **hubs;
  gboolean update_hub_assignment;
  gboolean migrate_device_data;
  gboolean iot_edge;
  JsonNode *initial_twin;
  JsonNode *optional_device_information;
  JsonNode *custom_allocation;
  char *etag;
  gint64 created;
  gint64 updated;
} BrevetEnrollment;

/**
 * brevet_enrollment_parse:
 * @body: JSON
 * @is_group: which of the two
 * @id: the id of the path; the one in the body must be the same
 * @dialect: members that this dialect does not know keep the value of @stored
 * @stored: (nullable): the enrollment as it is now; its @id spelling is kept
 *
 * Reads what an operator sent. Read-only and unknown members are ignored; combinations that protocol/dps.md §10.5 forbids are
 * refused. The attestation's parameters are taken as they are: its verifier judges them.
 *
 * Returns: (transfer full) (nullable): the enrollment, or %NULL with %BREVET_ERROR_INVALID naming the member
 */
BrevetEnrollment *brevet_enrollment_parse (GBytes *body, gboolean is_group, const char *id, BrevetDialect dialect,
                                           const BrevetEnrollment *stored, GError **error);

/**
 * brevet_enrollment_to_json:
 * @dialect: in which words its issuance policy is shown; stored are those of %BREVET_DIALECT_2021_11_01_PREVIEW
 * @attestation: (nullable): parameters to show in place of the stored ones; %NULL for the stored ones, which may hold secrets
 *
 * Returns: (transfer full): the complete object, with etag and time stamps where they are known
 */
JsonObject *brevet_enrollment_to_json (const BrevetEnrollment *self, BrevetDialect dialect, JsonObject *attestation);

/**
 * brevet_enrollment_load:
 * @body: what brevet_enrollment_to_json() wrote, from a store
 *
 * Returns: (transfer full) (nullable): the enrollment, or %NULL with %BREVET_ERROR_CORRUPT
 */
BrevetEnrollment *brevet_enrollment_load (GBytes *body, gboolean is_group, GError **error);

/**
 * brevet_attestation_to_json:
 * @parameters: (nullable): parameters to show in place of the stored ones
 *
 * Returns: (transfer full): `{"type": …, "<type>": {…}}`
 */
JsonObject *brevet_attestation_to_json (BrevetAttestation *attestation, JsonObject *parameters);

BrevetEnrollment *brevet_enrollment_ref (BrevetEnrollment *self);

void brevet_enrollment_unref (BrevetEnrollment *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (BrevetEnrollment, brevet_enrollment_unref)

G_END_DECLS
