/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-pki.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <string.h>

#define check(call) g_assert_cmpint (call, >=, 0)

static gnutls_privkey_t
make_key (const X509Spec *spec)
{
  gnutls_pk_algorithm_t algorithm = spec->algorithm != GNUTLS_PK_UNKNOWN ? spec->algorithm : GNUTLS_PK_ECDSA;
  guint bits = spec->bits != 0 ? spec->bits : GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1);
  gnutls_privkey_t key;

  check (gnutls_privkey_init (&key));
  check (gnutls_privkey_generate (key, algorithm, bits, 0));
  return key;
}

static gnutls_privkey_t
copy_key (gnutls_privkey_t key)
{
  gnutls_x509_privkey_t x509;
  gnutls_privkey_t copy;

  check (gnutls_privkey_export_x509 (key, &x509));
  check (gnutls_privkey_init (&copy));
  check (gnutls_privkey_import_x509 (copy, x509, GNUTLS_PRIVKEY_IMPORT_AUTO_RELEASE));
  return copy;
}

static void
set_name (gnutls_x509_crt_t crt, const char *oid, const char *text)
{
  check (gnutls_x509_crt_set_dn_by_oid (crt, oid, 0, text, strlen (text)));
}

static void
set_names (gnutls_x509_crt_t crt, const char *name, const X509Spec *spec)
{
  if (spec->nameless)
    set_name (crt, GNUTLS_OID_X520_ORGANIZATION_NAME, "Nameless");
  else if (spec->raw_name != NULL)
    check (gnutls_x509_crt_set_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 1, spec->raw_name, spec->raw_name_size));
  else
    set_name (crt, GNUTLS_OID_X520_COMMON_NAME, spec->common_name != NULL ? spec->common_name : name);
  if (spec->second_name != NULL)
    set_name (crt, GNUTLS_OID_X520_COMMON_NAME, spec->second_name);
  if (spec->dns != NULL)
    check (gnutls_x509_crt_set_subject_alt_name (crt, GNUTLS_SAN_DNSNAME, spec->dns, strlen (spec->dns), GNUTLS_FSAN_SET));
}

static void
set_purposes (gnutls_x509_crt_t crt, gboolean is_ca, const X509Spec *spec)
{
  const char *purpose = spec->purpose != NULL ? spec->purpose : is_ca ? NULL : GNUTLS_KP_TLS_WWW_CLIENT;

  if (purpose != NULL && !spec->no_purpose)
    check (gnutls_x509_crt_set_key_purpose_oid (crt, purpose, 0));
  if (spec->second_purpose != NULL)
    check (gnutls_x509_crt_set_key_purpose_oid (crt, spec->second_purpose, 0));
}

static void
set_extensions (gnutls_x509_crt_t crt, gboolean is_ca, const X509Spec *spec)
{
  gnutls_x509_name_constraints_t constraints;
  gnutls_datum_t permitted = { (guint8 *) spec->permitted, spec->permitted != NULL ? strlen (spec->permitted) : 0 };

  check (gnutls_x509_crt_set_basic_constraints (crt, is_ca && !spec->no_ca, spec->path_length - 1));
  check (gnutls_x509_crt_set_key_usage (crt, spec->usage != 0 ? spec->usage
                                             : is_ca          ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                                              : GNUTLS_KEY_DIGITAL_SIGNATURE));
  set_purposes (crt, is_ca, spec);
  if (spec->critical != NULL)
    check (gnutls_x509_crt_set_extension_by_oid (crt, spec->critical, "\x05", 2, 1));
  if (spec->permitted == NULL)
    return;
  check (gnutls_x509_name_constraints_init (&constraints));
  check (gnutls_x509_name_constraints_add_permitted (constraints, GNUTLS_SAN_DNSNAME, &permitted));
  check (gnutls_x509_crt_set_name_constraints (crt, constraints, 1));
  gnutls_x509_name_constraints_deinit (constraints);
}

static void
set_key_ids (gnutls_x509_crt_t crt, X509Party *issuer)
{
  guint8 id[64];
  gsize size = sizeof id;

  check (gnutls_x509_crt_get_key_id (crt, 0, id, &size));
  check (gnutls_x509_crt_set_subject_key_id (crt, id, size));
  if (issuer == NULL)
    return;
  size = sizeof id;
  check (gnutls_x509_crt_get_key_id (brevet_certificate_get_crt (issuer->certificate), 0, id, &size));
  check (gnutls_x509_crt_set_authority_key_id (crt, id, size));
}

static void
sign (gnutls_x509_crt_t crt, X509Party *issuer, gnutls_privkey_t key, const X509Spec *spec)
{
  gnutls_x509_crt_t issuer_crt = issuer != NULL ? brevet_certificate_get_crt (issuer->certificate) : crt;
  gnutls_digest_algorithm_t digest = spec->digest != GNUTLS_DIG_UNKNOWN ? spec->digest : GNUTLS_DIG_SHA256;

  check (gnutls_x509_crt_privkey_sign (crt, issuer_crt, issuer != NULL ? issuer->key : key, digest,
                                       GNUTLS_PRIVKEY_FLAG_REPRODUCIBLE));
}

static BrevetCertificate *
finish (gnutls_x509_crt_t crt)
{
  gnutls_datum_t data = { NULL, 0 };
  g_autoptr(GBytes) der = NULL;
  g_autoptr(GError) error = NULL;
  BrevetCertificate *certificate;

  check (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, &data));
  der = g_bytes_new (data.data, data.size);
  gnutls_free (data.data);
  certificate = brevet_certificate_new (der, &error);
  g_assert_no_error (error);
  return certificate;
}

X509Party *
x509_party_new (X509Party *issuer, gboolean is_ca, const char *name, const X509Spec *spec, X509Party *key)
{
  static const X509Spec nothing_special;
  X509Party *self = g_new0 (X509Party, 1);
  gnutls_pubkey_t public_key;
  gnutls_x509_crt_t crt;
  guint8 serial[9] = { 1 };

  spec = spec != NULL ? spec : &nothing_special;
  self->is_ca = is_ca;
  self->key = key != NULL ? copy_key (key->key) : make_key (spec);
  check (gnutls_rnd (GNUTLS_RND_NONCE, serial + 1, sizeof serial - 1));
  check (gnutls_pubkey_init (&public_key));
  check (gnutls_pubkey_import_privkey (public_key, self->key, 0, 0));
  check (gnutls_x509_crt_init (&crt));
  check (gnutls_x509_crt_set_version (crt, 3));
  check (gnutls_x509_crt_set_serial (crt, serial, sizeof serial));
  check (gnutls_x509_crt_set_pubkey (crt, public_key));
  check (gnutls_x509_crt_set_activation_time (crt, X509_PKI_NOW + (spec->from != 0 ? spec->from : -X509_PKI_DAY)));
  check (gnutls_x509_crt_set_expiration_time (crt, X509_PKI_NOW + (spec->until != 0 ? spec->until : 100 * X509_PKI_DAY)));
  set_names (crt, name, spec);
  set_extensions (crt, is_ca, spec);
  set_key_ids (crt, issuer);
  sign (crt, issuer, self->key, spec);
  self->certificate = finish (crt);
  gnutls_x509_crt_deinit (crt);
  gnutls_pubkey_deinit (public_key);
  return self;
}

void
x509_party_free (X509Party *self)
{
  brevet_certificate_unref (self->certificate);
  gnutls_privkey_deinit (self->key);
  g_free (self);
}

char *
x509_party_dup_key (X509Party *self)
{
  gnutls_x509_privkey_t x509;
  gnutls_datum_t pem = { NULL, 0 };
  char *text;

  check (gnutls_privkey_export_x509 (self->key, &x509));
  check (gnutls_x509_privkey_export2_pkcs8 (x509, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &pem));
  gnutls_x509_privkey_deinit (x509);
  text = g_strndup ((const char *) pem.data, pem.size);
  gnutls_free (pem.data);
  return text;
}

BrevetChain *
x509_present (X509Party *leaf, ...)
{
  g_autoptr(GPtrArray) certificates = g_ptr_array_new ();
  g_autoptr(GError) error = NULL;
  BrevetChain *chain;
  va_list arguments;

  va_start (arguments, leaf);
  for (X509Party *party = leaf; party != NULL; party = va_arg (arguments, X509Party *))
    g_ptr_array_add (certificates, party->certificate);
  va_end (arguments);
  chain = brevet_chain_new (certificates, &error);
  g_assert_no_error (error);
  return chain;
}
