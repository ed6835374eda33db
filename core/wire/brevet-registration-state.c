/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-registration-state.h"

#include "brevet-identifier.h"
#include "brevet-issued-chain.h"
#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

#include <string.h>

#define RETRY_AFTER_MIN 2
#define RETRY_AFTER_MAX 59

/* A host name with a port, or an address. */
#define HUB_MAX_SIZE 262

#define ERROR_MESSAGE_MAX_SIZE 1000

static const char *const status_words[] = { "unassigned", "assigning", "assigned", "failed", "disabled" };

/* Names of the mechanisms under which a device may find a member about its attestation. */
static const char *const mechanisms[] = { "symmetricKey", "tpm", "x509" };

const char *
brevet_registration_status_to_string (BrevetRegistrationStatus status)
{
  return status_words[status];
}

gboolean
brevet_registration_status_from_string (const char *text, BrevetRegistrationStatus *status)
{
  for (guint i = 0; i < G_N_ELEMENTS (status_words); i++)
    if (g_ascii_strcasecmp (text, status_words[i]) == 0)
      {
        *status = (BrevetRegistrationStatus) i;
        return TRUE;
      }
  return FALSE;
}

BrevetRegistrationState *
brevet_registration_state_new (const char *registration_id, BrevetRegistrationStatus status)
{
  BrevetRegistrationState *self = g_new0 (BrevetRegistrationState, 1);

  self->registration_id = g_strdup (registration_id);
  self->status = status;
  return self;
}

void
brevet_registration_state_free (BrevetRegistrationState *self)
{
  g_free (self->registration_id);
  g_free (self->substatus);
  g_free (self->assigned_hub);
  g_free (self->device_id);
  g_free (self->mechanism);
  g_clear_pointer (&self->attestation, json_object_unref);
  g_free (self->error_message);
  g_clear_pointer (&self->payload, json_node_unref);
  g_free (self->certificate_pem);
  g_clear_pointer (&self->trust_bundle, json_object_unref);
  g_free (self->etag);
  g_free (self);
}

static gboolean
has_failed (const BrevetRegistrationState *self)
{
  return self->status == BREVET_REGISTRATION_FAILED || self->status == BREVET_REGISTRATION_DISABLED;
}

static gboolean
is_final (const BrevetRegistrationState *self)
{
  return self->status != BREVET_REGISTRATION_ASSIGNING && self->status != BREVET_REGISTRATION_UNASSIGNED;
}

/* Clients insist on both members, and on neither being null. */
static void
add_failure (JsonObject *object, const BrevetRegistrationState *self)
{
  json_object_set_int_member (object, "errorCode", self->error_code != 0 ? self->error_code : 500000);
  json_object_set_string_member (object, "errorMessage",
                                 self->error_message != NULL ? self->error_message : "The registration failed");
}

static void
add_certificate (JsonObject *object, const BrevetRegistrationState *self, BrevetDialect dialect)
{
  if (dialect == BREVET_DIALECT_2021_11_01_PREVIEW)
    {
      brevet_wire_add_string (object, "issuedClientCertificate", self->certificate_pem);
      if (self->trust_bundle != NULL)
        json_object_set_object_member (object, "trustBundle", json_object_ref (self->trust_bundle));
    }
  else if (dialect == BREVET_DIALECT_2025_07_01_PREVIEW && self->certificate_pem != NULL)
    {
      JsonArray *chain = brevet_issued_chain_to_json (self->certificate_pem, self->trust_bundle);

      if (chain != NULL)
        json_object_set_array_member (object, "issuedCertificateChain", chain);
    }
}

JsonObject *
brevet_registration_state_to_json (const BrevetRegistrationState *self, BrevetDialect dialect)
{
  JsonObject *object = json_object_new ();

  if (self->mechanism != NULL && self->attestation != NULL)
    json_object_set_object_member (object, self->mechanism, json_object_ref (self->attestation));
  brevet_wire_add_string (object, "registrationId", self->registration_id);
  if (!has_failed (self))
    brevet_wire_add_time (object, "createdDateTimeUtc", self->created);
  brevet_wire_add_string (object, "assignedHub", self->assigned_hub);
  brevet_wire_add_string (object, "deviceId", self->device_id);
  json_object_set_string_member (object, "status", brevet_registration_status_to_string (self->status));
  brevet_wire_add_string (object, "substatus", self->substatus);
  if (has_failed (self))
    {
      add_failure (object, self);
      brevet_wire_add_time (object, "createdDateTimeUtc", self->created);
    }
  brevet_wire_add_time (object, "lastUpdatedDateTimeUtc", self->updated);
  brevet_wire_add_string (object, "etag", self->etag);
  brevet_wire_add_node (object, "payload", self->payload);
  add_certificate (object, self, dialect);
  return object;
}

static gboolean
read_status (JsonObject *object, BrevetRegistrationStatus *status, gboolean *is_there, GError **error)
{
  g_autofree char *excerpt = NULL;
  const char *word;

  if (!brevet_wire_get_string (object, "status", &word, error))
    return FALSE;
  *is_there = word != NULL;
  if (word == NULL || brevet_registration_status_from_string (word, status))
    return TRUE;
  excerpt = brevet_wire_excerpt (word);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The status “%s” is unknown", excerpt);
  return FALSE;
}

static gboolean
read_attestation (BrevetRegistrationState *self, JsonObject *object, GError **error)
{
  for (guint i = 0; i < G_N_ELEMENTS (mechanisms); i++)
    {
      JsonObject *attestation;

      if (!brevet_wire_get_object (object, mechanisms[i], &attestation, error))
        return FALSE;
      if (attestation == NULL)
        continue;
      self->mechanism = g_strdup (mechanisms[i]);
      self->attestation = json_object_ref (attestation);
      return TRUE;
    }
  return TRUE;
}

static gboolean
read_error_code (BrevetRegistrationState *self, JsonObject *object, GError **error)
{
  JsonNode *node = json_object_get_member (object, "errorCode");
  gint64 code;

  if (node == NULL || JSON_NODE_HOLDS_NULL (node))
    return TRUE;
  code = JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_INT64 ? json_node_get_int (node) : -1;
  if (code < 0 || code > G_MAXINT32)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “errorCode” must be a whole number");
      return FALSE;
    }
  self->error_code = (guint) code;
  return TRUE;
}

/* A service may send both forms; they say the same. */
static gboolean
read_certificate (BrevetRegistrationState *self, JsonObject *object, GError **error)
{
  g_auto(GStrv) chain = NULL;

  if (!brevet_wire_dup_string (object, "issuedClientCertificate", &self->certificate_pem, error) ||
      !brevet_wire_get_strings (object, "issuedCertificateChain", &chain, error))
    return FALSE;
  if (self->certificate_pem == NULL && chain != NULL && chain[0] != NULL)
    {
      self->certificate_pem = brevet_issued_chain_to_pem (chain, error);
      return self->certificate_pem != NULL;
    }
  return TRUE;
}

static gboolean
read_result (BrevetRegistrationState *self, JsonObject *object, GError **error)
{
  JsonNode *payload = json_object_get_member (object, "payload");
  JsonObject *trust_bundle;

  if (!brevet_wire_get_object (object, "trustBundle", &trust_bundle, error) ||
      !read_certificate (self, object, error))
    return FALSE;
  if (trust_bundle != NULL)
    self->trust_bundle = json_object_ref (trust_bundle);
  if (payload != NULL && !JSON_NODE_HOLDS_NULL (payload))
    self->payload = json_node_copy (payload);
  self->created = brevet_wire_get_time (object, "createdDateTimeUtc");
  self->updated = brevet_wire_get_time (object, "lastUpdatedDateTimeUtc");
  return TRUE;
}

/* @fallback stands in for a status that the object itself does not name; NULL if it must. */
static BrevetRegistrationState *
read_state (JsonObject *object, const BrevetRegistrationStatus *fallback, GError **error)
{
  g_autoptr(BrevetRegistrationState) self = brevet_registration_state_new (NULL, BREVET_REGISTRATION_UNASSIGNED);
  gboolean has_status;

  if (!read_status (object, &self->status, &has_status, error))
    return NULL;
  if (!has_status && fallback == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “status” is missing");
      return NULL;
    }
  if (!has_status)
    self->status = *fallback;

  if (!brevet_wire_dup_string (object, "registrationId", &self->registration_id, error) ||
      !brevet_wire_dup_string (object, "substatus", &self->substatus, error) ||
      !brevet_wire_dup_string (object, "assignedHub", &self->assigned_hub, error) ||
      !brevet_wire_dup_string (object, "deviceId", &self->device_id, error) ||
      !brevet_wire_dup_string (object, "errorMessage", &self->error_message, error) ||
      !brevet_wire_dup_string (object, "etag", &self->etag, error) ||
      !read_error_code (self, object, error) || !read_attestation (self, object, error) || !read_result (self, object, error))
    return NULL;
  return g_steal_pointer (&self);
}

BrevetRegistrationState *
brevet_registration_state_from_json (JsonObject *object, GError **error)
{
  return read_state (object, NULL, error);
}

static JsonObject *
describe_operation (const BrevetRegistrationState *state, BrevetDialect dialect)
{
  g_autoptr(BrevetRegistrationState) brief = NULL;

  if (is_final (state))
    return brevet_registration_state_to_json (state, dialect);
  brief = brevet_registration_state_new (state->registration_id, state->status);
  return brevet_registration_state_to_json (brief, dialect);
}

BrevetReply *
brevet_operation_reply (const char *operation_id, const BrevetRegistrationState *state, BrevetDialect dialect, guint retry_after)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autoptr(GBytes) body = NULL;
  BrevetReply *reply;

  /* An embedded client reads in this order and misses what stands behind the nested object. */
  json_object_set_string_member (object, "operationId", operation_id);
  json_object_set_string_member (object, "status", brevet_registration_status_to_string (state->status));
  json_object_set_object_member (object, "registrationState", describe_operation (state, dialect));
  body = brevet_wire_print_object (object);

  reply = brevet_reply_new (is_final (state) ? 200 : 202, body);
  brevet_reply_set_header (reply, "content-type", "application/json; charset=utf-8");
  if (!is_final (state))
    {
      g_autofree char *seconds = g_strdup_printf ("%u", CLAMP (retry_after, RETRY_AFTER_MIN, RETRY_AFTER_MAX));

      brevet_reply_set_header (reply, "retry-after", seconds);
    }
  return reply;
}

static BrevetRegistrationState *
read_operation (JsonObject *object, char **operation_id, GError **error)
{
  g_autoptr(BrevetRegistrationState) self = NULL;
  BrevetRegistrationStatus status = BREVET_REGISTRATION_UNASSIGNED;
  JsonObject *nested;
  gboolean has_status;

  if (!brevet_wire_dup_string (object, "operationId", operation_id, error) ||
      !read_status (object, &status, &has_status, error) ||
      !brevet_wire_get_object (object, "registrationState", &nested, error))
    return NULL;
  if (nested == NULL && !has_status)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The reply has neither a “status” nor a “registrationState”");
      return NULL;
    }
  if (nested == NULL)
    return brevet_registration_state_new (NULL, status);
  self = read_state (nested, has_status ? &status : NULL, error);
  if (self != NULL && has_status)
    self->status = status;
  return g_steal_pointer (&self);
}

/* Other programs build addresses, topics and paths from these two, and do not expect anything else in them. */
static gboolean
check_assignment (const BrevetRegistrationState *self, GError **error)
{
  gsize length = self->assigned_hub != NULL ? strspn (self->assigned_hub, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "-._:[]") : 0;

  if (self->assigned_hub != NULL && (length == 0 || length > HUB_MAX_SIZE || self->assigned_hub[length] != '\0'))
    {
      g_autofree char *excerpt = brevet_wire_excerpt (self->assigned_hub);

      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The hub “%s” that the service assigns is no host name", excerpt);
      return FALSE;
    }
  return self->device_id == NULL || brevet_identifier_check (BREVET_IDENTIFIER_DEVICE_ID, self->device_id, error);
}

static gboolean
check_foreign (BrevetRegistrationState *self, GError **error)
{
  g_autofree char *message = g_steal_pointer (&self->error_message);

  self->error_message = brevet_wire_tidy (message, ERROR_MESSAGE_MAX_SIZE);
  return self->status != BREVET_REGISTRATION_ASSIGNED || check_assignment (self, error);
}

BrevetRegistrationState *
brevet_operation_parse (GBytes *body, char **operation_id, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the service's reply", error);
  BrevetRegistrationState *self;

  *operation_id = NULL;
  if (object == NULL)
    return NULL;
  self = read_operation (object, operation_id, error);
  if (self != NULL && !check_foreign (self, error))
    g_clear_pointer (&self, brevet_registration_state_free);
  if (self == NULL)
    g_clear_pointer (operation_id, g_free);
  return self;
}
