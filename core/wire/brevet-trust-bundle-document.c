/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-trust-bundle-document.h"

#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

#include <string.h>

#define BEGIN_ANY "-----BEGIN "
#define BEGIN_LINE "-----BEGIN CERTIFICATE-----"
#define END_LINE "-----END CERTIFICATE-----"

void
brevet_trust_bundle_document_free (BrevetTrustBundleDocument *self)
{
  g_free (self->id);
  g_clear_pointer (&self->pems, g_ptr_array_unref);
  g_clear_pointer (&self->bundle, brevet_trust_bundle_unref);
  g_free (self->etag);
  g_free (self);
}

static gboolean
refuse_entry (guint index, const char *reason, GError **error)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The entry certificates[%u] %s", index, reason);
  return FALSE;
}

static gboolean
contains (GPtrArray *certificates, BrevetCertificate *certificate)
{
  for (guint i = 0; i < certificates->len; i++)
    if (brevet_certificate_equal (g_ptr_array_index (certificates, i), certificate))
      return TRUE;
  return FALSE;
}

/* Length of the block at @start with its last line end, 0 if it does not end. */
static gsize
measure_block (const char *start)
{
  const char *end = strstr (start, END_LINE);

  if (end == NULL)
    return 0;
  end += strlen (END_LINE);
  if (end[0] == '\r' && end[1] == '\n')
    end += 2;
  else if (end[0] == '\n')
    end++;
  return (gsize) (end - start);
}

static gboolean
take_certificate (GPtrArray *pems, GPtrArray *certificates, const char *start, gsize length, guint index, GError **error)
{
  g_autofree char *pem = g_strndup (start, length);
  g_autoptr(BrevetCertificate) certificate = brevet_certificate_new_from_pem (pem, error);

  if (certificate == NULL)
    {
      g_prefix_error (error, "The entry certificates[%u] cannot be read: ", index);
      return FALSE;
    }
  if (!brevet_certificate_is_ca (certificate))
    return refuse_entry (index, "is not a CA certificate; only those belong in a trust bundle", error);
  if (contains (certificates, certificate))
    return TRUE;
  if (certificates->len >= BREVET_TRUST_BUNDLE_MAX_LENGTH)
    return refuse_entry (index, "is one too many; a trust bundle has at most 100 certificates", error);
  g_ptr_array_add (pems, g_steal_pointer (&pem));
  g_ptr_array_add (certificates, g_steal_pointer (&certificate));
  return TRUE;
}

/* An entry may hold several certificates; anything else in PEM, a private key above all, does not belong here. */
static gboolean
take_entry (GPtrArray *pems, GPtrArray *certificates, const char *text, guint index, GError **error)
{
  const char *start = strstr (text, BEGIN_ANY);

  if (start == NULL)
    return refuse_entry (index, "holds no PEM certificate", error);
  while (start != NULL)
    {
      gsize length = g_str_has_prefix (start, BEGIN_LINE) ? measure_block (start) : 0;

      if (length == 0)
        return refuse_entry (index, "holds something else than complete PEM certificates", error);
      if (!take_certificate (pems, certificates, start, length, index, error))
        return FALSE;
      start = strstr (start + length, BEGIN_ANY);
    }
  return TRUE;
}

static const char *
get_entry_text (JsonArray *entries, guint index, GError **error)
{
  JsonNode *node = json_array_get_element (entries, index);
  const char *text = NULL;

  if (!JSON_NODE_HOLDS_OBJECT (node))
    {
      refuse_entry (index, "must be an object with the member “certificate”", error);
      return NULL;
    }
  if (!brevet_wire_get_string (json_node_get_object (node), "certificate", &text, error))
    {
      g_prefix_error (error, "The entry certificates[%u]: ", index);
      return NULL;
    }
  if (text == NULL)
    refuse_entry (index, "has no member “certificate”", error);
  return text;
}

static BrevetTrustBundleDocument *
read_document (JsonObject *object, GError **error)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  g_autoptr(GPtrArray) pems = g_ptr_array_new_with_free_func (g_free);
  JsonNode *node = json_object_get_member (object, "certificates");
  BrevetTrustBundleDocument *self;
  JsonArray *entries;

  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “certificates” must be a list of objects");
      return NULL;
    }
  entries = json_node_get_array (node);
  for (guint i = 0; i < json_array_get_length (entries); i++)
    {
      const char *text = get_entry_text (entries, i, error);

      if (text == NULL || !take_entry (pems, certificates, text, i, error))
        return NULL;
    }

  self = g_new0 (BrevetTrustBundleDocument, 1);
  self->bundle = brevet_trust_bundle_new (certificates);
  self->pems = g_steal_pointer (&pems);
  return self;
}

BrevetTrustBundleDocument *
brevet_trust_bundle_document_parse (GBytes *body, const char *id, const BrevetTrustBundleDocument *stored, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the trust bundle", error);
  BrevetTrustBundleDocument *self = object != NULL ? read_document (object, error) : NULL;

  if (self == NULL)
    return NULL;
  self->id = g_strdup (stored != NULL ? stored->id : id);
  self->created = stored != NULL ? stored->created : 0;
  return self;
}

static void
add_seconds (JsonObject *object, const char *member, gint64 seconds)
{
  g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc (seconds);
  g_autofree char *text = time != NULL ? g_date_time_format (time, "%Y-%m-%dT%H:%M:%SZ") : NULL;

  brevet_wire_add_string (object, member, text);
}

static void
add_thumbprint (JsonObject *object, const char *member, const char *digits)
{
  g_autofree char *upper = g_ascii_strup (digits, -1);

  json_object_set_string_member (object, member, upper);
}

JsonObject *
brevet_certificate_metadata_to_json (BrevetCertificate *certificate)
{
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "subjectName", brevet_certificate_get_subject (certificate));
  add_thumbprint (object, "sha1Thumbprint", brevet_certificate_get_sha1 (certificate));
  add_thumbprint (object, "sha256Thumbprint", brevet_certificate_get_sha256 (certificate));
  json_object_set_string_member (object, "issuerName", brevet_certificate_get_issuer (certificate));
  add_seconds (object, "notBeforeUtc", brevet_certificate_get_not_before (certificate));
  add_seconds (object, "notAfterUtc", brevet_certificate_get_not_after (certificate));
  json_object_set_string_member (object, "serialNumber", brevet_certificate_get_serial (certificate));
  json_object_set_int_member (object, "version", brevet_certificate_get_version (certificate));
  return object;
}

JsonObject *
brevet_trust_bundle_document_to_json (const BrevetTrustBundleDocument *self)
{
  JsonObject *object = json_object_new ();
  JsonArray *entries = json_array_new ();

  for (guint i = 0; i < self->pems->len; i++)
    {
      JsonObject *entry = json_object_new ();

      json_object_set_string_member (entry, "certificate", g_ptr_array_index (self->pems, i));
      json_object_set_object_member (entry, "metadata",
                                     brevet_certificate_metadata_to_json (brevet_trust_bundle_get (self->bundle, i)));
      json_array_add_object_element (entries, entry);
    }
  json_object_set_string_member (object, "id", self->id);
  json_object_set_array_member (object, "certificates", entries);
  brevet_wire_add_time (object, "createdDateTime", self->created);
  brevet_wire_add_time (object, "lastModifiedDateTime", self->updated);
  brevet_wire_add_string (object, "etag", self->etag);
  return object;
}

static BrevetTrustBundleDocument *
load_document (JsonObject *object, GError **error)
{
  g_autoptr(BrevetTrustBundleDocument) self = read_document (object, error);

  if (self == NULL || !brevet_wire_dup_string (object, "id", &self->id, error))
    return NULL;
  if (self->id == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “id” is missing");
      return NULL;
    }
  self->created = brevet_wire_get_time (object, "createdDateTime");
  self->updated = brevet_wire_get_time (object, "lastModifiedDateTime");
  return g_steal_pointer (&self);
}

BrevetTrustBundleDocument *
brevet_trust_bundle_document_load (GBytes *body, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the trust bundle", &problem);
  BrevetTrustBundleDocument *self = object != NULL ? load_document (object, &problem) : NULL;

  if (self == NULL)
    {
      brevet_wire_mark_corrupt (&problem, "trust bundle");
      g_propagate_error (error, g_steal_pointer (&problem));
    }
  return self;
}
