/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-enrollment-private.h"

#include "brevet-identifier.h"
#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

#include <string.h>

/* First version of the message to a custom allocation's webhook. */
#define WEBHOOK_API_VERSION_MIN "2018-09-01"

static gboolean
refuse (GError **error, const char *reason)
{
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, reason);
  return FALSE;
}

static gboolean
refuse_member (GError **error, const char *member, const char *reason)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “%s” %s", member, reason);
  return FALSE;
}

static gboolean
read_identifier (JsonObject *object, const char *member, BrevetIdentifierKind kind, char **value, GError **error)
{
  if (!brevet_wire_dup_string (object, member, value, error))
    return FALSE;
  if (*value == NULL || brevet_identifier_check (kind, *value, error))
    return TRUE;
  g_prefix_error (error, "The member “%s”: ", member);
  return FALSE;
}

static gboolean
read_id (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  const char *member = brevet_enrollment_id_member (self->is_group);
  BrevetIdentifierKind kind = self->is_group ? BREVET_IDENTIFIER_ENROLLMENT_GROUP_ID : BREVET_IDENTIFIER_REGISTRATION_ID;

  if (!read_identifier (object, member, kind, &self->id, error))
    return FALSE;
  return self->id != NULL || refuse_member (error, member, "is missing");
}

/* Mechanisms are named without regard to case; those of the protocol get its spelling. */
static char *
spell_mechanism (const char *type)
{
  static const char *const known[] = { "none", "symmetricKey", "tpm", "x509" };

  for (gsize i = 0; i < G_N_ELEMENTS (known); i++)
    if (g_ascii_strcasecmp (type, known[i]) == 0)
      return g_strdup (known[i]);
  return g_strdup (type);
}

static gboolean
check_combination (const char *mechanism, gboolean is_group, JsonObject *parameters, GError **error)
{
  if (is_group && strcmp (mechanism, "tpm") == 0)
    return refuse (error, "The attestation “tpm” is for individual enrollments only");
  if (strcmp (mechanism, "x509") != 0 || parameters == NULL)
    return TRUE;
  if (is_group && json_object_has_member (parameters, "clientCertificates"))
    return refuse_member (error, "clientCertificates",
                          "is for individual enrollments only; a group has signingCertificates or caReferences");
  if (!is_group && json_object_has_member (parameters, "signingCertificates"))
    return refuse_member (error, "signingCertificates", "is for enrollment groups only");
  if (!is_group && json_object_has_member (parameters, "caReferences"))
    return refuse_member (error, "caReferences", "is for enrollment groups only");
  return TRUE;
}

static gboolean
read_attestation (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  g_autoptr(JsonObject) parameters = NULL;
  g_autofree char *mechanism = NULL;
  JsonObject *attestation, *given = NULL;
  const char *type = NULL;

  if (!brevet_wire_get_object (object, "attestation", &attestation, error) ||
      (attestation != NULL && !brevet_wire_get_string (attestation, "type", &type, error)))
    return FALSE;
  if (type == NULL || *type == '\0')
    return refuse_member (error, attestation == NULL ? "attestation" : "attestation.type", "is missing");

  mechanism = spell_mechanism (type);
  if (!brevet_wire_get_object (attestation, mechanism, &given, error))
    return FALSE;
  if (given != NULL)
    parameters = brevet_wire_strip_nulls (given);
  if (!check_combination (mechanism, self->is_group, parameters, error))
    return FALSE;
  self->attestation = brevet_attestation_new (mechanism, self->is_group, parameters);
  return TRUE;
}

static gboolean
read_status (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  const char *word;

  if (!brevet_wire_get_string (object, "provisioningStatus", &word, error))
    return FALSE;
  self->enabled = word == NULL || g_ascii_strcasecmp (word, "enabled") == 0;
  if (!self->enabled && g_ascii_strcasecmp (word, "disabled") != 0)
    return refuse_member (error, "provisioningStatus", "must be “enabled” or “disabled”");
  return TRUE;
}

static gboolean
read_issuance (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  JsonObject *policy;

  if (!read_identifier (object, "trustBundleId", BREVET_IDENTIFIER_NAME, &self->trust_bundle_id, error) ||
      !brevet_wire_get_object (object, "clientCertificateIssuancePolicy", &policy, error))
    return FALSE;
  if (policy == NULL)
    return TRUE;
  if (!read_identifier (policy, "certificateAuthorityName", BREVET_IDENTIFIER_NAME, &self->certificate_authority, error) ||
      !read_identifier (policy, "standbyCertificateAuthorityName", BREVET_IDENTIFIER_NAME, &self->standby_authority, error) ||
      !brevet_wire_get_boolean (policy, "reuseLiveCertificate", FALSE, &self->reuse_certificate, error))
    return FALSE;
  if (self->certificate_authority == NULL)
    return refuse_member (error, "clientCertificateIssuancePolicy.certificateAuthorityName", "is missing");
  return self->standby_authority == NULL || !brevet_identifier_equal (self->standby_authority, self->certificate_authority) ||
         refuse_member (error, "clientCertificateIssuancePolicy.standbyCertificateAuthorityName",
                        "must name another certificate authority than certificateAuthorityName");
}

static void
keep_issuance (BrevetEnrollment *self, const BrevetEnrollment *stored)
{
  self->trust_bundle_id = g_strdup (stored->trust_bundle_id);
  self->certificate_authority = g_strdup (stored->certificate_authority);
  self->standby_authority = g_strdup (stored->standby_authority);
  self->reuse_certificate = stored->reuse_certificate;
}

/* The older word is unknown in this dialect, but too important to be overheard. */
static gboolean
check_older_policy (const BrevetEnrollment *self, JsonObject *object, GError **error)
{
  JsonObject *policy;
  const char *name;

  if (!brevet_wire_get_object (object, "clientCertificateIssuancePolicy", &policy, error))
    return FALSE;
  if (policy == NULL)
    return TRUE;
  if (!brevet_wire_get_string (policy, "certificateAuthorityName", &name, error))
    return FALSE;
  if (self->certificate_authority == NULL)
    return refuse_member (error, "clientCertificateIssuancePolicy", "is of another api-version; use credentialPolicyName");
  return name == NULL || brevet_identifier_equal (name, self->certificate_authority) ||
         refuse_member (error, "credentialPolicyName", "contradicts clientCertificateIssuancePolicy.certificateAuthorityName");
}

/* A credential policy is a certificate authority under another name. What only the older dialect can say stays as it is, as long as
 * it is about the same authority. */
static gboolean
read_credential_policy (BrevetEnrollment *self, JsonObject *object, const BrevetEnrollment *stored, GError **error)
{
  if (!read_identifier (object, "credentialPolicyName", BREVET_IDENTIFIER_NAME, &self->certificate_authority, error) ||
      !check_older_policy (self, object, error))
    return FALSE;
  if (stored == NULL)
    return TRUE;
  self->trust_bundle_id = g_strdup (stored->trust_bundle_id);
  if (self->certificate_authority == NULL ||
      !brevet_identifier_equal (self->certificate_authority, stored->certificate_authority))
    return TRUE;
  self->reuse_certificate = stored->reuse_certificate;
  self->standby_authority = g_strdup (stored->standby_authority);
  return TRUE;
}

/* What a client of an older dialect cannot have seen, it cannot have meant to remove. */
static gboolean
read_or_keep_issuance (BrevetEnrollment *self, JsonObject *object, BrevetDialect dialect, const BrevetEnrollment *stored,
                       GError **error)
{
  if (dialect == BREVET_DIALECT_2021_11_01_PREVIEW)
    return read_issuance (self, object, error);
  if (dialect == BREVET_DIALECT_2025_07_01_PREVIEW)
    return read_credential_policy (self, object, stored, error);
  if (stored != NULL)
    keep_issuance (self, stored);
  return TRUE;
}

static gboolean
check_hubs (char **hubs, GError **error)
{
  for (gsize i = 0; hubs != NULL && hubs[i] != NULL; i++)
    if (*hubs[i] == '\0' || strlen (hubs[i]) > 255 ||
        strspn (hubs[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]") != strlen (hubs[i]))
      return refuse_member (error, "iotHubs", "has an entry that is not a host name");
  return TRUE;
}

/* iotHubHostName is the older spelling of a static allocation to one hub. */
static gboolean
read_hubs (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  g_auto(GStrv) hubs = NULL;
  const char *single;

  if (!brevet_wire_get_strings (object, "iotHubs", &hubs, error) ||
      !brevet_wire_get_string (object, "iotHubHostName", &single, error))
    return FALSE;
  if (single != NULL)
    {
      if (self->allocation == BREVET_ALLOCATION_UNSET)
        self->allocation = BREVET_ALLOCATION_STATIC;
      if (self->allocation != BREVET_ALLOCATION_STATIC)
        return refuse_member (error, "iotHubHostName", "goes with the allocation policy “static” only; use iotHubs");
      if (hubs != NULL && hubs[0] != NULL && g_ascii_strcasecmp (hubs[0], single) != 0)
        return refuse_member (error, "iotHubHostName", "contradicts iotHubs");
      g_clear_pointer (&hubs, g_strfreev);
      hubs = g_strdupv ((char *[]) { (char *) single, NULL });
    }
  if (!check_hubs (hubs, error))
    return FALSE;
  if (hubs != NULL && hubs[0] != NULL)
    self->hubs = g_steal_pointer (&hubs);
  if (self->allocation == BREVET_ALLOCATION_STATIC && self->hubs != NULL && self->hubs[1] != NULL)
    return refuse_member (error, "iotHubs", "may name one hub only with the allocation policy “static”");
  return TRUE;
}

static gboolean
check_webhook (JsonObject *definition, GError **error)
{
  const char *url, *version;

  if (!brevet_wire_get_string (definition, "webhookUrl", &url, error) ||
      !brevet_wire_get_string (definition, "apiVersion", &version, error))
    return FALSE;
  if (url == NULL || version == NULL)
    return refuse_member (error, "customAllocationDefinition", "needs webhookUrl and apiVersion");
  return strcmp (version, WEBHOOK_API_VERSION_MIN) >= 0 ||
         refuse_member (error, "customAllocationDefinition.apiVersion", "must be " WEBHOOK_API_VERSION_MIN "-preview or later");
}

static gboolean
read_allocation (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  JsonObject *definition;
  const char *word;

  if (!brevet_wire_get_string (object, "allocationPolicy", &word, error) ||
      !brevet_wire_get_object (object, "customAllocationDefinition", &definition, error))
    return FALSE;
  if (word != NULL && !brevet_allocation_policy_from_string (word, &self->allocation))
    return refuse_member (error, "allocationPolicy", "must be “hashed”, “geoLatency”, “static” or “custom”");
  if ((definition != NULL) != (self->allocation == BREVET_ALLOCATION_CUSTOM))
    return refuse_member (error, "customAllocationDefinition", "and the allocation policy “custom” need each other");
  if (definition != NULL && !check_webhook (definition, error))
    return FALSE;
  if (definition != NULL)
    self->custom_allocation = json_object_dup_member (object, "customAllocationDefinition");
  return read_hubs (self, object, error);
}

static gboolean
read_reprovisioning (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  g_autoptr(JsonObject) empty = json_object_new ();
  JsonObject *policy;

  if (!brevet_wire_get_object (object, "reprovisionPolicy", &policy, error))
    return FALSE;
  if (policy == NULL)
    policy = empty;
  return brevet_wire_get_boolean (policy, "updateHubAssignment", TRUE, &self->update_hub_assignment, error) &&
         brevet_wire_get_boolean (policy, "migrateDeviceData", TRUE, &self->migrate_device_data, error);
}

static gboolean
read_capabilities (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  JsonObject *capabilities;

  if (!brevet_wire_get_object (object, "capabilities", &capabilities, error))
    return FALSE;
  return capabilities == NULL || brevet_wire_get_boolean (capabilities, "iotEdge", FALSE, &self->iot_edge, error);
}

static gboolean
read_untouched (JsonObject *object, const char *member, JsonNode **value, GError **error)
{
  JsonObject *ignored;

  if (!brevet_wire_get_object (object, member, &ignored, error))
    return FALSE;
  if (ignored != NULL)
    *value = json_object_dup_member (object, member);
  return TRUE;
}

static gboolean
read_device (BrevetEnrollment *self, JsonObject *object, GError **error)
{
  if (self->is_group)
    return TRUE;
  return read_identifier (object, "deviceId", BREVET_IDENTIFIER_DEVICE_ID, &self->device_id, error) &&
         read_untouched (object, "optionalDeviceInformation", &self->optional_device_information, error);
}

static BrevetEnrollment *
read_enrollment (JsonObject *object, gboolean is_group, BrevetDialect dialect, const BrevetEnrollment *stored, GError **error)
{
  g_autoptr(BrevetEnrollment) self = brevet_enrollment_new ();

  self->is_group = is_group;
  if (!read_id (self, object, error) || !read_device (self, object, error) || !read_attestation (self, object, error) ||
      !read_status (self, object, error) || !read_or_keep_issuance (self, object, dialect, stored, error) ||
      !read_allocation (self, object, error) || !read_reprovisioning (self, object, error) ||
      !read_capabilities (self, object, error) || !read_untouched (object, "initialTwin", &self->initial_twin, error))
    return NULL;
  return g_steal_pointer (&self);
}

BrevetEnrollment *
brevet_enrollment_parse (GBytes *body, gboolean is_group, const char *id, BrevetDialect dialect, const BrevetEnrollment *stored,
                         GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the enrollment", error);
  g_autoptr(BrevetEnrollment) self = NULL;

  if (object == NULL)
    return NULL;
  self = read_enrollment (object, is_group, dialect, stored, error);
  if (self == NULL)
    return NULL;
  if (!brevet_identifier_equal (self->id, id))
    {
      refuse_member (error, brevet_enrollment_id_member (is_group), "must be the same as the id in the path");
      return NULL;
    }
  if (stored != NULL)
    {
      g_free (self->id);
      self->id = g_strdup (stored->id);
      self->created = stored->created;
    }
  return g_steal_pointer (&self);
}

BrevetEnrollment *
brevet_enrollment_load (GBytes *body, gboolean is_group, GError **error)
{
  g_autoptr(JsonObject) object = NULL;
  g_autoptr(GError) problem = NULL;
  BrevetEnrollment *self;

  object = brevet_wire_parse_object (body, "the enrollment", &problem);
  self = object != NULL ? read_enrollment (object, is_group, BREVET_DIALECT_2021_11_01_PREVIEW, NULL, &problem) : NULL;
  if (self == NULL)
    {
      brevet_wire_mark_corrupt (&problem, "enrollment");
      g_propagate_error (error, g_steal_pointer (&problem));
      return NULL;
    }
  self->created = brevet_wire_get_time (object, "createdDateTimeUtc");
  self->updated = brevet_wire_get_time (object, "lastUpdatedDateTimeUtc");
  return self;
}
