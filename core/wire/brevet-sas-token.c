/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-sas-token.h"

#include "brevet-wire-private.h"

#include <gnutls/crypto.h>
#include <string.h>

#define SCHEME "SharedAccessSignature"
#define DIGEST_SIZE 32

/* Seconds for which a device's tokens are valid. */
#define LIFETIME_DEFAULT 3600
#define LIFETIME_MIN 30
#define LIFETIME_MAX (365 * 24 * 3600)

/* Indexes of the fields while a token is taken apart. */
enum { FIELD_SR, FIELD_SIG, FIELD_SE, FIELD_SKN, N_FIELDS };

static const char *const field_names[N_FIELDS] = { "sr", "sig", "se", "skn" };

static gboolean
refuse (GError **error, const char *reason)
{
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The shared access signature is malformed: %s", reason);
  return FALSE;
}

static gboolean
take_field (const char *pair, char **fields, GError **error)
{
  const char *equals = strchr (pair, '=');
  gsize length = equals != NULL ? (gsize) (equals - pair) : 0;
  g_autofree char *reason = NULL;

  if (equals == NULL)
    return refuse (error, "a field has no value");
  for (guint i = 0; i < N_FIELDS; i++)
    {
      if (strlen (field_names[i]) != length || g_ascii_strncasecmp (pair, field_names[i], length) != 0)
        continue;
      if (fields[i] == NULL)
        {
          fields[i] = g_strdup (equals + 1);
          return TRUE;
        }
      reason = g_strdup_printf ("the field %s occurs twice", field_names[i]);
      return refuse (error, reason);
    }
  return TRUE;
}

static gboolean
split_fields (const char *text, char **fields, GError **error)
{
  g_auto(GStrv) pairs = NULL;

  if (strlen (text) > BREVET_SAS_TOKEN_MAX_SIZE)
    return refuse (error, "it is too long");
  if (g_ascii_strncasecmp (text, SCHEME " ", strlen (SCHEME " ")) != 0)
    return refuse (error, "it does not begin with " SCHEME " and one space");
  pairs = g_strsplit (text + strlen (SCHEME " "), "&", -1);
  for (gsize i = 0; pairs[i] != NULL; i++)
    if (!take_field (pairs[i], fields, error))
      return FALSE;
  for (guint i = 0; i < FIELD_SKN; i++)
    if (fields[i] == NULL || *fields[i] == '\0')
      {
        g_autofree char *reason = g_strdup_printf ("the field %s is missing", field_names[i]);

        return refuse (error, reason);
      }
  return TRUE;
}

static gboolean
read_resource (BrevetSasToken *self, char **fields, GError **error)
{
  self->raw_resource = g_steal_pointer (&fields[FIELD_SR]);
  self->resource = brevet_wire_percent_decode (self->raw_resource);
  if (self->resource == NULL)
    return refuse (error, "the field sr is not percent-encoded text");
  if (g_str_has_suffix (self->resource, "/"))
    self->resource[strlen (self->resource) - 1] = '\0';
  return TRUE;
}

static gboolean
read_signature (BrevetSasToken *self, char **fields, GError **error)
{
  char *base64 = brevet_wire_percent_decode (fields[FIELD_SIG]);

  self->signature = base64 != NULL ? brevet_wire_base64_decode (base64) : NULL;
  brevet_secret_free_text (base64);
  return self->signature != NULL || refuse (error, "the field sig is not percent-encoded base64");
}

static gboolean
read_expiry (BrevetSasToken *self, char **fields, GError **error)
{
  guint64 expiry;

  self->expiry_text = g_steal_pointer (&fields[FIELD_SE]);
  if (!g_ascii_string_to_unsigned (self->expiry_text, 10, 0, G_MAXINT64, &expiry, NULL))
    return refuse (error, "the field se is not a number of seconds");
  self->expiry = (gint64) expiry;
  return TRUE;
}

static gboolean
read_key_name (BrevetSasToken *self, char **fields, GError **error)
{
  if (fields[FIELD_SKN] == NULL)
    return TRUE;
  self->key_name = brevet_wire_percent_decode (fields[FIELD_SKN]);
  return self->key_name != NULL || refuse (error, "the field skn is not percent-encoded text");
}

BrevetSasToken *
brevet_sas_token_parse (const char *text, GError **error)
{
  g_autoptr(BrevetSasToken) self = g_new0 (BrevetSasToken, 1);
  char *fields[N_FIELDS] = { NULL };
  gboolean is_valid = split_fields (text, fields, error) && read_resource (self, fields, error) &&
                      read_signature (self, fields, error) && read_expiry (self, fields, error) &&
                      read_key_name (self, fields, error);

  for (guint i = 0; i < N_FIELDS; i++)
    brevet_secret_free_text (fields[i]);
  return is_valid ? g_steal_pointer (&self) : NULL;
}

void
brevet_sas_token_free (BrevetSasToken *self)
{
  g_free (self->raw_resource);
  g_free (self->resource);
  g_clear_pointer (&self->signature, g_bytes_unref);
  g_free (self->expiry_text);
  g_free (self->key_name);
  g_free (self);
}

gboolean
brevet_sas_token_is_expired (const BrevetSasToken *self, gint64 now)
{
  return now - BREVET_SAS_GRACE > self->expiry;
}

static gboolean
sign (BrevetSecret *key, const char *text, guint8 digest[DIGEST_SIZE])
{
  gsize length;
  const guint8 *data = brevet_secret_get_data (key, &length);

  return gnutls_hmac_fast (GNUTLS_MAC_SHA256, data, length, text, strlen (text), digest) == 0;
}

gboolean
brevet_sas_token_verify (const BrevetSasToken *self, BrevetSecret *key)
{
  g_autofree char *text = g_strconcat (self->raw_resource, "\n", self->expiry_text, NULL);
  guint8 digest[DIGEST_SIZE] = { 0 };
  gsize length;
  gconstpointer signature = g_bytes_get_data (self->signature, &length);
  gboolean matches = sign (key, text, digest) && length == DIGEST_SIZE && gnutls_memcmp (digest, signature, DIGEST_SIZE) == 0;

  gnutls_memset (digest, 0, sizeof digest);
  return matches;
}

gboolean
brevet_sas_token_is_for_device (const BrevetSasToken *self, const char *id_scope, const char *registration_id)
{
  g_autofree char *resource = g_strdup_printf ("%s/registrations/%s", id_scope, registration_id);

  if (self->key_name != NULL && *self->key_name != '\0' && strcmp (self->key_name, "registration") != 0)
    return FALSE;
  return g_ascii_strcasecmp (self->resource, resource) == 0;
}

static gboolean
reject_audience (const BrevetSasToken *self, const char *id_scope, const char *registration_id, GError **error)
{
  g_autofree char *resource = g_strndup (self->resource, 200);
  g_autofree char *escaped = g_strescape (resource, NULL);

  if (self->key_name != NULL && *self->key_name != '\0' && strcmp (self->key_name, "registration") != 0)
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                         "The token names another key than “registration”; it was made for something else than registering");
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The token is for “%s”, not for “%s/registrations/%s”", escaped,
                 id_scope, registration_id);
  return FALSE;
}

static gboolean
check_device_token (const BrevetSasToken *self, const char *id_scope, const char *registration_id, gint64 now, GError **error)
{
  if (!brevet_sas_token_is_for_device (self, id_scope, registration_id))
    return reject_audience (self, id_scope, registration_id, error);
  if (!brevet_sas_token_is_expired (self, now))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
               "The token expired %" G_GINT64_FORMAT " seconds ago; check the clock of the device", now - self->expiry);
  return FALSE;
}

BrevetSasToken *
brevet_sas_token_parse_for_device (const char *text, const char *id_scope, const char *registration_id, gint64 now, GError **error)
{
  g_autoptr(GError) problem = NULL;
  g_autoptr(BrevetSasToken) self = brevet_sas_token_parse (text, &problem);

  if (self == NULL)
    g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_REJECTED, problem->message);
  if (self == NULL || !check_device_token (self, id_scope, registration_id, now, error))
    return NULL;
  return g_steal_pointer (&self);
}

gboolean
brevet_sas_token_is_for_host (const BrevetSasToken *self, const char *host, const char *path)
{
  gsize host_length = strlen (host);
  const char *rest = self->resource + MIN (host_length, strlen (self->resource));
  gsize rest_length = strlen (rest);

  if (host_length == 0 || g_ascii_strncasecmp (self->resource, host, host_length) != 0)
    return FALSE;
  if (rest_length == 0)
    return TRUE;
  if (*rest != '/' || g_ascii_strncasecmp (path, rest, rest_length) != 0)
    return FALSE;
  return path[rest_length] == '\0' || path[rest_length] == '/';
}

char *
brevet_sas_token_get_signed_text (const char *resource, gint64 expiry)
{
  g_autofree char *encoded_resource = g_uri_escape_string (resource, NULL, FALSE);

  return g_strdup_printf ("%s\n%" G_GINT64_FORMAT, encoded_resource, expiry);
}

char *
brevet_sas_token_create_signed (const char *resource, gint64 expiry, const char *key_name, GBytes *signature)
{
  g_autofree char *encoded_resource = g_uri_escape_string (resource, NULL, FALSE);
  g_autofree char *encoded_name = key_name != NULL ? g_uri_escape_string (key_name, NULL, FALSE) : NULL;
  char *base64 = g_base64_encode (g_bytes_get_data (signature, NULL), g_bytes_get_size (signature));
  char *encoded_signature = g_uri_escape_string (base64, NULL, FALSE);
  char *token = g_strdup_printf (SCHEME " sr=%s&sig=%s&se=%" G_GINT64_FORMAT "%s%s", encoded_resource, encoded_signature, expiry,
                                 encoded_name != NULL ? "&skn=" : "", encoded_name != NULL ? encoded_name : "");

  brevet_secret_free_text (base64);
  brevet_secret_free_text (encoded_signature);
  return token;
}

char *
brevet_sas_token_create (const char *resource, BrevetSecret *key, gint64 expiry, const char *key_name)
{
  g_autofree char *text = brevet_sas_token_get_signed_text (resource, expiry);
  g_autoptr(GBytes) signature = NULL;
  guint8 digest[DIGEST_SIZE];

  /* HMAC over text in memory fails only where the library is unusable as a whole. */
  if (!sign (key, text, digest))
    g_error ("GnuTLS cannot compute HMAC-SHA256");
  signature = g_bytes_new (digest, sizeof digest);
  gnutls_memset (digest, 0, sizeof digest);
  return brevet_sas_token_create_signed (resource, expiry, key_name, signature);
}

gboolean
brevet_sas_read_token_lifetime (BrevetSettings *settings, gint64 *seconds, GError **error)
{
  return brevet_settings_get_duration (settings, "token-lifetime", LIFETIME_DEFAULT, LIFETIME_MIN, LIFETIME_MAX, seconds, error);
}

BrevetSecret *
brevet_sas_derive_key (BrevetSecret *group_key, const char *registration_id)
{
  guint8 digest[DIGEST_SIZE];
  BrevetSecret *derived;

  if (!sign (group_key, registration_id, digest))
    g_error ("GnuTLS cannot compute HMAC-SHA256");
  derived = brevet_secret_new (digest, sizeof digest);
  gnutls_memset (digest, 0, sizeof digest);
  return derived;
}
