/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "authority-status.h"

#include "brevet-clock.h"
#include "brevet-identifier.h"
#include "record-json.h"
#include "records-ca.h"
#include "records-devices.h"

void
brevet_status_add_time (JsonObject *object, const char *member, gint64 seconds)
{
  g_autofree char *text = seconds > 0 ? brevet_clock_format (seconds * G_USEC_PER_SEC) : NULL;

  if (text != NULL)
    json_object_set_string_member (object, member, text);
}

void
brevet_status_add_census (JsonObject *object, BrevetCensusResult *census)
{
  g_autofree char *began = brevet_clock_format (census->began);

  json_object_set_string_member (object, "countedAt", began);
  json_object_set_int_member (object, "countedSecondsAgo", MAX (0, (brevet_clock_now () - census->began) / G_USEC_PER_SEC));
  if (census->unreadable > 0)
    json_object_set_int_member (object, "unreadableRecords", census->unreadable);
}

static const char *
name_circuit (BrevetAuthorityCircuit circuit)
{
  switch (circuit)
    {
    case BREVET_AUTHORITY_CIRCUIT_OPEN:
      return "open";
    case BREVET_AUTHORITY_CIRCUIT_HALF_OPEN:
      return "halfOpen";
    case BREVET_AUTHORITY_CIRCUIT_CLOSED:
    default:
      return "closed";
    }
}

static const char *
name_health (BrevetCaHealthState state)
{
  switch (state)
    {
    case BREVET_CA_HEALTH_OK:
      return "ok";
    case BREVET_CA_HEALTH_DEGRADED:
      return "degraded";
    case BREVET_CA_HEALTH_DOWN:
      return "down";
    case BREVET_CA_HEALTH_UNKNOWN:
    default:
      return "unknown";
    }
}

static gboolean
was_found_well (const BrevetAuthorityReport *report)
{
  return report->health != NULL && brevet_ca_health_get_state (report->health) == BREVET_CA_HEALTH_OK &&
         report->checked_at >= report->last_failure;
}

/* What devices notice counts more than what a check has found. */
static const char *
choose_state (const BrevetAuthorityReport *report, const char **message)
{
  BrevetCaHealthState found = report->health != NULL ? brevet_ca_health_get_state (report->health) : BREVET_CA_HEALTH_UNKNOWN;

  *message = report->problem;
  if (report->circuit == BREVET_AUTHORITY_CIRCUIT_HALF_OPEN && was_found_well (report))
    {
      *message = "It was down, and a check finds it well again; one request is let through at first, to see whether that is so";
      return "degraded";
    }
  if (report->circuit != BREVET_AUTHORITY_CIRCUIT_CLOSED)
    return "down";
  if (report->failures > 0 && found != BREVET_CA_HEALTH_DOWN)
    return "degraded";
  *message = report->health != NULL ? brevet_ca_health_get_message (report->health) : NULL;
  if (found == BREVET_CA_HEALTH_UNKNOWN && report->last_success > report->last_failure)
    return "ok";
  return name_health (found);
}

static void
add_queue (JsonObject *object, BrevetAuthorityTraffic *traffic, const BrevetAuthorityReport *report)
{
  JsonObject *queue = json_object_new ();
  BrevetAuthorityLimits limits;

  brevet_authority_traffic_get_limits (traffic, &limits);
  json_object_set_int_member (queue, "inFlight", report->in_flight);
  json_object_set_int_member (queue, "queued", report->queued);
  json_object_set_int_member (queue, "oldestSeconds", report->queued_seconds);
  if (limits.maximum_in_flight > 0)
    json_object_set_int_member (queue, "maximumInFlight", limits.maximum_in_flight);
  json_object_set_int_member (queue, "maximumQueued", limits.maximum_queued);
  if (limits.per_second > 0)
    json_object_set_double_member (queue, "requestsPerMinute", limits.per_second * 60);
  json_object_set_object_member (object, "queue", queue);
}

static void
add_counters (JsonObject *object, const BrevetAuthorityReport *report)
{
  JsonObject *counters = json_object_new ();

  json_object_set_int_member (counters, "asked", report->asked);
  json_object_set_int_member (counters, "failed", report->failed);
  json_object_set_int_member (counters, "failuresInARow", report->failures);
  json_object_set_object_member (object, "counters", counters);
}

static void
add_report (JsonObject *object, BrevetAuthority *authority)
{
  g_autoptr(BrevetAuthorityReport) report = brevet_authority_traffic_report (authority->traffic);
  const char *message = NULL;

  json_object_set_string_member (object, "identity", authority->identity);
  json_object_set_string_member (object, "state", choose_state (report, &message));
  brevet_record_json_set_string (object, "message", message);
  json_object_set_string_member (object, "circuit", name_circuit (report->circuit));
  brevet_status_add_time (object, "retryAt", report->retry_at);
  add_queue (object, authority->traffic, report);
  add_counters (object, report);
  brevet_status_add_time (object, "lastSuccess", report->last_success);
  brevet_status_add_time (object, "lastFailure", report->last_failure);
  brevet_record_json_set_string (object, "problem", report->problem);
  brevet_status_add_time (object, "checkedAt", report->checked_at);
  if (report->checked_at > 0)
    json_object_set_int_member (object, "latencyMilliseconds", report->latency);
  if (report->health != NULL)
    brevet_status_add_time (object, "expires", brevet_ca_health_get_expires (report->health));
}

static gboolean
has_devices (const BrevetAuthorityStatus *self)
{
  for (guint i = 0; i < self->census->authorities->len; i++)
    {
      const BrevetCensusAuthority *users = g_ptr_array_index (self->census->authorities, i);

      if (users->devices + users->coming > 0 && brevet_identifier_equal (users->authority, self->name))
        return TRUE;
    }
  return FALSE;
}

static void
add_problem (JsonObject *object, const BrevetAuthorityStatus *self)
{
  const char *message = "There is no certificate authority of this name any more, but devices have certificates of it";

  if (self->problem != NULL)
    message = self->problem->message;
  else if (!has_devices (self))
    message = "There is no certificate authority of this name any more, and no device has a certificate of it";
  json_object_set_string_member (object, "state", self->problem != NULL ? "down" : "unknown");
  json_object_set_string_member (object, "message", message);
}

static void
add_devices (JsonObject *object, const BrevetCensusAuthority *users)
{
  json_object_set_int_member (object, "devices", users != NULL ? (gint64) users->devices : 0);
  if (users == NULL)
    return;
  if (users->coming > 0)
    json_object_set_int_member (object, "devicesToCome", users->coming);
  if (users->open > 0)
    json_object_set_int_member (object, "issuancesUnderWay", users->open);
  brevet_status_add_time (object, "firstCertificateExpires", users->soonest);
  brevet_status_add_time (object, "lastCertificateExpires", users->latest);
}

static void
add_trust (JsonObject *object, const BrevetCaVersion *version)
{
  if (version->trust == NULL)
    return;
  json_object_set_array_member (object, "trust", brevet_records_describe_certificates (version->trust, NULL));
  brevet_status_add_time (object, "trustAskedAt", version->trust_time);
}

static gboolean
is_current (const BrevetAuthorityStatus *self, const char *identity)
{
  return self->authority != NULL && g_strcmp0 (self->authority->identity, identity) == 0;
}

static gboolean
has_version (const BrevetAuthorityStatus *self, const char *identity)
{
  for (guint i = 0; i < self->versions->len; i++)
    if (g_strcmp0 (((BrevetCaVersion *) g_ptr_array_index (self->versions, i))->identity, identity) == 0)
      return TRUE;
  return FALSE;
}

static void
add_earlier_version (JsonArray *array, const BrevetAuthorityStatus *self, const BrevetCaVersion *version)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "identity", version->identity);
  brevet_status_add_time (object, "since", version->since);
  brevet_status_add_time (object, "until", version->until);
  add_devices (object, brevet_census_result_find (self->census, self->name, version->identity));
  add_trust (object, version);
  json_array_add_object_element (array, object);
}

/* Devices may also have certificates from a time of which nothing else is known. */
static JsonArray *
list_earlier_versions (const BrevetAuthorityStatus *self)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < self->versions->len; i++)
    {
      const BrevetCaVersion *version = g_ptr_array_index (self->versions, i);

      if (!is_current (self, version->identity))
        add_earlier_version (array, self, version);
    }
  for (guint i = 0; i < self->census->authorities->len; i++)
    {
      const BrevetCensusAuthority *users = g_ptr_array_index (self->census->authorities, i);
      JsonObject *object;

      if (!brevet_identifier_equal (users->authority, self->name) || is_current (self, users->identity) ||
          (users->identity == NULL && users->devices + users->coming + users->open == 0) || has_version (self, users->identity))
        continue;
      object = json_object_new ();
      brevet_record_json_set_string (object, "identity", users->identity);
      add_devices (object, users);
      json_array_add_object_element (array, object);
    }
  return array;
}

static void
add_bundles (JsonObject *object, GPtrArray *bundles)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; bundles != NULL && i < bundles->len; i++)
    json_array_add_string_element (array, g_ptr_array_index (bundles, i));
  json_object_set_array_member (object, "trustBundles", array);
}

JsonObject *
brevet_authority_status_to_json (const BrevetAuthorityStatus *self)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "name", self->name);
  brevet_record_json_set_string (object, "certificateAuthorityType", self->type);
  if (self->authority != NULL)
    add_report (object, self->authority);
  else
    add_problem (object, self);
  for (guint i = 0; i < self->versions->len; i++)
    {
      const BrevetCaVersion *version = g_ptr_array_index (self->versions, i);

      if (!is_current (self, version->identity))
        continue;
      brevet_status_add_time (object, "since", version->since);
      add_trust (object, version);
    }
  add_devices (object, self->authority != NULL
               ? brevet_census_result_find (self->census, self->name, self->authority->identity) : NULL);
  json_object_set_array_member (object, "earlierVersions", list_earlier_versions (self));
  add_bundles (object, self->bundles);
  json_object_set_int_member (object, "pendingRevocations", self->pending);
  json_object_set_int_member (object, "orphans", self->orphans);
  brevet_status_add_census (object, self->census);
  return object;
}
