/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ceremony-check.h"

#include "ceremony-terminal.h"

#include "brevet-error.h"
#include "brevet-text-file.h"

#include <gnutls/abstract.h>
#include <string.h>

/* In bits of security, as GnuTLS counts: RSA 2048, P-256. */
#define MINIMUM_STRENGTH GNUTLS_SEC_PARAM_MEDIUM

static gboolean G_GNUC_PRINTF (3, 4)
refuse (GError **error, BrevetCertificate *certificate, const char *format, ...)
{
  va_list arguments;
  g_autofree char *what = NULL;

  va_start (arguments, format);
  what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The certificate “%s” %s; nothing was changed",
               brevet_certificate_get_subject (certificate), what);
  return FALSE;
}

static gboolean
check_usage (BrevetCertificate *certificate, GError **error)
{
  const unsigned int needed = GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN;
  unsigned int usage = 0;

  if (!brevet_certificate_is_ca (certificate))
    return refuse (error, certificate, "is none of a CA (no CA:TRUE in its basicConstraints)");
  if (gnutls_x509_crt_get_key_usage (brevet_certificate_get_crt (certificate), &usage, NULL) < 0 || (usage & needed) != needed)
    return refuse (error, certificate, "lacks keyCertSign or cRLSign in its keyUsage");
  return TRUE;
}

static gboolean
check_dates (BrevetCertificate *certificate, gint64 now, GError **error)
{
  gint64 since = brevet_certificate_get_not_before (certificate);
  gint64 until = brevet_certificate_get_not_after (certificate);
  g_autofree char *date = brevet_ceremony_format_date (now < since ? since : until);
  g_autofree char *here = brevet_ceremony_format_date (now);

  if (now < since)
    return refuse (error, certificate, "is not valid before %s, and it is %s here", date, here);
  if (now >= until)
    return refuse (error, certificate, "expired at %s, and it is %s here", date, here);
  return TRUE;
}

static gboolean
check_strength (BrevetCertificate *certificate, GError **error)
{
  gnutls_x509_crt_t crt = brevet_certificate_get_crt (certificate);
  gnutls_sign_algorithm_t algorithm = gnutls_x509_crt_get_signature_algorithm (crt);
  unsigned int bits = 0;
  int key = gnutls_x509_crt_get_pk_algorithm (crt, &bits);
  const char *name = gnutls_sign_get_name (algorithm);

  if (!gnutls_sign_is_secure2 (algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
    return refuse (error, certificate, "is signed with %s, which is too weak", name != NULL ? name : "something unknown");
  if (key < 0 || gnutls_pk_bits_to_sec_param (key, bits) < MINIMUM_STRENGTH)
    return refuse (error, certificate, "has a key of %u bits, which is too weak", bits);
  return TRUE;
}

static gboolean
check_one (BrevetCertificate *certificate, gint64 now, GError **error)
{
  return check_usage (certificate, error) && check_dates (certificate, now, error) && check_strength (certificate, error);
}

static gboolean
check_signature (BrevetCertificate *certificate, BrevetCertificate *issuer, GError **error)
{
  const unsigned int flags = GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS;
  gnutls_x509_crt_t issuer_crt = brevet_certificate_get_crt (issuer);
  unsigned int status = 0;

  if (gnutls_x509_crt_verify (brevet_certificate_get_crt (certificate), &issuer_crt, 1, flags, &status) < 0 || status != 0)
    return refuse (error, certificate, "is not signed by “%s”", brevet_certificate_get_subject (issuer));
  return TRUE;
}

BrevetCertificate *
brevet_ceremony_load_root (const char *path, gint64 now, GError **error)
{
  g_autoptr(BrevetChain) chain = brevet_chain_load (path, error);
  BrevetCertificate *root;

  if (chain == NULL)
    return NULL;
  root = brevet_chain_get_leaf (chain);
  if (!brevet_certificate_is_self_issued (root))
    {
      refuse (error, root, "is no root: it is issued by “%s”", brevet_certificate_get_issuer (root));
      return NULL;
    }
  if (!check_one (root, now, error) || !check_signature (root, root, error))
    return NULL;
  return brevet_certificate_ref (root);
}

/* The one above may allow less than there is below it. */
static gboolean
check_path_length (BrevetCertificate *issuer, guint below, GError **error)
{
  int length = brevet_ceremony_get_path_length (issuer);

  return length < 0 || (guint) length >= below ||
         refuse (error, issuer, "allows a path length of %d, and there are %u CA certificates below it", length, below);
}

static gboolean
check_path (BrevetChain *chain, gint64 now, GError **error)
{
  guint length = brevet_chain_get_length (chain);
  BrevetCertificate *top = brevet_chain_get (chain, length - 1);

  for (guint i = 0; i < length; i++)
    {
      BrevetCertificate *certificate = brevet_chain_get (chain, i);

      if (!check_one (certificate, now, error) || (i > 0 && !check_path_length (certificate, i, error)) ||
          (i + 1 < length && !check_signature (certificate, brevet_chain_get (chain, i + 1), error)))
        return FALSE;
    }
  if (!brevet_certificate_is_self_issued (top))
    return refuse (error, top, "is the last in the file and no root; append its issuers up to the root");
  return check_signature (top, top, error);
}

static gboolean
check_issuing (BrevetChain *chain, const char *spki_sha256, GError **error)
{
  BrevetCertificate *issuing = brevet_chain_get_leaf (chain);

  if (strcmp (brevet_certificate_get_spki_sha256 (issuing), spki_sha256) != 0)
    return refuse (error, issuing, "is for another key than the one that waits here for its certificate");
  if (brevet_chain_get_length (chain) < 2)
    return refuse (error, issuing, "stands alone in the file; append its issuers up to the root");
  if (brevet_ceremony_get_path_length (issuing) != 0)
    return refuse (error, issuing, "has no path length of 0, and so could make further CAs; have it signed with pathlen:0");
  return TRUE;
}

BrevetChain *
brevet_ceremony_load_chain (const char *path, const char *spki_sha256, gint64 now, GError **error)
{
  g_autoptr(BrevetChain) chain = brevet_chain_load (path, error);

  if (chain == NULL || !check_usage (brevet_chain_get_leaf (chain), error) || !check_issuing (chain, spki_sha256, error) ||
      !check_path (chain, now, error))
    return NULL;
  return g_steal_pointer (&chain);
}

BrevetCsr *
brevet_ceremony_parse_csr (GBytes *der, const char *name, GError **error)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("csr", NULL, NULL);
  g_autoptr(BrevetKeyPolicy) policy = NULL;
  BrevetCsr *csr;

  brevet_settings_set (settings, "key-types", "p256;p384;p521;rsa;ed25519", NULL);
  policy = brevet_key_policy_new_from_settings (settings, error);
  csr = policy != NULL ? brevet_csr_new (der, policy, error) : NULL;
  if (csr == NULL)
    g_prefix_error (error, "%s: ", name);
  return csr;
}

BrevetCsr *
brevet_ceremony_load_csr (const char *path, GError **error)
{
  gsize length = 0;
  g_autofree char *text = brevet_text_file_read (path, 4 * BREVET_CSR_MAX_SIZE, &length, error);
  g_autoptr(GBytes) bytes = NULL;
  gnutls_datum_t pem = { (guint8 *) text, 0 };
  gnutls_datum_t der = { NULL, 0 };

  if (text == NULL)
    return NULL;
  pem.size = length;
  if (gnutls_pem_base64_decode2 ("CERTIFICATE REQUEST", &pem, &der) < 0 &&
      gnutls_pem_base64_decode2 ("NEW CERTIFICATE REQUEST", &pem, &der) < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "“%s” holds no certificate request in PEM", path);
      return NULL;
    }
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  return brevet_ceremony_parse_csr (bytes, path, error);
}

gboolean
brevet_ceremony_check_fingerprint (BrevetCertificate *certificate, const char *expected, GError **error)
{
  g_autoptr(GString) digits = g_string_new (NULL);
  g_autofree char *own = brevet_ceremony_format_fingerprint (certificate);

  for (const char *p = expected; *p != '\0'; p++)
    if (*p != ':' && *p != ' ')
      g_string_append_c (digits, g_ascii_tolower (*p));
  if (strcmp (digits->str, brevet_certificate_get_sha256 (certificate)) == 0)
    return TRUE;
  return refuse (error, certificate, "has the fingerprint %s and not %s", own, expected);
}
