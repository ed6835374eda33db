/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-json.h"

#include "identity-health.h"
#include "output.h"

/* How a property of the bus is written. What is not there is the empty text or 0 on the bus, and null here, but for a count. */
typedef enum {
  TEXT,
  TIME,
  NUMBER,
  COUNT,
  LIST,
} Kind;

typedef struct {
  const char *member;
  const char *property;
  Kind kind;
} Member;

static const Member condition[] = {
  { "nextAttempt", "next-attempt", TIME },
  { "renewalTime", "renewal-time", TIME },
  { "failures", "failures", COUNT },
  { "lastSuccess", "last-success", TIME },
};

static const Member last_error[] = {
  { "name", "last-error-name", TEXT },
  { "code", "last-error-code", NUMBER },
  { "text", "last-error-text", TEXT },
  { "trackingId", "last-error-tracking-id", TEXT },
  { "time", "last-error-time", TIME },
};

static const Member possession[] = {
  { "service", "service", TEXT },
  { "idScope", "id-scope", TEXT },
  { "registrationId", "registration-id", TEXT },
  { "deviceId", "device-id", TEXT },
  { "assignedHub", "assigned-hub", TEXT },
  { "generation", "generation", NUMBER },
  { "previousGeneration", "previous-generation", NUMBER },
  { "keyLocation", "key-location", TEXT },
};

static const Member certificate[] = {
  { "file", "certificate-location", TEXT },
  { "subject", "subject", TEXT },
  { "issuer", "issuer", TEXT },
  { "serialNumber", "serial", TEXT },
  { "notBefore", "not-before", TIME },
  { "notAfter", "not-after", TIME },
  { "sha256", "sha256", TEXT },
};

static const Member trust_bundle[] = {
  { "file", "trust-bundle-location", TEXT },
  { "etag", "trust-bundle-etag", TEXT },
  { "problems", "trust-bundle-problems", LIST },
};

JsonArray *
brevet_identity_json_new_list (const char *const *texts)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; texts != NULL && texts[i] != NULL; i++)
    json_array_add_string_element (array, texts[i]);
  return array;
}

static void
set_number (JsonObject *object, const Member *member, const GValue *value)
{
  GValue number = G_VALUE_INIT;

  g_value_init (&number, G_TYPE_UINT64);
  g_value_transform (value, &number);
  if (member->kind == COUNT || g_value_get_uint64 (&number) != 0)
    json_object_set_int_member (object, member->member, (gint64) MIN (g_value_get_uint64 (&number), G_MAXINT64));
  else
    json_object_set_null_member (object, member->member);
}

static void
set_member (JsonObject *object, BrevetBusAgent1Identity *identity, const Member *member)
{
  g_auto(GValue) value = G_VALUE_INIT;

  g_object_get_property (G_OBJECT (identity), member->property, &value);
  switch (member->kind)
    {
    case TIME:
      brevet_output_set_time (object, member->member, g_value_get_int64 (&value));
      break;
    case NUMBER:
    case COUNT:
      set_number (object, member, &value);
      break;
    case LIST:
      json_object_set_array_member (object, member->member, brevet_identity_json_new_list (g_value_get_boxed (&value)));
      break;
    case TEXT:
    default:
      brevet_output_set_text (object, member->member, g_value_get_string (&value));
    }
}

static void
set_members (JsonObject *object, BrevetBusAgent1Identity *identity, const Member *members, gsize count)
{
  for (gsize i = 0; i < count; i++)
    set_member (object, identity, &members[i]);
}

static gboolean
is_there (const char *text)
{
  return text != NULL && *text != '\0';
}

static void
set_object (JsonObject *object, const char *name, gboolean there, BrevetBusAgent1Identity *identity, const Member *members,
            gsize count)
{
  JsonObject *inner = NULL;

  if (!there)
    {
      json_object_set_null_member (object, name);
      return;
    }
  inner = json_object_new ();
  set_members (inner, identity, members, count);
  json_object_set_object_member (object, name, inner);
}

static void
set_condition (JsonObject *object, BrevetBusAgent1Identity *identity, gint64 now)
{
  gboolean failed = is_there (brevet_bus_agent1_identity_get_last_error_name (identity)) ||
                    is_there (brevet_bus_agent1_identity_get_last_error_text (identity));

  brevet_output_set_text (object, "state", brevet_bus_agent1_identity_get_state (identity));
  brevet_output_set_text (object, "cause", brevet_bus_agent1_identity_get_cause (identity));
  brevet_output_set_text (object, "health", brevet_identity_health_describe (identity, now));
  set_members (object, identity, condition, G_N_ELEMENTS (condition));
  set_object (object, "lastError", failed, identity, last_error, G_N_ELEMENTS (last_error));
}

JsonObject *
brevet_identity_json_new (BrevetBusAgent1Identity *identity, gint64 now)
{
  JsonObject *object = json_object_new ();

  brevet_output_set_text (object, "name", brevet_bus_agent1_identity_get_name (identity));
  set_condition (object, identity, now);
  set_members (object, identity, possession, G_N_ELEMENTS (possession));
  set_object (object, "certificate", is_there (brevet_bus_agent1_identity_get_sha256 (identity)), identity, certificate,
              G_N_ELEMENTS (certificate));
  set_object (object, "trustBundle", is_there (brevet_bus_agent1_identity_get_trust_bundle_location (identity)), identity,
              trust_bundle, G_N_ELEMENTS (trust_bundle));
  return object;
}
