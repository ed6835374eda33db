/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-json.h"

#include "identity-health.h"
#include "output.h"

JsonArray *
brevet_identity_json_new_list (const char *const *texts)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    json_array_add_string_element (array, texts[i]);
  return array;
}

static gboolean
is_empty (const char *text)
{
  return text == NULL || *text == '\0';
}

/* 0 means that there is no such number. */
static void
set_number (JsonObject *object, const char *member, guint64 number)
{
  if (number != 0)
    json_object_set_int_member (object, member, (gint64) MIN (number, G_MAXINT64));
  else
    json_object_set_null_member (object, member);
}

static void
set_last_error (JsonObject *object, BrevetBusAgent1Identity *identity)
{
  JsonObject *error = NULL;

  if (is_empty (brevet_bus_agent1_identity_get_last_error_name (identity)) &&
      is_empty (brevet_bus_agent1_identity_get_last_error_text (identity)))
    {
      json_object_set_null_member (object, "lastError");
      return;
    }
  error = json_object_new ();
  brevet_output_set_text (error, "name", brevet_bus_agent1_identity_get_last_error_name (identity));
  set_number (error, "code", brevet_bus_agent1_identity_get_last_error_code (identity));
  brevet_output_set_text (error, "text", brevet_bus_agent1_identity_get_last_error_text (identity));
  brevet_output_set_text (error, "trackingId", brevet_bus_agent1_identity_get_last_error_tracking_id (identity));
  brevet_output_set_time (error, "time", brevet_bus_agent1_identity_get_last_error_time (identity));
  json_object_set_object_member (object, "lastError", error);
}

static void
set_certificate (JsonObject *object, BrevetBusAgent1Identity *identity)
{
  JsonObject *certificate = NULL;

  if (is_empty (brevet_bus_agent1_identity_get_sha256 (identity)))
    {
      json_object_set_null_member (object, "certificate");
      return;
    }
  certificate = json_object_new ();
  brevet_output_set_text (certificate, "file", brevet_bus_agent1_identity_get_certificate_location (identity));
  brevet_output_set_text (certificate, "subject", brevet_bus_agent1_identity_get_subject (identity));
  brevet_output_set_text (certificate, "issuer", brevet_bus_agent1_identity_get_issuer (identity));
  brevet_output_set_text (certificate, "serialNumber", brevet_bus_agent1_identity_get_serial (identity));
  brevet_output_set_time (certificate, "notBefore", brevet_bus_agent1_identity_get_not_before (identity));
  brevet_output_set_time (certificate, "notAfter", brevet_bus_agent1_identity_get_not_after (identity));
  brevet_output_set_text (certificate, "sha256", brevet_bus_agent1_identity_get_sha256 (identity));
  json_object_set_object_member (object, "certificate", certificate);
}

static void
set_trust_bundle (JsonObject *object, BrevetBusAgent1Identity *identity)
{
  JsonObject *bundle = NULL;

  if (is_empty (brevet_bus_agent1_identity_get_trust_bundle_location (identity)))
    {
      json_object_set_null_member (object, "trustBundle");
      return;
    }
  bundle = json_object_new ();
  brevet_output_set_text (bundle, "file", brevet_bus_agent1_identity_get_trust_bundle_location (identity));
  brevet_output_set_text (bundle, "etag", brevet_bus_agent1_identity_get_trust_bundle_etag (identity));
  json_object_set_array_member (bundle, "problems",
                                brevet_identity_json_new_list (brevet_bus_agent1_identity_get_trust_bundle_problems (identity)));
  json_object_set_object_member (object, "trustBundle", bundle);
}

static void
set_condition (JsonObject *object, BrevetBusAgent1Identity *identity, gint64 now)
{
  BrevetIdentityHealth health = brevet_identity_health_judge (identity, now);

  brevet_output_set_text (object, "state", brevet_bus_agent1_identity_get_state (identity));
  brevet_output_set_text (object, "cause", brevet_bus_agent1_identity_get_cause (identity));
  brevet_output_set_text (object, "health", brevet_identity_health_to_string (health));
  brevet_output_set_time (object, "nextAttempt", brevet_bus_agent1_identity_get_next_attempt (identity));
  brevet_output_set_time (object, "renewalTime", brevet_bus_agent1_identity_get_renewal_time (identity));
  json_object_set_int_member (object, "failures", brevet_bus_agent1_identity_get_failures (identity));
  brevet_output_set_time (object, "lastSuccess", brevet_bus_agent1_identity_get_last_success (identity));
  set_last_error (object, identity);
}

JsonObject *
brevet_identity_json_new (BrevetBusAgent1Identity *identity, gint64 now)
{
  JsonObject *object = json_object_new ();

  brevet_output_set_text (object, "name", brevet_bus_agent1_identity_get_name (identity));
  set_condition (object, identity, now);
  brevet_output_set_text (object, "service", brevet_bus_agent1_identity_get_service (identity));
  brevet_output_set_text (object, "idScope", brevet_bus_agent1_identity_get_id_scope (identity));
  brevet_output_set_text (object, "registrationId", brevet_bus_agent1_identity_get_registration_id (identity));
  brevet_output_set_text (object, "deviceId", brevet_bus_agent1_identity_get_device_id (identity));
  brevet_output_set_text (object, "assignedHub", brevet_bus_agent1_identity_get_assigned_hub (identity));
  set_number (object, "generation", brevet_bus_agent1_identity_get_generation (identity));
  set_number (object, "previousGeneration", brevet_bus_agent1_identity_get_previous_generation (identity));
  brevet_output_set_text (object, "keyLocation", brevet_bus_agent1_identity_get_key_location (identity));
  set_certificate (object, identity);
  set_trust_bundle (object, identity);
  return object;
}
