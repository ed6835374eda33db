/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-ca-local-profile.h"

#include "brevet-token.h"

#include <string.h>

#define MINUTE  G_GINT64_CONSTANT (60)
#define HOUR    (60 * MINUTE)
#define DAY     (24 * HOUR)
#define CENTURY (100 * 365 * DAY)

#define KEY_PLACEHOLDER "{key}"

void
brevet_ca_local_profile_free (BrevetCaLocalProfile *self)
{
  g_clear_pointer (&self->chain, brevet_chain_unref);
  g_clear_pointer (&self->trust, brevet_trust_bundle_unref);
  g_clear_pointer (&self->published, brevet_trust_bundle_unref);
  g_clear_pointer (&self->key, brevet_key_unref);
  g_free (self->organization);
  g_free (self->organizational_unit);
  g_free (self->crl_uri);
  g_free (self->issuers_uri);
  g_free (self->policy);
  g_free (self);
}

static BrevetCertificate *
get_issuer (BrevetCaLocalProfile *self)
{
  return brevet_chain_get_leaf (self->chain);
}

static BrevetCertificate *
get_top (BrevetCaLocalProfile *self)
{
  return brevet_chain_get (self->chain, brevet_chain_get_length (self->chain) - 1);
}

static gboolean
may_sign_certificates (BrevetCertificate *certificate)
{
  unsigned int usage = 0;
  int code = gnutls_x509_crt_get_key_usage (brevet_certificate_get_crt (certificate), &usage, NULL);

  return code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || (code >= 0 && (usage & GNUTLS_KEY_KEY_CERT_SIGN) != 0);
}

static gboolean
is_signed_by (BrevetCertificate *certificate, BrevetCertificate *issuer)
{
  gnutls_x509_crt_t issuer_crt = brevet_certificate_get_crt (issuer);
  unsigned int status = 0;
  int code = gnutls_x509_crt_verify (brevet_certificate_get_crt (certificate), &issuer_crt, 1,
                                     GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS, &status);

  return code >= 0 && status == 0;
}

/* A path that does not verify would only be noticed by the first device. */
static gboolean
check_path (BrevetCaLocalProfile *self, BrevetSettings *settings, const char *path, GError **error)
{
  for (guint i = 0; i < brevet_chain_get_length (self->chain); i++)
    {
      BrevetCertificate *certificate = brevet_chain_get (self->chain, i);
      const char *subject = brevet_certificate_get_subject (certificate);
      GError *problem = NULL;

      if (!brevet_certificate_is_ca (certificate))
        problem = brevet_settings_error (settings, "certificate", "“%s”: “%s” is not a CA certificate (no CA:TRUE)", path, subject);
      else if (!may_sign_certificates (certificate))
        problem
          = brevet_settings_error (settings, "certificate", "“%s”: “%s” may not sign certificates (no keyCertSign)", path, subject);
      else if (i > 0 && !is_signed_by (brevet_chain_get (self->chain, i - 1), certificate))
        problem
          = brevet_settings_error (settings, "certificate", "“%s”: “%s” did not sign the certificate before it", path, subject);
      if (problem != NULL)
        {
          g_propagate_error (error, problem);
          return FALSE;
        }
    }
  return TRUE;
}

static gboolean
read_certificate (BrevetCaLocalProfile *self, BrevetSettings *settings, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  g_autofree char *path = NULL;

  if (brevet_settings_require_string (settings, "certificate", error) == NULL)
    return FALSE;
  path = brevet_settings_get_path (settings, "certificate");
  self->chain = brevet_chain_load (path, &local_error);
  if (self->chain == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "certificate", "%s", local_error->message));
      return FALSE;
    }
  return check_path (self, settings, path, error);
}

static gboolean
read_key (BrevetCaLocalProfile *self, BrevetSettings *settings, GError **error)
{
  const char *value = brevet_settings_require_string (settings, "key", error);
  g_autoptr(BrevetSecret) password = NULL;
  g_autoptr(GError) local_error = NULL;
  g_autofree char *location = NULL;

  if (value == NULL || !brevet_settings_get_secret (settings, "key-password", &password, error))
    return FALSE;
  if (brevet_token_is_uri (value))
    location = g_strdup (value);
  else
    location = brevet_settings_get_path (settings, "key");
  self->key = brevet_key_load (location, password, &local_error);
  if (self->key == NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, "key", "%s", local_error->message));
      if (error != NULL)
        (*error)->code = local_error->code;
      return FALSE;
    }
  if (strcmp (brevet_key_get_spki_sha256 (self->key), brevet_certificate_get_spki_sha256 (get_issuer (self))) != 0)
    {
      g_propagate_error (error, brevet_settings_error (settings, "key", "The key “%s” does not belong to the certificate “%s”, the "
                                                       "first in “%s”", value, brevet_certificate_get_subject (get_issuer (self)),
                                                       brevet_settings_get_string (settings, "certificate", "")));
      return FALSE;
    }
  return TRUE;
}

static BrevetCertificate *
find_root (BrevetCaLocalProfile *self)
{
  BrevetCertificate *top = get_top (self);

  for (guint i = 0; i < brevet_trust_bundle_get_length (self->trust); i++)
    {
      BrevetCertificate *root = brevet_trust_bundle_get (self->trust, i);

      if (brevet_certificate_equal (root, top) || (brevet_certificate_is_issued_by (top, root) && is_signed_by (top, root)))
        return root;
    }
  return NULL;
}

static gboolean
read_trust (BrevetCaLocalProfile *self, BrevetSettings *settings, GError **error)
{
  g_autoptr(GPtrArray) roots = g_ptr_array_new ();
  g_autoptr(GError) local_error = NULL;
  g_autofree char *path = brevet_settings_get_path (settings, "trust");

  if (path == NULL)
    {
      if (brevet_certificate_is_self_issued (get_top (self)))
        g_ptr_array_add (roots, get_top (self));
      else
        g_propagate_error (&local_error,
                           brevet_settings_error (settings, "certificate",
                                                  "The chain ends at “%s”; append its issuers up to the root, or name "
                                                  "a file of roots with the key trust",
                                                  brevet_certificate_get_subject (get_top (self))));
      self->trust = brevet_trust_bundle_new (roots);
    }
  else
    {
      self->trust = brevet_trust_bundle_load (path, &local_error);
      if (self->trust == NULL)
        {
          g_propagate_error (error, brevet_settings_error (settings, "trust", "%s", local_error->message));
          return FALSE;
        }
      if (find_root (self) == NULL)
        g_propagate_error (&local_error, brevet_settings_error (settings, "trust", "“%s” does not hold the root of “%s”", path,
                                                                brevet_certificate_get_subject (get_top (self))));
    }
  if (local_error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&local_error));
  return FALSE;
}

/* The roots first, then whatever lies between them and the certificates of devices. */
static BrevetTrustBundle *
collect_trust (BrevetCaLocalProfile *self)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new ();

  for (guint i = 0; i < brevet_trust_bundle_get_length (self->trust); i++)
    g_ptr_array_add (certificates, brevet_trust_bundle_get (self->trust, i));
  for (guint i = 0; i < brevet_chain_get_length (self->chain); i++)
    g_ptr_array_add (certificates, brevet_chain_get (self->chain, i));
  return brevet_trust_bundle_new (certificates);
}

static void
narrow (BrevetCaLocalProfile *self, BrevetCertificate *certificate)
{
  self->not_before = MAX (self->not_before, brevet_certificate_get_not_before (certificate));
  self->not_after = MIN (self->not_after, brevet_certificate_get_not_after (certificate));
}

static void
compute_dates (BrevetCaLocalProfile *self)
{
  self->not_before = 0;
  self->not_after = G_MAXINT64;
  for (guint i = 0; i < brevet_chain_get_length (self->chain); i++)
    narrow (self, brevet_chain_get (self->chain, i));
  narrow (self, find_root (self));
}

static gboolean
read_durations (BrevetCaLocalProfile *self, BrevetSettings *settings, GError **error)
{
  return brevet_settings_get_duration (settings, "validity", 90 * DAY, MINUTE, CENTURY, &self->validity, error) &&
         brevet_settings_get_duration (settings, "backdate", 5 * MINUTE, 0, HOUR, &self->backdate, error) &&
         brevet_settings_get_duration (settings, "min-validity", HOUR, 0, CENTURY, &self->min_validity, error) &&
         brevet_settings_get_duration (settings, "crl-validity", 7 * DAY, MINUTE, CENTURY, &self->crl_validity, error) &&
         brevet_settings_get_boolean (settings, "clamp", TRUE, &self->clamp, error) &&
         brevet_settings_get_boolean (settings, "key-encipherment", FALSE, &self->key_encipherment, error) &&
         brevet_settings_get_boolean (settings, "dns-name", FALSE, &self->dns_name, error);
}

static gboolean
read_name_part (BrevetSettings *settings, const char *key, char **part, GError **error)
{
  const char *value = brevet_settings_get_string (settings, key, NULL);

  if (value != NULL && (*value == '\0' || !g_utf8_validate (value, -1, NULL) || g_utf8_strlen (value, -1) > 64))
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "It must have 1 to 64 characters of UTF-8"));
      return FALSE;
    }
  *part = g_strdup (value);
  return TRUE;
}

/* An address that has the issuing key's identifier in it stays right when the CA rolls over to another key. */
static char *
expand_uri (BrevetCaLocalProfile *self, const char *value)
{
  g_autoptr(GString) digits = g_string_new (NULL);
  GString *uri = g_string_new (value);
  guint8 id[64];
  gsize size = sizeof id;

  if (gnutls_x509_crt_get_subject_key_id (brevet_certificate_get_crt (get_issuer (self)), id, &size, NULL) >= 0)
    for (gsize i = 0; i < size; i++)
      g_string_append_printf (digits, "%02x", id[i]);
  if (digits->len > 0)
    g_string_replace (uri, KEY_PLACEHOLDER, digits->str, 0);
  return g_string_free (uri, FALSE);
}

/* http alone: whoever checks a certificate must not need another one to do so (RFC 5280 §8). */
static gboolean
read_uri (BrevetCaLocalProfile *self, BrevetSettings *settings, const char *key, const char *example, char **uri, GError **error)
{
  const char *value = brevet_settings_get_string (settings, key, NULL);
  g_autofree char *full = value != NULL ? expand_uri (self, value) : NULL;
  g_autofree char *scheme = NULL;

  if (value == NULL)
    return TRUE;
  scheme = g_uri_is_valid (full, G_URI_FLAGS_NONE, NULL) ? g_uri_parse_scheme (full) : NULL;
  if (strstr (full, KEY_PLACEHOLDER) != NULL)
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "The issuing certificate has no subject key identifier that "
                                                       "could take the place of " KEY_PLACEHOLDER "; write something else there"));
      return FALSE;
    }
  if (g_strcmp0 (scheme, "http") != 0 || !g_str_is_ascii (full))
    {
      g_propagate_error (error, brevet_settings_error (settings, key, "“%s” is not an http URI; write for example %s", value,
                                                       example));
      return FALSE;
    }
  *uri = g_steal_pointer (&full);
  return TRUE;
}

static gboolean
read_policy (BrevetCaLocalProfile *self, BrevetSettings *settings, GError **error)
{
  const char *value = brevet_settings_get_string (settings, "policy-oid", NULL);

  if (value != NULL && !g_regex_match_simple ("^[0-2](\\.(0|[1-9][0-9]{0,9}))+\\z", value, 0, 0))
    {
      g_propagate_error (error, brevet_settings_error (settings, "policy-oid",
                                                       "“%s” is not an OID; write for example 1.3.6.1.4.1.99999.1", value));
      return FALSE;
    }
  self->policy = g_strdup (value);
  return TRUE;
}

BrevetCaLocalProfile *
brevet_ca_local_profile_new (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetCaLocalProfile) self = g_new0 (BrevetCaLocalProfile, 1);

  if (!read_certificate (self, settings, error) || !read_key (self, settings, error) || !read_trust (self, settings, error) ||
      !read_durations (self, settings, error) || !read_policy (self, settings, error) ||
      !read_uri (self, settings, "crl-uri", "http://ca.example.com/crl/factory-{key}.crl", &self->crl_uri, error) ||
      !read_uri (self, settings, "ca-issuers-uri", "http://ca.example.com/issuing-{key}.cer", &self->issuers_uri, error) ||
      !read_name_part (settings, "organization", &self->organization, error) ||
      !read_name_part (settings, "organizational-unit", &self->organizational_unit, error))
    return NULL;
  self->published = collect_trust (self);
  compute_dates (self);
  return g_steal_pointer (&self);
}

/* A key in a token takes its time over every signature and is not asked twice at once. */
gboolean
brevet_ca_local_profile_in_memory (BrevetCaLocalProfile *self)
{
  return gnutls_privkey_get_type (brevet_key_get_privkey (self->key)) == GNUTLS_PRIVKEY_X509;
}
