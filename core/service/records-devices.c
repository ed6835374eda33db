/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records-devices.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-identifier.h"
#include "record-json.h"

#include <string.h>

/* One record for each certificate, so that neither issuance nor delivery nor revocation has to read what stood there before. The
 * record with nothing behind the slash says which of them was delivered last. */
static char *
make_key (const char *registration_id, const char *certificate_key)
{
  return g_strconcat (registration_id, "/", certificate_key, NULL);
}

void
brevet_records_put_device_certificate (BrevetBatch *batch, const BrevetInventoryEntry *entry, const char *certificate_key,
                                       gint64 issued, const char *condition)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *key = make_key (entry->registration_id, certificate_key);

  brevet_record_json_set_string (object, "certificateAuthority", entry->authority);
  brevet_record_json_set_string (object, "identity", entry->identity);
  json_object_set_int_member (object, "notAfter", brevet_certificate_get_not_after (brevet_chain_get_leaf (entry->chain)));
  if (issued != 0)
    json_object_set_int_member (object, "issued", issued);
  brevet_record_json_put (batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, key, NULL, object, condition);
}

void
brevet_records_put_unknown_device_certificate (BrevetBatch *batch, const char *registration_id, const char *certificate_key)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *key = make_key (registration_id, certificate_key);

  brevet_record_json_put (batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, key, NULL, object, NULL);
}

char *
brevet_records_dup_device (BrevetRecord *record)
{
  const char *key = brevet_record_get_key (record);
  const char *slash = strchr (key, '/');

  return slash != NULL ? g_strndup (key, slash - key) : g_strdup (key);
}

/* Keys of this collection are folded as a whole, those of the inventory are not. */
char *
brevet_records_dup_device_certificate_key (BrevetRecord *record)
{
  const char *slash = strchr (brevet_record_get_key (record), '/');

  return brevet_records_normalise_inventory_key (slash != NULL ? slash + 1 : "");
}

void
brevet_records_put_delivered_certificate (BrevetBatch *batch, const char *registration_id, const char *certificate_key)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *key = make_key (registration_id, "");
  g_autofree char *folded = brevet_identifier_fold (certificate_key);

  brevet_record_json_set_string (object, "delivered", folded);
  brevet_record_json_put (batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, key, NULL, object, NULL);
}

void
brevet_records_delete_device_certificate (BrevetBatch *batch, const char *registration_id, const char *certificate_key)
{
  g_autofree char *key = make_key (registration_id, certificate_key);
  g_autofree char *folded = brevet_identifier_fold (key);

  brevet_batch_delete (batch, BREVET_COLLECTION_DEVICE_CERTIFICATES, folded, NULL);
}

/* Whoever took a certificate without a CA for nobody's, or one without an end for one that has ended, would have the root of its CA
 * taken out of trust bundles. */
static gboolean
check_device_certificate (JsonObject *object, BrevetRecord *record, gboolean is_delivery, GError **error)
{
  if (is_delivery)
    return brevet_record_json_require (object, record, error, "delivered", NULL);
  if (!brevet_record_json_require (object, record, error, "certificateAuthority", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_STRING, error, "identity", NULL) ||
      !brevet_record_json_expect (object, record, G_TYPE_INT64, error, "notAfter", "issued", NULL))
    return FALSE;
  if (json_object_get_int_member_with_default (object, "notAfter", 0) > 0)
    return TRUE;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “notAfter” is missing");
  brevet_record_prefix_error (record, error);
  return FALSE;
}

BrevetDeviceCertificate *
brevet_records_read_device_certificate (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  const char *key = brevet_record_get_key (record);
  const char *slash = strchr (key, '/');
  BrevetDeviceCertificate *certificate;

  if (object == NULL || !check_device_certificate (object, record, slash != NULL && slash[1] == '\0', error))
    return NULL;
  certificate = g_new0 (BrevetDeviceCertificate, 1);
  certificate->device = brevet_records_dup_device (record);
  certificate->certificate_key = slash != NULL ? g_strdup (slash + 1) : NULL;
  certificate->authority = brevet_record_json_dup_string (object, "certificateAuthority");
  certificate->identity = brevet_record_json_dup_string (object, "identity");
  certificate->not_after = json_object_get_int_member_with_default (object, "notAfter", 0);
  certificate->delivered = brevet_record_json_dup_string (object, "delivered");
  certificate->time = json_object_get_int_member_with_default (object, "issued", brevet_record_get_updated (record));
  certificate->etag = g_strdup (brevet_record_get_etag (record));
  return certificate;
}

void
brevet_device_certificate_free (BrevetDeviceCertificate *self)
{
  if (self == NULL)
    return;
  g_free (self->device);
  g_free (self->certificate_key);
  g_free (self->authority);
  g_free (self->identity);
  g_free (self->delivered);
  g_free (self->etag);
  g_free (self);
}

BrevetBundleHolder *
brevet_records_read_bundle_holder (BrevetRecord *record, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  BrevetBundleHolder *holder;

  if (object == NULL ||
      !brevet_record_json_require (object, record, error, "registrationId", "trustBundleId", "version", NULL))
    return NULL;
  holder = g_new0 (BrevetBundleHolder, 1);
  holder->registration_id = brevet_record_json_dup_string (object, "registrationId");
  holder->bundle_id = brevet_record_json_dup_string (object, "trustBundleId");
  holder->version = brevet_record_json_dup_string (object, "version");
  holder->etag = g_strdup (brevet_record_get_etag (record));
  return holder;
}

void
brevet_records_put_bundle_holder (BrevetBatch *batch, const BrevetBundleHolder *holder, const char *condition)
{
  g_autoptr(JsonObject) object = json_object_new ();

  brevet_record_json_set_string (object, "registrationId", holder->registration_id);
  brevet_record_json_set_string (object, "trustBundleId", holder->bundle_id);
  brevet_record_json_set_string (object, "version", holder->version);
  brevet_record_json_put (batch, BREVET_COLLECTION_BUNDLE_HOLDERS, holder->registration_id, holder->bundle_id, object, condition);
}

void
brevet_bundle_holder_free (BrevetBundleHolder *self)
{
  if (self == NULL)
    return;
  g_free (self->registration_id);
  g_free (self->bundle_id);
  g_free (self->version);
  g_free (self->etag);
  g_free (self);
}

JsonArray *
brevet_records_describe_certificates (BrevetTrustBundle *bundle, GPtrArray *sources)
{
  JsonArray *array = json_array_new ();

  for (guint i = 0; i < brevet_trust_bundle_get_length (bundle); i++)
    {
      BrevetCertificate *certificate = brevet_trust_bundle_get (bundle, i);
      g_autofree char *not_after = brevet_clock_format (brevet_certificate_get_not_after (certificate) * G_USEC_PER_SEC);
      JsonObject *object = json_object_new ();

      brevet_record_json_set_string (object, "subject", brevet_certificate_get_subject (certificate));
      brevet_record_json_set_string (object, "sha256", brevet_certificate_get_sha256 (certificate));
      brevet_record_json_set_string (object, "notAfter", not_after);
      if (sources != NULL)
        brevet_record_json_set_string (object, "certificateAuthority", g_ptr_array_index (sources, i));
      json_array_add_object_element (array, object);
    }
  return array;
}

void
brevet_records_put_bundle_version (BrevetBatch *batch, const BrevetTrustBundleDocument *bundle, const char *etag)
{
  g_autoptr(JsonObject) object = json_object_new ();
  g_autofree char *key = g_strconcat (bundle->id, "/", etag, NULL);

  brevet_record_json_set_string (object, "version", etag);
  json_object_set_array_member (object, "certificates", brevet_records_describe_certificates (bundle->bundle, bundle->sources));
  brevet_record_json_put (batch, BREVET_COLLECTION_BUNDLE_VERSIONS, key, bundle->id, object, NULL);
}

JsonArray *
brevet_records_read_bundle_version (BrevetRecord *record, char **etag, GError **error)
{
  g_autoptr(JsonObject) object = brevet_record_json_parse (record, error);
  JsonNode *node;

  if (object == NULL || !brevet_record_json_require (object, record, error, "version", NULL))
    return NULL;
  node = json_object_get_member (object, "certificates");
  if (node != NULL && !JSON_NODE_HOLDS_ARRAY (node))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, "the member “certificates” is of the wrong type");
      brevet_record_prefix_error (record, error);
      return NULL;
    }
  *etag = brevet_record_json_dup_string (object, "version");
  return node != NULL ? json_array_ref (json_node_get_array (node)) : json_array_new ();
}
