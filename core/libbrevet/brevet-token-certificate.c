/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-token-private.h"

static int
fetch_certificate (const char *uri, gnutls_datum_t *der)
{
  gnutls_x509_crt_t crt;
  int code = gnutls_x509_crt_init (&crt);

  if (code < 0)
    return code;
  code = gnutls_x509_crt_import_url (crt, uri, 0);
  if (code >= 0)
    code = gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, der);
  gnutls_x509_crt_deinit (crt);
  return code;
}

static BrevetCertificate *
load_certificate (const char *uri, GError **error)
{
  gnutls_datum_t data = { NULL, 0 };
  int code = fetch_certificate (uri, &data);
  g_autoptr(GBytes) der = NULL;
  unsigned int flags;

  if (code < 0 && brevet_token_get_flags (uri, &flags) < 0)
    {
      g_propagate_error (error, brevet_token_trouble (uri, NULL, code, "The certificate cannot be read"));
      return NULL;
    }
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED,
                   "The token does not give the certificate that the PKCS#11 URI names: %s", gnutls_strerror (code));
      return NULL;
    }
  der = g_bytes_new (data.data, data.size);
  gnutls_free (data.data);
  return brevet_certificate_new (der, error);
}

BrevetCertificate *
brevet_token_load_certificate (const char *uri, GError **error)
{
  BrevetCertificate *certificate;

  g_return_val_if_fail (uri != NULL, NULL);

  brevet_token_find (uri);
  if (!brevet_token_enter (error))
    return NULL;
  certificate = load_certificate (uri, error);
  brevet_token_leave ();
  return certificate;
}
