/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-authority-document.h"

#include "brevet-etag.h"
#include "brevet-identifier.h"
#include "brevet-wire-json.h"
#include "brevet-wire-private.h"

#include <string.h>

/* Types that the protocol's public documents name (protocol/dps.md §10.6). */
static const char *const documented_types[] = { "DigiCertCertificateAuthority" };

gboolean
brevet_authority_type_is_documented (const char *type)
{
  for (gsize i = 0; i < G_N_ELEMENTS (documented_types); i++)
    if (strcmp (type, documented_types[i]) == 0)
      return TRUE;
  return FALSE;
}

void
brevet_authority_document_free (BrevetAuthorityDocument *self)
{
  g_free (self->name);
  g_free (self->type);
  g_free (self->profile_name);
  g_clear_pointer (&self->api_key, brevet_secret_unref);
  g_free (self->sealed_api_key);
  g_free (self->etag);
  g_free (self);
}

static gboolean
read_type (BrevetAuthorityDocument *self, JsonObject *object, GError **error)
{
  if (!brevet_wire_dup_string (object, "certificateAuthorityType", &self->type, error))
    return FALSE;
  if (self->type == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “certificateAuthorityType” is missing");
      return FALSE;
    }
  if (brevet_identifier_check (BREVET_IDENTIFIER_NAME, self->type, error))
    return TRUE;
  g_prefix_error_literal (error, "The member “certificateAuthorityType”: ");
  return FALSE;
}

static gboolean
read_api_key (BrevetAuthorityDocument *self, JsonObject *object, GError **error)
{
  const char *text;

  if (!brevet_wire_get_string (object, "apiKey", &text, error))
    return FALSE;
  if (text == NULL)
    return TRUE;
  if (*text == '\0')
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                           "The member “apiKey” is empty; leave it out to keep the stored key");
      return FALSE;
    }
  self->api_key = brevet_secret_new (text, strlen (text));
  return TRUE;
}

static BrevetAuthorityDocument *
read_document (JsonObject *object, GError **error)
{
  g_autoptr(BrevetAuthorityDocument) self = g_new0 (BrevetAuthorityDocument, 1);

  if (!read_type (self, object, error) || !read_api_key (self, object, error) ||
      !brevet_wire_dup_string (object, "profileName", &self->profile_name, error))
    return NULL;
  return g_steal_pointer (&self);
}

static void
keep_api_key (BrevetAuthorityDocument *self, const BrevetAuthorityDocument *stored)
{
  self->api_key = stored->api_key != NULL ? brevet_secret_ref (stored->api_key) : NULL;
  self->sealed_api_key = g_strdup (stored->sealed_api_key);
}

BrevetAuthorityDocument *
brevet_authority_document_parse (GBytes *body, const char *name, const BrevetAuthorityDocument *stored, GError **error)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the certificate authority", error);
  g_autoptr(BrevetAuthorityDocument) self = object != NULL ? read_document (object, error) : NULL;

  if (self == NULL)
    return NULL;
  self->name = g_strdup (stored != NULL ? stored->name : name);
  if (stored == NULL)
    return g_steal_pointer (&self);

  self->created = stored->created;
  if (self->api_key == NULL && strcmp (self->type, stored->type) == 0)
    keep_api_key (self, stored);
  return g_steal_pointer (&self);
}

JsonObject *
brevet_authority_document_to_json (const BrevetAuthorityDocument *self, gboolean with_secrets)
{
  g_autofree char *etag = self->etag != NULL ? brevet_etag_quote (self->etag) : NULL;
  JsonObject *object = json_object_new ();

  json_object_set_string_member (object, "name", self->name);
  json_object_set_string_member (object, "certificateAuthorityType", self->type);
  if (with_secrets && self->sealed_api_key != NULL)
    json_object_set_string_member (object, "sealedApiKey", self->sealed_api_key);
  else if (with_secrets && self->api_key != NULL)
    json_object_set_string_member (object, "apiKey", (const char *) brevet_secret_get_data (self->api_key, NULL));
  brevet_wire_add_string (object, "profileName", self->profile_name);
  brevet_wire_add_string (object, "etag", etag);
  brevet_wire_add_time (object, "createdDateTimeUtc", self->created);
  brevet_wire_add_time (object, "lastUpdatedDateTimeUtc", self->updated);
  return object;
}

static BrevetAuthorityDocument *
load_document (JsonObject *object, GError **error)
{
  g_autoptr(BrevetAuthorityDocument) self = read_document (object, error);

  if (self == NULL || !brevet_wire_dup_string (object, "name", &self->name, error) ||
      !brevet_wire_dup_string (object, "sealedApiKey", &self->sealed_api_key, error))
    return NULL;
  if (self->name == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The member “name” is missing");
      return NULL;
    }
  self->created = brevet_wire_get_time (object, "createdDateTimeUtc");
  self->updated = brevet_wire_get_time (object, "lastUpdatedDateTimeUtc");
  return g_steal_pointer (&self);
}

BrevetAuthorityDocument *
brevet_authority_document_load (GBytes *body, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autoptr(JsonObject) object = brevet_wire_parse_object (body, "the certificate authority", &problem);
  BrevetAuthorityDocument *self = object != NULL ? load_document (object, &problem) : NULL;

  if (self == NULL)
    {
      brevet_wire_mark_corrupt (&problem, "certificate authority");
      g_propagate_error (error, g_steal_pointer (&problem));
    }
  return self;
}
