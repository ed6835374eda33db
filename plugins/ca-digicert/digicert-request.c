/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "digicert-request.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

static GBytes *
finish (JsonBuilder *builder)
{
  g_autoptr(JsonNode) root = NULL;
  char *text;

  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  return g_bytes_new_take (text, strlen (text));
}

static JsonBuilder *
begin (void)
{
  return json_builder_begin_object (json_builder_new ());
}

static void
add_text (JsonBuilder *builder, const char *member, const char *value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, value);
}

static void
begin_member (JsonBuilder *builder, const char *member)
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_object (builder);
}

static void
add_object (JsonBuilder *builder, const char *member, const char *inner, const char *value)
{
  begin_member (builder, member);
  add_text (builder, inner, value);
  json_builder_end_object (builder);
}

/* The largest unit that says it exactly; what is less than a minute is rounded up to one. */
static void
add_validity (JsonBuilder *builder, gint64 seconds)
{
  const char *unit = seconds % DAY == 0 ? "days" : seconds % HOUR == 0 ? "hours" : "minutes";
  gint64 size = seconds % DAY == 0 ? DAY : seconds % HOUR == 0 ? HOUR : MINUTE;

  begin_member (builder, "validity");
  add_text (builder, "unit", unit);
  json_builder_set_member_name (builder, "duration");
  json_builder_add_int_value (builder, (seconds + size - 1) / size);
  json_builder_end_object (builder);
}

static void
add_attributes (JsonBuilder *builder, BrevetCaRequest *request)
{
  const char *uri = brevet_ca_request_get_uri (request);

  begin_member (builder, "attributes");
  add_object (builder, "subject", "common_name", brevet_ca_request_get_common_name (request));
  if (uri != NULL)
    {
      begin_member (builder, "extensions");
      begin_member (builder, "san");
      json_builder_set_member_name (builder, "uris");
      json_builder_begin_array (builder);
      json_builder_add_string_value (builder, uri);
      json_builder_end_array (builder);
      json_builder_end_object (builder);
      json_builder_end_object (builder);
    }
  json_builder_end_object (builder);
}

/* The seat is the device, on each renewal the same: every new one costs a licence. */
static GBytes *
issue_lifecycle (const DigicertConfiguration *configuration, BrevetCaRequest *request)
{
  g_autoptr(JsonBuilder) builder = begin ();
  g_autofree char *csr = brevet_csr_to_pem (brevet_ca_request_get_csr (request));
  gint64 validity = brevet_ca_request_get_validity (request);

  add_object (builder, "profile", "id", configuration->profile);
  add_object (builder, "seat", "seat_id", brevet_ca_request_get_registration_id (request));
  add_text (builder, "csr", csr);
  if (configuration->validity && validity > 0)
    add_validity (builder, validity);
  add_text (builder, "delivery_format", "x509");
  json_builder_set_member_name (builder, "include_ca_chain");
  json_builder_add_boolean_value (builder, TRUE);
  add_attributes (builder, request);
  return finish (builder);
}

static void
add_pair (JsonBuilder *builder, const char *member, const char *id, const char *value)
{
  json_builder_set_member_name (builder, member);
  json_builder_begin_array (builder);
  json_builder_begin_object (builder);
  add_text (builder, "id", id);
  add_text (builder, "value", value);
  json_builder_end_object (builder);
  json_builder_end_array (builder);
}

static GBytes *
issue_iot (const DigicertConfiguration *configuration, BrevetCaRequest *request)
{
  g_autoptr(JsonBuilder) builder = begin ();
  g_autofree char *csr = brevet_csr_to_pem (brevet_ca_request_get_csr (request));

  add_text (builder, "csr", csr);
  add_text (builder, "enrollment_profile_id", configuration->profile);
  add_pair (builder, "certificate_profile_attributes", "subject.common_name", brevet_ca_request_get_common_name (request));
  add_pair (builder, "device_attributes", "DEVICE_IDENTIFIER", brevet_ca_request_get_registration_id (request));
  return finish (builder);
}

GBytes *
digicert_request_issue (const DigicertConfiguration *configuration, BrevetCaRequest *request)
{
  return configuration->api == DIGICERT_API_IOT ? issue_iot (configuration, request) : issue_lifecycle (configuration, request);
}

GBytes *
digicert_request_pick_up (const DigicertConfiguration *configuration)
{
  g_autoptr(JsonBuilder) builder = begin ();

  add_object (builder, "profile", "id", configuration->profile);
  return finish (builder);
}

/* The two APIs know different reasons; what one does not know has none there. */
static const char *
name_reason (DigicertApi api, BrevetRevocationReason reason)
{
  gboolean is_iot = api == DIGICERT_API_IOT;

  switch (reason)
    {
    case BREVET_REVOCATION_KEY_COMPROMISE:
      return "key_compromise";
    case BREVET_REVOCATION_AFFILIATION_CHANGED:
      return "affiliation_changed";
    case BREVET_REVOCATION_CESSATION_OF_OPERATION:
      return "cessation_of_operation";
    case BREVET_REVOCATION_CERTIFICATE_HOLD:
      return "certificate_hold";
    case BREVET_REVOCATION_PRIVILEGE_WITHDRAWN:
      return "privilege_withdrawn";
    case BREVET_REVOCATION_AA_COMPROMISE:
      return "aa_compromise";
    case BREVET_REVOCATION_CA_COMPROMISE:
      return is_iot ? "unspecified" : "ca_compromise";
    case BREVET_REVOCATION_SUPERSEDED:
      return is_iot ? "unspecified" : "superseded";
    case BREVET_REVOCATION_REMOVE_FROM_CRL:
      return is_iot ? "unspecified" : "remove_from_crl";
    case BREVET_REVOCATION_UNSPECIFIED:
    default:
      return "unspecified";
    }
}

GBytes *
digicert_request_revoke (DigicertApi api, BrevetRevocationReason reason)
{
  g_autoptr(JsonBuilder) builder = begin ();

  add_text (builder, api == DIGICERT_API_IOT ? "reason" : "revocation_reason", name_reason (api, reason));
  return finish (builder);
}
