/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-records-private.h"

#include "brevet-error.h"
#include "brevet-wire-json.h"

/* What is written as a rule. It counts up when an older brevet could no longer read that; members that it only does not know need
 * none. */
#define FORMAT 1
/* What can be read. */
#define NEWEST_FORMAT BREVET_IDENTITY_JSON_FORMAT_TOKEN

JsonObject *
brevet_identity_json_new (void)
{
  JsonObject *object = json_object_new ();

  json_object_set_int_member (object, "format", FORMAT);
  return object;
}

gboolean
brevet_identity_json_get_int (JsonObject *object, const char *member, gint64 minimum, gint64 *value, GError **error)
{
  JsonNode *node = json_object_get_member (object, member);

  *value = 0;
  if (node == NULL)
    return TRUE;
  if (JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64)
    {
      *value = json_node_get_int (node);
      if (*value >= minimum)
        return TRUE;
    }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “%s” is not a whole number from %" G_GINT64_FORMAT " on",
               member, minimum);
  return FALSE;
}

gboolean
brevet_identity_json_dup_string (JsonObject *object, const char *member, char **value, GError **error)
{
  const char *text = NULL;

  *value = NULL;
  if (!brevet_wire_get_string (object, member, &text, error))
    return FALSE;
  *value = g_strdup (text);
  return TRUE;
}

void
brevet_identity_json_set_string (JsonObject *object, const char *member, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, member, value);
}

JsonObject *
brevet_identity_json_parse (GBytes *body, const char *what, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, what, error);
  gint64 format = 0;

  if (object == NULL)
    return NULL;
  if (!brevet_identity_json_get_int (object, "format", 1, &format, error))
    return NULL;
  if (format == 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “format” of %s is missing", what);
      return NULL;
    }
  if (format <= NEWEST_FORMAT)
    return g_steal_pointer (&object);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNSUPPORTED,
               "%s was written by a newer brevet, in format %" G_GINT64_FORMAT " where this one reads up to %d; install the newer "
               "one again", what, format, NEWEST_FORMAT);
  return NULL;
}

BrevetIdentityMemory *
brevet_identity_memory_new (void)
{
  return g_new0 (BrevetIdentityMemory, 1);
}

BrevetIdentityMemory *
brevet_identity_memory_new_after_success (BrevetGeneration *installed)
{
  BrevetIdentityMemory *memory = brevet_identity_memory_new ();

  memory->last_success = installed->installed;
  return memory;
}

BrevetIdentityMemory *
brevet_identity_memory_copy (const BrevetIdentityMemory *self)
{
  BrevetIdentityMemory *copy = NULL;

  g_return_val_if_fail (self != NULL, NULL);

  copy = g_memdup2 (self, sizeof *self);
  copy->error_name = g_strdup (self->error_name);
  copy->error_text = g_strdup (self->error_text);
  copy->error_tracking_id = g_strdup (self->error_tracking_id);
  copy->input_digest = g_strdup (self->input_digest);
  return copy;
}

void
brevet_identity_memory_clear_error (BrevetIdentityMemory *self)
{
  g_return_if_fail (self != NULL);

  g_clear_pointer (&self->error_name, g_free);
  g_clear_pointer (&self->error_text, g_free);
  g_clear_pointer (&self->error_tracking_id, g_free);
  self->error_code = 0;
  self->error_time = 0;
  self->disabled = FALSE;
}

void
brevet_identity_memory_free (BrevetIdentityMemory *self)
{
  g_return_if_fail (self != NULL);

  brevet_identity_memory_clear_error (self);
  g_free (self->input_digest);
  g_free (self);
}

GBytes *
brevet_identity_memory_print (const BrevetIdentityMemory *self)
{
  g_autoptr(JsonObject) object = brevet_identity_json_new ();

  json_object_set_int_member (object, "failures", self->failures);
  json_object_set_int_member (object, "nextAttempt", self->next_attempt);
  json_object_set_int_member (object, "lastSuccess", self->last_success);
  brevet_identity_json_set_string (object, "errorName", self->error_name);
  json_object_set_int_member (object, "errorCode", self->error_code);
  brevet_identity_json_set_string (object, "errorText", self->error_text);
  brevet_identity_json_set_string (object, "errorTrackingId", self->error_tracking_id);
  json_object_set_int_member (object, "errorTime", self->error_time);
  brevet_identity_json_set_string (object, "inputDigest", self->input_digest);
  json_object_set_int_member (object, "askedUntil", self->asked_until);
  json_object_set_int_member (object, "refusals", self->refusals);
  json_object_set_boolean_member (object, "disabled", self->disabled);
  return brevet_wire_print_object (object);
}

static gboolean
get_count (JsonObject *object, const char *member, guint *value, GError **error)
{
  gint64 number = 0;

  if (!brevet_identity_json_get_int (object, member, 0, &number, error))
    return FALSE;
  *value = (guint) MIN (number, G_MAXUINT);
  return TRUE;
}

BrevetIdentityMemory *
brevet_identity_memory_parse (GBytes *body, GError **error)
{
  g_autoptr(JsonObject) object = brevet_identity_json_parse (body, "the record “" BREVET_IDENTITY_MEMORY_NAME "”", error);
  g_autoptr(BrevetIdentityMemory) self = brevet_identity_memory_new ();

  if (object == NULL || !get_count (object, "failures", &self->failures, error)
      || !brevet_identity_json_get_int (object, "nextAttempt", 0, &self->next_attempt, error)
      || !brevet_identity_json_get_int (object, "lastSuccess", 0, &self->last_success, error)
      || !brevet_identity_json_dup_string (object, "errorName", &self->error_name, error)
      || !get_count (object, "errorCode", &self->error_code, error)
      || !brevet_identity_json_dup_string (object, "errorText", &self->error_text, error)
      || !brevet_identity_json_dup_string (object, "errorTrackingId", &self->error_tracking_id, error)
      || !brevet_identity_json_get_int (object, "errorTime", 0, &self->error_time, error)
      || !brevet_identity_json_dup_string (object, "inputDigest", &self->input_digest, error)
      || !brevet_identity_json_get_int (object, "askedUntil", 0, &self->asked_until, error)
      || !get_count (object, "refusals", &self->refusals, error)
      || !brevet_wire_get_boolean (object, "disabled", FALSE, &self->disabled, error))
    return NULL;
  return g_steal_pointer (&self);
}
