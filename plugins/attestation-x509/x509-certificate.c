/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-certificate.h"

#include "brevet-error.h"

#include <gnutls/x509-ext.h>
#include <string.h>

#define OID_ANY_PURPOSE "2.5.29.37.0"

static gboolean G_GNUC_PRINTF (4, 5)
refuse (GError **error, BrevetCertificate *certificate, const char *noun, const char *format, ...)
{
  g_autofree char *trouble = NULL;
  va_list arguments;

  va_start (arguments, format);
  trouble = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The %s “%s” %s", noun, brevet_certificate_get_subject (certificate),
               trouble);
  return FALSE;
}

static char *
format_date (gint64 seconds)
{
  g_autoptr(GDateTime) date = g_date_time_new_from_unix_utc (seconds);

  return date != NULL ? g_date_time_format_iso8601 (date) : g_strdup_printf ("%" G_GINT64_FORMAT " s after 1970", seconds);
}

gboolean
x509_certificate_check_dates (BrevetCertificate *self, const char *noun, gint64 now, GError **error)
{
  gint64 not_before = brevet_certificate_get_not_before (self);
  gint64 not_after = brevet_certificate_get_not_after (self);
  g_autofree char *date = NULL;

  if (now >= not_before && now <= not_after)
    return TRUE;
  date = format_date (now < not_before ? not_before : not_after);
  return refuse (error, self, noun, now < not_before ? "is not valid before %s" : "expired at %s", date);
}

gboolean
x509_certificate_check_key (BrevetCertificate *self, const char *noun, GError **error)
{
  unsigned int bits = 0;
  int algorithm = gnutls_x509_crt_get_pk_algorithm (brevet_certificate_get_crt (self), &bits);
  const char *name = algorithm > 0 ? gnutls_pk_get_name (algorithm) : NULL;

  if (name == NULL)
    return refuse (error, self, noun, "has a public key of an unknown kind");
  if (brevet_certificate_has_costly_key (self))
    return refuse (error, self, noun, "has a public key that takes too long to verify a signature with: %s, %u bits", name, bits);
  if (gnutls_pk_bits_to_sec_param (algorithm, bits) >= GNUTLS_SEC_PARAM_MEDIUM)
    return TRUE;
  return refuse (error, self, noun, "has a weak public key: %s with %u bits", name, bits);
}

gboolean
x509_certificate_check_signature (BrevetCertificate *self, const char *noun, GError **error)
{
  int algorithm = gnutls_x509_crt_get_signature_algorithm (brevet_certificate_get_crt (self));
  const char *name = algorithm > 0 ? gnutls_sign_get_name (algorithm) : NULL;

  if (algorithm > 0 && gnutls_sign_is_secure2 (algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
    return TRUE;
  return refuse (error, self, noun, "is signed with %s, which is not secure", name != NULL ? name : "an unknown algorithm");
}

gboolean
x509_certificate_check_usage (BrevetCertificate *self, const char *noun, guint usage, const char *usage_name, GError **error)
{
  unsigned int allowed = 0;
  int code = gnutls_x509_crt_get_key_usage (brevet_certificate_get_crt (self), &allowed, NULL);

  if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || (code >= 0 && (allowed & usage) != 0))
    return TRUE;
  if (code < 0)
    return refuse (error, self, noun, "has a keyUsage that cannot be read: %s", gnutls_strerror (code));
  return refuse (error, self, noun, "has a keyUsage without %s", usage_name);
}

gboolean
x509_certificate_check_purpose (BrevetCertificate *self, const char *noun, GError **error)
{
  gboolean found = FALSE;

  for (unsigned int i = 0;; i++)
    {
      char oid[128];
      gsize size = sizeof oid;
      int code = gnutls_x509_crt_get_key_purpose_oid (brevet_certificate_get_crt (self), i, oid, &size, NULL);

      if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        break;
      if (code < 0)
        return refuse (error, self, noun, "has an extendedKeyUsage that cannot be read: %s", gnutls_strerror (code));
      if (strcmp (oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0 || strcmp (oid, OID_ANY_PURPOSE) == 0)
        return TRUE;
      found = TRUE;
    }
  return !found || refuse (error, self, noun, "has an extendedKeyUsage without clientAuth");
}

/* What GnuTLS or this plugin acts upon when a path is verified; policies are only noted, as nobody asks for one. */
static gboolean
is_understood (const char *oid)
{
  static const char *const understood[] = {
    GNUTLS_X509EXT_OID_BASIC_CONSTRAINTS, GNUTLS_X509EXT_OID_KEY_USAGE,     GNUTLS_X509EXT_OID_EXTENDED_KEY_USAGE,
    GNUTLS_X509EXT_OID_SAN,               GNUTLS_X509EXT_OID_NAME_CONSTRAINTS, GNUTLS_X509EXT_OID_CRT_POLICY,
    GNUTLS_X509EXT_OID_SUBJECT_KEY_ID,    GNUTLS_X509EXT_OID_AUTHORITY_KEY_ID, GNUTLS_X509EXT_OID_CRL_DIST_POINTS,
    NULL,
  };

  return g_strv_contains (understood, oid);
}

gboolean
x509_certificate_check_critical (BrevetCertificate *self, const char *noun, GError **error)
{
  for (unsigned int i = 0;; i++)
    {
      char oid[128];
      gsize size = sizeof oid;
      unsigned int is_critical = 0;
      int code = gnutls_x509_crt_get_extension_info (brevet_certificate_get_crt (self), i, oid, &size, &is_critical);

      if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return TRUE;
      if (code < 0)
        return refuse (error, self, noun, "has an extension that cannot be read: %s", gnutls_strerror (code));
      if (is_critical != 0 && !is_understood (oid))
        return refuse (error, self, noun, "has the critical extension %s, which is not understood", oid);
    }
}

gboolean
x509_certificate_check_issuer (BrevetCertificate *self, const char *noun, GError **error)
{
  if (!brevet_certificate_is_ca (self))
    return refuse (error, self, noun, "is not a CA certificate: its basicConstraints do not say CA:TRUE");
  return x509_certificate_check_usage (self, noun, GNUTLS_KEY_KEY_CERT_SIGN, "keyCertSign", error);
}

int
x509_certificate_get_path_length (BrevetCertificate *self)
{
  unsigned int is_ca = 0;
  int path_length = -1;

  if (gnutls_x509_crt_get_basic_constraints (brevet_certificate_get_crt (self), NULL, &is_ca, &path_length) < 0)
    return -1;
  return path_length;
}
