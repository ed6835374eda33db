/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The CAs that names have stood for, and what is still to be asked of them. */

#include "records-ca.h"

#include "brevet-error.h"
#include "brevet-identifier.h"
#include "brevet-wire-json.h"
#include "record-json.h"

char *
brevet_records_ca_version_key (const char *name, const char *identity)
{
  g_autofree char *folded = brevet_identifier_fold (name);
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, identity, -1);

  return g_strconcat (folded, "/", digest, NULL);
}

static gboolean
read_trust (BrevetCaVersion *version, JsonObject *object, BrevetRecord *record, GError **error)
{
  const char *pem = brevet_record_json_get_string (object, "trust");

  if (pem == NULL)
    return TRUE;
  version->trust = brevet_trust_bundle_new_from_pem (pem, error);
  if (version->trust != NULL)
    return TRUE;
  brevet_record_prefix_error (record, error);
  return FALSE;
}

BrevetCaVersion *
brevet_records_read_ca_version (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  g_autoptr(BrevetCaVersion) version = g_new0 (BrevetCaVersion, 1);
  JsonObject *settings = NULL;

  if (object == NULL || !brevet_record_json_require (object, record, error, "name", "identity", "module", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "baseDirectory", "trust", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "trustTime", "since", "until", NULL))
    return NULL;
  if (!brevet_wire_get_object (object, "settings", &settings, error))
    {
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  version->name = brevet_record_json_dup_string (object, "name");
  version->identity = brevet_record_json_dup_string (object, "identity");
  version->module = brevet_record_json_dup_string (object, "module");
  version->base_directory = brevet_record_json_dup_string (object, "baseDirectory");
  version->settings = settings != NULL ? json_object_ref (settings) : json_object_new ();
  version->trust_time = json_object_get_int_member_with_default (object, "trustTime", 0);
  version->since = json_object_get_int_member_with_default (object, "since", 0);
  version->until = json_object_get_int_member_with_default (object, "until", 0);
  version->etag = g_strdup (brevet_record_get_etag (record));
  return read_trust (version, object, record, error) ? g_steal_pointer (&version) : NULL;
}

void
brevet_records_put_ca_version (BrevetBatch *batch, const BrevetCaVersion *version, const char *condition)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *key = brevet_records_ca_version_key (version->name, version->identity);
  g_autofree char *trust = version->trust != NULL ? brevet_trust_bundle_to_pem (version->trust) : NULL;

  brevet_record_json_set_string (object, "name", version->name);
  brevet_record_json_set_string (object, "identity", version->identity);
  brevet_record_json_set_string (object, "module", version->module);
  brevet_record_json_set_string (object, "baseDirectory", version->base_directory);
  json_object_set_object_member (object, "settings", json_object_ref (version->settings));
  brevet_record_json_set_string (object, "trust", trust);
  json_object_set_int_member (object, "trustTime", version->trust_time);
  json_object_set_int_member (object, "since", version->since);
  json_object_set_int_member (object, "until", version->until);
  brevet_record_json_put (batch, BREVET_COLLECTION_CA_VERSIONS, key, version->name, object, condition);
}

void
brevet_ca_version_free (BrevetCaVersion *self)
{
  if (self == NULL)
    return;
  g_free (self->name);
  g_free (self->identity);
  g_free (self->module);
  g_free (self->base_directory);
  g_clear_pointer (&self->settings, json_object_unref);
  g_clear_pointer (&self->trust, brevet_trust_bundle_unref);
  g_free (self->etag);
  g_free (self);
}

BrevetPendingRevocation *
brevet_records_read_pending_revocation (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  BrevetPendingRevocation *revocation;

  if (object == NULL ||
      !brevet_record_json_require (object, record, error, "certificateKey", "certificateAuthority", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "identity", "problem", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "reason", "notAfter", "notBefore", "tries", NULL))
    return NULL;
  revocation = g_new0 (BrevetPendingRevocation, 1);
  revocation->certificate_key = brevet_record_json_dup_string (object, "certificateKey");
  revocation->authority = brevet_record_json_dup_string (object, "certificateAuthority");
  revocation->identity = brevet_record_json_dup_string (object, "identity");
  revocation->reason = json_object_get_int_member_with_default (object, "reason", BREVET_REVOCATION_UNSPECIFIED);
  revocation->not_after = json_object_get_int_member_with_default (object, "notAfter", G_MAXINT64);
  revocation->not_before = json_object_get_int_member_with_default (object, "notBefore", 0);
  revocation->tries = json_object_get_int_member_with_default (object, "tries", 0);
  revocation->problem = brevet_record_json_dup_string (object, "problem");
  revocation->etag = g_strdup (brevet_record_get_etag (record));
  return revocation;
}

void
brevet_records_put_pending_revocation (BrevetBatch *batch, const BrevetPendingRevocation *revocation, const char *condition)
{
  g_autoptr(JsonObject) object = json_object_new ();

  brevet_record_json_set_string (object, "certificateKey", revocation->certificate_key);
  brevet_record_json_set_string (object, "certificateAuthority", revocation->authority);
  brevet_record_json_set_string (object, "identity", revocation->identity);
  json_object_set_int_member (object, "reason", revocation->reason);
  json_object_set_int_member (object, "notAfter", revocation->not_after);
  json_object_set_int_member (object, "notBefore", revocation->not_before);
  json_object_set_int_member (object, "tries", revocation->tries);
  brevet_record_json_set_string (object, "problem", revocation->problem);
  brevet_record_json_put (batch, BREVET_COLLECTION_REVOCATIONS, revocation->certificate_key, NULL, object, condition);
}

void
brevet_pending_revocation_free (BrevetPendingRevocation *self)
{
  if (self == NULL)
    return;
  g_free (self->certificate_key);
  g_free (self->authority);
  g_free (self->identity);
  g_free (self->problem);
  g_free (self->etag);
  g_free (self);
}

BrevetOrphan *
brevet_records_read_orphan (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  g_autoptr(BrevetOrphan) orphan = g_new0 (BrevetOrphan, 1);

  if (object == NULL || !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "problem", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "notBefore", "tries", "misses", NULL))
    return NULL;
  orphan->intent = brevet_records_read_intent (record, error);
  if (orphan->intent == NULL)
    return NULL;
  orphan->not_before = json_object_get_int_member_with_default (object, "notBefore", 0);
  orphan->tries = json_object_get_int_member_with_default (object, "tries", 0);
  orphan->misses = json_object_get_int_member_with_default (object, "misses", 0);
  orphan->problem = brevet_record_json_dup_string (object, "problem");
  orphan->etag = g_strdup (brevet_record_get_etag (record));
  return g_steal_pointer (&orphan);
}

void
brevet_records_put_orphan (BrevetBatch *batch, const BrevetOrphan *orphan, const char *condition)
{
  g_autoptr(JsonObject) object = brevet_records_intent_to_json (orphan->intent);
  g_autofree char *key = g_strdup_printf ("%s/%u", orphan->intent->operation_id, orphan->intent->attempt);

  json_object_set_int_member (object, "notBefore", orphan->not_before);
  json_object_set_int_member (object, "tries", orphan->tries);
  json_object_set_int_member (object, "misses", orphan->misses);
  brevet_record_json_set_string (object, "problem", orphan->problem);
  brevet_record_json_put (batch, BREVET_COLLECTION_ORPHANS, key, orphan->intent->registration_id, object, condition);
}

void
brevet_orphan_free (BrevetOrphan *self)
{
  if (self == NULL)
    return;
  g_clear_pointer (&self->intent, brevet_intent_free);
  g_free (self->problem);
  g_free (self->etag);
  g_free (self);
}
