/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the issuance check says of a leaf by itself. */

#include "issuance-fixture.h"

#include <string.h>

static void
assert_leaf (X509World *world, IssuanceSpoil spoil, gnutls_digest_algorithm_t digest, BrevetSettings *settings, const char *uri,
             const char *says)
{
  g_autoptr(BrevetIssuanceCheck) check = NULL;
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
  g_autoptr(BrevetCertificate) leaf = issuance_make_leaf (world, spoil, world->issuing, world->issuing_key, digest);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->issuing, world->root, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(BrevetChain) checked = NULL;
  g_autoptr(GError) error = NULL;

  check = brevet_issuance_check_new (settings, &error);
  g_assert_no_error (error);
  brevet_ca_request_set_uri (request, uri);
  checked = issuance_run_check (check, request, chain, trust, world->now, &error);
  if (says != NULL)
    {
      issuance_assert_refused (checked, error, says);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_chain_get_length (checked), ==, 2);
  g_assert_true (brevet_certificate_equal (brevet_chain_get_leaf (checked), leaf));
  g_assert_true (brevet_certificate_equal (brevet_chain_get (checked, 1), world->issuing));
}

static void
make_ca (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_basic_constraints (crt, 1, -1);
}

static void
make_cert_sign (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_key_usage (crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_KEY_CERT_SIGN);
}

static void
make_crl_sign (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_key_usage (crt, GNUTLS_KEY_DIGITAL_SIGNATURE | GNUTLS_KEY_CRL_SIGN);
}

static void
make_no_signature (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_key_usage (crt, GNUTLS_KEY_KEY_AGREEMENT);
}

static void
make_server (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_key_purpose_oid (crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
}

static void
make_any_purpose (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_key_purpose_oid (crt, "2.5.29.37.0", 0);
}

static void
make_ocsp_signing (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_key_purpose_oid (crt, GNUTLS_KP_OCSP_SIGNING, 0);
}

static void
make_second_name (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_dn (crt, "CN=admin,CN=dev-1", NULL);
}

static void
make_other_name (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_dn (crt, "CN=Dev-1", NULL);
}

static void
add_san (gnutls_x509_crt_t crt, gnutls_x509_subject_alt_name_t type, const char *value)
{
  gnutls_x509_crt_set_subject_alt_name (crt, type, value, strlen (value), GNUTLS_FSAN_APPEND);
}

static void
make_dns (gnutls_x509_crt_t crt)
{
  add_san (crt, GNUTLS_SAN_DNSNAME, "hub.example.com");
}

static void
make_own_dns (gnutls_x509_crt_t crt)
{
  add_san (crt, GNUTLS_SAN_DNSNAME, "dev-1");
}

static void
make_email (gnutls_x509_crt_t crt)
{
  add_san (crt, GNUTLS_SAN_RFC822NAME, "root@example.com");
}

static void
make_address (gnutls_x509_crt_t crt)
{
  add_san (crt, GNUTLS_SAN_IPADDRESS, "\x0a\x01\x01\x01");
}

static void
make_uri (gnutls_x509_crt_t crt)
{
  add_san (crt, GNUTLS_SAN_URI, "urn:brevet:dev-1");
}

static void
make_expired (gnutls_x509_crt_t crt)
{
  issuance_set_dates (crt, -2 * X509_DAY, -1);
}

static void
make_future (gnutls_x509_crt_t crt)
{
  issuance_set_dates (crt, 301, 90 * X509_DAY);
}

static void
make_almost_future (gnutls_x509_crt_t crt)
{
  issuance_set_dates (crt, 299, 90 * X509_DAY);
}

static void
make_too_long (gnutls_x509_crt_t crt)
{
  issuance_set_dates (crt, -60, 398 * X509_DAY + 1);
}

static void
make_longest (gnutls_x509_crt_t crt)
{
  issuance_set_dates (crt, -60, 398 * X509_DAY);
}

static void
make_too_short (gnutls_x509_crt_t crt)
{
  issuance_set_dates (crt, -60, 20);
}

static void
make_one_minute (gnutls_x509_crt_t crt)
{
  issuance_set_dates (crt, -5, 55);
}

static void
make_negative_serial (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_serial (crt, "\xf1\x02\x03\x04\x05\x06\x07\x08", 8);
}

static void
make_long_serial (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_serial (crt, "\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05", 21);
}

static void
make_longest_serial (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_serial (crt, "\x7f\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04\x05\x06\x07\x08\x01\x02\x03\x04", 20);
}

static void
make_other_key (gnutls_x509_crt_t crt)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  gnutls_pubkey_t pubkey;

  gnutls_pubkey_init (&pubkey);
  gnutls_pubkey_import_privkey (pubkey, brevet_key_get_privkey (key), 0, 0);
  gnutls_x509_crt_set_pubkey (crt, pubkey);
  gnutls_pubkey_deinit (pubkey);
}

static void
make_unknown_critical (gnutls_x509_crt_t crt)
{
  gnutls_x509_crt_set_extension_by_oid (crt, "1.3.6.1.4.1.99999.1", "\x05\x00", 2, 1);
}

typedef struct
{
  const char   *name;
  IssuanceSpoil spoil;
  const char   *says; /* NULL: accepted */
  const char   *uri;
  const char   *setting;
  const char   *value;
} Case;

static const Case cases[] = {
  { "good", NULL, NULL },
  { "wrong-key", make_other_key, "another key" },
  { "ca", make_ca, "CA:TRUE" },
  { "cert-sign", make_cert_sign, "keyCertSign" },
  { "crl-sign", make_crl_sign, "cRLSign" },
  { "no-digital-signature", make_no_signature, "digitalSignature" },
  { "server-auth", make_server, "serverAuth" },
  { "server-auth-allowed", make_server, NULL, NULL, "allow-server-auth", "true" },
  { "any-purpose", make_any_purpose, "anyExtendedKeyUsage" },
  { "any-purpose-never", make_any_purpose, "anyExtendedKeyUsage", NULL, "allow-server-auth", "true" },
  { "ocsp-signing", make_ocsp_signing, "OCSPSigning" },
  { "wrong-name", make_other_name, "“Dev-1” instead of “dev-1”" },
  { "wrong-name-allowed", make_other_name, NULL, NULL, "any-common-name", "true" },
  { "second-name", make_second_name, "common name" },
  { "foreign-dns", make_dns, "DNS name “hub.example.com”" },
  { "own-dns", make_own_dns, NULL },
  { "foreign-email", make_email, "e-mail address “root@example.com”" },
  { "foreign-address", make_address, "IP address" },
  { "foreign-uri", make_uri, "URI “urn:brevet:dev-1”" },
  { "other-uri", make_uri, "URI “urn:brevet:dev-1”", "urn:brevet:dev-2" },
  { "asked-uri", make_uri, NULL, "urn:brevet:dev-1" },
  { "missing-uri", NULL, "lacks the alternative name", "urn:brevet:dev-1" },
  { "expired", make_expired, "expired at" },
  { "not-yet-valid", make_future, "not valid before" },
  { "almost-valid", make_almost_future, NULL },
  { "too-long", make_too_long, "maximum-validity" },
  { "longest", make_longest, NULL },
  { "shorter-maximum", NULL, "maximum-validity", NULL, "maximum-validity", "89d" },
  { "too-short", make_too_short, "minimum-validity" },
  { "one-minute", make_one_minute, NULL },
  { "longer-minimum", NULL, "minimum-validity", NULL, "minimum-validity", "90d" },
  { "negative-serial", make_negative_serial, "F102030405060708 is negative" },
  { "long-serial", make_long_serial, "20 octets" },
  { "longest-serial", make_longest_serial, NULL },
  { "unknown-critical", make_unknown_critical, "does not lead to a trusted root" },
};

static void
test_case (X509World *world, gconstpointer data)
{
  const Case *test = data;
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", NULL);

  if (test->setting != NULL)
    brevet_settings_set (settings, test->setting, test->value, NULL);
  assert_leaf (world, test->spoil, 0, settings, test->uri, test->says);
}

static void
test_sha1_signature (X509World *world, gconstpointer data)
{
  assert_leaf (world, NULL, GNUTLS_DIG_SHA1, NULL, NULL, "ECDSA-SHA1");
}

/* GnuTLS does not write a serial number of zero, openssl does. */
static void
test_zero_serial (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
  g_autofree char *csr = brevet_csr_to_pem (world->csr);
  g_autofree char *issuing = brevet_certificate_to_pem (world->issuing);
  g_autofree char *key = x509_world_path (world, "issuing.key");
  g_autofree char *pem = NULL;
  g_autoptr(BrevetCertificate) leaf = NULL;
  g_autoptr(BrevetChain) chain = NULL, checked = NULL;
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(GError) error = NULL;

  x509_world_write (world, "dev.csr", csr);
  x509_world_write (world, "issuing.pem", issuing);
  x509_world_write (world, "ext", "keyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n");
  g_assert_true (brevet_key_save (world->issuing_key, key, NULL));
  pem = x509_world_run (world,
                        "openssl x509 -req -in dev.csr -CA issuing.pem -CAkey issuing.key -set_serial 0 -extfile ext -days 90");
  leaf = brevet_certificate_new_from_pem (pem, &error);
  g_assert_no_error (error);
  chain = x509_make_chain (leaf, world->issuing, NULL);
  checked = issuance_run_check (check, request, chain, trust, brevet_certificate_get_not_before (leaf), &error);
  issuance_assert_refused (checked, error, "serial number is zero");
}

static void
test_no_purpose (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", NULL);
  g_autoptr(BrevetIssuanceCheck) check = NULL;
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
  g_autoptr(BrevetCertificate) leaf = NULL;
  g_autoptr(BrevetChain) chain = NULL, checked = NULL;
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(GError) error = NULL;
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_SERVER);

  brevet_settings_set (settings, "allow-server-auth", "yes", NULL);
  check = brevet_issuance_check_new (settings, &error);
  g_assert_no_error (error);
  brevet_certificate_builder_set_common_name (builder, "dev-1");
  brevet_certificate_builder_set_csr_key (builder, world->csr);
  brevet_certificate_builder_set_validity (builder, world->now, world->now + X509_DAY);
  leaf = brevet_certificate_builder_sign (builder, world->issuing, world->issuing_key, &error);
  g_assert_no_error (error);
  chain = x509_make_chain (leaf, world->issuing, NULL);
  checked = issuance_run_check (check, request, chain, trust, world->now, &error);
  issuance_assert_refused (checked, error, "lacks clientAuth");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func) g_test_add (path, X509World, data, x509_world_set_up, func, x509_world_tear_down)
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/issuance-check/leaf/", cases[i].name, NULL);

      ADD (path, &cases[i], test_case);
    }
  ADD ("/issuance-check/leaf/sha1-signature", NULL, test_sha1_signature);
  ADD ("/issuance-check/leaf/zero-serial", NULL, test_zero_serial);
  ADD ("/issuance-check/leaf/no-client-auth", NULL, test_no_purpose);
  return g_test_run ();
}
