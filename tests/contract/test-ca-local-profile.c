/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the certificates of ca-local say and how long they live. */

#include "ca-local-world.h"

#include <string.h>

#define HOUR G_GINT64_CONSTANT (3600)

/* The service crashed before it stored the answer, and resumes the request an hour later. */
static void
test_same_after_restart (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaBackend) before = ca_local_create_with (world, NULL, NULL);
  g_autoptr(BrevetCaOutcome) first = ca_assert_issue (before, request);
  g_autoptr(BrevetCaBackend) after = NULL, reconfigured = NULL;
  g_autoptr(BrevetCaOutcome) second = NULL, third = NULL;

  ca_local_seconds += HOUR;
  after = ca_local_create_with (world, NULL, NULL);
  second = ca_assert_issue (after, request);
  g_assert_true (brevet_certificate_equal (ca_local_leaf_of (first), ca_local_leaf_of (second)));

  /* Two certificates of one CA with different content must not have the same serial number. */
  reconfigured = ca_local_create_with (world, "organization", "Example");
  third = ca_assert_issue (reconfigured, request);
  g_assert_cmpstr (brevet_certificate_get_serial (ca_local_leaf_of (first)), !=,
                   brevet_certificate_get_serial (ca_local_leaf_of (third)));
}

/* Groups with one issuing key and several profiles: whatever differs, the serial number does, as RFC 5280 §4.1.2.2 demands. */
static void
test_profiles (CaLocalWorld *world, gconstpointer data)
{
  static const char *const profiles[][2] = {
    { "validity", "90d" }, /* the default: the same certificate as without it */
    { "validity", "30d" },
    { "backdate", "1min" },
    { "organization", "Example" },
    { "organizational-unit", "Example" },
    { "crl-uri", "http://ca.example.com/a" },
    { "ca-issuers-uri", "http://ca.example.com/a" },
    { "policy-oid", "1.3.6.1.4.1.99999.1" },
    { "dns-name", "true" },
  };
  g_autoptr(GHashTable) serials = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaBackend) plain = ca_local_create_with (world, NULL, NULL);
  g_autoptr(BrevetCaOutcome) first = ca_assert_issue (plain, request);

  for (guint i = 0; i < G_N_ELEMENTS (profiles); i++)
    {
      g_autoptr(BrevetCaBackend) backend = ca_local_create_with (world, profiles[i][0], profiles[i][1]);
      g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, request);

      g_hash_table_add (serials, g_strdup (brevet_certificate_get_serial (ca_local_leaf_of (outcome))));
      g_assert_true (brevet_certificate_equal (ca_local_leaf_of (first), ca_local_leaf_of (outcome)) == (i == 0));
    }
  g_assert_cmpuint (g_hash_table_size (serials), ==, G_N_ELEMENTS (profiles));
}

static void
test_dates (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  brevet_settings_set (settings, "validity", "10d", NULL);
  brevet_settings_set (settings, "backdate", "20min", NULL);
  backend = ca_local_assert_create (settings);
  outcome = ca_assert_issue (backend, request);
  g_assert_cmpint (brevet_certificate_get_not_before (ca_local_leaf_of (outcome)), ==, X509_WORLD_NOW - 1200);
  g_assert_cmpint (brevet_certificate_get_not_after (ca_local_leaf_of (outcome)), ==, X509_WORLD_NOW + 10 * X509_DAY);
}

/* The end of a lifetime and the end of the CA at the same second: nothing to shorten; one second later there is. */
static void
test_clamp_at_the_edge (CaLocalWorld *world, gconstpointer data)
{
  const gint64 end = X509_WORLD_NOW + 1000 * X509_DAY;
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
  g_autoptr(BrevetCaBackend) strict = NULL, lenient = ca_local_create_with (world, "validity", "10d");
  g_autoptr(BrevetCaRequest) fits = NULL, late = NULL;
  g_autoptr(BrevetCaOutcome) whole = NULL, cut = NULL;
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "validity", "10d", NULL);
  brevet_settings_set (settings, "clamp", "false", NULL);
  strict = ca_local_assert_create (settings);
  ca_local_seconds = end - 10 * X509_DAY;
  fits = ca_request ("dev-1", 1);
  whole = ca_assert_issue (strict, fits);
  g_assert_cmpint (brevet_certificate_get_not_after (ca_local_leaf_of (whole)), ==, end);
  ca_local_seconds++;
  late = ca_request ("dev-1", 2);
  g_assert_null (ca_issue (strict, late, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  cut = ca_assert_issue (lenient, late);
  g_assert_cmpint (brevet_certificate_get_not_after (ca_local_leaf_of (cut)), ==, end);
}

/* Half of its life is the time to rotate; it says so, and goes on. */
static void
test_half_life (CaLocalWorld *world, gconstpointer data)
{
  const gint64 half = X509_WORLD_NOW + 495 * X509_DAY;
  g_autoptr(BrevetCaBackend) backend = ca_local_create_with (world, NULL, NULL);
  g_autoptr(BrevetCaHealth) before = NULL, after = NULL;

  ca_local_seconds = half - 1;
  before = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (before), ==, BREVET_CA_HEALTH_OK);
  ca_local_seconds = half + 1;
  after = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (after), ==, BREVET_CA_HEALTH_DEGRADED);
  g_assert_nonnull (strstr (brevet_ca_health_get_message (after), "rotate"));
}

static void
assert_refused (BrevetCaBackend *backend, gint64 now, BrevetCaError code, const char *says)
{
  g_autoptr(BrevetCaRequest) request = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  ca_local_seconds = now;
  request = ca_request ("dev-1", 1);
  outcome = ca_issue (backend, request, NULL, &error);
  g_assert_null (outcome);
  g_assert_error (error, BREVET_CA_ERROR, (int) code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
}

/* The CA of these tests is valid from ten days ago for 1,010 days. */
static void
test_end_of_authority (CaLocalWorld *world, gconstpointer data)
{
  const gint64 end = X509_WORLD_NOW + 1000 * X509_DAY;
  g_autoptr(BrevetCaBackend) backend = ca_local_create_with (world, "min-validity", "2h");
  g_autoptr(BrevetCaBackend) strict = ca_local_create_with (world, "clamp", "false");
  g_autoptr(BrevetCaRequest) request = NULL;
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetCaHealth) good = ca_check (backend);
  g_autoptr(BrevetCaHealth) short_health = NULL, down = NULL;

  g_assert_cmpint (brevet_ca_health_get_state (good), ==, BREVET_CA_HEALTH_OK);
  g_assert_cmpint (brevet_ca_health_get_expires (good), ==, end);

  ca_local_seconds = end - 10 * X509_DAY;
  request = ca_request ("dev-1", 1);
  outcome = ca_assert_issue (backend, request);
  g_assert_cmpint (brevet_certificate_get_not_after (ca_local_leaf_of (outcome)), ==, end);
  short_health = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (short_health), ==, BREVET_CA_HEALTH_DEGRADED);
  assert_refused (strict, ca_local_seconds, BREVET_CA_ERROR_CONFIG, "outlive");

  assert_refused (backend, end - 2 * HOUR + 1, BREVET_CA_ERROR_CONFIG, "min-validity");
  assert_refused (backend, end + 1, BREVET_CA_ERROR_CONFIG, "expired at");
  down = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (down), ==, BREVET_CA_HEALTH_DOWN);
  assert_refused (backend, X509_WORLD_NOW - 11 * X509_DAY, BREVET_CA_ERROR_UNAVAILABLE, "not valid before");
}

/* A request that waited longer than its certificate would have lived. */
static void
test_stale_request (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = ca_local_create_with (world, "validity", "1d");
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(GError) error = NULL;

  ca_local_seconds += 2 * X509_DAY;
  g_assert_null (ca_issue (backend, request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_INVALID_REQUEST);
}

static void
test_openssl_reads (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaRequest) request = ca_request ("dev_1:x", 1);
  g_autofree char *text = NULL, *verified = NULL, *verify = NULL, *crl_uri = NULL;
  /* Of the issuing certificate, in lower case and without colons. */
  g_autofree char *key_id = x509_world_run (&world->x509, "openssl x509 -in issuing.pem -noout -ext subjectKeyIdentifier | "
                                                          "tail -1 | tr -d ' :\\n' | tr A-F a-f");

  brevet_settings_set (settings, "organization", "Example GmbH", NULL);
  brevet_settings_set (settings, "organizational-unit", "Öfen", NULL);
  brevet_settings_set (settings, "crl-uri", "http://ca.example.com/crl/x-{key}.crl", NULL);
  brevet_settings_set (settings, "key-encipherment", "true", NULL);
  brevet_settings_set (settings, "ca-issuers-uri", "http://ca.example.com/issuing.cer", NULL);
  brevet_settings_set (settings, "policy-oid", "1.3.6.1.4.1.99999.7", NULL);
  brevet_settings_set (settings, "dns-name", "true", NULL);
  backend = ca_local_assert_create (settings);
  brevet_ca_request_set_uri (request, "urn:brevet:dev_1%3Ax");
  ca_local_issue_to_file (world, backend, request);

  verify = g_strdup_printf ("openssl verify -x509_strict -purpose sslclient -attime %" G_GINT64_FORMAT
                            " -CAfile root.pem -untrusted issuing.pem leaf.pem",
                            X509_WORLD_NOW);
  verified = x509_world_run (&world->x509, verify);
  g_assert_cmpstr (verified, ==, "leaf.pem: OK\n");

  text = x509_world_run (&world->x509, "openssl x509 -in leaf.pem -noout -subject -nameopt RFC2253,-esc_msb,utf8 "
                                       "-ext basicConstraints,keyUsage,extendedKeyUsage,subjectAltName,crlDistributionPoints,"
                                       "subjectKeyIdentifier,authorityKeyIdentifier,authorityInfoAccess,certificatePolicies");
  g_assert_nonnull (strstr (text, "subject=CN=dev_1:x,OU=Öfen,O=Example GmbH\n"));
  g_assert_nonnull (strstr (text, "Basic Constraints: critical\n    CA:FALSE\n"));
  g_assert_nonnull (strstr (text, "Key Usage: critical\n    Digital Signature\n")); /* an EC key enciphers nothing */
  g_assert_nonnull (strstr (text, "Extended Key Usage: \n    TLS Web Client Authentication\n"));
  g_assert_nonnull (strstr (text, "URI:urn:brevet:dev_1%3Ax\n"));
  crl_uri = g_strdup_printf ("URI:http://ca.example.com/crl/x-%s.crl\n", key_id);
  g_assert_nonnull (strstr (text, crl_uri));
  g_assert_nonnull (strstr (text, "CA Issuers - URI:http://ca.example.com/issuing.cer\n"));
  g_assert_nonnull (strstr (text, "Policy: 1.3.6.1.4.1.99999.7\n"));
  g_assert_null (strstr (text, "DNS:")); /* no host name has a colon */
  g_assert_nonnull (strstr (text, "Subject Key Identifier"));
  g_assert_nonnull (strstr (text, "Authority Key Identifier"));
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  CA_LOCAL_ADD ("/ca-local/same-after-restart", NULL, test_same_after_restart);
  CA_LOCAL_ADD ("/ca-local/profiles", NULL, test_profiles);
  CA_LOCAL_ADD ("/ca-local/clamp-at-the-edge", NULL, test_clamp_at_the_edge);
  CA_LOCAL_ADD ("/ca-local/half-life", NULL, test_half_life);
  CA_LOCAL_ADD ("/ca-local/dates", NULL, test_dates);
  CA_LOCAL_ADD ("/ca-local/end-of-authority", NULL, test_end_of_authority);
  CA_LOCAL_ADD ("/ca-local/stale-request", NULL, test_stale_request);
  CA_LOCAL_ADD ("/ca-local/openssl-reads", NULL, test_openssl_reads);
  return g_test_run ();
}
