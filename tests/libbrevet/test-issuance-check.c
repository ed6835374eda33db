/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-world.h"

#include <gnutls/crypto.h>
#include <string.h>

typedef void (*Spoil) (gnutls_x509_crt_t crt);

static BrevetCaRequest *
make_request (X509World *world)
{
  guint8 idempotency_key[BREVET_CA_IDEMPOTENCY_KEY_SIZE] = { 1, 2, 3 };

  return brevet_ca_request_new ("operation", "dev-1", world->csr, idempotency_key, world->now);
}

static void
set_dates (gnutls_x509_crt_t crt, gint64 not_before, gint64 not_after)
{
  gnutls_x509_crt_set_activation_time (crt, X509_WORLD_NOW + not_before);
  gnutls_x509_crt_set_expiration_time (crt, X509_WORLD_NOW + not_after);
}

/* A good leaf, made with GnuTLS alone because brevet's builder refuses to make bad ones; @spoil makes it bad. */
static BrevetCertificate *
make_leaf (X509World *world, Spoil spoil, BrevetCertificate *issuer, BrevetKey *issuer_key, gnutls_digest_algorithm_t digest)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = NULL;
  BrevetCertificate *leaf;
  gnutls_x509_crt_t crt;
  gnutls_datum_t der = { NULL, 0 };
  guint8 id[64];
  gsize size = sizeof id;

  gnutls_x509_crt_init (&crt);
  gnutls_x509_crt_set_version (crt, 3);
  gnutls_x509_crt_set_serial (crt, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
  gnutls_x509_crt_set_pubkey (crt, brevet_csr_get_pubkey (world->csr));
  set_dates (crt, -60, 90 * X509_DAY);
  gnutls_x509_crt_set_basic_constraints (crt, 0, -1);
  gnutls_x509_crt_set_key_usage (crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
  gnutls_x509_crt_set_key_purpose_oid (crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
  if (gnutls_x509_crt_get_subject_key_id (brevet_certificate_get_crt (issuer), id, &size, NULL) >= 0)
    gnutls_x509_crt_set_authority_key_id (crt, id, size);
  if (spoil != NULL)
    spoil (crt);
  if (gnutls_x509_crt_get_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, NULL, &(gsize){ 0 })
      == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
    gnutls_x509_crt_set_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 0, "dev-1", 5);
  g_assert_cmpint (
    gnutls_x509_crt_privkey_sign (crt, brevet_certificate_get_crt (issuer), brevet_key_get_privkey (issuer_key), digest, 0), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, &der), ==, 0);
  gnutls_x509_crt_deinit (crt);
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  leaf = brevet_certificate_new (bytes, &error);
  g_assert_no_error (error);
  return leaf;
}

static BrevetChain *
run_check (BrevetIssuanceCheck *check, BrevetCaRequest *request, BrevetChain *chain, BrevetTrustBundle *trust, gint64 now,
           GError **error)
{
  g_autoptr(BrevetCaOutcome) outcome = brevet_ca_outcome_new_issued (chain, NULL, NULL);

  return brevet_issuance_check_run (check, request, outcome, trust, now, error);
}

static void
assert_refused (BrevetChain *checked, GError *error, const char *says)
{
  g_assert_null (checked);
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
}

static void
assert_leaf (X509World *world, Spoil spoil, gnutls_digest_algorithm_t digest, BrevetSettings *settings, const char *uri,
             const char *says)
{
  g_autoptr(BrevetIssuanceCheck) check = NULL;
  g_autoptr(BrevetCaRequest) request = make_request (world);
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, spoil, world->issuing, world->issuing_key, digest);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->issuing, world->root, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(BrevetChain) checked = NULL;
  g_autoptr(GError) error = NULL;

  check = brevet_issuance_check_new (settings, &error);
  g_assert_no_error (error);
  brevet_ca_request_set_uri (request, uri);
  checked = run_check (check, request, chain, trust, world->now, &error);
  if (says != NULL)
    {
      assert_refused (checked, error, says);
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
  set_dates (crt, -2 * X509_DAY, -1);
}

static void
make_future (gnutls_x509_crt_t crt)
{
  set_dates (crt, 301, 90 * X509_DAY);
}

static void
make_almost_future (gnutls_x509_crt_t crt)
{
  set_dates (crt, 299, 90 * X509_DAY);
}

static void
make_too_long (gnutls_x509_crt_t crt)
{
  set_dates (crt, -60, 398 * X509_DAY + 1);
}

static void
make_longest (gnutls_x509_crt_t crt)
{
  set_dates (crt, -60, 398 * X509_DAY);
}

static void
make_too_short (gnutls_x509_crt_t crt)
{
  set_dates (crt, -60, 60);
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
  const char *name;
  Spoil       spoil;
  const char *says; /* NULL: accepted */
  const char *uri;
  const char *setting;
  const char *value;
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
  g_autoptr(BrevetCaRequest) request = make_request (world);
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
  checked = run_check (check, request, chain, trust, brevet_certificate_get_not_before (leaf), &error);
  assert_refused (checked, error, "serial number is zero");
}

static void
test_no_purpose (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", NULL);
  g_autoptr(BrevetIssuanceCheck) check = NULL;
  g_autoptr(BrevetCaRequest) request = make_request (world);
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
  checked = run_check (check, request, chain, trust, world->now, &error);
  assert_refused (checked, error, "lacks clientAuth");
}

/* Name and key identifier of the issuer are right, its key is not. */
static void
test_broken_path (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = make_request (world);
  g_autoptr(BrevetCertificate) good = make_leaf (world, NULL, world->issuing, world->issuing_key, 0);
  g_autoptr(BrevetCertificate) forged = make_leaf (world, NULL, world->issuing, world->device_key, 0);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);

  for (guint round = 0; round < 2; round++) /* first without, then with a remembered path */
    {
      g_autoptr(BrevetChain) chain = x509_make_chain (forged, world->issuing, NULL);
      g_autoptr(BrevetChain) good_chain = x509_make_chain (good, world->issuing, NULL);
      g_autoptr(BrevetChain) checked = NULL, good_checked = NULL;
      g_autoptr(GError) error = NULL, good_error = NULL;

      checked = run_check (check, request, chain, trust, world->now, &error);
      assert_refused (checked, error, "does not lead to a trusted root");
      good_checked = run_check (check, request, good_chain, trust, world->now, &good_error);
      g_assert_no_error (good_error);
    }
}

static void
test_missing_intermediate (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = make_request (world);
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, NULL, world->issuing, world->issuing_key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->root, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, world->issuing, NULL);
  g_autoptr(BrevetChain) checked = NULL;
  g_autoptr(GError) error = NULL;

  checked = run_check (check, request, chain, trust, world->now, &error);
  assert_refused (checked, error, "issued by “CN=Test Issuing”");
}

static void
test_untrusted_root (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = make_request (world);
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, NULL, world->issuing, world->issuing_key, 0);
  g_autoptr(BrevetCertificate) twin = x509_make_root (world->device_key, "Test Root", -1);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->issuing, world->root, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(BrevetTrustBundle) other = x509_make_trust (twin, NULL);
  g_autoptr(BrevetTrustBundle) none = x509_make_trust (world->issuing, NULL);
  g_autoptr(BrevetChain) good = NULL, checked = NULL, unrooted = NULL;
  g_autoptr(GError) error = NULL, none_error = NULL;

  /* What was verified with one trust must not count for another. */
  good = run_check (check, request, chain, trust, world->now, &error);
  g_assert_no_error (error);
  checked = run_check (check, request, chain, other, world->now, &error);
  assert_refused (checked, error, "does not lead to a trusted root");
  unrooted = run_check (check, request, chain, none, world->now, &none_error);
  assert_refused (unrooted, none_error, "is a root that is valid now");
}

/* The path is remembered, but only while its dates hold. */
static void
test_issuer_expires (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = make_request (world);
  g_autoptr(BrevetCertificate) issuing = NULL, leaf = NULL;
  g_autoptr(BrevetChain) chain = NULL, good = NULL, checked = NULL;
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(GError) error = NULL;
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CA);

  brevet_certificate_builder_set_common_name (builder, "Test Issuing");
  brevet_certificate_builder_set_key (builder, world->issuing_key);
  brevet_certificate_builder_set_validity (builder, world->now - X509_DAY, world->now + X509_DAY);
  issuing = brevet_certificate_builder_sign (builder, world->root, world->root_key, &error);
  g_assert_no_error (error);
  leaf = make_leaf (world, NULL, issuing, world->issuing_key, 0);
  chain = x509_make_chain (leaf, issuing, NULL);

  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "*live longer than itself*");
  good = run_check (check, request, chain, trust, world->now + X509_DAY, &error);
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  checked = run_check (check, request, chain, trust, world->now + X509_DAY + 1, &error);
  assert_refused (checked, error, "The issuer “CN=Test Issuing” expired at");
}

/* A path length counts from the CA downwards, so the issuing CA alone looks fine. */
static void
test_path_length (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = make_request (world);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetCertificate) second = x509_make_ca (key, "Second", world->issuing, world->issuing_key, -1);
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, NULL, second, key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, second, world->issuing, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(BrevetChain) checked = NULL;
  g_autoptr(GError) error = NULL;

  checked = run_check (check, request, chain, trust, world->now, &error);
  assert_refused (checked, error, "does not lead to a trusted root");
}

/* The issuing CA is only good for servers. */
static void
test_issuer_purpose (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = make_request (world);
  g_autofree char *root_pem = brevet_certificate_to_pem (world->root);
  g_autofree char *ca_pem = NULL, *key_path = x509_world_path (world, "root.key"), *ca_key_path = x509_world_path (world, "ca.key");
  g_autoptr(BrevetCertificate) ca = NULL, leaf = NULL;
  g_autoptr(BrevetChain) chain = NULL, checked = NULL;
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(GError) error = NULL;

  x509_world_write (world, "root.pem", root_pem);
  g_assert_true (brevet_key_save (world->root_key, key_path, NULL));
  g_assert_true (brevet_key_save (world->issuing_key, ca_key_path, NULL));
  x509_world_write (world, "template", "cn = \"Servers only\"\nca\ncert_signing_key\ntls_www_server\n"
                                       "activation_date = \"2026-09-20 00:00:00\"\nexpiration_date = \"2028-01-01 00:00:00\"\n");
  g_free (x509_world_run (world, "certtool --generate-certificate --load-privkey ca.key --load-ca-certificate root.pem "
                                 "--load-ca-privkey root.key --template template --outfile ca.pem 2>&1"));
  ca_pem = x509_world_read (world, "ca.pem", NULL);
  ca = brevet_certificate_new_from_pem (ca_pem, &error);
  g_assert_no_error (error);
  leaf = make_leaf (world, NULL, ca, world->issuing_key, 0);
  chain = x509_make_chain (leaf, ca, NULL);
  checked = run_check (check, request, chain, trust, world->now, &error);
  assert_refused (checked, error, "does not lead to a trusted root");
}

static gpointer
check_many (gpointer data)
{
  gpointer *things = data;
  X509World *world = things[0];

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr(BrevetCaRequest) request = make_request (world);
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetChain) checked = run_check (things[1], request, things[2], things[3], world->now, &error);

      g_assert_no_error (error);
      g_assert_nonnull (brevet_certificate_get_sha1 (brevet_chain_get_leaf (checked)));
      g_assert_nonnull (brevet_certificate_get_subject (brevet_chain_get_leaf (checked)));
    }
  return NULL;
}

static void
test_threads (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, NULL, world->issuing, world->issuing_key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->issuing, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  gpointer things[] = { world, check, chain, trust };
  GThread *threads[4];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("check", check_many, things);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
}

/* A laboratory's root that issues by itself. */
static void
test_single_level (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = make_request (world);
  g_autoptr(BrevetCertificate) leaf = make_leaf (world, NULL, world->root, world->root_key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->root, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);

  for (guint round = 0; round < 2; round++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetChain) checked = run_check (check, request, chain, trust, world->now, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (brevet_chain_get_length (checked), ==, 1);
    }
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
  ADD ("/issuance-check/path/broken", NULL, test_broken_path);
  ADD ("/issuance-check/path/missing-intermediate", NULL, test_missing_intermediate);
  ADD ("/issuance-check/path/untrusted-root", NULL, test_untrusted_root);
  ADD ("/issuance-check/path/issuer-expires", NULL, test_issuer_expires);
  ADD ("/issuance-check/path/path-length", NULL, test_path_length);
  ADD ("/issuance-check/path/issuer-purpose", NULL, test_issuer_purpose);
  ADD ("/issuance-check/path/single-level", NULL, test_single_level);
  ADD ("/issuance-check/threads", NULL, test_threads);
  return g_test_run ();
}
