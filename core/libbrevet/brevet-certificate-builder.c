/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet-certificate-builder.h"

#include "brevet-error.h"
#include "brevet-x509-private.h"

#include <gnutls/crypto.h>
#include <string.h>

#define SERIAL_MINIMUM_SIZE 8
#define SERIAL_MAXIMUM_SIZE 20
#define SERIAL_RANDOM_SIZE  19
#define KEY_ID_SIZE         20

struct _BrevetCertificateBuilder
{
  BrevetCertificateUsage usage;
  gnutls_x509_crt_t      crt;
  char                  *common_name;
  char                  *organization;
  char                  *organizational_unit;
  int                    path_length;
  gboolean               key_encipherment;
  guint8                 key_id[KEY_ID_SIZE]; /* SHA-1 of the public key's DER */
  gboolean               has_key;
  gboolean               has_serial;
  gboolean               has_validity;
  GError                *error;
};

G_DEFINE_BOXED_TYPE (BrevetCertificateBuilder, brevet_certificate_builder, g_atomic_rc_box_acquire, brevet_certificate_builder_free)

BrevetCertificateBuilder *
brevet_certificate_builder_new (BrevetCertificateUsage usage)
{
  BrevetCertificateBuilder *self = g_atomic_rc_box_new0 (BrevetCertificateBuilder);

  self->usage = usage;
  self->path_length = -1;
  gnutls_x509_crt_init (&self->crt);
  return self;
}

static void
builder_clear (gpointer data)
{
  BrevetCertificateBuilder *self = data;

  gnutls_x509_crt_deinit (self->crt);
  g_free (self->common_name);
  g_free (self->organization);
  g_free (self->organizational_unit);
  g_clear_error (&self->error);
}

void
brevet_certificate_builder_free (BrevetCertificateBuilder *self)
{
  g_atomic_rc_box_release_full (self, builder_clear);
}

/* Only the first failure is kept: what follows is often its consequence. */
static void G_GNUC_PRINTF (2, 3)
remember_invalid (BrevetCertificateBuilder *self, const char *format, ...)
{
  va_list arguments;

  if (self->error != NULL)
    return;
  va_start (arguments, format);
  self->error = g_error_new_valist (BREVET_ERROR, BREVET_ERROR_INVALID, format, arguments);
  va_end (arguments);
}

static void
remember_code (BrevetCertificateBuilder *self, const char *what, int code)
{
  if (code < 0 && self->error == NULL)
    self->error
      = g_error_new (BREVET_ERROR, BREVET_ERROR_FAILED, "The certificate's %s cannot be set: %s", what, gnutls_strerror (code));
}

static gboolean
is_text (const char *text)
{
  return text != NULL && *text != '\0' && g_utf8_validate (text, -1, NULL);
}

void
brevet_certificate_builder_set_common_name (BrevetCertificateBuilder *self, const char *common_name)
{
  if (!is_text (common_name))
    remember_invalid (self, "The common name is empty or no UTF-8");
  g_free (self->common_name);
  self->common_name = g_strdup (common_name);
}

void
brevet_certificate_builder_set_organization (BrevetCertificateBuilder *self, const char *organization,
                                             const char *organizational_unit)
{
  if ((organization != NULL && !is_text (organization)) || (organizational_unit != NULL && !is_text (organizational_unit)))
    remember_invalid (self, "The organization or organizational unit is empty or no UTF-8");
  g_free (self->organization);
  g_free (self->organizational_unit);
  self->organization = g_strdup (organization);
  self->organizational_unit = g_strdup (organizational_unit);
}

void
brevet_certificate_builder_set_csr_key (BrevetCertificateBuilder *self, BrevetCsr *csr)
{
  gsize size;
  gconstpointer spki = g_bytes_get_data (brevet_csr_get_spki (csr), &size);

  remember_code (self, "public key", gnutls_x509_crt_set_pubkey (self->crt, brevet_csr_get_pubkey (csr)));
  remember_code (self, "subject key identifier", gnutls_hash_fast (GNUTLS_DIG_SHA1, spki, size, self->key_id));
  self->has_key = TRUE;
}

void
brevet_certificate_builder_set_key (BrevetCertificateBuilder *self, BrevetKey *key)
{
  gsize size = sizeof self->key_id;
  gnutls_pubkey_t pubkey = brevet_key_get_pubkey (key);
  int code = gnutls_x509_crt_set_pubkey (self->crt, pubkey);

  if (code >= 0)
    code = gnutls_pubkey_get_key_id (pubkey, GNUTLS_KEYID_USE_SHA1, self->key_id, &size);
  remember_code (self, "public key", code);
  self->has_key = TRUE;
}

void
brevet_certificate_builder_set_certificate_key (BrevetCertificateBuilder *self, BrevetCertificate *certificate)
{
  gnutls_x509_crt_t crt = brevet_certificate_get_crt (certificate);
  gsize size = sizeof self->key_id;
  gnutls_pubkey_t pubkey;
  int code;

  gnutls_pubkey_init (&pubkey);
  code = gnutls_pubkey_import_x509 (pubkey, crt, 0);
  if (code >= 0)
    code = gnutls_x509_crt_set_pubkey (self->crt, pubkey);
  if (code >= 0)
    code = gnutls_pubkey_get_key_id (pubkey, GNUTLS_KEYID_USE_SHA1, self->key_id, &size);
  gnutls_pubkey_deinit (pubkey);
  remember_code (self, "public key", code);
  self->has_key = TRUE;
}

void
brevet_certificate_builder_set_validity (BrevetCertificateBuilder *self, gint64 not_before, gint64 not_after)
{
  if (not_before < 0 || not_after <= not_before)
    {
      remember_invalid (self, "The validity from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT " is no span of time", not_before,
                        not_after);
      return;
    }
  remember_code (self, "beginning", gnutls_x509_crt_set_activation_time (self->crt, not_before));
  remember_code (self, "end", gnutls_x509_crt_set_expiration_time (self->crt, not_after));
  self->has_validity = TRUE;
}

/* GnuTLS writes the bytes as they are: a first byte above 0x7f would make a negative number. */
void
brevet_certificate_builder_set_serial (BrevetCertificateBuilder *self, const guint8 *serial, gsize length)
{
  if (length < SERIAL_MINIMUM_SIZE || length > SERIAL_MAXIMUM_SIZE || serial[0] == 0 || serial[0] > 0x7f)
    {
      remember_invalid (self, "The serial number must be a positive number of %d to %d bytes", SERIAL_MINIMUM_SIZE,
                        SERIAL_MAXIMUM_SIZE);
      return;
    }
  remember_code (self, "serial number", gnutls_x509_crt_set_serial (self->crt, serial, length));
  self->has_serial = TRUE;
}

void
brevet_certificate_builder_set_path_length (BrevetCertificateBuilder *self, int path_length)
{
  if (self->usage != BREVET_CERTIFICATE_USAGE_CA || path_length < -1)
    {
      remember_invalid (self, "A path length of %d is only for a CA, and at least -1", path_length);
      return;
    }
  self->path_length = path_length;
}

void
brevet_certificate_builder_set_key_encipherment (BrevetCertificateBuilder *self, gboolean key_encipherment)
{
  self->key_encipherment = key_encipherment;
}

void
brevet_certificate_builder_add_dns_name (BrevetCertificateBuilder *self, const char *name)
{
  g_autoptr(GInetAddress) address = name != NULL ? g_inet_address_new_from_string (name) : NULL;
  int code;

  if (name == NULL || *name == '\0' || !g_str_is_ascii (name))
    {
      remember_invalid (self, "A host name must be ASCII and not empty");
      return;
    }
  if (address != NULL)
    code = gnutls_x509_crt_set_subject_alt_name (self->crt, GNUTLS_SAN_IPADDRESS, g_inet_address_to_bytes (address),
                                                 g_inet_address_get_native_size (address), GNUTLS_FSAN_APPEND);
  else
    code = gnutls_x509_crt_set_subject_alt_name (self->crt, GNUTLS_SAN_DNSNAME, name, strlen (name), GNUTLS_FSAN_APPEND);
  remember_code (self, "host name", code);
}

void
brevet_certificate_builder_add_uri (BrevetCertificateBuilder *self, const char *uri)
{
  if (uri == NULL || *uri == '\0' || !g_str_is_ascii (uri))
    {
      remember_invalid (self, "A URI must be ASCII and not empty");
      return;
    }
  remember_code (self, "URI",
                 gnutls_x509_crt_set_subject_alt_name (self->crt, GNUTLS_SAN_URI, uri, strlen (uri), GNUTLS_FSAN_APPEND));
}

void
brevet_certificate_builder_set_crl_uri (BrevetCertificateBuilder *self, const char *uri)
{
  if (uri == NULL || *uri == '\0' || !g_str_is_ascii (uri))
    {
      remember_invalid (self, "A CRL URI must be ASCII and not empty");
      return;
    }
  remember_code (self, "CRL URI", gnutls_x509_crt_set_crl_dist_points2 (self->crt, GNUTLS_SAN_URI, uri, strlen (uri), 0));
}

void
brevet_certificate_builder_set_issuers_uri (BrevetCertificateBuilder *self, const char *uri)
{
  gnutls_datum_t data = { (guint8 *) uri, 0 };

  if (uri == NULL || *uri == '\0' || !g_str_is_ascii (uri))
    {
      remember_invalid (self, "A URI of the issuer's certificate must be ASCII and not empty");
      return;
    }
  data.size = strlen (uri);
  remember_code (self, "URI of the issuer's certificate",
                 gnutls_x509_crt_set_authority_info_access (self->crt, GNUTLS_IA_CAISSUERS_URI, &data));
}

void
brevet_certificate_builder_set_policy (BrevetCertificateBuilder *self, const char *oid)
{
  gnutls_x509_policy_st policy = { 0 };

  /* GnuTLS takes part of what is no OID. */
  if (oid == NULL || !g_regex_match_simple ("^[0-2](\\.(0|[1-9][0-9]{0,9}))+\\z", oid, 0, 0))
    {
      remember_invalid (self, "A certificate policy is named by an OID: numbers with dots between them");
      return;
    }
  policy.oid = (char *) oid;
  remember_code (self, "policy", gnutls_x509_crt_set_policy (self->crt, &policy, FALSE));
}

static void
set_name_part (BrevetCertificateBuilder *self, const char *oid, const char *value)
{
  if (value != NULL)
    remember_code (self, "subject", gnutls_x509_crt_set_dn_by_oid (self->crt, oid, 0, value, strlen (value)));
}

static void
set_random_serial (BrevetCertificateBuilder *self)
{
  guint8 serial[SERIAL_RANDOM_SIZE];

  remember_code (self, "serial number", gnutls_rnd (GNUTLS_RND_NONCE, serial, sizeof serial));
  serial[0] &= 0x7f;
  if (serial[0] == 0)
    serial[0] = 1;
  remember_code (self, "serial number", gnutls_x509_crt_set_serial (self->crt, serial, sizeof serial));
}

static void
set_usage (BrevetCertificateBuilder *self)
{
  gboolean is_ca = self->usage == BREVET_CERTIFICATE_USAGE_CA;
  const char *purpose = self->usage == BREVET_CERTIFICATE_USAGE_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
  unsigned int usage = is_ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE;

  if (self->key_encipherment && !is_ca)
    usage |= GNUTLS_KEY_KEY_ENCIPHERMENT;
  remember_code (self, "basic constraints", gnutls_x509_crt_set_basic_constraints (self->crt, is_ca, self->path_length));
  remember_code (self, "key usage", gnutls_x509_crt_set_key_usage (self->crt, usage));
  if (!is_ca)
    remember_code (self, "purpose", gnutls_x509_crt_set_key_purpose_oid (self->crt, purpose, 0));
}

static void
set_key_identifiers (BrevetCertificateBuilder *self, gnutls_x509_crt_t issuer)
{
  guint8 id[64];
  gsize size = sizeof id;
  int code = gnutls_x509_crt_set_subject_key_id (self->crt, self->key_id, sizeof self->key_id);

  remember_code (self, "subject key identifier", code);
  code = gnutls_x509_crt_get_subject_key_id (issuer, id, &size, NULL);
  if (code >= 0)
    remember_code (self, "authority key identifier", gnutls_x509_crt_set_authority_key_id (self->crt, id, size));
}

static void
complete (BrevetCertificateBuilder *self, gnutls_x509_crt_t issuer)
{
  if (!self->has_key)
    remember_invalid (self, "The certificate has no public key");
  if (!self->has_validity)
    remember_invalid (self, "The certificate has no validity");
  if (self->common_name == NULL && self->organization == NULL && self->organizational_unit == NULL)
    remember_invalid (self, "The certificate has no subject");
  if (self->error != NULL)
    return;

  remember_code (self, "version", gnutls_x509_crt_set_version (self->crt, 3));
  set_name_part (self, GNUTLS_OID_X520_ORGANIZATION_NAME, self->organization);
  set_name_part (self, GNUTLS_OID_X520_ORGANIZATIONAL_UNIT_NAME, self->organizational_unit);
  set_name_part (self, GNUTLS_OID_X520_COMMON_NAME, self->common_name);
  if (!self->has_serial)
    set_random_serial (self);
  set_usage (self);
  set_key_identifiers (self, issuer);
}

/* A GnuTLS certificate that was built by setters does not verify (its raw names are not there), so it is read back. */
static BrevetCertificate *
read_back (gnutls_x509_crt_t crt, GError **error)
{
  g_autoptr(GBytes) bytes = NULL;
  gnutls_datum_t der = { NULL, 0 };
  int code = gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, &der);

  if (code < 0)
    {
      g_set_error (error, BREVET_ERROR, BREVET_ERROR_FAILED, "The new certificate cannot be encoded: %s", gnutls_strerror (code));
      return NULL;
    }
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  return brevet_certificate_new (bytes, error);
}

/* ECDSA keys in memory sign the same bytes with the same signature: one request has one certificate, not just one content. */
static guint
get_sign_flags (BrevetKey *issuer_key)
{
  gnutls_privkey_t privkey = brevet_key_get_privkey (issuer_key);

  if (gnutls_privkey_get_type (privkey) == GNUTLS_PRIVKEY_X509 &&
      gnutls_privkey_get_pk_algorithm (privkey, NULL) == GNUTLS_PK_ECDSA)
    return GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE;
  return 0;
}

static BrevetCertificate *
sign (BrevetCertificateBuilder *self, BrevetCertificate *issuer, BrevetKey *issuer_key, GError **error)
{
  gnutls_x509_crt_t issuer_crt = self->crt;
  int code;

  if (issuer != NULL)
    issuer_crt = brevet_certificate_get_crt (issuer);
  else if (!self->has_key)
    brevet_certificate_builder_set_key (self, issuer_key);

  complete (self, issuer_crt);
  if (self->error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&self->error));
      return NULL;
    }
  /* One digest for all keys would fail for Ed25519. */
  code = gnutls_x509_crt_privkey_sign (self->crt, issuer_crt, brevet_key_get_privkey (issuer_key),
                                       brevet_key_get_digest (issuer_key), get_sign_flags (issuer_key));
  if (code < 0)
    {
      g_propagate_error (error, brevet_key_explain (issuer_key, code, "Signing the certificate failed"));
      return NULL;
    }
  return read_back (self->crt, error);
}

BrevetCertificate *
brevet_certificate_builder_sign (BrevetCertificateBuilder *self, BrevetCertificate *issuer, BrevetKey *issuer_key, GError **error)
{
  g_autoptr(BrevetCertificateBuilder) used = self;

  g_return_val_if_fail (self != NULL && issuer_key != NULL, NULL);

  return sign (used, issuer, issuer_key, error);
}
