/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-trust-bundle-document.h"

#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

void
brevet_trust_bundle_document_free (BrevetTrustBundleDocument *self)
{
  g_free (self->id);
  g_strfreev (self->authorities);
  g_clear_pointer (&self->pems, g_ptr_array_unref);
  g_clear_pointer (&self->sources, g_ptr_array_unref);
  g_clear_pointer (&self->bundle, brevet_trust_bundle_unref);
  g_free (self->etag);
  g_free (self);
}

BrevetTrustBundleDocument *
brevet_trust_bundle_document_parse (GBytes *body, const char *id, const BrevetTrustBundleDocument *stored, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the trust bundle", error);
  BrevetTrustBundleDocument *self = object != NULL ? brevet_trust_bundle_document_read (object, stored, error) : NULL;

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
  JsonArray *names;

  for (guint i = 0; i < self->pems->len; i++)
    {
      JsonObject *entry = json_object_new ();

      json_object_set_string_member (entry, "certificate", g_ptr_array_index (self->pems, i));
      brevet_wire_add_string (entry, "certificateAuthority", g_ptr_array_index (self->sources, i));
      json_object_set_object_member (entry, "metadata",
                                     brevet_certificate_metadata_to_json (brevet_trust_bundle_get (self->bundle, i)));
      json_array_add_object_element (entries, entry);
    }
  json_object_set_string_member (object, "id", self->id);
  json_object_set_array_member (object, "certificates", entries);
  if (self->authorities[0] != NULL)
    {
      names = json_array_new ();
      for (guint i = 0; self->authorities[i] != NULL; i++)
        json_array_add_string_element (names, self->authorities[i]);
      json_object_set_array_member (object, "certificateAuthorities", names);
    }
  brevet_wire_add_time (object, "createdDateTime", self->created);
  brevet_wire_add_time (object, "lastModifiedDateTime", self->updated);
  brevet_wire_add_string (object, "etag", self->etag);
  return object;
}

void
brevet_trust_bundle_document_strip (JsonObject *object)
{
  JsonNode *node = json_object_get_member (object, "certificates");
  JsonArray *entries = node != NULL && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

  json_object_remove_member (object, "certificateAuthorities");
  for (guint i = 0; entries != NULL && i < json_array_get_length (entries); i++)
    {
      JsonNode *entry = json_array_get_element (entries, i);

      if (JSON_NODE_HOLDS_OBJECT (entry))
        json_object_remove_member (json_node_get_object (entry), "certificateAuthority");
    }
}

static BrevetTrustBundleDocument *
load_document (JsonObject *object, GError **error)
{
  g_autoptr(BrevetTrustBundleDocument) self = brevet_trust_bundle_document_read (object, NULL, error);

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
