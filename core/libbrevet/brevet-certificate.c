/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-certificate.h"

#include "brevet-error.h"
#include "brevet-x509-private.h"

#include <gnutls/crypto.h>
#include <string.h>

/* Larger than any certificate that makes sense, smaller than what would hurt. */
#define DER_MAX_SIZE (64 * 1024)

#define RSA_MODULUS_MAX_SIZE  1024
#define RSA_EXPONENT_MAX_SIZE 4

struct _BrevetCertificate
{
  GBytes           *der;
  gnutls_x509_crt_t crt;
  gint64            not_before;
  gint64            not_after;
  guint             version;

  /* Made when first asked for; the issuing path needs few of them. */
  char *subject;
  char *issuer;
  char *common_name;
  char *serial;
  char *sha256;
  char *sha1;
  char *spki_sha256;
  char *subject_sha256;
  char *issuer_sha256;
};

G_DEFINE_BOXED_TYPE (BrevetCertificate, brevet_certificate, brevet_certificate_ref, brevet_certificate_unref)

static void
certificate_clear (gpointer data)
{
  BrevetCertificate *self = data;

  gnutls_x509_crt_deinit (self->crt);
  g_bytes_unref (self->der);
  g_free (self->subject);
  g_free (self->issuer);
  g_free (self->common_name);
  g_free (self->serial);
  g_free (self->sha256);
  g_free (self->sha1);
  g_free (self->spki_sha256);
  g_free (self->subject_sha256);
  g_free (self->issuer_sha256);
}

BrevetCertificate *
brevet_certificate_ref (BrevetCertificate *self)
{
  return g_atomic_rc_box_acquire (self);
}

void
brevet_certificate_unref (BrevetCertificate *self)
{
  g_atomic_rc_box_release_full (self, certificate_clear);
}

static gboolean
read_facts (BrevetCertificate *self, GError **error)
{
  int version = gnutls_x509_crt_get_version (self->crt);
  guint8 serial[64];
  gsize serial_size = sizeof serial;
  int serial_code = gnutls_x509_crt_get_serial (self->crt, serial, &serial_size);

  self->not_before = gnutls_x509_crt_get_activation_time (self->crt);
  self->not_after = gnutls_x509_crt_get_expiration_time (self->crt);
  if (version >= 1 && version <= 3 && self->not_before != -1 && self->not_after != -1 && serial_code >= 0 && serial_size > 0)
    {
      self->version = version;
      return TRUE;
    }
  g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The certificate has a malformed version, date or serial number");
  return FALSE;
}

BrevetCertificate *
brevet_certificate_new (GBytes *der, GError **error)
{
  g_autoptr(BrevetCertificate) self = NULL;
  gnutls_datum_t data;
  gsize size;
  int code;

  g_return_val_if_fail (der != NULL, NULL);

  data.data = (guint8 *) g_bytes_get_data (der, &size);
  data.size = size;
  if (size == 0 || size > DER_MAX_SIZE)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "A certificate of %" G_GSIZE_FORMAT " bytes; allowed are 1 to %d",
                   size, DER_MAX_SIZE);
      return NULL;
    }
  self = g_atomic_rc_box_new0 (BrevetCertificate);
  self->der = g_bytes_ref (der);
  gnutls_x509_crt_init (&self->crt);
  code = gnutls_x509_crt_import (self->crt, &data, GNUTLS_X509_FMT_DER);
  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The bytes are not an X.509 certificate: %s", gnutls_strerror (code));
      return NULL;
    }
  return read_facts (self, error) ? g_steal_pointer (&self) : NULL;
}

BrevetCertificate *
brevet_certificate_new_from_pem (const char *pem, GError **error)
{
  g_autoptr(GPtrArray) certificates = NULL;

  g_return_val_if_fail (pem != NULL, NULL);

  certificates = brevet_x509_parse_pem (pem, 1, error);
  if (certificates == NULL)
    return NULL;
  if (certificates->len == 0)
    {
      g_set_error_literal (error, BREVET_ERROR, BREVET_ERROR_INVALID, "The text holds no PEM certificate");
      return NULL;
    }
  return brevet_certificate_ref (certificates->pdata[0]);
}

gboolean
brevet_certificate_equal (BrevetCertificate *self, BrevetCertificate *other)
{
  return self == other || g_bytes_equal (self->der, other->der);
}

GBytes *
brevet_certificate_get_der (BrevetCertificate *self)
{
  return self->der;
}

char *
brevet_certificate_to_pem (BrevetCertificate *self)
{
  return brevet_x509_to_pem ("CERTIFICATE", self->der);
}

/* An empty name is reported by GnuTLS as missing data; a name that claims to be UTF-8 is passed on whatever its bytes are. */
static char *
take_name (int code, gnutls_datum_t *name)
{
  char *text;

  if (code < 0)
    return g_strdup ("");
  text = g_utf8_make_valid ((const char *) name->data, name->size);
  gnutls_free (name->data);
  return text;
}

const char *
brevet_certificate_get_subject (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->subject))
    {
      gnutls_datum_t name = { NULL, 0 };
      int code = gnutls_x509_crt_get_dn3 (self->crt, &name, 0);

      g_once_init_leave (&self->subject, take_name (code, &name));
    }
  return self->subject;
}

const char *
brevet_certificate_get_issuer (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->issuer))
    {
      gnutls_datum_t name = { NULL, 0 };
      int code = gnutls_x509_crt_get_issuer_dn3 (self->crt, &name, 0);

      g_once_init_leave (&self->issuer, take_name (code, &name));
    }
  return self->issuer;
}

static char *
read_common_name (BrevetCertificate *self)
{
  char buffer[1024];
  gsize size = sizeof buffer;
  char *name = NULL;
  int code = gnutls_x509_crt_get_dn_by_oid (self->crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, buffer, &size);

  if (code >= 0)
    name = brevet_x509_unescape_name (buffer, size);
  return name != NULL ? name : g_strdup ("");
}

const char *
brevet_certificate_get_common_name (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->common_name))
    g_once_init_leave (&self->common_name, read_common_name (self));
  return *self->common_name != '\0' ? self->common_name : NULL;
}

static char *
read_serial (BrevetCertificate *self)
{
  guint8 serial[64];
  gsize size = sizeof serial;
  char *text;

  /* It could be read when the certificate was made. */
  if (gnutls_x509_crt_get_serial (self->crt, serial, &size) < 0)
    g_return_val_if_reached (g_strdup (""));
  text = g_malloc (2 * size + 1);
  brevet_x509_hex (serial, size, text);
  for (char *c = text; *c != '\0'; c++)
    *c = g_ascii_toupper (*c);
  return text;
}

const char *
brevet_certificate_get_serial (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->serial))
    g_once_init_leave (&self->serial, read_serial (self));
  return self->serial;
}

gint64
brevet_certificate_get_not_before (BrevetCertificate *self)
{
  return self->not_before;
}

gint64
brevet_certificate_get_not_after (BrevetCertificate *self)
{
  return self->not_after;
}

guint
brevet_certificate_get_version (BrevetCertificate *self)
{
  return self->version;
}

static char *
hash_der (BrevetCertificate *self, gnutls_digest_algorithm_t algorithm)
{
  gsize size;
  const guint8 *der = g_bytes_get_data (self->der, &size);
  guint8 digest[32];
  guint length = gnutls_hash_get_len ((gnutls_digest_algorithm_t) algorithm);
  char *text = g_malloc (2 * length + 1);

  gnutls_hash_fast (algorithm, der, size, digest);
  brevet_x509_hex (digest, length, text);
  return text;
}

const char *
brevet_certificate_get_sha256 (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->sha256))
    g_once_init_leave (&self->sha256, hash_der (self, GNUTLS_DIG_SHA256));
  return self->sha256;
}

const char *
brevet_certificate_get_sha1 (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->sha1))
    g_once_init_leave (&self->sha1, hash_der (self, GNUTLS_DIG_SHA1));
  return self->sha1;
}

/* A key of a kind that GnuTLS does not know has no hash here; it matches no other key. */
static char *
hash_spki (BrevetCertificate *self)
{
  guint8 id[32];
  gsize size = sizeof id;
  char *text = g_malloc0 (BREVET_SHA256_HEX_SIZE);

  if (gnutls_x509_crt_get_key_id (self->crt, GNUTLS_KEYID_USE_SHA256, id, &size) >= 0)
    brevet_x509_hex (id, size, text);
  return text;
}

const char *
brevet_certificate_get_spki_sha256 (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->spki_sha256))
    g_once_init_leave (&self->spki_sha256, hash_spki (self));
  return self->spki_sha256;
}

/* An issuer's name is compared byte by byte (brevet_certificate_is_issued_by()), so its hash serves as well. */
static char *
hash_name (BrevetCertificate *self, int (*get_name) (gnutls_x509_crt_t crt, gnutls_datum_t *name))
{
  gnutls_datum_t name = { NULL, 0 };
  char *text;

  if (get_name (self->crt, &name) < 0)
    return g_malloc0 (BREVET_SHA256_HEX_SIZE);
  text = g_compute_checksum_for_data (G_CHECKSUM_SHA256, name.data, name.size);
  gnutls_free (name.data);
  return text;
}

const char *
brevet_certificate_get_subject_sha256 (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->subject_sha256))
    g_once_init_leave (&self->subject_sha256, hash_name (self, gnutls_x509_crt_get_raw_dn));
  return self->subject_sha256;
}

const char *
brevet_certificate_get_issuer_sha256 (BrevetCertificate *self)
{
  if (g_once_init_enter (&self->issuer_sha256))
    g_once_init_leave (&self->issuer_sha256, hash_name (self, gnutls_x509_crt_get_raw_issuer_dn));
  return self->issuer_sha256;
}

gboolean
brevet_certificate_is_ca (BrevetCertificate *self)
{
  unsigned int is_ca = 0;

  return gnutls_x509_crt_get_basic_constraints (self->crt, NULL, &is_ca, NULL) >= 0 && is_ca != 0;
}

gboolean
brevet_certificate_is_self_issued (BrevetCertificate *self)
{
  gnutls_datum_t subject, issuer;
  gboolean same;

  if (gnutls_x509_crt_get_raw_dn (self->crt, &subject) < 0)
    return FALSE;
  if (gnutls_x509_crt_get_raw_issuer_dn (self->crt, &issuer) < 0)
    {
      gnutls_free (subject.data);
      return FALSE;
    }
  same = subject.size == issuer.size && memcmp (subject.data, issuer.data, subject.size) == 0;
  gnutls_free (subject.data);
  gnutls_free (issuer.data);
  return same;
}

gboolean
brevet_certificate_is_issued_by (BrevetCertificate *self, BrevetCertificate *issuer)
{
  return gnutls_x509_crt_check_issuer (self->crt, issuer->crt) != 0;
}

/* Leading zero bytes do not count. */
static gboolean
is_longer_than (const gnutls_datum_t *number, guint bytes)
{
  guint zeros = 0;

  while (zeros < number->size && number->data[zeros] == 0)
    zeros++;
  return number->size - zeros > bytes;
}

static gboolean
is_costly_rsa (gnutls_x509_crt_t crt)
{
  gnutls_datum_t modulus = { NULL, 0 }, exponent = { NULL, 0 };
  gboolean costly;

  if (gnutls_x509_crt_get_pk_rsa_raw (crt, &modulus, &exponent) < 0)
    return TRUE;
  costly = is_longer_than (&modulus, RSA_MODULUS_MAX_SIZE) || is_longer_than (&exponent, RSA_EXPONENT_MAX_SIZE);
  gnutls_free (modulus.data);
  gnutls_free (exponent.data);
  return costly;
}

gboolean
brevet_certificate_has_costly_key (BrevetCertificate *self)
{
  switch (gnutls_x509_crt_get_pk_algorithm (self->crt, NULL))
    {
    case GNUTLS_PK_ECDSA:
    case GNUTLS_PK_EDDSA_ED25519:
    case GNUTLS_PK_EDDSA_ED448:
      return FALSE;

    case GNUTLS_PK_RSA:
    case GNUTLS_PK_RSA_PSS:
      return is_costly_rsa (self->crt);

    default:
      return TRUE;
    }
}

gnutls_x509_crt_t
brevet_certificate_get_crt (BrevetCertificate *self)
{
  return self->crt;
}
