/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-csr.h"

#include "brevet-error.h"
#include "brevet-x509-private.h"

#include <gnutls/crypto.h>

struct _BrevetCsr
{
  GBytes         *der;
  GBytes         *spki;
  gnutls_pubkey_t pubkey;
  char           *common_name;
  char            sha256[BREVET_SHA256_HEX_SIZE];
  char            spki_sha256[BREVET_SHA256_HEX_SIZE];
};

G_DEFINE_BOXED_TYPE (BrevetCsr, brevet_csr, brevet_csr_ref, brevet_csr_unref)

static void
csr_clear (gpointer data)
{
  BrevetCsr *self = data;

  g_bytes_unref (self->der);
  g_clear_pointer (&self->spki, g_bytes_unref);
  if (self->pubkey != NULL)
    gnutls_pubkey_deinit (self->pubkey);
  g_free (self->common_name);
}

BrevetCsr *
brevet_csr_ref (BrevetCsr *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_csr_unref (BrevetCsr *self)
{
  g_atomic_rc_box_release_full (self, csr_clear);
}

static void
hash_bytes (GBytes *bytes, char hex[BREVET_SHA256_HEX_SIZE])
{
  gsize size;
  gconstpointer data = g_bytes_get_data (bytes, &size);
  guint8 digest[32];

  gnutls_hash_fast (GNUTLS_DIG_SHA256, data, size, digest);
  brevet_x509_hex (digest, sizeof digest, hex);
}

/* Encoding costs more than all its hashes together, so it is kept. */
static gboolean
encode_key (BrevetCsr *self, GError **error)
{
  gnutls_datum_t spki = { NULL, 0 };
  int code = gnutls_pubkey_export2 (self->pubkey, GNUTLS_X509_FMT_DER, &spki);

  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "The public key of the certificate request cannot be encoded: %s",
                   gnutls_strerror (code));
      return FALSE;
    }
  self->spki = g_bytes_new (spki.data, spki.size);
  gnutls_free (spki.data);
  hash_bytes (self->spki, self->spki_sha256);
  return TRUE;
}

static gboolean
import_key (BrevetCsr *self, gnutls_x509_crq_t crq, BrevetKeyPolicy *policy, GError **error)
{
  int code;

  gnutls_pubkey_init (&self->pubkey);
  code = gnutls_pubkey_import_x509_crq (self->pubkey, crq, 0);
  switch (code)
    {
    case 0:
      break;

    case GNUTLS_E_ECC_UNSUPPORTED_CURVE:
    case GNUTLS_E_UNKNOWN_PK_ALGORITHM:
    case GNUTLS_E_UNIMPLEMENTED_FEATURE:
    case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED, "The public key of the certificate request is of a kind that is not "
                   "supported: %s", gnutls_strerror (code));
      return FALSE;

    default:
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The public key of the certificate request is malformed: %s",
                   gnutls_strerror (code));
      return FALSE;
    }
  return brevet_key_policy_check (policy, self->pubkey, error) && encode_key (self, error);
}

static gboolean
read_common_name (BrevetCsr *self, gnutls_x509_crq_t crq, GError **error)
{
  char buffer[1024];
  gsize size = sizeof buffer;
  int code = gnutls_x509_crq_get_dn_by_oid (crq, GNUTLS_OID_X520_COMMON_NAME, 0, 0, buffer, &size);

  if (code == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE || (code >= 0 && size == 0))
    return TRUE;
  self->common_name = code >= 0 ? brevet_x509_unescape_name (buffer, size) : NULL;
  if (self->common_name == NULL)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The common name of the certificate request is malformed");
      return FALSE;
    }

  size = sizeof buffer;
  code = gnutls_x509_crq_get_dn_by_oid (crq, GNUTLS_OID_X520_COMMON_NAME, 1, 0, buffer, &size);
  if (code != GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The certificate request has more than one common name");
      return FALSE;
    }
  return TRUE;
}

/* The algorithm first: GnuTLS verifies SHA-1 signatures of requests without complaint. */
static gboolean
verify_possession (gnutls_x509_crq_t crq, GError **error)
{
  int algorithm = gnutls_x509_crq_get_signature_algorithm (crq);
  int code;

  if (algorithm <= 0 || !gnutls_sign_is_secure2 (algorithm, GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS))
    {
      const char *name = algorithm > 0 ? gnutls_sign_get_name (algorithm) : NULL;

      g_set_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED,
                   "The certificate request is signed with %s, which is not secure; sign it with SHA-256 or better",
                   name != NULL ? name : "an unknown algorithm");
      return FALSE;
    }
  code = gnutls_x509_crq_verify (crq, 0);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
                   "The signature of the certificate request does not match its public key: %s", gnutls_strerror (code));
      return FALSE;
    }
  return TRUE;
}

static gboolean
check_size (GBytes *der, GError **error)
{
  gsize size = g_bytes_get_size (der);

  if (size > 0 && size <= BREVET_CSR_MAX_SIZE)
    return TRUE;
  g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID,
               "The certificate request has %" G_GSIZE_FORMAT " bytes; allowed are 1 to %d", size, BREVET_CSR_MAX_SIZE);
  return FALSE;
}

static gboolean
read_request (BrevetCsr *self, gnutls_x509_crq_t crq, BrevetKeyPolicy *policy, GError **error)
{
  gsize size;
  const guint8 *bytes = g_bytes_get_data (self->der, &size);
  gnutls_datum_t data = { (guint8 *) bytes, size };
  int code = gnutls_x509_crq_import (crq, &data, GNUTLS_X509_FMT_DER);

  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The certificate request is not PKCS#10: %s", gnutls_strerror (code));
      return FALSE;
    }
  if (!import_key (self, crq, policy, error) || !read_common_name (self, crq, error) || !verify_possession (crq, error))
    return FALSE;
  hash_bytes (self->der, self->sha256);
  return TRUE;
}

BrevetCsr *
brevet_csr_new (GBytes *der, BrevetKeyPolicy *policy, GError **error)
{
  g_autoptr(BrevetCsr) self = NULL;
  gnutls_x509_crq_t crq;
  gboolean ok;

  g_return_val_if_fail (der != NULL && policy != NULL, NULL);

  if (!check_size (der, error))
    return NULL;
  self = g_atomic_rc_box_new0 (BrevetCsr);
  self->der = g_bytes_ref (der);
  gnutls_x509_crq_init (&crq);
  ok = read_request (self, crq, policy, error);
  gnutls_x509_crq_deinit (crq);
  return ok ? g_steal_pointer (&self) : NULL;
}

GBytes *
brevet_csr_get_der (BrevetCsr *self)
{
  return self->der;
}

char *
brevet_csr_to_pem (BrevetCsr *self)
{
  return brevet_x509_to_pem ("CERTIFICATE REQUEST", self->der);
}

const char *
brevet_csr_get_common_name (BrevetCsr *self)
{
  return self->common_name;
}

const char *
brevet_csr_get_sha256 (BrevetCsr *self)
{
  return self->sha256;
}

const char *
brevet_csr_get_spki_sha256 (BrevetCsr *self)
{
  return self->spki_sha256;
}

gnutls_pubkey_t
brevet_csr_get_pubkey (BrevetCsr *self)
{
  return self->pubkey;
}

/*
 * brevet_csr_get_spki:
 *
 * Returns: (transfer none): DER of the public key's SubjectPublicKeyInfo (RFC 5280 §4.1)
 */
GBytes *
brevet_csr_get_spki (BrevetCsr *self)
{
  return self->spki;
}
