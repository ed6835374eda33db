/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "brevet-enrollment.h"
#include "brevet-wire-json.h"
#include "wire-test.h"

#define PREVIEW BREVET_DIALECT_2021_11_01_PREVIEW
#define PREVIEW_2025 BREVET_DIALECT_2025_07_01_PREVIEW
#define KEYS "{\"primaryKey\":\"AAEC\",\"secondaryKey\":\"EBES\"}"
#define ATTESTATION "\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":" KEYS "}"
#define DEFAULTS                                                                                                                   \
  "\"reprovisionPolicy\":{\"updateHubAssignment\":true,\"migrateDeviceData\":true},\"capabilities\":{\"iotEdge\":false}"

/* The example of protocol/dps.md §16.7. */
#define FULL "{\"registrationId\":\"pump-07\"," ATTESTATION "," \
  "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"plant-ca\"},\"trustBundleId\":\"plant-roots\"," \
  "\"provisioningStatus\":\"enabled\",\"allocationPolicy\":\"static\",\"iotHubs\":[\"hub1.example.net\"]," DEFAULTS "}"

static BrevetEnrollment *
parse_as (const char *text, gboolean is_group, const char *id, BrevetDialect dialect, const BrevetEnrollment *stored)
{
  g_autoptr(GBytes) body = bytes_of (text);
  g_autoptr(GError) error = NULL;
  BrevetEnrollment *enrollment = brevet_enrollment_parse (body, is_group, id, dialect, stored, &error);

  g_assert_no_error (error);
  return enrollment;
}

static BrevetEnrollment *
parse (const char *text)
{
  return parse_as (text, FALSE, "pump-07", PREVIEW, NULL);
}

static void
assert_printed_as (BrevetEnrollment *enrollment, BrevetDialect dialect, JsonObject *attestation, const char *expected)
{
  g_autoptr(JsonObject) object = brevet_enrollment_to_json (enrollment, dialect, attestation);
  g_autoptr(GBytes) printed = brevet_wire_print_object (object);

  assert_bytes (printed, expected);
}

static void
assert_printed (BrevetEnrollment *enrollment, JsonObject *attestation, const char *expected)
{
  assert_printed_as (enrollment, PREVIEW, attestation, expected);
}

static void
test_example (void)
{
  g_autoptr(BrevetEnrollment) enrollment = parse (FULL);
  g_autoptr(JsonObject) shown = json_object_new ();

  g_assert_cmpstr (enrollment->certificate_authority, ==, "plant-ca");
  g_assert_cmpstr (enrollment->trust_bundle_id, ==, "plant-roots");
  g_assert_cmpint (enrollment->allocation, ==, BREVET_ALLOCATION_STATIC);
  g_assert_cmpstr (enrollment->hubs[0], ==, "hub1.example.net");
  g_assert_true (enrollment->enabled);
  assert_printed (enrollment, NULL, FULL);

  enrollment->etag = g_strdup ("0a01");
  enrollment->created = G_GINT64_CONSTANT (1927584000000000);
  enrollment->updated = G_GINT64_CONSTANT (1927843200000000);
  assert_printed (
    enrollment, shown,
    "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{}},"
    "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"plant-ca\"},\"trustBundleId\":\"plant-roots\","
    "\"provisioningStatus\":\"enabled\",\"allocationPolicy\":\"static\",\"iotHubs\":[\"hub1.example.net\"]," DEFAULTS ","
    "\"etag\":\"\\\"0a01\\\"\",\"createdDateTimeUtc\":\"2031-01-31T00:00:00.0000000Z\","
    "\"lastUpdatedDateTimeUtc\":\"2031-02-03T00:00:00.0000000Z\"}");
}

static void
test_defaults (void)
{
  g_autoptr(BrevetEnrollment) enrollment =
    parse ("{ \"registrationId\": \"pump-07\", \"attestation\": { \"type\": \"symmetricKey\" } }");

  g_assert_true (enrollment->enabled);
  g_assert_true (enrollment->update_hub_assignment);
  g_assert_true (enrollment->migrate_device_data);
  g_assert_cmpint (enrollment->allocation, ==, BREVET_ALLOCATION_UNSET);
  assert_printed (enrollment, NULL,
                  "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{}},"
                  "\"provisioningStatus\":\"enabled\"," DEFAULTS "}");
}

static void
test_group (void)
{
  const char *text = "{\"enrollmentGroupId\":\"line-4\",\"attestation\":{\"type\":\"x509\",\"x509\":{\"caReferences\":{\"primary\":"
                     "\"factory-root\"}}},\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"plant-ca\","
                     "\"standbyCertificateAuthorityName\":\"cloud-ca\","
                     "\"reuseLiveCertificate\":true},\"provisioningStatus\":\"disabled\",\"allocationPolicy\":\"geoLatency\","
                     "\"iotHubs\":[\"a.example.net\",\"b.example.net\"],\"reprovisionPolicy\":{\"updateHubAssignment\":false,"
                     "\"migrateDeviceData\":false},\"capabilities\":{\"iotEdge\":true},"
                     "\"initialTwin\":{\"tags\":{\"line\":4,\"gone\":null},\"properties\":{\"desired\":{\"rate\":5}}}}";
  g_autoptr(BrevetEnrollment) group = parse_as (text, TRUE, "LINE-4", PREVIEW, NULL);

  g_assert_false (group->enabled);
  g_assert_true (group->reuse_certificate);
  g_assert_cmpstr (group->standby_authority, ==, "cloud-ca");
  g_assert_true (brevet_attestation_is_group (group->attestation));
  assert_printed (group, NULL, text);
}

static void
test_ignored (void)
{
  g_autoptr(BrevetEnrollment) enrollment = parse (
    "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"SymmetricKey\",\"tpm\":null,\"x509\":null,\"symmetricKey\":{"
    "\"primaryKey\":"
    "null}},\"etag\":\"x\",\"createdDateTimeUtc\":\"x\",\"registrationState\":{},\"unknown\":5,\"iotHubs\":null,"
    "\"allocationPolicy\":null,"
    "\"provisioningStatus\":null,\"capabilities\":null,\"deviceId\":null,\"reprovisionPolicy\":null,\"trustBundleId\":null,"
    "\"clientCertificateIssuancePolicy\":null,\"customAllocationDefinition\":null,\"iotHubHostName\":null}");

  assert_printed (enrollment, NULL,
                  "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":{}},"
                  "\"provisioningStatus\":\"enabled\"," DEFAULTS "}");
}

/* An operator of an older api-version reads, edits and writes back: what he cannot see must not get lost. */
static void
test_keeps_what_the_dialect_does_not_know (void)
{
  g_autoptr(BrevetEnrollment) stored = parse (
    "{\"registrationId\":\"Pump-07\"," ATTESTATION ",\"trustBundleId\":\"plant-roots\","
    "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"plant-ca\",\"reuseLiveCertificate\":true,"
    "\"standbyCertificateAuthorityName\":\"cloud-ca\"}}");
  const char *sent = "{\"registrationId\":\"PUMP-07\"," ATTESTATION ",\"trustBundleId\":\"other\"}";
  g_autoptr(BrevetEnrollment) older = parse_as (sent, FALSE, "pump-07", BREVET_DIALECT_STABLE, stored);
  g_autoptr(BrevetEnrollment) newer = parse_as (sent, FALSE, "pump-07", PREVIEW, stored);
  g_autoptr(BrevetEnrollment) fresh = parse_as (sent, FALSE, "pump-07", BREVET_DIALECT_STABLE, NULL);

  g_assert_cmpstr (older->id, ==, "Pump-07");
  g_assert_cmpstr (older->trust_bundle_id, ==, "plant-roots");
  g_assert_cmpstr (older->certificate_authority, ==, "plant-ca");
  g_assert_true (older->reuse_certificate);
  g_assert_cmpstr (older->standby_authority, ==, "cloud-ca");

  g_assert_cmpstr (newer->id, ==, "Pump-07");
  g_assert_cmpstr (newer->trust_bundle_id, ==, "other");
  g_assert_null (newer->certificate_authority);

  g_assert_cmpstr (fresh->id, ==, "PUMP-07");
  g_assert_null (fresh->trust_bundle_id);
}

#define BOTH_WORDS(policy, authority)                                                                                              \
  "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"credentialPolicyName\":" policy                                              \
  ",\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":" authority "}}"
#define NAMES_POLICY(name) "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"credentialPolicyName\":\"" name "\"}"

/* Two names for one thing: each dialect shows what was stored in either in its own words. */
static void
test_credential_policy (void)
{
  g_autoptr(BrevetEnrollment) newer = parse_as (NAMES_POLICY ("plant-ca"), FALSE, "pump-07", PREVIEW_2025, NULL);
  g_autoptr(BrevetEnrollment) older = parse (FULL);

  g_assert_cmpstr (newer->certificate_authority, ==, "plant-ca");
  assert_printed (newer, NULL, "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"clientCertificateIssuancePolicy\":"
                               "{\"certificateAuthorityName\":\"plant-ca\"},\"provisioningStatus\":\"enabled\"," DEFAULTS "}");
  assert_printed_as (newer, PREVIEW_2025, NULL,
                     "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"credentialPolicyName\":\"plant-ca\","
                     "\"provisioningStatus\":\"enabled\"," DEFAULTS "}");
  assert_printed_as (older, PREVIEW_2025, NULL,
                     "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"credentialPolicyName\":\"plant-ca\","
                     "\"provisioningStatus\":\"enabled\",\"allocationPolicy\":\"static\",\"iotHubs\":[\"hub1.example.net\"],"
                     DEFAULTS "}");
}

static void
assert_changed (const char *sent, const char *authority, gboolean reuse)
{
  g_autoptr(BrevetEnrollment) stored = parse (
    "{\"registrationId\":\"Pump-07\"," ATTESTATION ",\"trustBundleId\":\"plant-roots\","
    "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"plant-ca\",\"reuseLiveCertificate\":true,"
    "\"standbyCertificateAuthorityName\":\"cloud-ca\"}}");
  g_autoptr(BrevetEnrollment) changed = parse_as (sent, FALSE, "pump-07", PREVIEW_2025, stored);

  g_test_message ("%s", sent);
  g_assert_cmpstr (changed->certificate_authority, ==, authority);
  g_assert_cmpint (changed->reuse_certificate, ==, reuse);
  g_assert_cmpstr (changed->standby_authority, ==, reuse ? "cloud-ca" : NULL);
  g_assert_cmpstr (changed->trust_bundle_id, ==, "plant-roots");
}

/* What the newer dialect has no words for stays, as long as it is about the same authority. */
static void
test_credential_policy_changes (void)
{
  assert_changed (NAMES_POLICY ("plant-ca"), "plant-ca", TRUE);
  assert_changed (NAMES_POLICY ("Plant-CA"), "Plant-CA", TRUE);
  assert_changed (NAMES_POLICY ("other"), "other", FALSE);
  assert_changed ("{\"registrationId\":\"pump-07\"," ATTESTATION ",\"trustBundleId\":\"other\"}", NULL, FALSE);
  assert_changed ("{\"registrationId\":\"pump-07\"," ATTESTATION ",\"credentialPolicyName\":null}", NULL, FALSE);
  assert_changed (BOTH_WORDS ("\"plant-ca\"", "\"PLANT-CA\""), "plant-ca", TRUE);
  assert_changed (BOTH_WORDS ("\"plant-ca\"", "null"), "plant-ca", TRUE);
}

static void
test_credential_policy_refused (void)
{
  static const char *const refused[][2] = {
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"credentialPolicyName\":7}", "credentialPolicyName" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"credentialPolicyName\":{}}", "credentialPolicyName" },
    { NAMES_POLICY (""), "credentialPolicyName" },
    { NAMES_POLICY ("a b"), "credentialPolicyName" },
    { BOTH_WORDS ("\"plant-ca\"", "\"other\""), "contradicts" },
    { BOTH_WORDS ("\"plant-ca\"", "7"), "certificateAuthorityName" },
    { BOTH_WORDS ("null", "\"plant-ca\""), "use credentialPolicyName" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr(GBytes) body = bytes_of (refused[i][0]);
      g_autoptr(GError) error = NULL;

      g_test_message ("%s", refused[i][0]);
      g_assert_null (brevet_enrollment_parse (body, FALSE, "pump-07", PREVIEW_2025, NULL, &error));
      assert_refused (&error, BREVET_ERROR_INVALID, refused[i][1]);
    }
}

/* To the older dialects it is a word without meaning. */
static void
test_credential_policy_unknown (void)
{
  g_autoptr(BrevetEnrollment) enrollment = parse (NAMES_POLICY ("plant-ca"));

  g_assert_null (enrollment->certificate_authority);
}

static void
test_legacy_hub (void)
{
  g_autoptr(BrevetEnrollment) enrollment =
    parse ("{\"registrationId\":\"pump-07\"," ATTESTATION ",\"iotHubHostName\":\"hub1.example.net\"}");

  g_assert_cmpint (enrollment->allocation, ==, BREVET_ALLOCATION_STATIC);
  g_assert_cmpuint (g_strv_length (enrollment->hubs), ==, 1);
  g_assert_cmpstr (enrollment->hubs[0], ==, "hub1.example.net");
}

static void
test_refused (void)
{
  static const char *const refused[][2] = {
    { "{" ATTESTATION "}", "registrationId" },
    { "{\"registrationId\":\"other\"," ATTESTATION "}", "path" },
    { "{\"registrationId\":7," ATTESTATION "}", "registrationId" },
    { "{\"registrationId\":\"pump-07\"}", "attestation" },
    { "{\"registrationId\":\"pump-07\",\"attestation\":{}}", "attestation.type" },
    { "{\"registrationId\":\"pump-07\",\"attestation\":\"symmetricKey\"}", "attestation" },
    { "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"symmetricKey\",\"symmetricKey\":[]}}", "symmetricKey" },
    { "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"x509\",\"x509\":{\"signingCertificates\":{}}}}",
      "signingCertificates" },
    { "{\"registrationId\":\"pump-07\",\"attestation\":{\"type\":\"x509\",\"x509\":{\"caReferences\":{}}}}", "caReferences" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"deviceId\":\"a b\"}", "deviceId" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"provisioningStatus\":\"on\"}", "provisioningStatus" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"provisioningStatus\":true}", "provisioningStatus" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"allocationPolicy\":\"nearest\"}", "allocationPolicy" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"allocationPolicy\":\"static\",\"iotHubs\":[\"a\",\"b\"]}", "iotHubs" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"iotHubs\":\"a\"}", "iotHubs" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"iotHubs\":[\"https://a\"]}", "iotHubs" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"iotHubHostName\":\"a\",\"allocationPolicy\":\"hashed\"}",
      "iotHubHostName" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"iotHubHostName\":\"a\",\"iotHubs\":[\"b\"]}", "iotHubHostName" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"allocationPolicy\":\"custom\"}", "customAllocationDefinition" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION
      ",\"customAllocationDefinition\":{\"webhookUrl\":\"u\",\"apiVersion\":\"2021-10-01\"}}",
      "customAllocationDefinition" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION
      ",\"allocationPolicy\":\"custom\",\"customAllocationDefinition\":{\"webhookUrl\":\"u\"}}",
      "apiVersion" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION
      ",\"allocationPolicy\":\"custom\",\"customAllocationDefinition\":{\"webhookUrl\":\"u\","
      "\"apiVersion\":\"2017-11-15\"}}",
      "apiVersion" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"reprovisionPolicy\":{\"updateHubAssignment\":\"yes\"}}",
      "updateHubAssignment" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"capabilities\":{\"iotEdge\":1}}", "iotEdge" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"initialTwin\":[]}", "initialTwin" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"clientCertificateIssuancePolicy\":{}}", "certificateAuthorityName" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"clientCertificateIssuancePolicy\":"
      "{\"standbyCertificateAuthorityName\":\"one\"}}", "certificateAuthorityName" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"clientCertificateIssuancePolicy\":"
      "{\"certificateAuthorityName\":\"one\",\"standbyCertificateAuthorityName\":\"ONE\"}}", "standbyCertificateAuthorityName" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"clientCertificateIssuancePolicy\":"
      "{\"certificateAuthorityName\":\"one\",\"standbyCertificateAuthorityName\":\"t w o\"}}", "standbyCertificateAuthorityName" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"clientCertificateIssuancePolicy\":\"plant-ca\"}",
      "clientCertificateIssuancePolicy" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"a b\"}}",
      "certificateAuthorityName" },
    { "{\"registrationId\":\"pump-07\"," ATTESTATION ",\"trustBundleId\":\"a/b\"}", "trustBundleId" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr(GBytes) body = bytes_of (refused[i][0]);
      g_autoptr(GError) error = NULL;

      g_test_message ("%s", refused[i][0]);
      g_assert_null (brevet_enrollment_parse (body, FALSE, "pump-07", PREVIEW, NULL, &error));
      assert_refused (&error, BREVET_ERROR_INVALID, refused[i][1]);
    }
}

static void
test_group_refused (void)
{
  static const char *const refused[][2] = {
    { "{\"registrationId\":\"line-4\"," ATTESTATION "}", "enrollmentGroupId" },
    { "{\"enrollmentGroupId\":\"line-4\",\"attestation\":{\"type\":\"tpm\",\"tpm\":{\"endorsementKey\":\"A\"}}}", "tpm" },
    { "{\"enrollmentGroupId\":\"line-4\",\"attestation\":{\"type\":\"x509\",\"x509\":{\"clientCertificates\":{}}}}",
      "clientCertificates" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr(GBytes) body = bytes_of (refused[i][0]);
      g_autoptr(GError) error = NULL;

      g_assert_null (brevet_enrollment_parse (body, TRUE, "line-4", PREVIEW, NULL, &error));
      assert_refused (&error, BREVET_ERROR_INVALID, refused[i][1]);
    }
}

static void
test_load (void)
{
  g_autoptr(BrevetEnrollment) enrollment = parse (FULL);
  g_autoptr(JsonObject) object = brevet_enrollment_to_json (enrollment, PREVIEW, NULL);
  g_autoptr(GBytes) stored = brevet_wire_print_object (object);
  g_autoptr(GBytes) broken = bytes_of ("{\"registrationId\":\"pump-07\"}");
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEnrollment) loaded = brevet_enrollment_load (stored, FALSE, &error);

  g_assert_no_error (error);
  assert_printed (loaded, NULL, FULL);
  g_assert_null (brevet_enrollment_load (broken, FALSE, &error));
  assert_refused (&error, BREVET_ERROR_CORRUPT, "attestation");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/enrollment/example", test_example);
  g_test_add_func ("/wire/enrollment/defaults", test_defaults);
  g_test_add_func ("/wire/enrollment/group", test_group);
  g_test_add_func ("/wire/enrollment/ignored", test_ignored);
  g_test_add_func ("/wire/enrollment/keeps-what-the-dialect-does-not-know", test_keeps_what_the_dialect_does_not_know);
  g_test_add_func ("/wire/enrollment/credential-policy", test_credential_policy);
  g_test_add_func ("/wire/enrollment/credential-policy-changes", test_credential_policy_changes);
  g_test_add_func ("/wire/enrollment/credential-policy-refused", test_credential_policy_refused);
  g_test_add_func ("/wire/enrollment/credential-policy-unknown", test_credential_policy_unknown);
  g_test_add_func ("/wire/enrollment/legacy-hub", test_legacy_hub);
  g_test_add_func ("/wire/enrollment/refused", test_refused);
  g_test_add_func ("/wire/enrollment/group-refused", test_group_refused);
  g_test_add_func ("/wire/enrollment/load", test_load);
  return g_test_run ();
}
