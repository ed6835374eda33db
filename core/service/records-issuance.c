/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-wire-json.h"
#include "record-json.h"
#include "records-aside.h"

#include <gnutls/crypto.h>
#include <string.h>

BrevetIntent *
brevet_records_read_intent (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  g_autoptr(BrevetIntent) intent = g_new0 (BrevetIntent, 1);
  g_autoptr(GBytes) idempotency_key = NULL;

  if (object == NULL ||
      !brevet_record_json_require (object, record, error, "operationId", "registrationId", "certificateAuthority", "csr",
                                   "commonName", "idempotencyKey", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "identity", "standby", "uri", "ticket", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "validity", "requestedAt", "attempt", "expiresAt",
                                  "unknownSince", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_BOOLEAN, error, "sent", NULL) ||
      !brevet_record_json_expect_base64 (object, record, error, "csr") ||
      !brevet_record_json_expect_base64 (object, record, error, "idempotencyKey"))
    return NULL;
  intent->operation_id = brevet_record_json_dup_string (object, "operationId");
  intent->registration_id = brevet_record_json_dup_string (object, "registrationId");
  intent->authority = brevet_record_json_dup_string (object, "certificateAuthority");
  intent->identity = brevet_record_json_dup_string (object, "identity");
  intent->standby = brevet_record_json_dup_string (object, "standby");
  intent->csr = brevet_record_json_dup_base64 (object, "csr");
  intent->common_name = brevet_record_json_dup_string (object, "commonName");
  intent->uri = brevet_record_json_dup_string (object, "uri");
  intent->validity = json_object_get_int_member_with_default (object, "validity", 0);
  intent->requested_at = json_object_get_int_member_with_default (object, "requestedAt", 0);
  intent->attempt = json_object_get_int_member_with_default (object, "attempt", 1);
  intent->ticket = brevet_record_json_dup_string (object, "ticket");
  intent->expires_at = json_object_get_int_member_with_default (object, "expiresAt", 0);
  intent->sent = json_object_get_boolean_member_with_default (object, "sent", TRUE);
  intent->unknown_since = json_object_get_int_member_with_default (object, "unknownSince", 0);
  idempotency_key = brevet_record_json_dup_base64 (object, "idempotencyKey");
  if (g_bytes_get_size (idempotency_key) != sizeof intent->idempotency_key)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the idempotency key has %" G_GSIZE_FORMAT " bytes",
                   g_bytes_get_size (idempotency_key));
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  memcpy (intent->idempotency_key, g_bytes_get_data (idempotency_key, NULL), sizeof intent->idempotency_key);
  return g_steal_pointer (&intent);
}

JsonObject *
brevet_records_intent_to_json (const BrevetIntent *intent)
{
  JsonObject *object = json_object_new ();

  brevet_record_json_set_string (object, "operationId", intent->operation_id);
  brevet_record_json_set_string (object, "registrationId", intent->registration_id);
  brevet_record_json_set_string (object, "certificateAuthority", intent->authority);
  brevet_record_json_set_string (object, "identity", intent->identity);
  brevet_record_json_set_string (object, "standby", intent->standby);
  brevet_record_json_set_base64 (object, "csr", g_bytes_get_data (intent->csr, NULL), g_bytes_get_size (intent->csr));
  brevet_record_json_set_string (object, "commonName", intent->common_name);
  brevet_record_json_set_string (object, "uri", intent->uri);
  json_object_set_int_member (object, "validity", intent->validity);
  brevet_record_json_set_base64 (object, "idempotencyKey", intent->idempotency_key, sizeof intent->idempotency_key);
  json_object_set_int_member (object, "requestedAt", intent->requested_at);
  json_object_set_int_member (object, "attempt", intent->attempt);
  brevet_record_json_set_string (object, "ticket", intent->ticket);
  json_object_set_int_member (object, "expiresAt", intent->expires_at);
  json_object_set_boolean_member (object, "sent", intent->sent);
  if (intent->unknown_since != 0)
    json_object_set_int_member (object, "unknownSince", intent->unknown_since);
  return object;
}

void
brevet_records_put_intent (BrevetBatch *batch, const BrevetIntent *intent)
{
  g_autoptr(JsonObject) object = brevet_records_intent_to_json (intent);

  brevet_record_json_put (batch, BREVET_COLLECTION_JOURNAL, intent->operation_id, intent->registration_id, object, NULL);
}

void
brevet_intent_renew_key (BrevetIntent *self)
{
  if (gnutls_rnd (GNUTLS_RND_KEY, self->idempotency_key, sizeof self->idempotency_key) < 0)
    g_error ("The random source of GnuTLS fails");
}

BrevetIntent *
brevet_intent_copy (const BrevetIntent *self)
{
  BrevetIntent *copy = g_memdup2 (self, sizeof *self);

  copy->operation_id = g_strdup (self->operation_id);
  copy->registration_id = g_strdup (self->registration_id);
  copy->authority = g_strdup (self->authority);
  copy->identity = g_strdup (self->identity);
  copy->standby = g_strdup (self->standby);
  copy->csr = g_bytes_ref (self->csr);
  copy->common_name = g_strdup (self->common_name);
  copy->uri = g_strdup (self->uri);
  copy->ticket = g_strdup (self->ticket);
  return copy;
}

void
brevet_intent_free (BrevetIntent *self)
{
  if (self == NULL)
    return;
  g_free (self->operation_id);
  g_free (self->registration_id);
  g_free (self->authority);
  g_free (self->identity);
  g_free (self->standby);
  g_clear_pointer (&self->csr, g_bytes_unref);
  g_free (self->common_name);
  g_free (self->uri);
  g_free (self->ticket);
  g_free (self);
}

gboolean
brevet_records_check_certificate_status (BrevetRecord *record, const char *status, GError **error)
{
  if (g_str_equal (status, BREVET_INVENTORY_ISSUED) || g_str_equal (status, BREVET_INVENTORY_REVOKED) ||
      g_str_equal (status, BREVET_INVENTORY_REFUSED))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the status “%s” is none that this version knows", status);
  brevet_record_prefix_error (record, error);
  return FALSE;
}

BrevetInventoryEntry *
brevet_records_read_certificate (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  g_autoptr(BrevetInventoryEntry) entry = g_new0 (BrevetInventoryEntry, 1);

  if (object == NULL ||
      !brevet_record_json_require (object, record, error, "registrationId", "operationId", "certificateAuthority", "status",
                                   "chain", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "identity", "backendReference", "reason", "issuer",
                                  "serial", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "revokedAt", "revocationReason", "notAfter", NULL) ||
      !brevet_records_check_certificate_status (record, json_object_get_string_member (object, "status"), error))
    return NULL;
  entry->chain = brevet_chain_new_from_pem (json_object_get_string_member (object, "chain"), error);
  if (entry->chain == NULL)
    {
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  entry->registration_id = brevet_record_json_dup_string (object, "registrationId");
  entry->operation_id = brevet_record_json_dup_string (object, "operationId");
  entry->authority = brevet_record_json_dup_string (object, "certificateAuthority");
  entry->identity = brevet_record_json_dup_string (object, "identity");
  entry->backend_reference = brevet_record_json_dup_string (object, "backendReference");
  entry->status = brevet_record_json_dup_string (object, "status");
  entry->reason = brevet_record_json_dup_string (object, "reason");
  entry->revoked_at = json_object_get_int_member_with_default (object, "revokedAt", 0);
  entry->revocation_reason = json_object_get_int_member_with_default (object, "revocationReason", 0);
  return g_steal_pointer (&entry);
}

char *
brevet_records_read_certificate_pem (BrevetRecord *record, gboolean *is_revoked, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);

  if (object == NULL || !brevet_record_json_require (object, record, error, "chain", "status", NULL) ||
      !brevet_records_check_certificate_status (record, json_object_get_string_member (object, "status"), error))
    return NULL;
  *is_revoked = g_str_equal (json_object_get_string_member (object, "status"), BREVET_INVENTORY_REVOKED);
  return brevet_record_json_dup_string (object, "chain");
}

/* Issuer and serial number are what makes a certificate unique (RFC 5280 §4.1.2.2). */
char *
brevet_records_certificate_key (BrevetCertificate *leaf)
{
  g_autofree char *issuer = g_compute_checksum_for_string (G_CHECKSUM_SHA256, brevet_certificate_get_issuer (leaf), -1);

  return g_strconcat (issuer, ":", brevet_certificate_get_serial (leaf), NULL);
}

/* One that was refused may have any serial number, so it is kept under its fingerprint. */
char *
brevet_records_inventory_key (const BrevetInventoryEntry *entry)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (entry->chain);

  if (g_strcmp0 (entry->status, BREVET_INVENTORY_REFUSED) == 0)
    return g_strconcat (entry->status, ":", brevet_certificate_get_sha256 (leaf), NULL);
  return brevet_records_certificate_key (leaf);
}

char *
brevet_records_normalise_inventory_key (const char *text)
{
  g_auto(GStrv) sides = g_strsplit (text, ":", 2);
  g_autofree char *first = g_ascii_strdown (sides[0] != NULL ? sides[0] : "", -1);
  g_autofree char *second = NULL;

  if (g_strv_length (sides) < 2)
    return g_steal_pointer (&first);
  second = g_str_equal (first, BREVET_INVENTORY_REFUSED) ? g_ascii_strdown (sides[1], -1) : g_ascii_strup (sides[1], -1);
  return g_strconcat (first, ":", second, NULL);
}

static GBytes *
print_certificate (const BrevetInventoryEntry *entry)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (entry->chain);
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *pem = brevet_chain_to_pem (entry->chain);

  brevet_record_json_set_string (object, "registrationId", entry->registration_id);
  brevet_record_json_set_string (object, "operationId", entry->operation_id);
  brevet_record_json_set_string (object, "certificateAuthority", entry->authority);
  brevet_record_json_set_string (object, "identity", entry->identity);
  brevet_record_json_set_string (object, "backendReference", entry->backend_reference);
  brevet_record_json_set_string (object, "status", entry->status);
  brevet_record_json_set_string (object, "reason", entry->reason);
  brevet_record_json_set_string (object, "subject", brevet_certificate_get_subject (leaf));
  brevet_record_json_set_string (object, "issuer", brevet_certificate_get_issuer (leaf));
  brevet_record_json_set_string (object, "serial", brevet_certificate_get_serial (leaf));
  brevet_record_json_set_string (object, "sha256", brevet_certificate_get_sha256 (leaf));
  brevet_record_json_set_string (object, "spkiSha256", brevet_certificate_get_spki_sha256 (leaf));
  if (entry->revoked_at != 0)
    {
      json_object_set_int_member (object, "revokedAt", entry->revoked_at);
      json_object_set_int_member (object, "revocationReason", entry->revocation_reason);
    }
  json_object_set_int_member (object, "notBefore", brevet_certificate_get_not_before (leaf));
  json_object_set_int_member (object, "notAfter", brevet_certificate_get_not_after (leaf));
  brevet_record_json_set_string (object, "chain", pem);
  return brevet_wire_print_object (object);
}

char *
brevet_records_put_certificate (BrevetBatch *batch, const BrevetInventoryEntry *entry)
{
  g_autofree char *parent = brevet_identifier_fold (entry->registration_id);
  g_autofree char *key = brevet_records_inventory_key (entry);
  g_autoptr(GBytes) body = print_certificate (entry);

  brevet_batch_put (batch, BREVET_COLLECTION_CERTIFICATES, key, parent, body,
                    g_str_equal (entry->status, BREVET_INVENTORY_ISSUED) ? BREVET_IF_ABSENT : NULL);
  return g_steal_pointer (&key);
}

const char *
brevet_records_replace_certificate (BrevetBatch *batch, const BrevetInventoryEntry *entry, const char *etag)
{
  g_autofree char *parent = brevet_identifier_fold (entry->registration_id);
  g_autofree char *key = brevet_records_inventory_key (entry);
  g_autoptr(GBytes) body = print_certificate (entry);
  const char *version = brevet_batch_put (batch, BREVET_COLLECTION_CERTIFICATES, key, parent, body, etag);

  brevet_records_bar (batch, BREVET_COLLECTION_CERTIFICATES, key, g_str_equal (entry->status, BREVET_INVENTORY_REVOKED));
  return version;
}

void
brevet_inventory_entry_free (BrevetInventoryEntry *self)
{
  if (self == NULL)
    return;
  g_free (self->registration_id);
  g_free (self->operation_id);
  g_free (self->authority);
  g_free (self->identity);
  g_free (self->backend_reference);
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_free (self->status);
  g_free (self->reason);
  g_free (self);
}
