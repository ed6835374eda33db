/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-wire-json.h"
#include "record-json.h"
#include "records-aside.h"
#include "records-devices.h"

#define PER_PAGE 1000

const char *
brevet_records_enrollment_collection (gboolean is_group)
{
  return is_group ? BREVET_COLLECTION_GROUPS : BREVET_COLLECTION_ENROLLMENTS;
}

GPtrArray *
brevet_records_list_all (BrevetStore *store, const char *collection, const char *parent, GError **error)
{
  g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_record_unref);

  for (;;)
    {
      const char *after = all->len > 0 ? brevet_record_get_key (g_ptr_array_index (all, all->len - 1)) : NULL;
      g_autoptr(GPtrArray) page = brevet_store_list (store, collection, parent, after, PER_PAGE, error);
      guint length = page != NULL ? page->len : 0;

      if (page == NULL)
        return NULL;
      g_ptr_array_extend_and_steal (all, g_steal_pointer (&page));
      if (length < PER_PAGE)
        return g_steal_pointer (&all);
    }
}

BrevetEnrollment *
brevet_records_read_enrollment (BrevetRecord *record, GError **error)
{
  gboolean is_group = g_str_equal (brevet_record_get_collection (record), BREVET_COLLECTION_GROUPS);
  BrevetEnrollment *enrollment = brevet_enrollment_load (brevet_record_get_body (record), is_group, error);

  if (enrollment == NULL)
    {
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  g_free (enrollment->etag);
  enrollment->etag = g_strdup (brevet_record_get_etag (record));
  enrollment->created = brevet_record_get_created (record);
  enrollment->updated = brevet_record_get_updated (record);
  return enrollment;
}

void
brevet_records_put_enrollment (BrevetBatch *batch, const BrevetEnrollment *enrollment, const char *condition)
{
  g_autoptr(JsonObject) object = brevet_enrollment_to_json (enrollment, BREVET_DIALECT_2021_11_01_PREVIEW, NULL);
  const char *collection = brevet_records_enrollment_collection (enrollment->is_group);

  brevet_record_json_put (batch, collection, enrollment->id, NULL, object, condition);
  brevet_records_bar (batch, collection, enrollment->id, !enrollment->enabled);
}

BrevetAuthorityDocument *
brevet_records_read_authority (BrevetRecord *record, GError **error)
{
  BrevetAuthorityDocument *authority = brevet_authority_document_load (brevet_record_get_body (record), error);

  if (authority == NULL)
    {
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  g_free (authority->etag);
  authority->etag = g_strdup (brevet_record_get_etag (record));
  authority->created = brevet_record_get_created (record);
  authority->updated = brevet_record_get_updated (record);
  return authority;
}

void
brevet_records_put_authority (BrevetBatch *batch, const BrevetAuthorityDocument *authority, const char *condition)
{
  g_autoptr(JsonObject) object = brevet_authority_document_to_json (authority, TRUE);

  brevet_record_json_put (batch, BREVET_COLLECTION_AUTHORITIES, authority->name, NULL, object, condition);
}

BrevetTrustBundleDocument *
brevet_records_read_trust_bundle (BrevetRecord *record, GError **error)
{
  BrevetTrustBundleDocument *bundle = brevet_trust_bundle_document_load (brevet_record_get_body (record), error);

  if (bundle == NULL)
    {
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  g_free (bundle->etag);
  bundle->etag = g_strdup (brevet_record_get_etag (record));
  bundle->created = brevet_record_get_created (record);
  bundle->updated = brevet_record_get_updated (record);
  return bundle;
}

/* A device that gets an empty bundle trusts nobody; one that gets none yet asks again. */
static gboolean
is_still_empty (JsonObject *object)
{
  JsonNode *node = json_object_get_member (object, "certificates");

  return json_object_has_member (object, "certificateAuthorities") && node != NULL && JSON_NODE_HOLDS_ARRAY (node) &&
         json_array_get_length (json_node_get_array (node)) == 0;
}

JsonObject *
brevet_records_read_trust_bundle_json (BrevetRecord *record, GError **error)
{
  g_autofree char *created = brevet_clock_format (brevet_record_get_created (record));
  g_autofree char *updated = brevet_clock_format (brevet_record_get_updated (record));
  JsonObject *object = brevet_record_json_parse (record, error);

  if (object == NULL)
    return NULL;
  if (is_still_empty (object))
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND, "It is not known yet what the certificate authorities of the trust "
                   "bundle “%s” say is to be trusted", brevet_record_get_key (record));
      json_object_unref (object);
      return NULL;
    }
  brevet_trust_bundle_document_strip (object);
  json_object_set_string_member (object, "createdDateTime", created);
  json_object_set_string_member (object, "lastModifiedDateTime", updated);
  json_object_set_string_member (object, "etag", brevet_record_get_etag (record));
  return object;
}

void
brevet_records_put_trust_bundle (BrevetBatch *batch, const BrevetTrustBundleDocument *bundle, const char *condition)
{
  g_autoptr(JsonObject) object = brevet_trust_bundle_document_to_json (bundle);

  brevet_records_put_bundle_version (batch, bundle,
                                     brevet_record_json_put (batch, BREVET_COLLECTION_TRUST_BUNDLES, bundle->id, NULL, object,
                                                             condition));
}

static BrevetRegistrationState *
read_state (JsonObject *object, BrevetRecord *record, GError **error)
{
  JsonObject *member = NULL;
  BrevetRegistrationState *state = NULL;

  if (brevet_wire_get_object (object, "state", &member, error) && member != NULL)
    state = brevet_registration_state_from_json (member, error);
  else if (member == NULL && (error == NULL || *error == NULL))
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “state” is missing");
  if (state != NULL && state->registration_id == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “registrationId” is missing");
      g_clear_pointer (&state, brevet_registration_state_free);
    }
  if (state == NULL)
    brevet_record_prefix_error (record, error);
  return state;
}

/* The first preview's dialect writes every member there is. */
static void
write_state (JsonObject *object, const BrevetRegistrationState *state)
{
  json_object_set_object_member (object, "state",
                                 brevet_registration_state_to_json (state, BREVET_DIALECT_2021_11_01_PREVIEW));
}

BrevetRegistration *
brevet_records_read_registration (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  g_autoptr(BrevetRegistration) registration = g_new0 (BrevetRegistration, 1);

  if (object == NULL ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "operationId", "enrollmentId", "initialHub", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_BOOLEAN, error, "enrollmentIsGroup", NULL))
    return NULL;
  registration->state = read_state (object, record, error);
  if (registration->state == NULL)
    return NULL;
  registration->operation_id = brevet_record_json_dup_string (object, "operationId");
  registration->enrollment_id = brevet_record_json_dup_string (object, "enrollmentId");
  registration->enrollment_is_group = json_object_get_boolean_member_with_default (object, "enrollmentIsGroup", FALSE);
  registration->initial_hub = brevet_record_json_dup_string (object, "initialHub");
  registration->etag = g_strdup (brevet_record_get_etag (record));
  g_free (registration->state->etag);
  registration->state->etag = g_strdup (brevet_record_get_etag (record));
  return g_steal_pointer (&registration);
}

const char *
brevet_records_put_registration (BrevetBatch *batch, const BrevetRegistration *registration, const char *condition)
{
  g_autoptr(JsonObject) object = json_object_new ();

  write_state (object, registration->state);
  brevet_record_json_set_string (object, "operationId", registration->operation_id);
  brevet_record_json_set_string (object, "enrollmentId", registration->enrollment_id);
  json_object_set_boolean_member (object, "enrollmentIsGroup", registration->enrollment_is_group);
  brevet_record_json_set_string (object, "initialHub", registration->initial_hub);
  return brevet_record_json_put (batch, BREVET_COLLECTION_REGISTRATIONS, registration->state->registration_id,
                                 registration->enrollment_is_group ? registration->enrollment_id : NULL, object, condition);
}

BrevetOperation *
brevet_records_read_operation (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  g_autoptr(BrevetOperation) operation = g_new0 (BrevetOperation, 1);

  if (object == NULL || !brevet_record_json_require (object, record, error, "operationId", "question", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "trackingId", "enrollmentId", "credential",
                                  "certificateKey", "trustBundleId", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_BOOLEAN, error, "enrollmentIsGroup", "delivered", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "certificateExpires", NULL))
    return NULL;
  operation->state = read_state (object, record, error);
  if (operation->state == NULL)
    return NULL;
  operation->id = brevet_record_json_dup_string (object, "operationId");
  operation->registration_id = g_strdup (operation->state->registration_id);
  operation->question = brevet_record_json_dup_string (object, "question");
  operation->tracking_id = brevet_record_json_dup_string (object, "trackingId");
  operation->enrollment_id = brevet_record_json_dup_string (object, "enrollmentId");
  operation->enrollment_is_group = json_object_get_boolean_member_with_default (object, "enrollmentIsGroup", FALSE);
  operation->credential = brevet_record_json_dup_string (object, "credential");
  operation->certificate_key = brevet_record_json_dup_string (object, "certificateKey");
  operation->trust_bundle_id = brevet_record_json_dup_string (object, "trustBundleId");
  operation->delivered = json_object_get_boolean_member_with_default (object, "delivered", FALSE);
  operation->certificate_expires = json_object_get_int_member_with_default (object, "certificateExpires", 0);
  operation->etag = g_strdup (brevet_record_get_etag (record));
  return g_steal_pointer (&operation);
}

void
brevet_records_put_operation (BrevetBatch *batch, const BrevetOperation *operation, const char *condition)
{
  g_autoptr(JsonObject) object = json_object_new ();

  brevet_record_json_set_string (object, "operationId", operation->id);
  brevet_record_json_set_string (object, "question", operation->question);
  brevet_record_json_set_string (object, "trackingId", operation->tracking_id);
  brevet_record_json_set_string (object, "enrollmentId", operation->enrollment_id);
  json_object_set_boolean_member (object, "enrollmentIsGroup", operation->enrollment_is_group);
  brevet_record_json_set_string (object, "credential", operation->credential);
  brevet_record_json_set_string (object, "certificateKey", operation->certificate_key);
  brevet_record_json_set_string (object, "trustBundleId", operation->trust_bundle_id);
  json_object_set_boolean_member (object, "delivered", operation->delivered);
  json_object_set_int_member (object, "certificateExpires", operation->certificate_expires);
  write_state (object, operation->state);
  brevet_record_json_put (batch, BREVET_COLLECTION_OPERATIONS, operation->id, operation->registration_id, object, condition);
}

BrevetRegistrationState *
brevet_registration_state_copy (const BrevetRegistrationState *self)
{
  BrevetRegistrationState *copy = brevet_registration_state_new (self->registration_id, self->status);

  copy->substatus = g_strdup (self->substatus);
  copy->assigned_hub = g_strdup (self->assigned_hub);
  copy->device_id = g_strdup (self->device_id);
  copy->mechanism = g_strdup (self->mechanism);
  copy->attestation = self->attestation != NULL ? brevet_wire_copy_object (self->attestation) : NULL;
  copy->error_code = self->error_code;
  copy->error_message = g_strdup (self->error_message);
  copy->payload = self->payload != NULL ? brevet_wire_copy (self->payload) : NULL;
  copy->certificate_pem = g_strdup (self->certificate_pem);
  copy->trust_bundle = self->trust_bundle != NULL ? brevet_wire_copy_object (self->trust_bundle) : NULL;
  copy->etag = g_strdup (self->etag);
  copy->created = self->created;
  copy->updated = self->updated;
  return copy;
}

BrevetOperation *
brevet_operation_copy (const BrevetOperation *self)
{
  BrevetOperation *copy = g_new0 (BrevetOperation, 1);

  copy->id = g_strdup (self->id);
  copy->registration_id = g_strdup (self->registration_id);
  copy->question = g_strdup (self->question);
  copy->tracking_id = g_strdup (self->tracking_id);
  copy->enrollment_id = g_strdup (self->enrollment_id);
  copy->enrollment_is_group = self->enrollment_is_group;
  copy->credential = g_strdup (self->credential);
  copy->state = brevet_registration_state_copy (self->state);
  copy->certificate_key = g_strdup (self->certificate_key);
  copy->trust_bundle_id = g_strdup (self->trust_bundle_id);
  copy->delivered = self->delivered;
  copy->certificate_expires = self->certificate_expires;
  copy->etag = g_strdup (self->etag);
  return copy;
}

void
brevet_operation_free (BrevetOperation *self)
{
  if (self == NULL)
    return;
  g_free (self->id);
  g_free (self->registration_id);
  g_free (self->question);
  g_free (self->tracking_id);
  g_free (self->enrollment_id);
  g_free (self->credential);
  g_clear_pointer (&self->state, brevet_registration_state_free);
  g_free (self->certificate_key);
  g_free (self->trust_bundle_id);
  g_free (self->etag);
  g_free (self);
}

void
brevet_registration_free (BrevetRegistration *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->state, brevet_registration_state_free);
  g_free (self->operation_id);
  g_free (self->enrollment_id);
  g_free (self->initial_hub);
  g_free (self->etag);
  g_free (self);
}
