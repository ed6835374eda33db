/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "brevet-https-credential.h"

#include "brevet-error.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

/* PKCS#8 text of a key in memory. A key in a token does not leave it, and GnuTLS says so. */
static char *
export_key (BrevetKey *key, GError **error)
{
  gnutls_x509_privkey_t private_key = NULL;
  gnutls_datum_t text = { NULL, 0 };
  char *pem = NULL;
  int code;

  code = gnutls_privkey_export_x509 (brevet_key_get_privkey (key), &private_key);
  if (code >= 0)
    code = gnutls_x509_privkey_export2_pkcs8 (private_key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &text);
  if (code >= 0)
    pem = g_strndup ((const char *) text.data, text.size);
  else
    g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                 "Cannot use the device's private key for TLS: %s; use a key in a file", gnutls_strerror (code));
  if (text.data != NULL)
    {
      gnutls_memset (text.data, 0, text.size);
      gnutls_free (text.data);
    }
  if (private_key != NULL)
    gnutls_x509_privkey_deinit (private_key);
  return pem;
}

GTlsCertificate *
brevet_https_credential_new (BrevetChain *chain, BrevetKey *key, GError **error)
{
  g_autofree char *certificates = brevet_chain_to_pem (chain);
  g_autofree char *both = NULL;
  GTlsCertificate *credential;
  char *secret;

  if (key == NULL)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED, "The device's certificate has no private key to go with it");
      return NULL;
    }
  secret = export_key (key, error);
  if (secret == NULL)
    return NULL;
  both = g_strconcat (certificates, secret, NULL);
  brevet_secret_free_text (secret);
  credential = g_tls_certificate_new_from_pem (both, -1, error);
  gnutls_memset (both, 0, strlen (both));
  if (credential == NULL)
    g_prefix_error (error, "Cannot use the device's certificate for TLS: ");
  return credential;
}
