/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "generation-check.h"

#include "brevet-error.h"
#include "brevet-identifier.h"

#include <string.h>

/* The caller says what time it is, and where dates count at all. */
#define VERIFY_FLAGS                                                                                                               \
  (GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS | GNUTLS_VERIFY_DO_NOT_ALLOW_X509_V1_CA_CRT       \
   | GNUTLS_PROFILE_TO_VFLAGS (GNUTLS_PROFILE_MEDIUM))

static gboolean
check_key (BrevetGeneration *self, GError **error)
{
  BrevetCertificate *leaf = brevet_chain_get_leaf (self->chain);
  const char *certified = brevet_certificate_get_spki_sha256 (leaf);
  const char *own = brevet_generation_get_spki (self);

  if (strcmp (certified, own) == 0)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED,
               "The certificate “%s” is for another key: its public key has the SHA-256 %s, that of the device %s",
               brevet_certificate_get_subject (leaf), certified, own);
  return FALSE;
}

static gboolean
check_no_authority (BrevetCertificate *leaf, GError **error)
{
  unsigned int is_ca = 0;
  int code = gnutls_x509_crt_get_basic_constraints (brevet_certificate_get_crt (leaf), NULL, &is_ca, NULL);

  if (!is_ca && (code >= 0 || code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED,
               "The certificate “%s” is one of a CA: its basicConstraints says CA:TRUE or cannot be read",
               brevet_certificate_get_subject (leaf));
  return FALSE;
}

static gboolean
check_name (BrevetCertificate *leaf, const char *registration_id, const char *device_id, GError **error)
{
  const char *name = brevet_certificate_get_common_name (leaf);

  if (name != NULL && (brevet_identifier_equal (name, registration_id)
                       || (device_id != NULL && brevet_identifier_equal (name, device_id))))
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED,
               "The certificate “%s” is for another device: its common name is “%s”, neither the registration id “%s” nor the "
               "device id “%s”", brevet_certificate_get_subject (leaf), name != NULL ? name : "", registration_id,
               device_id != NULL ? device_id : "");
  return FALSE;
}

static char *
format_date (gint64 seconds)
{
  g_autoptr(GDateTime) moment = g_date_time_new_from_unix_utc (seconds);

  return moment != NULL ? g_date_time_format (moment, "%Y-%m-%dT%H:%M:%SZ") : g_strdup_printf ("%" G_GINT64_FORMAT, seconds);
}

static gboolean
check_dates (BrevetCertificate *leaf, gint64 now, GError **error)
{
  gint64 not_before = brevet_certificate_get_not_before (leaf);
  gint64 not_after = brevet_certificate_get_not_after (leaf);
  gboolean early = now < not_before - BREVET_GENERATION_CLOCK_TOLERANCE;
  g_autofree char *date = NULL;
  g_autofree char *today = NULL;

  if (!early && now <= not_after + BREVET_GENERATION_CLOCK_TOLERANCE)
    return TRUE;
  date = format_date (early ? not_before : not_after);
  today = format_date (now);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED, "The certificate “%s” %s %s; here it is %s, look at the clock",
               brevet_certificate_get_subject (leaf), early ? "is not valid before" : "expired at", date, today);
  return FALSE;
}

/* Without the extension a certificate is good for everything. */
static gboolean
check_purposes (BrevetCertificate *leaf, GError **error)
{
  gnutls_x509_crt_t crt = brevet_certificate_get_crt (leaf);
  int code = 0;

  for (unsigned int i = 0; code >= 0; i++)
    {
      char oid[128];
      gsize size = sizeof oid;

      code = gnutls_x509_crt_get_key_purpose_oid (crt, i, oid, &size, NULL);
      if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE && i == 0)
        return TRUE;
      if (code >= 0 && (strcmp (oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0 || strcmp (oid, GNUTLS_KP_ANY) == 0))
        return TRUE;
    }
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED,
               "The certificate “%s” is for other purposes than a TLS client's: its extendedKeyUsage lacks clientAuth (%s)",
               brevet_certificate_get_subject (leaf), GNUTLS_KP_TLS_WWW_CLIENT);
  return FALSE;
}

static gboolean
is_signed_by (BrevetCertificate *certificate, BrevetCertificate *issuer, GError **error)
{
  gnutls_x509_crt_t anchor = brevet_certificate_get_crt (issuer);
  gnutls_datum_t text = { NULL, 0 };
  unsigned int status = 0;
  int code = gnutls_x509_crt_verify (brevet_certificate_get_crt (certificate), &anchor, 1, VERIFY_FLAGS, &status);

  if (code >= 0 && status == 0)
    return TRUE;
  if (code >= 0)
    code = gnutls_certificate_verification_status_print (status, GNUTLS_CRT_X509, &text, 0) < 0 ? GNUTLS_E_CERTIFICATE_ERROR : 0;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED, "The certificate “%s” is not signed by “%s”: %s",
               brevet_certificate_get_subject (certificate), brevet_certificate_get_subject (issuer),
               text.data != NULL ? g_strchomp ((char *) text.data) : gnutls_strerror (code));
  gnutls_free (text.data);
  return FALSE;
}

static gboolean
check_chain (BrevetChain *chain, GError **error)
{
  for (guint i = 1; i < brevet_chain_get_length (chain); i++)
    if (!is_signed_by (brevet_chain_get (chain, i - 1), brevet_chain_get (chain, i), error))
      return FALSE;
  return TRUE;
}

/* An authority that is rolled over occurs twice under its name; one of them is enough. */
static gboolean
check_bundle (BrevetChain *chain, BrevetTrustBundle *bundle, GError **error)
{
  BrevetCertificate *last = brevet_chain_get (chain, brevet_chain_get_length (chain) - 1);
  g_autoptr(GError) problem = NULL;

  for (guint i = 0; i < brevet_trust_bundle_get_length (bundle); i++)
    {
      BrevetCertificate *candidate = brevet_trust_bundle_get (bundle, i);

      if (strcmp (brevet_certificate_get_subject (candidate), brevet_certificate_get_issuer (last)) != 0)
        continue;
      g_clear_error (&problem);
      if (is_signed_by (last, candidate, &problem))
        return TRUE;
    }
  if (problem == NULL)
    return TRUE;
  g_propagate_prefixed_error (error, g_steal_pointer (&problem),
                              "The trust bundle knows the issuer's name, but with another certificate: ");
  return FALSE;
}

/* Key and certificate belong together, or both are absent. %TRUE in @has_certificate asks for further checks. */
static gboolean
check_parts (BrevetGeneration *self, gboolean *has_certificate, GError **error)
{
  gboolean has_key = brevet_generation_get_spki (self) != NULL;

  *has_certificate = self->chain != NULL;
  if (self->chain != NULL && has_key)
    return check_key (self, error);
  if (self->chain == NULL && !has_key)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_UNTRUSTED, "The identity has a %s without a %s",
               self->chain != NULL ? "certificate" : "key", self->chain != NULL ? "key" : "certificate");
  return FALSE;
}

gboolean
brevet_generation_check (BrevetGeneration *self, const char *registration_id, gint64 now, GError **error)
{
  BrevetCertificate *leaf = NULL;
  gboolean has_certificate = FALSE;

  g_return_val_if_fail (self != NULL && registration_id != NULL, FALSE);

  if (!check_parts (self, &has_certificate, error))
    return FALSE;
  if (!has_certificate)
    return TRUE;
  leaf = brevet_chain_get_leaf (self->chain);
  return check_no_authority (leaf, error) && check_name (leaf, registration_id, self->device_id, error)
         && check_chain (self->chain, error) && check_dates (leaf, now, error) && check_purposes (leaf, error)
         && (self->trust_bundle == NULL || check_bundle (self->chain, self->trust_bundle, error));
}

gboolean
brevet_generation_check_stored (BrevetGeneration *self, GError **error)
{
  g_autoptr(GError) problem = NULL;
  gboolean has_certificate = FALSE;

  g_return_val_if_fail (self != NULL, FALSE);

  if (check_parts (self, &has_certificate, &problem) && (!has_certificate || check_chain (self->chain, &problem)))
    return TRUE;
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_CORRUPT, problem->message);
  return FALSE;
}
