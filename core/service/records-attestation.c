/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Records by which devices prove themselves: CA certificates, the index of groups by issuer, and what verifiers remember. */

#include "records.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-wire-json.h"
#include "record-json.h"

BrevetCaCertificateDocument *
brevet_records_read_ca_certificate (BrevetRecord *record, GError **error)
{
  BrevetCaCertificateDocument *certificate = brevet_ca_certificate_document_load (brevet_record_get_body (record), error);

  if (certificate == NULL)
    {
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  g_free (certificate->etag);
  certificate->etag = g_strdup (brevet_record_get_etag (record));
  certificate->created = brevet_record_get_created (record);
  certificate->updated = brevet_record_get_updated (record);
  return certificate;
}

void
brevet_records_put_ca_certificate (BrevetBatch *batch, const BrevetCaCertificateDocument *certificate, const char *condition)
{
  g_autoptr(JsonObject) object = brevet_ca_certificate_document_to_json (certificate);

  brevet_record_json_put (batch, BREVET_COLLECTION_CA_CERTIFICATES, certificate->name, NULL, object, condition);
}

char *
brevet_records_reference (const char *name)
{
  g_autofree char *key = brevet_identifier_fold (name);

  return g_strconcat ("certificate/", key, NULL);
}

/* Identifiers have no slash in them, so no two entries meet under one key. */
static char *
issuer_key (const char *from, const BrevetIssuerEntry *entry)
{
  if (entry->group != NULL)
    return g_strconcat (from, "/group/", entry->group, NULL);
  return g_strconcat (from, "/certificate/", entry->certificate, NULL);
}

BrevetIssuerEntry *
brevet_records_read_issuer (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  BrevetIssuerEntry *entry;
  const char *target;

  if (object == NULL ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "enrollmentGroup", "certificate", NULL))
    return NULL;
  target = brevet_record_json_get_string (object, "enrollmentGroup") != NULL ? "enrollmentGroup" : "certificate";
  if (!brevet_record_json_require (object, record, error, target, NULL))
    return NULL;
  entry = g_new0 (BrevetIssuerEntry, 1);
  entry->group = brevet_record_json_dup_string (object, "enrollmentGroup");
  entry->certificate = brevet_record_json_dup_string (object, "certificate");
  return entry;
}

void
brevet_records_put_issuer (BrevetBatch *batch, const char *from, const BrevetIssuerEntry *entry)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *key = issuer_key (from, entry);

  brevet_record_json_set_string (object, "enrollmentGroup", entry->group);
  brevet_record_json_set_string (object, "certificate", entry->certificate);
  brevet_record_json_put (batch, BREVET_COLLECTION_ISSUERS, key, from, object, NULL);
}

void
brevet_records_delete_issuer (BrevetBatch *batch, const char *from, const BrevetIssuerEntry *entry)
{
  g_autofree char *key = issuer_key (from, entry);

  brevet_batch_delete (batch, BREVET_COLLECTION_ISSUERS, key, NULL);
}

BrevetMemory *
brevet_records_read_memory (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  g_autoptr(BrevetMemory) memory = g_new0 (BrevetMemory, 1);
  JsonObject *content = NULL;

  if (object == NULL || !brevet_record_json_require (object, record, error, "binding", NULL))
    return NULL;
  if (!brevet_wire_get_object (object, "content", &content, error) || content == NULL)
    {
      g_clear_error (error);
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “content” is missing");
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  memory->binding = brevet_record_json_dup_string (object, "binding");
  memory->content = json_object_ref (content);
  memory->etag = g_strdup (brevet_record_get_etag (record));
  return g_steal_pointer (&memory);
}

void
brevet_records_put_memory (BrevetBatch *batch, const char *registration_id, const BrevetMemory *memory, const char *condition)
{
  g_autoptr(JsonObject) object = json_object_new ();

  brevet_record_json_set_string (object, "binding", memory->binding);
  json_object_set_object_member (object, "content", json_object_ref (memory->content));
  brevet_record_json_put (batch, BREVET_COLLECTION_MEMORIES, registration_id, NULL, object, condition);
}

char *
brevet_records_memory_binding (const BrevetEnrollment *enrollment)
{
  g_autoptr(JsonObject) attestation = brevet_attestation_to_json (enrollment->attestation, NULL);
  g_autoptr(GBytes) text = NULL;

  json_object_set_string_member (attestation, "registrationId", enrollment->id);
  json_object_set_int_member (attestation, "created", enrollment->created);
  text = brevet_wire_print_object (attestation);
  return g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, text);
}

void
brevet_issuer_entry_free (BrevetIssuerEntry *self)
{
  if (self == NULL)
    return;
  g_free (self->group);
  g_free (self->certificate);
  g_free (self);
}

void
brevet_memory_free (BrevetMemory *self)
{
  if (self == NULL)
    return;
  g_free (self->binding);
  g_clear_pointer (&self->content, json_object_unref);
  g_free (self->etag);
  g_free (self);
}
