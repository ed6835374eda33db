/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-enrollment.h"

#include "brevet-enrollment-private.h"
#include "brevet-etag.h"
#include "brevet-wire-private.h"

static const char *const allocation_words[] = {
  [BREVET_ALLOCATION_HASHED] = "hashed",
  [BREVET_ALLOCATION_GEO_LATENCY] = "geoLatency",
  [BREVET_ALLOCATION_STATIC] = "static",
  [BREVET_ALLOCATION_CUSTOM] = "custom",
};

const char *
brevet_enrollment_id_member (gboolean is_group)
{
  return is_group ? "enrollmentGroupId" : "registrationId";
}

gboolean
brevet_allocation_policy_from_string (const char *word, BrevetAllocationPolicy *policy)
{
  for (guint i = BREVET_ALLOCATION_HASHED; i < G_N_ELEMENTS (allocation_words); i++)
    if (g_ascii_strcasecmp (word, allocation_words[i]) == 0)
      {
        *policy = (BrevetAllocationPolicy) i;
        return TRUE;
      }
  return FALSE;
}

BrevetEnrollment *
brevet_enrollment_new (void)
{
  return g_atomic_rc_box_new0 (BrevetEnrollment);
}

BrevetEnrollment *
brevet_enrollment_ref (BrevetEnrollment *self)
{
  return g_atomic_rc_box_acquire (self);
}

static void
brevet_enrollment_clear (gpointer data)
{
  BrevetEnrollment *self = data;

  g_free (self->id);
  g_free (self->device_id);
  g_clear_pointer (&self->attestation, brevet_attestation_unref);
  g_free (self->certificate_authority);
  g_free (self->standby_authority);
  g_free (self->trust_bundle_id);
  g_strfreev (self->hubs);
  g_clear_pointer (&self->initial_twin, json_node_unref);
  g_clear_pointer (&self->optional_device_information, json_node_unref);
  g_clear_pointer (&self->custom_allocation, json_node_unref);
  g_free (self->etag);
}

void
brevet_enrollment_unref (BrevetEnrollment *self)
{
  g_atomic_rc_box_release_full (self, brevet_enrollment_clear);
}

JsonObject *
brevet_attestation_to_json (BrevetAttestation *attestation, JsonObject *parameters)
{
  const char *mechanism = brevet_attestation_get_mechanism (attestation);
  JsonObject *object = json_object_new ();

  if (parameters == NULL)
    parameters = brevet_attestation_get_parameters (attestation);
  json_object_set_string_member (object, "type", mechanism);
  json_object_set_object_member (object, mechanism, json_object_ref (parameters));
  return object;
}

/* The members of the first preview; also shown to clients that know neither them nor those of the second one. */
static void
add_issuance_policy (JsonObject *object, const BrevetEnrollment *self)
{
  JsonObject *policy = json_object_new ();

  json_object_set_string_member (policy, "certificateAuthorityName", self->certificate_authority);
  brevet_wire_add_string (policy, "standbyCertificateAuthorityName", self->standby_authority);
  if (self->reuse_certificate)
    json_object_set_boolean_member (policy, "reuseLiveCertificate", TRUE);
  json_object_set_object_member (object, "clientCertificateIssuancePolicy", policy);
}

static void
add_issuance (JsonObject *object, const BrevetEnrollment *self, BrevetDialect dialect)
{
  if (dialect == BREVET_DIALECT_2025_07_01_PREVIEW)
    {
      brevet_wire_add_string (object, "credentialPolicyName", self->certificate_authority);
      return;
    }
  if (self->certificate_authority != NULL)
    add_issuance_policy (object, self);
  brevet_wire_add_string (object, "trustBundleId", self->trust_bundle_id);
}

static void
add_allocation (JsonObject *object, const BrevetEnrollment *self)
{
  JsonArray *hubs;

  if (self->allocation != BREVET_ALLOCATION_UNSET)
    json_object_set_string_member (object, "allocationPolicy", allocation_words[self->allocation]);
  brevet_wire_add_node (object, "customAllocationDefinition", self->custom_allocation);
  if (self->hubs == NULL)
    return;
  hubs = json_array_new ();
  for (gsize i = 0; self->hubs[i] != NULL; i++)
    json_array_add_string_element (hubs, self->hubs[i]);
  json_object_set_array_member (object, "iotHubs", hubs);
}

static void
add_reprovisioning (JsonObject *object, const BrevetEnrollment *self)
{
  JsonObject *policy = json_object_new ();

  json_object_set_boolean_member (policy, "updateHubAssignment", self->update_hub_assignment);
  json_object_set_boolean_member (policy, "migrateDeviceData", self->migrate_device_data);
  json_object_set_object_member (object, "reprovisionPolicy", policy);
}

static void
add_capabilities (JsonObject *object, const BrevetEnrollment *self)
{
  JsonObject *capabilities = json_object_new ();

  json_object_set_boolean_member (capabilities, "iotEdge", self->iot_edge);
  json_object_set_object_member (object, "capabilities", capabilities);
}

static void
add_version (JsonObject *object, const BrevetEnrollment *self)
{
  g_autofree char *etag = self->etag != NULL ? brevet_etag_quote (self->etag) : NULL;

  brevet_wire_add_string (object, "etag", etag);
  brevet_wire_add_time (object, "createdDateTimeUtc", self->created);
  brevet_wire_add_time (object, "lastUpdatedDateTimeUtc", self->updated);
}

JsonObject *
brevet_enrollment_to_json (const BrevetEnrollment *self, BrevetDialect dialect, JsonObject *attestation)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, brevet_enrollment_id_member (self->is_group), self->id);
  brevet_wire_add_string (object, "deviceId", self->device_id);
  json_object_set_object_member (object, "attestation", brevet_attestation_to_json (self->attestation, attestation));
  add_issuance (object, self, dialect);
  json_object_set_string_member (object, "provisioningStatus", self->enabled ? "enabled" : "disabled");
  add_allocation (object, self);
  add_reprovisioning (object, self);
  add_capabilities (object, self);
  brevet_wire_add_node (object, "initialTwin", self->initial_twin);
  brevet_wire_add_node (object, "optionalDeviceInformation", self->optional_device_information);
  add_version (object, self);
  return object;
}
