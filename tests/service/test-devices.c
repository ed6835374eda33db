/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which enrollment speaks for a device, and which hub it gets, this time and the next. */

#include "brevet-sas-token.h"
#include "pipeline-fixture.h"

#include <string.h>

#define STATIC_ONE "\"allocationPolicy\":\"static\",\"iotHubHostName\":\"hub1.example.net\""
#define STATIC_TWO "\"allocationPolicy\":\"static\",\"iotHubHostName\":\"hub2.example.net\""
#define REPROVISION(update, migrate) \
  ",\"reprovisionPolicy\":{\"updateHubAssignment\":" update ",\"migrateDeviceData\":" migrate "}"

static void
enroll_group (Pipeline *pipeline, const char *group, const char *members)
{
  g_autofree char *path = g_strconcat ("/enrollmentGroups/", group, NULL);
  g_autofree char *body = g_strdup_printf ("{\"enrollmentGroupId\":\"%s\",\"attestation\":{\"type\":\"symmetricKey\","
                                           "\"symmetricKey\":{\"primaryKey\":\"" OTHER_KEY "\","
                                           "\"secondaryKey\":\"" OTHER_KEY "\"}}%s%s}",
                                           group, members != NULL ? "," : "", members != NULL ? members : "");
  g_autoptr(Heard) heard = operate (pipeline, 200, "PUT", path, NULL, body);
}

static char *
derive_key (const char *device)
{
  g_autoptr(BrevetSecret) group = brevet_secret_new_from_base64 (OTHER_KEY, NULL);
  g_autoptr(BrevetSecret) derived = brevet_sas_derive_key (group, device);
  gsize length;
  const guint8 *data = brevet_secret_get_data (derived, &length);

  return g_base64_encode (data, length);
}

/* Registers with a key of its own and waits for the result. */
static Heard *
provision_with (Pipeline *pipeline, const char *device, const char *key)
{
  g_autoptr(Heard) begun = ask (pipeline, device, .key = key);
  g_autofree char *path = NULL;

  if (begun->status != 202)
    return g_steal_pointer (&begun);
  path = g_strconcat ("/operations/", heard_get (begun, "operationId"), NULL);
  return ask (pipeline, device, .key = key, .method = "GET", .path = path);
}

static void
test_group (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *key = derive_key ("line-4-pump-1");
  g_autofree char *other = derive_key ("line-4-pump-2");
  g_autoptr(Heard) assigned = NULL, stranger = NULL;

  enroll_group (pipeline, "Line-4", STATIC_ONE);
  assigned = provision_with (pipeline, "line-4-pump-1", key);
  assert_assigned (assigned, "hub1.example.net");
  g_assert_nonnull (strstr (assigned->text, "\"registrationState\":{\"symmetricKey\":{\"enrollmentGroupId\":\"Line-4\"},"));
  g_assert_cmpstr (heard_get (assigned, "registrationState.deviceId"), ==, "line-4-pump-1");
  stranger = provision_with (pipeline, "line-4-pump-1", other);
  assert_error (stranger, 401, 401002);
}

/* An individual enrollment decides alone: the group's key does not open its door, and disabling it locks the device out. */
static void
test_individual_beats_group (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *key = derive_key ("pump-07");
  g_autoptr(Heard) by_group = NULL, by_individual = NULL, refused = NULL, disabled = NULL;

  enroll_group (pipeline, "line-4", STATIC_ONE);
  by_group = provision_with (pipeline, "pump-07", key);
  assert_assigned (by_group, "hub1.example.net");
  enroll (pipeline, "pump-07", STATIC_TWO);
  by_individual = provision_with (pipeline, "pump-07", DEVICE_KEY);
  assert_assigned (by_individual, "hub2.example.net");
  refused = provision_with (pipeline, "pump-07", key);
  assert_error (refused, 401, 401002);
  enroll (pipeline, "pump-07", "\"provisioningStatus\":\"disabled\"");
  disabled = provision_with (pipeline, "pump-07", key);
  assert_error (disabled, 401, 401002);
}

static void
test_disabled_group (Pipeline *pipeline, gconstpointer data)
{
  g_autofree char *key = derive_key ("pump-07");
  g_autoptr(Heard) before = NULL, refused = NULL, by_other = NULL;

  enroll_group (pipeline, "line-4", NULL);
  before = provision_with (pipeline, "pump-07", key);
  assert_assigned (before, NULL);
  enroll_group (pipeline, "line-4", "\"provisioningStatus\":\"disabled\"");
  refused = provision_with (pipeline, "pump-07", key);
  assert_error (refused, 401, 401002);
  enroll_group (pipeline, "line-5", NULL);
  by_other = provision_with (pipeline, "pump-07", key);
  assert_assigned (by_other, NULL);
  g_assert_nonnull (strstr (by_other->text, "\"enrollmentGroupId\":\"line-5\""));
}

static void
test_static_hub (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) assigned = NULL, failed = NULL;

  enroll (pipeline, "pump-07", STATIC_TWO);
  enroll (pipeline, "pump-08", STATIC_TWO);
  assigned = device_provision (pipeline, "pump-07", NULL);
  assert_assigned (assigned, "hub2.example.net");
  /* The operator takes the hub away. */
  pipeline_stop (pipeline);
  memcpy (strstr (pipeline->configuration, "hub2"), "hub3", 4);
  pipeline_start (pipeline);
  failed = device_provision (pipeline, "pump-08", NULL);
  assert_failed (failed, 400208, NULL);
  g_assert_null (heard_get (failed, "registrationState.assignedHub"));
}

/* The hub knows the device as the enrollment says; the certificate names the registration. */
static void
test_device_id (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) final = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;

  enroll (pipeline, "pump-07", "\"deviceId\":\"Hall-3-Pump\"," ISSUE);
  final = device_provision (pipeline, "pump-07", csr);
  certificate = heard_get_certificate (final);
  g_assert_cmpstr (heard_get (final, "registrationState.deviceId"), ==, "Hall-3-Pump");
  g_assert_cmpstr (brevet_certificate_get_common_name (certificate), ==, "pump-07");
}

/* A hub tells ids apart by their case: it is given what the operator has written, however the device spells it. */
static void
test_device_id_spelling (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = NULL;

  enroll (pipeline, "Case-1", STATIC_ONE);
  final = device_provision (pipeline, "cASE-1", NULL);
  assert_assigned (final, "hub1.example.net");
  g_assert_cmpstr (heard_get (final, "registrationState.deviceId"), ==, "Case-1");
  g_assert_cmpstr (heard_get (final, "registrationState.registrationId"), ==, "cASE-1");
}

static void
reprovision (Pipeline *pipeline, const char *members, const char *hub, const char *substatus)
{
  g_autoptr(Heard) final = NULL;

  enroll (pipeline, "pump-07", members);
  final = device_provision (pipeline, "pump-07", NULL);
  assert_assigned (final, hub);
  g_assert_cmpstr (heard_get (final, "registrationState.substatus"), ==, substatus);
}

static void
test_reprovisioning (Pipeline *pipeline, gconstpointer data)
{
  reprovision (pipeline, STATIC_ONE REPROVISION ("true", "true"), "hub1.example.net", "initialAssignment");
  reprovision (pipeline, STATIC_ONE REPROVISION ("true", "false"), "hub1.example.net", "initialAssignment");
  reprovision (pipeline, STATIC_TWO REPROVISION ("true", "true"), "hub2.example.net", "deviceDataMigrated");
  reprovision (pipeline, STATIC_ONE REPROVISION ("true", "false"), "hub1.example.net", "reprovisionedToInitialAssignment");
  reprovision (pipeline, STATIC_TWO REPROVISION ("true", "false"), "hub2.example.net", "deviceDataReset");
}

static void
test_hub_is_kept (Pipeline *pipeline, gconstpointer data)
{
  reprovision (pipeline, STATIC_ONE, "hub1.example.net", "initialAssignment");
  reprovision (pipeline, STATIC_TWO REPROVISION ("false", "false"), "hub1.example.net", "initialAssignment");
}

/* Clients of one kind always try with a CSR first and go without when they are told to: that must not cost them their hub. */
static void
test_failed_attempt_keeps_assignment (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) failed = NULL, found = NULL;

  reprovision (pipeline, STATIC_ONE, "hub1.example.net", "initialAssignment");
  enroll (pipeline, "pump-07", STATIC_TWO REPROVISION ("false", "false"));
  failed = device_provision (pipeline, "pump-07", csr);
  assert_failed (failed, 400000, "Device sent CSR but it is not configured in the service.");
  found = ask (pipeline, "pump-07", .method = "POST", .path = "");
  g_assert_cmpstr (heard_get (found, "status"), ==, "assigned");
  g_assert_cmpstr (heard_get (found, "assignedHub"), ==, "hub1.example.net");
  reprovision (pipeline, STATIC_TWO REPROVISION ("false", "false"), "hub1.example.net", "initialAssignment");
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/devices/group", NULL, test_group);
  PIPELINE_TEST ("/devices/individual-beats-group", NULL, test_individual_beats_group);
  PIPELINE_TEST ("/devices/disabled-group", NULL, test_disabled_group);
  PIPELINE_TEST ("/devices/static-hub", NULL, test_static_hub);
  PIPELINE_TEST ("/devices/device-id", NULL, test_device_id);
  PIPELINE_TEST ("/devices/device-id-spelling", NULL, test_device_id_spelling);
  PIPELINE_TEST ("/devices/reprovisioning", NULL, test_reprovisioning);
  PIPELINE_TEST ("/devices/hub-is-kept", NULL, test_hub_is_kept);
  PIPELINE_TEST ("/devices/failed-attempt-keeps-assignment", NULL, test_failed_attempt_keeps_assignment);
  return g_test_run ();
}
