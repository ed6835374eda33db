/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-world.h"

#include <string.h>
#include <sys/stat.h>

static BrevetCertificateBuilder *
make_builder (X509World *world, BrevetCertificateUsage usage)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (usage);

  brevet_certificate_builder_set_common_name (builder, "dev-1");
  brevet_certificate_builder_set_csr_key (builder, world->csr);
  brevet_certificate_builder_set_validity (builder, world->now, world->now + X509_DAY);
  return builder;
}

static char *
fact (X509World *world, const char *arguments)
{
  g_autofree char *command = g_strdup_printf ("openssl x509 -in c.pem -noout %s | tr -d '\\n'", arguments);

  return x509_world_run (world, command);
}

static void
assert_fact (X509World *world, const char *arguments, const char *prefix, const char *value)
{
  g_autofree char *expected = fact (world, arguments);
  g_autofree char *got = g_strconcat (prefix, value, NULL);

  g_assert_cmpstr (got, ==, expected);
}

/* Every fact as openssl tells it. */
static void
test_facts (X509World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autofree char *pem = NULL, *again = NULL, *spki = NULL, *sha1 = NULL, *sha256 = NULL;

  g_free (x509_world_run (world, "openssl req -x509 -newkey rsa:2048 -nodes -keyout k -days 30 -set_serial 0x00c0ffee0102030405 "
                                 "-subj '/O=A, B+C/OU=Dev/CN=x=\"y\"' -out c.pem"));
  pem = x509_world_read (world, "c.pem", NULL);
  certificate = brevet_certificate_new_from_pem (pem, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_certificate_get_serial (certificate), ==, "00C0FFEE0102030405");
  assert_fact (world, "-subject -nameopt RFC2253", "subject=", brevet_certificate_get_subject (certificate));
  assert_fact (world, "-issuer -nameopt RFC2253", "issuer=", brevet_certificate_get_issuer (certificate));
  sha256 = x509_world_run (world, "openssl x509 -in c.pem -outform DER | sha256sum | cut -d' ' -f1 | tr -d '\\n'");
  g_assert_cmpstr (brevet_certificate_get_sha256 (certificate), ==, sha256);
  sha1 = x509_world_run (world, "openssl x509 -in c.pem -outform DER | sha1sum | cut -d' ' -f1 | tr -d '\\n'");
  g_assert_cmpstr (brevet_certificate_get_sha1 (certificate), ==, sha1);
  spki = x509_world_run (world, "openssl pkey -in k -pubout -outform DER | sha256sum | cut -d' ' -f1 | tr -d '\\n'");
  g_assert_cmpstr (brevet_certificate_get_spki_sha256 (certificate), ==, spki);
  g_assert_cmpstr (brevet_certificate_get_common_name (certificate), ==, "x=\"y\"");
  g_assert_cmpuint (brevet_certificate_get_version (certificate), ==, 3);
  g_assert_true (brevet_certificate_is_ca (certificate));
  g_assert_true (brevet_certificate_is_self_issued (certificate));
  g_assert_cmpint (brevet_certificate_get_not_after (certificate) - brevet_certificate_get_not_before (certificate), ==,
                   30 * X509_DAY);
  again = brevet_certificate_to_pem (certificate);
  g_assert_cmpstr (again, ==, pem);
}

static void
assert_invalid_pem (const char *pem, const char *says)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_certificate_new_from_pem (pem, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
}

static void
test_malformed (X509World *world, gconstpointer data)
{
  g_autofree char *pem = brevet_certificate_to_pem (world->root);
  g_autofree char *twice = g_strconcat (pem, pem, NULL);
  g_autofree char *cut = g_strndup (pem, strlen (pem) - 20);
  g_autofree char *trailing = NULL;
  g_autofree char *csr = brevet_csr_to_pem (world->csr);
  gsize size;
  const guint8 *der = g_bytes_get_data (brevet_certificate_get_der (world->root), &size);

  assert_invalid_pem ("", "no PEM");
  assert_invalid_pem (csr, "no PEM");
  assert_invalid_pem (twice, "more than 1");
  assert_invalid_pem (cut, "cut off");
  assert_invalid_pem ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "X.509");
  assert_invalid_pem ("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "damaged");

  for (gsize length = 0; length < size + 3; length++)
    {
      guint8 *bytes = g_malloc0 (size + 3);
      g_autoptr(GBytes) input = NULL;
      g_autoptr(BrevetCertificate) certificate = NULL;
      g_autoptr(GError) error = NULL;

      memcpy (bytes, der, size);
      input = g_bytes_new (bytes, length);
      g_free (bytes);
      certificate = brevet_certificate_new (input, &error);
      g_assert_cmpint (certificate != NULL, ==, length == size);
      if (certificate == NULL)
        g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
    }
}

static void
test_usages (X509World *world, gconstpointer data)
{
  BrevetCertificateBuilder *builder = make_builder (world, BREVET_CERTIFICATE_USAGE_SERVER);
  g_autoptr(BrevetCertificate) server = NULL;
  g_autofree char *pem = NULL, *root = NULL, *issuing = NULL, *extensions = NULL, *verified = NULL;
  g_autoptr(GError) error = NULL;

  brevet_certificate_builder_add_dns_name (builder, "dps.example.com");
  brevet_certificate_builder_add_dns_name (builder, "192.0.2.7");
  brevet_certificate_builder_add_dns_name (builder, "2001:db8::7");
  server = brevet_certificate_builder_sign (builder, world->issuing, world->issuing_key, &error);
  g_assert_no_error (error);
  g_assert_false (brevet_certificate_is_ca (server));
  g_assert_true (brevet_certificate_is_issued_by (server, world->issuing));
  g_assert_false (brevet_certificate_is_issued_by (server, world->root));

  pem = brevet_certificate_to_pem (server);
  root = brevet_certificate_to_pem (world->root);
  issuing = brevet_certificate_to_pem (world->issuing);
  x509_world_write (world, "c.pem", pem);
  x509_world_write (world, "root.pem", root);
  x509_world_write (world, "issuing.pem", issuing);
  verified = x509_world_run (
    world, "openssl verify -x509_strict -purpose sslserver -verify_hostname dps.example.com -attime 1790000001 "
           "-CAfile root.pem -untrusted issuing.pem c.pem && ! openssl verify -purpose sslclient -attime 1790000001 "
           "-CAfile root.pem -untrusted issuing.pem c.pem 2>/dev/null");
  g_assert_nonnull (strstr (verified, "c.pem: OK\n"));
  extensions = fact (world, "-ext subjectAltName");
  g_assert_nonnull (strstr (extensions, "DNS:dps.example.com, IP Address:192.0.2.7, IP Address:2001:DB8:0:0:0:0:0:7"));
}

/* Serial numbers are random, positive and of 19 bytes. */
static void
test_serials (X509World *world, gconstpointer data)
{
  g_autoptr(GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint i = 0; i < 300; i++)
    {
      g_autoptr(BrevetCertificate) certificate = brevet_certificate_builder_sign (
        make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT), world->issuing, world->issuing_key, NULL);
      const char *serial = brevet_certificate_get_serial (certificate);

      g_assert_cmpuint (strlen (serial), ==, 38);
      g_assert_cmpint (g_ascii_xdigit_value (serial[0]), <, 8);
      g_assert_true (g_hash_table_add (seen, g_strdup (serial)));
    }
}

static void
assert_builder_refuses (X509World *world, BrevetCertificateBuilder *builder, const char *says)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_certificate_builder_sign (builder, world->issuing, world->issuing_key, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
}

static void
test_builder_refuses (X509World *world, gconstpointer data)
{
  const guint8 negative[8] = { 0x80, 1 }, zero[8] = { 0 };
  BrevetCertificateBuilder *builder;

  builder = make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT);
  brevet_certificate_builder_set_serial (builder, negative, 8);
  assert_builder_refuses (world, builder, "serial");
  builder = make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT);
  brevet_certificate_builder_set_serial (builder, zero, 8);
  assert_builder_refuses (world, builder, "serial");
  builder = make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT);
  brevet_certificate_builder_set_validity (builder, world->now, world->now);
  assert_builder_refuses (world, builder, "span of time");
  builder = make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT);
  brevet_certificate_builder_set_path_length (builder, 0);
  assert_builder_refuses (world, builder, "path length");
  builder = make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT);
  brevet_certificate_builder_set_common_name (builder, "\xff");
  assert_builder_refuses (world, builder, "UTF-8");
  assert_builder_refuses (world, brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT), "public key");
}

static void
test_chain_order (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetCertificate) leaf = brevet_certificate_builder_sign (make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT),
                                                                        world->issuing, world->issuing_key, NULL);
  g_autoptr(BrevetCertificate) stranger = x509_make_root (world->device_key, "Stranger", -1);
  g_autoptr(BrevetChain) chain = x509_make_chain (leaf, stranger, world->root, leaf, world->issuing, world->root, NULL);
  g_autoptr(BrevetChain) short_chain = brevet_chain_without_root (chain);
  g_autoptr(BrevetChain) parsed = NULL, lonely = NULL, alone = NULL;
  g_autofree char *pem = brevet_chain_to_pem (chain);
  g_autofree char *csr = brevet_csr_to_pem (world->csr);
  g_autofree char *mixed = g_strconcat ("subject: x\r\n", csr, pem, csr, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (brevet_chain_get_length (chain), ==, 3);
  g_assert_true (brevet_chain_get_leaf (chain) == leaf);
  g_assert_cmpuint (brevet_chain_get_n_spares (chain), ==, 1);
  g_assert_true (brevet_chain_get_spare (chain, 0) == stranger);
  g_assert_true (brevet_certificate_equal (brevet_chain_get (chain, 1), world->issuing));
  g_assert_true (brevet_certificate_equal (brevet_chain_get (chain, 2), world->root));
  g_assert_cmpuint (brevet_chain_get_length (short_chain), ==, 2);

  parsed = brevet_chain_new_from_pem (mixed, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_chain_get_length (parsed), ==, 3);

  lonely = x509_make_chain (world->root, world->issuing, NULL);
  alone = brevet_chain_without_root (lonely);
  g_assert_cmpuint (brevet_chain_get_length (alone), ==, 1);
}

static void
test_chain_prepend (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetCertificate) leaf = brevet_certificate_builder_sign (make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT),
                                                                        world->issuing, world->issuing_key, NULL);
  g_autoptr(BrevetChain) issuers = x509_make_chain (world->issuing, world->root, NULL);
  g_autoptr(BrevetChain) strangers = x509_make_chain (world->root, NULL);
  g_autoptr(GError) error = NULL, stranger_error = NULL;
  g_autoptr(BrevetChain) chain = brevet_chain_prepend (issuers, leaf, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (brevet_chain_get_length (chain), ==, 3);
  g_assert_true (brevet_chain_get_leaf (chain) == leaf);
  g_assert_true (brevet_chain_get (chain, 1) == world->issuing);
  g_assert_true (brevet_chain_get (chain, 2) == world->root);
  g_assert_cmpuint (brevet_chain_get_length (issuers), ==, 2);
  g_assert_null (brevet_chain_prepend (strangers, leaf, &stranger_error));
  g_assert_error (stranger_error, BREVET_ERROR, BREVET_ERROR_INVALID);
}

static void
test_chain_limits (X509World *world, gconstpointer data)
{
  g_autoptr(GPtrArray) many = g_ptr_array_new ();
  g_autofree char *nowhere = x509_world_path (world, "nowhere.pem");
  g_autofree char *empty = x509_world_path (world, "empty.pem");
  g_autoptr(GError) none = NULL, too_many = NULL, missing = NULL, blank = NULL;

  g_assert_null (brevet_chain_new (many, &none));
  g_assert_error (none, BREVET_ERROR, BREVET_ERROR_INVALID);
  for (guint i = 0; i <= BREVET_CHAIN_MAX_LENGTH; i++)
    g_ptr_array_add (many, world->root);
  g_assert_null (brevet_chain_new (many, &too_many));
  g_assert_error (too_many, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_null (brevet_chain_load (nowhere, &missing));
  g_assert_error (missing, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (missing->message, nowhere));
  x509_world_write (world, "empty.pem", "\n");
  g_assert_null (brevet_chain_load (empty, &blank));
  g_assert_error (blank, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
}

static void
test_trust_bundle (X509World *world, gconstpointer data)
{
  g_autofree char *root = brevet_certificate_to_pem (world->root);
  g_autofree char *issuing = brevet_certificate_to_pem (world->issuing);
  g_autofree char *forward = g_strconcat (root, issuing, root, NULL);
  g_autofree char *backward = g_strconcat (issuing, "\r\n", root, NULL);
  g_auto(GStrv) lines = g_strsplit (forward, "\n", -1);
  g_autofree char *dos = g_strjoinv ("\r\n", lines);
  g_autoptr(BrevetTrustBundle) one = brevet_trust_bundle_new_from_pem (forward, NULL);
  g_autoptr(BrevetTrustBundle) other = brevet_trust_bundle_new_from_pem (backward, NULL);
  g_autoptr(BrevetTrustBundle) third = brevet_trust_bundle_new_from_pem (dos, NULL);
  g_autoptr(BrevetTrustBundle) empty = brevet_trust_bundle_new_from_pem (" \r\n", NULL);
  g_autofree char *pem = brevet_trust_bundle_to_pem (one);
  g_autofree char *plain = g_strconcat (root, issuing, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (brevet_trust_bundle_get_length (one), ==, 2);
  g_assert_true (brevet_certificate_equal (brevet_trust_bundle_get (one, 0), world->root));
  g_assert_cmpstr (pem, ==, plain);
  g_assert_cmpstr (brevet_trust_bundle_get_etag (one), ==, brevet_trust_bundle_get_etag (other));
  g_assert_cmpstr (brevet_trust_bundle_get_etag (one), ==, brevet_trust_bundle_get_etag (third));
  g_assert_cmpstr (brevet_trust_bundle_get_etag (one), !=, brevet_trust_bundle_get_etag (empty));
  g_assert_cmpuint (brevet_trust_bundle_get_length (empty), ==, 0);
  g_assert_null (brevet_trust_bundle_new_from_pem ("hello", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
}

static void
test_trust_problems (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetCertificate) leaf = brevet_certificate_builder_sign (make_builder (world, BREVET_CERTIFICATE_USAGE_CLIENT),
                                                                        world->issuing, world->issuing_key, NULL);
  g_autoptr(BrevetTrustBundle) bundle = x509_make_trust (world->root, leaf, NULL);
  g_autoptr(GPtrArray) now = brevet_trust_bundle_list_problems (bundle, world->now);
  g_autoptr(GPtrArray) late = brevet_trust_bundle_list_problems (bundle, world->now + 2000 * X509_DAY);
  g_autoptr(GPtrArray) early = brevet_trust_bundle_list_problems (bundle, world->now - 2000 * X509_DAY);

  g_assert_cmpuint (now->len, ==, 1);
  g_assert_cmpstr (now->pdata[0], ==, "“CN=dev-1” is not a CA certificate");
  g_assert_cmpuint (late->len, ==, 2);
  g_assert_cmpstr (late->pdata[0], ==, "“CN=Test Root” expired at 2029-06-17T14:13:20Z");
  g_assert_cmpstr (early->pdata[0], ==, "“CN=Test Root” is not valid before 2026-09-11T14:13:20Z");
}

/* Keys that openssl wrote in its several forms are read; keys that we wrote are read by openssl. */
static void
test_key_files (X509World *world, gconstpointer data)
{
  const char *const commands[] = {
    "openssl ecparam -name prime256v1 -genkey -out k",
    "openssl ecparam -name secp384r1 -genkey -noout -out k",
    "openssl genrsa -traditional -out k 2048",
    "openssl genpkey -algorithm ed25519 -out k",
    "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out k",
  };
  g_autofree char *path = x509_world_path (world, "k");
  g_autofree char *copy = x509_world_path (world, "copy");

  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetKey) key = NULL;
      g_autofree char *expected = NULL, *got = NULL;
      struct stat facts;

      g_free (x509_world_run (world, "rm -f copy"));
      g_free (x509_world_run (world, commands[i]));
      key = brevet_key_load (path, NULL, &error);
      g_assert_no_error (error);
      expected = x509_world_run (world, "openssl pkey -in k -pubout -outform DER | sha256sum | cut -d' ' -f1 | tr -d '\\n'");
      g_assert_cmpstr (brevet_key_get_spki_sha256 (key), ==, expected);

      g_assert_true (brevet_key_save (key, copy, &error));
      g_assert_cmpint (stat (copy, &facts), ==, 0);
      g_assert_cmpint (facts.st_mode & 0777, ==, 0600);
      got = x509_world_run (world, "openssl pkey -in copy -pubout -outform DER | sha256sum | cut -d' ' -f1 | tr -d '\\n'");
      g_assert_cmpstr (got, ==, expected);

      g_assert_false (brevet_key_save (key, copy, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CONFLICT);
    }
}

static void
test_key_to_pem (X509World *world, gconstpointer data)
{
  const BrevetKeyKind kinds[] = { BREVET_KEY_KIND_EC_P256, BREVET_KEY_KIND_EC_P384, BREVET_KEY_KIND_RSA_2048,
                                  BREVET_KEY_KIND_RSA_3072, BREVET_KEY_KIND_ED25519 };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetKey) key = brevet_key_generate (kinds[i], &error);
      g_autoptr(BrevetSecret) pem = brevet_key_to_pem (key, &error);
      g_autoptr(BrevetKey) read = brevet_key_new_from_pem ((const char *) brevet_secret_get_data (pem, NULL), &error);
      g_autoptr(BrevetSecret) again = brevet_key_to_pem (read, &error);
      g_autofree char *path = x509_world_path (world, "saved");
      g_autofree char *saved = NULL;

      g_assert_no_error (error);
      g_assert_cmpstr (brevet_key_get_spki_sha256 (read), ==, brevet_key_get_spki_sha256 (key));
      g_assert_true (brevet_secret_equal (pem, again));
      g_free (x509_world_run (world, "rm -f saved"));
      g_assert_true (brevet_key_save (key, path, &error));
      saved = x509_world_read (world, "saved", NULL);
      g_assert_cmpstr ((const char *) brevet_secret_get_data (pem, NULL), ==, saved);
      g_assert_true (g_str_has_prefix (saved, "-----BEGIN PRIVATE KEY-----\n"));
    }
}

static void
test_key_csr (X509World *world, gconstpointer data)
{
  const BrevetKeyKind kinds[]
    = { BREVET_KEY_KIND_EC_P256, BREVET_KEY_KIND_EC_P384, BREVET_KEY_KIND_RSA_2048, BREVET_KEY_KIND_ED25519 };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(BrevetKey) key = brevet_key_generate (kinds[i], &error);
      g_autoptr(GBytes) csr = brevet_key_create_csr (key, "dev-1", &error);
      g_autofree char *path = x509_world_path (world, "r.der");
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      g_assert_true (g_file_set_contents (path, g_bytes_get_data (csr, NULL), g_bytes_get_size (csr), &error));
      text = x509_world_run (world, "openssl req -inform DER -in r.der -noout -verify -subject 2>&1");
      g_assert_nonnull (strstr (text, "verify OK"));
      g_assert_nonnull (strstr (text, "CN = dev-1"));
    }
}

static BrevetSubjectPolicy *
make_policy (const char *long_cn, const char *prefix)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", NULL);
  g_autoptr(GError) error = NULL;
  BrevetSubjectPolicy *policy;

  if (long_cn != NULL)
    brevet_settings_set (settings, "long-cn", long_cn, NULL);
  if (prefix != NULL)
    brevet_settings_set (settings, "subject-uri-prefix", prefix, NULL);
  policy = brevet_subject_policy_new (settings, &error);
  g_assert_no_error (error);
  return policy;
}

static void
assert_subject (X509World *world, BrevetSubjectPolicy *policy, const char *id, const char *asked, const char *name, const char *uri)
{
  g_autoptr(BrevetCsr) csr = x509_make_csr (world->device_key, asked);
  g_autofree char *got_name = NULL, *got_uri = NULL;
  g_autoptr(GError) error = NULL;
  gboolean ok = brevet_subject_policy_apply (policy, id, csr, &got_name, &got_uri, &error);

  if (name == NULL)
    {
      g_assert_false (ok);
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
      return;
    }
  g_assert_no_error (error);
  g_assert_cmpstr (got_name, ==, name);
  g_assert_cmpstr (got_uri, ==, uri);
}

#define LONG_ID  "a-device-with-an-id-that-is-far-too-long-for-a-common-name_0123456789"
#define SIXTYFOUR "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl"

static void
test_subject (X509World *world, gconstpointer data)
{
  g_autoptr(BrevetSubjectPolicy) reject = make_policy (NULL, NULL);
  g_autoptr(BrevetSubjectPolicy) allow = make_policy ("allow", NULL);
  g_autoptr(BrevetSubjectPolicy) hash = make_policy ("hash", NULL);
  g_autoptr(BrevetSubjectPolicy) prefixed = make_policy (NULL, "urn:brevet:plant-7:");
  g_autofree char *digest = g_compute_checksum_for_string (G_CHECKSUM_SHA256, LONG_ID, -1);
  g_autofree char *hashed = g_strdup_printf ("%.24s-%.32s", LONG_ID, digest);

  assert_subject (world, reject, "dev-1", "dev-1", "dev-1", NULL);
  assert_subject (world, reject, "Dev-1", "dev-1", NULL, NULL);
  assert_subject (world, reject, "dev-1", "dev-2", NULL, NULL);
  assert_subject (world, reject, SIXTYFOUR, SIXTYFOUR, SIXTYFOUR, NULL);
  assert_subject (world, reject, LONG_ID, LONG_ID, NULL, NULL);
  assert_subject (world, allow, LONG_ID, LONG_ID, LONG_ID, NULL);
  assert_subject (world, prefixed, "a:b", "a:b", "a:b", "urn:brevet:plant-7:a%3Ab");

  g_assert_cmpuint (strlen (hashed), ==, 57);
  assert_subject (world, hash, LONG_ID, LONG_ID, hashed, "urn:brevet:" LONG_ID);
  assert_subject (world, hash, LONG_ID, hashed, hashed, "urn:brevet:" LONG_ID);
  assert_subject (world, hash, LONG_ID, "dev-1", NULL, NULL);
  assert_subject (world, hash, "dev-1", "dev-1", "dev-1", NULL);
  assert_subject (world, hash, hashed, hashed, NULL, NULL); /* would pose as LONG_ID */
}

static void
test_subject_settings (void)
{
  const char *const wrong[][2] = { { "long-cn", "cut" }, { "subject-uri-prefix", "not a uri" } };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", NULL);
      g_autoptr(GError) error = NULL;

      brevet_settings_set (settings, wrong[i][0], wrong[i][1], "dps.conf:5");
      g_assert_null (brevet_subject_policy_new (settings, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_true (g_str_has_prefix (error->message, "dps.conf:5: "));
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add (path, X509World, NULL, x509_world_set_up, func, x509_world_tear_down)
  ADD ("/certificate/facts", test_facts);
  ADD ("/certificate/malformed", test_malformed);
  ADD ("/certificate-builder/usages", test_usages);
  ADD ("/certificate-builder/serials", test_serials);
  ADD ("/certificate-builder/refuses", test_builder_refuses);
  ADD ("/chain/order", test_chain_order);
  ADD ("/chain/prepend", test_chain_prepend);
  ADD ("/chain/limits", test_chain_limits);
  ADD ("/trust-bundle/set", test_trust_bundle);
  ADD ("/trust-bundle/problems", test_trust_problems);
  ADD ("/key/files", test_key_files);
  ADD ("/key/to-pem", test_key_to_pem);
  ADD ("/key/csr", test_key_csr);
  ADD ("/subject-policy/names", test_subject);
  g_test_add_func ("/subject-policy/settings", test_subject_settings);
  return g_test_run ();
}
