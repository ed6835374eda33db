/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-route.h"

#include "brevet-identifier.h"
#include "brevet-wire-private.h"

#include <string.h>

#define MAX_SEGMENTS 5

#define ALLOW(verb) (1u << (verb))
#define ALLOW_RECORD (ALLOW (BREVET_VERB_GET) | ALLOW (BREVET_VERB_PUT) | ALLOW (BREVET_VERB_DELETE))

/* Placeholders of a pattern; every other segment is a fixed word. */
#define SCOPE "{scope}"
#define ID "{id}"
#define OPERATION "{operation}"
#define LIST_FILE "{list}"

#define LIST_SUFFIX ".crl"
#define LIST_NAME_MAX_LENGTH 256

typedef struct {
  BrevetRouteKind kind;
  guint verbs;
  BrevetIdentifierKind id_kind;
  const char *segments[MAX_SEGMENTS + 1];
} Pattern;

/* The words of the service API come first and are never taken for id scopes. */
static const Pattern patterns[] = {
  { BREVET_ROUTE_ENROLLMENT, ALLOW_RECORD, BREVET_IDENTIFIER_REGISTRATION_ID, { "enrollments", ID } },
  { BREVET_ROUTE_ENROLLMENT_ATTESTATION, ALLOW (BREVET_VERB_POST), BREVET_IDENTIFIER_REGISTRATION_ID,
    { "enrollments", ID, "attestationmechanism" } },
  { BREVET_ROUTE_GROUP, ALLOW_RECORD, BREVET_IDENTIFIER_ENROLLMENT_GROUP_ID, { "enrollmentGroups", ID } },
  { BREVET_ROUTE_GROUP_ATTESTATION, ALLOW (BREVET_VERB_POST), BREVET_IDENTIFIER_ENROLLMENT_GROUP_ID,
    { "enrollmentGroups", ID, "attestationmechanism" } },
  { BREVET_ROUTE_AUTHORITY, ALLOW_RECORD, BREVET_IDENTIFIER_NAME, { "certificateAuthorities", ID } },
  { BREVET_ROUTE_AUTHORITIES, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_NAME, { "certificateAuthorities" } },
  { BREVET_ROUTE_TRUST_BUNDLE, ALLOW_RECORD, BREVET_IDENTIFIER_NAME, { "trustBundles", ID } },
  { BREVET_ROUTE_TRUST_BUNDLES, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_NAME, { "trustBundles" } },
  { BREVET_ROUTE_CERTIFICATE, ALLOW_RECORD, BREVET_IDENTIFIER_CERTIFICATE_NAME, { "certificates", ID } },
  { BREVET_ROUTE_CERTIFICATE_CODE, ALLOW (BREVET_VERB_POST), BREVET_IDENTIFIER_CERTIFICATE_NAME,
    { "certificates", ID, "generateVerificationCode" } },
  { BREVET_ROUTE_CERTIFICATE_PROOF, ALLOW (BREVET_VERB_POST), BREVET_IDENTIFIER_CERTIFICATE_NAME,
    { "certificates", ID, "verify" } },
  { BREVET_ROUTE_CERTIFICATES, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_CERTIFICATE_NAME, { "certificates" } },
  { BREVET_ROUTE_AUTHORITY_STATUS, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_NAME, { "certificateAuthorityStatus", ID } },
  { BREVET_ROUTE_AUTHORITY_STATUSES, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_NAME, { "certificateAuthorityStatus" } },
  { BREVET_ROUTE_AUTHORITY_CHECK, ALLOW (BREVET_VERB_POST), BREVET_IDENTIFIER_NAME,
    { "certificateAuthorityStatus", ID, "check" } },
  { BREVET_ROUTE_TRUST_BUNDLE_STATUS, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_NAME, { "trustBundleStatus", ID } },
  { BREVET_ROUTE_ISSUED_REVOKE, ALLOW (BREVET_VERB_POST), BREVET_IDENTIFIER_ISSUED_CERTIFICATE,
    { "issuedCertificates", ID, "revoke" } },
  { BREVET_ROUTE_ISSUED, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_ISSUED_CERTIFICATE, { "issuedCertificates", ID } },
  { BREVET_ROUTE_ISSUED_LIST, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_ISSUED_CERTIFICATE, { "issuedCertificates" } },
  { BREVET_ROUTE_CRL, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_NAME, { "crl", LIST_FILE } },
  { BREVET_ROUTE_REGISTER, ALLOW (BREVET_VERB_PUT), BREVET_IDENTIFIER_REGISTRATION_ID, { SCOPE, "registrations", ID, "register" } },
  { BREVET_ROUTE_OPERATION, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_REGISTRATION_ID,
    { SCOPE, "registrations", ID, "operations", OPERATION } },
  { BREVET_ROUTE_DEVICE_TRUST_BUNDLE, ALLOW (BREVET_VERB_GET), BREVET_IDENTIFIER_REGISTRATION_ID,
    { SCOPE, "registrations", ID, "trustBundle" } },
  { BREVET_ROUTE_REGISTRATION, ALLOW (BREVET_VERB_POST), BREVET_IDENTIFIER_REGISTRATION_ID, { SCOPE, "registrations", ID } },
};

static const char *const verb_names[] = { "GET", "PUT", "DELETE", "POST" };

static void
fail (guint status, guint *status_out, GError **error, BrevetError code, const char *message)
{
  *status_out = status;
  g_set_error_literal (error, BREVET_ERROR, code, message);
}

static gboolean
is_printable (const char *text)
{
  for (const char *p = text; *p != '\0'; p++)
    if (*p <= ' ' || *p >= 0x7f)
      return FALSE;
  return TRUE;
}

/* Splits first and decodes afterwards, so that an encoded slash never separates anything. */
static char **
split_path (const char *path)
{
  g_auto(GStrv) encoded = NULL;
  g_autoptr(GStrvBuilder) builder = g_strv_builder_new ();
  gsize length = strlen (path);
  g_autofree char *inner = NULL;

  if (*path != '/' || !is_printable (path) || strpbrk (path, "?#") != NULL)
    return NULL;
  inner = g_strndup (path + 1, length > 1 && path[length - 1] == '/' ? length - 2 : length - 1);
  encoded = g_strsplit (inner, "/", -1);
  for (gsize i = 0; encoded[i] != NULL; i++)
    {
      g_autofree char *segment = brevet_wire_percent_decode (encoded[i]);

      if (segment == NULL || *segment == '\0')
        return NULL;
      g_strv_builder_add (builder, segment);
    }
  return g_strv_builder_end (builder);
}

static gboolean
matches (const Pattern *pattern, char **segments)
{
  gsize i;

  for (i = 0; pattern->segments[i] != NULL; i++)
    {
      const char *expected = pattern->segments[i];

      if (segments[i] == NULL)
        return FALSE;
      if (strcmp (expected, SCOPE) == 0 ? brevet_wire_is_reserved (segments[i])
          : *expected != '{' && g_ascii_strcasecmp (segments[i], expected) != 0)
        return FALSE;
    }
  return segments[i] == NULL;
}

static const Pattern *
find_pattern (char **segments)
{
  for (gsize i = 0; i < G_N_ELEMENTS (patterns); i++)
    if (matches (&patterns[i], segments))
      return &patterns[i];
  return NULL;
}

/* Whoever fetches revocation lists may ask for the head alone; the listener leaves the body out. */
static gboolean
find_verb (const Pattern *pattern, const char *method, BrevetVerb *verb)
{
  if (pattern->kind == BREVET_ROUTE_CRL && strcmp (method, "HEAD") == 0)
    method = "GET";
  for (guint i = 0; i < G_N_ELEMENTS (verb_names); i++)
    if (strcmp (method, verb_names[i]) == 0 && (pattern->verbs & ALLOW (i)) != 0)
      {
        *verb = (BrevetVerb) i;
        return TRUE;
      }
  return FALSE;
}

/* What does not look like a list is none: the names are those of certificate authorities, or longer. */
static gboolean
take_list_name (BrevetRoute *self, const char *segment, GError **error)
{
  gsize length = strlen (segment);

  if (length > strlen (LIST_SUFFIX) && length <= LIST_NAME_MAX_LENGTH &&
      g_ascii_strcasecmp (segment + length - strlen (LIST_SUFFIX), LIST_SUFFIX) == 0)
    {
      self->id = g_strndup (segment, length - strlen (LIST_SUFFIX));
      return TRUE;
    }
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The address of a revocation list ends with " LIST_SUFFIX);
  return FALSE;
}

static gboolean
take_segments (BrevetRoute *self, const Pattern *pattern, char **segments, GError **error)
{
  for (gsize i = 0; pattern->segments[i] != NULL; i++)
    {
      const char *expected = pattern->segments[i];

      if (strcmp (expected, SCOPE) == 0)
        {
          self->id_scope = g_strdup (segments[i]);
          if (!brevet_wire_check_id_scope (segments[i], error))
            return FALSE;
        }
      else if (strcmp (expected, ID) == 0)
        {
          self->id = g_strdup (segments[i]);
          if (!brevet_identifier_check (pattern->id_kind, segments[i], error))
            return FALSE;
        }
      else if (strcmp (expected, OPERATION) == 0)
        {
          self->operation_id = g_strdup (segments[i]);
          if (!brevet_wire_check_operation_id (segments[i], error))
            return FALSE;
        }
      else if (strcmp (expected, LIST_FILE) == 0 && !take_list_name (self, segments[i], error))
        return FALSE;
    }
  return TRUE;
}

static gboolean
take_registration_id (BrevetRoute *self, const char *query, GError **error)
{
  g_autofree char *encoded = NULL;

  if (!brevet_wire_query_find (query, "registrationId", &encoded, error))
    return FALSE;
  self->registration_id = encoded != NULL ? brevet_wire_percent_decode (encoded) : NULL;
  return self->registration_id == NULL ||
         brevet_identifier_check (BREVET_IDENTIFIER_REGISTRATION_ID, self->registration_id, error);
}

/* Other names mean nothing here, but must be well-formed. Of revocation lists there are no versions. */
static gboolean
take_query (BrevetRoute *self, const char *query, GError **error)
{
  g_autofree char *decoded = brevet_wire_percent_decode (query != NULL ? query : "");
  g_autofree char *version = NULL;

  if (decoded == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The percent-encoding of the query is malformed");
      return FALSE;
    }
  if (self->kind == BREVET_ROUTE_CRL)
    return TRUE;
  if (self->kind == BREVET_ROUTE_ISSUED_LIST && !take_registration_id (self, query != NULL ? query : "", error))
    return FALSE;
  if (!brevet_wire_query_find (query != NULL ? query : "", "api-version", &version, error))
    return FALSE;
  self->api_version = version != NULL ? brevet_wire_percent_decode (version) : NULL;
  return brevet_dialect_parse (self->api_version, &self->dialect, error);
}

/* Devices got trust bundles with the first preview: the older versions know no such thing, and shall not seem to. */
static gboolean
is_in_dialect (const BrevetRoute *self)
{
  return self->kind != BREVET_ROUTE_DEVICE_TRUST_BUNDLE || self->dialect != BREVET_DIALECT_STABLE;
}

BrevetRoute *
brevet_route_parse (const char *method, const char *path, const char *query, guint *status, GError **error)
{
  g_autoptr(BrevetRoute) self = g_new0 (BrevetRoute, 1);
  g_auto(GStrv) segments = split_path (path);
  const Pattern *pattern;

  *status = 400;
  if (segments == NULL)
    {
      fail (400, status, error, BREVET_ERROR_INVALID, "The path is malformed");
      return NULL;
    }
  pattern = find_pattern (segments);
  if (pattern == NULL)
    {
      fail (404, status, error, BREVET_ERROR_NOT_FOUND, "There is nothing at this path");
      return NULL;
    }
  if (!find_verb (pattern, method, &self->verb))
    {
      fail (405, status, error, BREVET_ERROR_UNSUPPORTED, "This path does not know this method");
      return NULL;
    }

  self->kind = pattern->kind;
  if (!take_segments (self, pattern, segments, error) || !take_query (self, query, error))
    return NULL;
  if (!is_in_dialect (self))
    {
      fail (404, status, error, BREVET_ERROR_NOT_FOUND, "There is nothing at this path in this api-version");
      return NULL;
    }
  *status = 200;
  return g_steal_pointer (&self);
}

void
brevet_route_free (BrevetRoute *self)
{
  g_free (self->api_version);
  g_free (self->id_scope);
  g_free (self->id);
  g_free (self->operation_id);
  g_free (self->registration_id);
  g_free (self);
}

gboolean
brevet_route_is_public (const BrevetRoute *self)
{
  return self->kind == BREVET_ROUTE_CRL;
}

gboolean
brevet_route_is_device_api (const BrevetRoute *self)
{
  return self->kind == BREVET_ROUTE_REGISTER || self->kind == BREVET_ROUTE_OPERATION ||
         self->kind == BREVET_ROUTE_REGISTRATION || self->kind == BREVET_ROUTE_DEVICE_TRUST_BUNDLE;
}

char *
brevet_route_build_registration_path (const char *id_scope, const char *registration_id, const char *suffix)
{
  g_autofree char *scope = g_uri_escape_string (id_scope, NULL, FALSE);
  g_autofree char *id = g_uri_escape_string (registration_id, NULL, FALSE);
  g_autofree char *base = g_strdup_printf ("/%s/registrations/%s", scope, id);
  g_auto(GStrv) sides = NULL;
  g_autofree char *operation = NULL;

  if (suffix == NULL)
    return g_steal_pointer (&base);

  /* The second part is an operation id, which the service made up: it must stay one segment. */
  sides = g_strsplit (suffix, "/", 2);
  if (sides[0] == NULL || sides[1] == NULL)
    return g_strdup_printf ("%s/%s", base, suffix);
  operation = g_uri_escape_string (sides[1], NULL, FALSE);
  return g_strdup_printf ("%s/%s/%s", base, sides[0], operation);
}
