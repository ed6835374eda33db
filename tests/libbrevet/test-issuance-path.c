/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the issuance check says of the path from a leaf to a root, and that several threads may ask it. */

#include "issuance-fixture.h"

/* Name and key identifier of the issuer are right, its key is not. */
static void
test_broken_path (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
  g_autoptr(BrevetCertificate) good = issuance_make_leaf (world, NULL, world->issuing, world->issuing_key, 0);
  g_autoptr(BrevetCertificate) forged = issuance_make_leaf (world, NULL, world->issuing, world->device_key, 0);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);

  for (guint round = 0; round < 2; round++) /* first without, then with a remembered path */
    {
      g_autoptr(BrevetChain) chain = x509_make_chain (forged, world->issuing, NULL);
      g_autoptr(BrevetChain) good_chain = x509_make_chain (good, world->issuing, NULL);
      g_autoptr(BrevetChain) checked = NULL, good_checked = NULL;
      g_autoptr(GError) error = NULL, good_error = NULL;

      checked = issuance_run_check (check, request, chain, trust, world->now, &error);
      issuance_assert_refused (checked, error, "does not lead to a trusted root");
      good_checked = issuance_run_check (check, request, good_chain, trust, world->now, &good_error);
      g_assert_no_error (good_error);
    }
}

static void
test_missing_intermediate (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
  g_autoptr(BrevetCertificate) leaf = issuance_make_leaf (world, NULL, world->issuing, world->issuing_key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->root, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, world->issuing, NULL);
  g_autoptr(BrevetChain) checked = NULL;
  g_autoptr(GError) error = NULL;

  checked = issuance_run_check (check, request, chain, trust, world->now, &error);
  issuance_assert_refused (checked, error, "issued by “CN=Test Issuing”");
}

static void
test_untrusted_root (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
  g_autoptr(BrevetCertificate) leaf = issuance_make_leaf (world, NULL, world->issuing, world->issuing_key, 0);
  g_autoptr(BrevetCertificate) twin = x509_make_root (world->device_key, "Test Root", -1);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->issuing, world->root, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(BrevetTrustBundle) other = x509_make_trust (twin, NULL);
  g_autoptr(BrevetTrustBundle) none = x509_make_trust (world->issuing, NULL);
  g_autoptr(BrevetChain) good = NULL, checked = NULL, unrooted = NULL;
  g_autoptr(GError) error = NULL, none_error = NULL;

  /* What was verified with one trust must not count for another. */
  good = issuance_run_check (check, request, chain, trust, world->now, &error);
  g_assert_no_error (error);
  checked = issuance_run_check (check, request, chain, other, world->now, &error);
  issuance_assert_refused (checked, error, "does not lead to a trusted root");
  unrooted = issuance_run_check (check, request, chain, none, world->now, &none_error);
  issuance_assert_refused (unrooted, none_error, "is a root that is valid now");
}

/* The path is remembered, but only while its dates hold. */
static void
test_issuer_expires (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
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
  leaf = issuance_make_leaf (world, NULL, issuing, world->issuing_key, 0);
  chain = x509_make_chain (leaf, issuing, NULL);

  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "*live longer than itself*");
  good = issuance_run_check (check, request, chain, trust, world->now + X509_DAY, &error);
  g_test_assert_expected_messages ();
  g_assert_no_error (error);
  checked = issuance_run_check (check, request, chain, trust, world->now + X509_DAY + 1, &error);
  issuance_assert_refused (checked, error, "The issuer “CN=Test Issuing” expired at");
}

/* A path length counts from the CA downwards, so the issuing CA alone looks fine. */
static void
test_path_length (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetCertificate) second = x509_make_ca (key, "Second", world->issuing, world->issuing_key, -1);
  g_autoptr(BrevetCertificate) leaf = issuance_make_leaf (world, NULL, second, key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, second, world->issuing, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);
  g_autoptr(BrevetChain) checked = NULL;
  g_autoptr(GError) error = NULL;

  checked = issuance_run_check (check, request, chain, trust, world->now, &error);
  issuance_assert_refused (checked, error, "does not lead to a trusted root");
}

/* The issuing CA is only good for servers. */
static void
test_issuer_purpose (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetIssuanceCheck) check = brevet_issuance_check_new (NULL, NULL);
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
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
  leaf = issuance_make_leaf (world, NULL, ca, world->issuing_key, 0);
  chain = x509_make_chain (leaf, ca, NULL);
  checked = issuance_run_check (check, request, chain, trust, world->now, &error);
  issuance_assert_refused (checked, error, "does not lead to a trusted root");
}

static gpointer
check_many (gpointer data)
{
  gpointer *things = data;
  X509World *world = things[0];

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetChain) checked = issuance_run_check (things[1], request, things[2], things[3], world->now, &error);

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
  g_autoptr(BrevetCertificate) leaf = issuance_make_leaf (world, NULL, world->issuing, world->issuing_key, 0);
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
  g_autoptr(BrevetCaRequest) request = issuance_make_request (world);
  g_autoptr(BrevetCertificate) leaf = issuance_make_leaf (world, NULL, world->root, world->root_key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, world->root, NULL);
  g_autoptr(BrevetTrustBundle) trust = x509_make_trust (world->root, NULL);

  for (guint round = 0; round < 2; round++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetChain) checked = issuance_run_check (check, request, chain, trust, world->now, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (brevet_chain_get_length (checked), ==, 1);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, data, func) g_test_add (path, X509World, data, x509_world_set_up, func, x509_world_tear_down)
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
