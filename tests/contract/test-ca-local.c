/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ca-suite.h"
#include "test-softhsm.h"
#include "x509-world.h"

#include <string.h>

#define HOUR G_GINT64_CONSTANT (3600)

/* A PKI on disk: root.pem, issuing.pem (with the root below it) and issuing.key. */
typedef struct
{
  X509World x509;
} World;

static gint64 clock_seconds = X509_WORLD_NOW;

static gint64
tell_time (gpointer data)
{
  return clock_seconds * G_USEC_PER_SEC;
}

static void
write_authority (X509World *x509)
{
  g_autoptr(BrevetChain) chain = x509_make_chain (x509->issuing, x509->root, NULL);
  g_autofree char *pem = brevet_chain_to_pem (chain);
  g_autofree char *root = brevet_certificate_to_pem (x509->root);
  g_autofree char *key = x509_world_path (x509, "issuing.key");
  g_autoptr(GError) error = NULL;

  x509_world_write (x509, "issuing.pem", pem);
  x509_world_write (x509, "root.pem", root);
  brevet_key_save (x509->issuing_key, key, &error);
  g_assert_no_error (error);
}

static void
world_set_up (World *world, gconstpointer data)
{
  clock_seconds = X509_WORLD_NOW;
  x509_world_set_up (&world->x509, NULL);
  write_authority (&world->x509);
}

static void
world_tear_down (World *world, gconstpointer data)
{
  x509_world_tear_down (&world->x509, NULL);
}

static gpointer
suite_set_up (void)
{
  World *world = g_new0 (World, 1);

  world_set_up (world, NULL);
  return world;
}

static void
suite_tear_down (gpointer data)
{
  world_tear_down (data, NULL);
  g_free (data);
}

static BrevetSettings *
make_settings (World *world)
{
  BrevetSettings *settings = brevet_settings_new ("ca", "factory", world->x509.directory);

  brevet_settings_set (settings, "certificate", "issuing.pem", "dps.conf:3");
  brevet_settings_set (settings, "key", "issuing.key", "dps.conf:4");
  return settings;
}

static BrevetCaBackend *
create (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  BrevetPlugin *plugin = brevet_registry_create (registry, BREVET_TYPE_CA_BACKEND, "ca-local", "factory", settings, error);

  return plugin != NULL ? BREVET_CA_BACKEND (plugin) : NULL;
}

static BrevetCaBackend *
assert_create (BrevetSettings *settings)
{
  g_autoptr(GError) error = NULL;
  BrevetCaBackend *backend = create (settings, &error);

  g_assert_no_error (error);
  return backend;
}

static BrevetCaBackend *
suite_create (gpointer data)
{
  g_autoptr(BrevetSettings) settings = make_settings (data);

  return assert_create (settings);
}

static BrevetCaBackend *
create_with (World *world, const char *key, const char *value)
{
  g_autoptr(BrevetSettings) settings = make_settings (world);

  if (key != NULL)
    brevet_settings_set (settings, key, value, "dps.conf:9");
  return assert_create (settings);
}

static BrevetCertificate *
leaf_of (BrevetCaOutcome *outcome)
{
  return brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome));
}

/* The service asks by the name of the service API. */
static void
test_provides (void)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();

  g_assert_cmpstr (brevet_registry_find_module (registry, "ca", "LocalCertificateAuthority"), ==, "ca-local");
}

typedef struct
{
  const char *name;
  const char *prepare; /* shell commands in the world's directory */
  const char *key;
  const char *value;
  const char *begins;
  const char *says;
} Mistake;

#define SELF_SIGNED "openssl req -x509 -new -key issuing.key -subj /CN=x -days 3650 -out bad.pem "

static const Mistake mistakes[] = {
  { "no-certificate-file", NULL, "certificate", "nowhere.pem", "dps.conf:9: [ca factory] certificate: ", "nowhere.pem" },
  { "no-key-file", NULL, "key", "nowhere.key", "dps.conf:9: [ca factory] key: ", "nowhere.key" },
  { "garbage-certificate", "echo hello > bad.pem", "certificate", "bad.pem", "dps.conf:9: [ca factory] certificate: ", "bad.pem" },
  { "garbage-key", "echo hello > bad.key", "key", "bad.key", "dps.conf:9: [ca factory] key: ", "bad.key" },
  { "other-key", "openssl ecparam -name prime256v1 -genkey -noout -out other.key", "key", "other.key",
    "dps.conf:9: [ca factory] key: ", "other.key” does not belong to the certificate “CN=Test Issuing”" },
  { "wrong-order", "cat root.pem issuing.pem > bad.pem", "certificate", "bad.pem",
    "dps.conf:4: [ca factory] key: ", "does not belong" },
  { "no-ca", SELF_SIGNED "-addext basicConstraints=critical,CA:FALSE", "certificate", "bad.pem",
    "dps.conf:9: [ca factory] certificate: ", "bad.pem”: “CN=x” is not a CA certificate" },
  { "no-cert-sign", SELF_SIGNED "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,cRLSign", "certificate",
    "bad.pem", "dps.conf:9: [ca factory] certificate: ", "keyCertSign" },
  { "no-root", "openssl x509 -in issuing.pem -out bad.pem", "certificate", "bad.pem",
    "dps.conf:9: [ca factory] certificate: ", "up to the root" },
  { "wrong-trust", SELF_SIGNED "-addext basicConstraints=critical,CA:TRUE", "trust", "bad.pem",
    "dps.conf:9: [ca factory] trust: ", "does not hold the root" },
  { "no-trust", NULL, "trust", "nowhere.pem", "dps.conf:9: [ca factory] trust: ", "nowhere.pem" },
  { "encrypted-key", "openssl pkcs8 -topk8 -in issuing.key -passout pass:secret -out bad.key", "key", "bad.key",
    "dps.conf:9: [ca factory] key: ", "no password" },
  { "validity", NULL, "validity", "soon", "dps.conf:9: [ca factory] validity: ", "soon" },
  { "backdate", NULL, "backdate", "2h", "dps.conf:9: [ca factory] backdate: ", "" },
  { "clamp", NULL, "clamp", "maybe", "dps.conf:9: [ca factory] clamp: ", "maybe" },
  { "crl-uri", NULL, "crl-uri", "ftp://x/y", "dps.conf:9: [ca factory] crl-uri: ", "ftp://x/y" },
  { "ca-issuers-uri", NULL, "ca-issuers-uri", "https://x/y", "dps.conf:9: [ca factory] ca-issuers-uri: ", "https://x/y" },
  { "policy-oid", NULL, "policy-oid", "1.2.x", "dps.conf:9: [ca factory] policy-oid: ", "1.2.x" },
  { "dns-name", NULL, "dns-name", "example.com", "dps.conf:9: [ca factory] dns-name: ", "example.com" },
};

static void
test_mistake (World *world, gconstpointer data)
{
  const Mistake *mistake = data;
  g_autoptr(BrevetSettings) settings = make_settings (world);
  g_autoptr(GError) error = NULL;

  if (mistake->prepare != NULL)
    g_free (x509_world_run (&world->x509, mistake->prepare));
  brevet_settings_set (settings, mistake->key, mistake->value, "dps.conf:9");
  g_assert_null (create (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, mistake->begins));
  g_assert_nonnull (strstr (error->message, mistake->says));
}

/* Same names and key identifiers, other root key: only the signature tells. */
static void
test_broken_path (World *world, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetCertificate) forged = x509_make_ca (world->x509.issuing_key, "Test Issuing", world->x509.root, key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (forged, world->x509.root, NULL);
  g_autofree char *pem = brevet_chain_to_pem (chain);
  g_autoptr(BrevetSettings) settings = make_settings (world);
  g_autoptr(GError) error = NULL;

  x509_world_write (&world->x509, "issuing.pem", pem);
  g_assert_null (create (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "did not sign"));
}

static void
test_missing_key (World *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", world->x509.directory);
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "certificate", "issuing.pem", NULL);
  g_assert_null (create (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "key"));
}

static void
test_password (World *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = make_settings (world);
  g_autoptr(BrevetSettings) wrong = make_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(GError) error = NULL;

  g_free (x509_world_run (&world->x509,
                          "openssl pkcs8 -topk8 -v2 aes-256-cbc -in issuing.key -passout pass:s3cr3t -out locked.key; "
                          "echo s3cr3t > password; echo s3cr3T > wrong"));
  brevet_settings_set (settings, "key", "locked.key", NULL);
  brevet_settings_set (settings, "key-password-file", "password", NULL);
  backend = assert_create (settings);
  outcome = ca_assert_issue (backend, request);

  brevet_settings_set (wrong, "key", "locked.key", NULL);
  brevet_settings_set (wrong, "key-password-file", "wrong", NULL);
  g_assert_null (create (wrong, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "password is wrong"));
  g_assert_null (strstr (error->message, "s3cr3T"));
}

/* The service crashed before it stored the answer, and resumes the request an hour later. */
static void
test_same_after_restart (World *world, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaBackend) before = create_with (world, NULL, NULL);
  g_autoptr(BrevetCaOutcome) first = ca_assert_issue (before, request);
  g_autoptr(BrevetCaBackend) after = NULL, reconfigured = NULL;
  g_autoptr(BrevetCaOutcome) second = NULL, third = NULL;

  clock_seconds += HOUR;
  after = create_with (world, NULL, NULL);
  second = ca_assert_issue (after, request);
  g_assert_true (brevet_certificate_equal (leaf_of (first), leaf_of (second)));

  /* Two certificates of one CA with different content must not have the same serial number. */
  reconfigured = create_with (world, "organization", "Example");
  third = ca_assert_issue (reconfigured, request);
  g_assert_cmpstr (brevet_certificate_get_serial (leaf_of (first)), !=, brevet_certificate_get_serial (leaf_of (third)));
}

static void
test_dates (World *world, gconstpointer data)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetSettings) settings = make_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  brevet_settings_set (settings, "validity", "10d", NULL);
  brevet_settings_set (settings, "backdate", "20min", NULL);
  backend = assert_create (settings);
  outcome = ca_assert_issue (backend, request);
  g_assert_cmpint (brevet_certificate_get_not_before (leaf_of (outcome)), ==, X509_WORLD_NOW - 1200);
  g_assert_cmpint (brevet_certificate_get_not_after (leaf_of (outcome)), ==, X509_WORLD_NOW + 10 * X509_DAY);
}

static void
assert_refused (BrevetCaBackend *backend, gint64 now, BrevetCaError code, const char *says)
{
  g_autoptr(BrevetCaRequest) request = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  clock_seconds = now;
  request = ca_request ("dev-1", 1);
  outcome = ca_issue (backend, request, NULL, &error);
  g_assert_null (outcome);
  g_assert_error (error, BREVET_CA_ERROR, (int) code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
}

/* Which CA it is: the key and the name, and not where they are or how certificates are made. */
static void
test_identity (World *world, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) one = create_with (world, NULL, NULL);
  g_autoptr(BrevetCaBackend) profile = create_with (world, "validity", "1d");
  g_autoptr(BrevetSettings) moved = make_settings (world);
  g_autoptr(BrevetSettings) rotated = make_settings (world);
  g_autoptr(BrevetCaBackend) elsewhere = NULL, other_key = NULL;
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetCertificate) root = x509_make_root (key, "Test Issuing", 1);
  g_autofree char *first = brevet_ca_backend_dup_identity (one), *second = brevet_ca_backend_dup_identity (profile);
  g_autofree char *third = NULL, *fourth = NULL, *path = x509_world_path (&world->x509, "new.key");
  g_autofree char *pem = brevet_certificate_to_pem (root);

  g_assert_cmpstr (first, ==, second);
  g_free (x509_world_run (&world->x509, "cp issuing.pem moved.pem; cp issuing.key moved.key; chmod 600 moved.key"));
  brevet_settings_set (moved, "certificate", "moved.pem", NULL);
  brevet_settings_set (moved, "key", "moved.key", NULL);
  elsewhere = assert_create (moved);
  third = brevet_ca_backend_dup_identity (elsewhere);
  g_assert_cmpstr (first, ==, third);

  x509_world_write (&world->x509, "new.pem", pem);
  g_assert_true (brevet_key_save (key, path, NULL));
  brevet_settings_set (rotated, "certificate", "new.pem", NULL);
  brevet_settings_set (rotated, "key", "new.key", NULL);
  other_key = assert_create (rotated);
  fourth = brevet_ca_backend_dup_identity (other_key);
  g_assert_cmpstr (first, !=, fourth);
}

/* Groups with one issuing key and several profiles: whatever differs, the serial number does, as RFC 5280 §4.1.2.2 demands. */
static void
test_profiles (World *world, gconstpointer data)
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
  g_autoptr(BrevetCaBackend) plain = create_with (world, NULL, NULL);
  g_autoptr(BrevetCaOutcome) first = ca_assert_issue (plain, request);

  for (guint i = 0; i < G_N_ELEMENTS (profiles); i++)
    {
      g_autoptr(BrevetCaBackend) backend = create_with (world, profiles[i][0], profiles[i][1]);
      g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, request);

      g_hash_table_add (serials, g_strdup (brevet_certificate_get_serial (leaf_of (outcome))));
      g_assert_true (brevet_certificate_equal (leaf_of (first), leaf_of (outcome)) == (i == 0));
    }
  g_assert_cmpuint (g_hash_table_size (serials), ==, G_N_ELEMENTS (profiles));
}

/* The end of a lifetime and the end of the CA at the same second: nothing to shorten; one second later there is. */
static void
test_clamp_at_the_edge (World *world, gconstpointer data)
{
  const gint64 end = X509_WORLD_NOW + 1000 * X509_DAY;
  g_autoptr(BrevetSettings) settings = make_settings (world);
  g_autoptr(BrevetCaBackend) strict = NULL, lenient = create_with (world, "validity", "10d");
  g_autoptr(BrevetCaRequest) fits = NULL, late = NULL;
  g_autoptr(BrevetCaOutcome) whole = NULL, cut = NULL;
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "validity", "10d", NULL);
  brevet_settings_set (settings, "clamp", "false", NULL);
  strict = assert_create (settings);
  clock_seconds = end - 10 * X509_DAY;
  fits = ca_request ("dev-1", 1);
  whole = ca_assert_issue (strict, fits);
  g_assert_cmpint (brevet_certificate_get_not_after (leaf_of (whole)), ==, end);
  clock_seconds++;
  late = ca_request ("dev-1", 2);
  g_assert_null (ca_issue (strict, late, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_CONFIG);
  cut = ca_assert_issue (lenient, late);
  g_assert_cmpint (brevet_certificate_get_not_after (leaf_of (cut)), ==, end);
}

/* Half of its life is the time to rotate; it says so, and goes on. */
static void
test_half_life (World *world, gconstpointer data)
{
  const gint64 half = X509_WORLD_NOW + 495 * X509_DAY;
  g_autoptr(BrevetCaBackend) backend = create_with (world, NULL, NULL);
  g_autoptr(BrevetCaHealth) before = NULL, after = NULL;

  clock_seconds = half - 1;
  before = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (before), ==, BREVET_CA_HEALTH_OK);
  clock_seconds = half + 1;
  after = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (after), ==, BREVET_CA_HEALTH_DEGRADED);
  g_assert_nonnull (strstr (brevet_ca_health_get_message (after), "rotate"));
}

/* The CA of these tests is valid from ten days ago for 1,010 days. */
static void
test_end_of_authority (World *world, gconstpointer data)
{
  const gint64 end = X509_WORLD_NOW + 1000 * X509_DAY;
  g_autoptr(BrevetCaBackend) backend = create_with (world, "min-validity", "2h");
  g_autoptr(BrevetCaBackend) strict = create_with (world, "clamp", "false");
  g_autoptr(BrevetCaRequest) request = NULL;
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetCaHealth) good = ca_check (backend);
  g_autoptr(BrevetCaHealth) short_health = NULL, down = NULL;

  g_assert_cmpint (brevet_ca_health_get_state (good), ==, BREVET_CA_HEALTH_OK);
  g_assert_cmpint (brevet_ca_health_get_expires (good), ==, end);

  clock_seconds = end - 10 * X509_DAY;
  request = ca_request ("dev-1", 1);
  outcome = ca_assert_issue (backend, request);
  g_assert_cmpint (brevet_certificate_get_not_after (leaf_of (outcome)), ==, end);
  short_health = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (short_health), ==, BREVET_CA_HEALTH_DEGRADED);
  assert_refused (strict, clock_seconds, BREVET_CA_ERROR_CONFIG, "outlive");

  assert_refused (backend, end - 2 * HOUR + 1, BREVET_CA_ERROR_CONFIG, "min-validity");
  assert_refused (backend, end + 1, BREVET_CA_ERROR_CONFIG, "expired at");
  down = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (down), ==, BREVET_CA_HEALTH_DOWN);
  assert_refused (backend, X509_WORLD_NOW - 11 * X509_DAY, BREVET_CA_ERROR_UNAVAILABLE, "not valid before");
}

/* A request that waited longer than its certificate would have lived. */
static void
test_stale_request (World *world, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = create_with (world, "validity", "1d");
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(GError) error = NULL;

  clock_seconds += 2 * X509_DAY;
  g_assert_null (ca_issue (backend, request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_INVALID_REQUEST);
}

static void
test_trust_file (World *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = make_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetTrustBundle) trust = NULL;

  /* The next root is published before it signs. */
  g_free (x509_world_run (&world->x509,
                          "openssl x509 -in issuing.pem -out single.pem; openssl req -x509 -newkey ec -pkeyopt "
                          "ec_paramgen_curve:P-384 -nodes -keyout n.key -subj '/CN=Next Root' -days 3650 -out next.pem; "
                          "cat root.pem next.pem > trust.pem"));
  brevet_settings_set (settings, "certificate", "single.pem", NULL);
  brevet_settings_set (settings, "trust", "trust.pem", NULL);
  backend = assert_create (settings);
  trust = ca_get_trust (backend);
  g_assert_cmpuint (brevet_trust_bundle_get_length (trust), ==, 3);
  g_assert_true (brevet_certificate_equal (brevet_trust_bundle_get (trust, 0), world->x509.root));
  g_assert_true (brevet_certificate_equal (brevet_trust_bundle_get (trust, 2), world->x509.issuing));
}

static void
issue_to_file (World *world, BrevetCaBackend *backend, BrevetCaRequest *request)
{
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (backend, request);
  g_autofree char *pem = brevet_certificate_to_pem (leaf_of (outcome));

  x509_world_write (&world->x509, "leaf.pem", pem);
}

static void
test_openssl_reads (World *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = make_settings (world);
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
  backend = assert_create (settings);
  brevet_ca_request_set_uri (request, "urn:brevet:dev_1%3Ax");
  issue_to_file (world, backend, request);

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

/* Whatever key the CA has, the hash fits and the same request gives the same certificate. */
static void
test_kind_of_key (World *world, gconstpointer data)
{
  BrevetKeyKind kind = GPOINTER_TO_INT (data);
  g_autoptr(BrevetKey) key = brevet_key_generate (kind, NULL);
  g_autoptr(BrevetCertificate) root = x509_make_root (key, "Laboratory", -1);
  g_autofree char *pem = brevet_certificate_to_pem (root);
  g_autofree char *path = x509_world_path (&world->x509, "lab.key");
  g_autoptr(BrevetSettings) settings = make_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) again = NULL;
  g_autoptr(BrevetCaHealth) health = NULL;
  g_autofree char *verify = NULL, *verified = NULL, *again_pem = NULL, *first_pem = NULL;

  x509_world_write (&world->x509, "lab.pem", pem);
  g_assert_true (brevet_key_save (key, path, NULL));
  brevet_settings_set (settings, "certificate", "lab.pem", NULL);
  brevet_settings_set (settings, "key", "lab.key", NULL);
  backend = assert_create (settings);
  g_assert_true (brevet_ca_backend_get_capabilities (backend) & BREVET_CA_CAPABILITY_IDEMPOTENT);

  issue_to_file (world, backend, request);
  verify
    = g_strdup_printf ("openssl verify -purpose sslclient -attime %" G_GINT64_FORMAT " -CAfile lab.pem leaf.pem", X509_WORLD_NOW);
  verified = x509_world_run (&world->x509, verify);
  g_assert_cmpstr (verified, ==, "leaf.pem: OK\n");

  again = ca_assert_issue (backend, request);
  again_pem = brevet_certificate_to_pem (leaf_of (again));
  first_pem = x509_world_read (&world->x509, "leaf.pem", NULL);
  g_assert_cmpstr (again_pem, ==, first_pem);

  health = ca_check (backend);
  g_assert_nonnull (strstr (brevet_ca_health_get_message (health), "laboratory"));
}

/* A device that asks meanwhile asks again later, and the operator hears why. */
static void
lose_token (World *world, BrevetCaBackend *backend)
{
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-2", 2);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(BrevetCaHealth) health = NULL;
  g_autoptr(GError) error = NULL;

  test_softhsm_order (world->x509.directory, "gone");
  g_test_expect_message ("brevet", G_LOG_LEVEL_WARNING, "*the token “ca” is not there*");
  g_assert_null (ca_issue (backend, request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNAVAILABLE);
  g_assert_nonnull (strstr (error->message, "the token “ca” is not there"));
  health = ca_check (backend);
  g_assert_cmpint (brevet_ca_health_get_state (health), ==, BREVET_CA_HEALTH_DOWN);
  g_assert_nonnull (strstr (brevet_ca_health_get_message (health), "the token “ca” is not there"));
  g_test_assert_expected_messages ();

  test_softhsm_take_back (world->x509.directory, "gone");
  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "The key in the token works again*");
  outcome = ca_assert_issue (backend, request);
  g_test_assert_expected_messages ();
}

/* The key never leaves its token: each signature is made there, on a thread of its own, and the PIN comes from a file. */
static void
token_in_child (World *world)
{
  const char *uri = "pkcs11:token=ca;object=issuing;type=private";
  g_autoptr(BrevetSecret) pin = brevet_secret_new ("1234", 4);
  g_autoptr(BrevetSettings) settings = make_settings (world);
  g_autoptr(BrevetKey) key = NULL;
  g_autoptr(BrevetCertificate) root = NULL;
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autofree char *pem = NULL, *verify = NULL, *verified = NULL;
  g_autoptr(GError) error = NULL;

  x509_world_write (&world->x509, "pin", "1234\n");
  test_softhsm_set_up (world->x509.directory, "ca", NULL);
  key = brevet_token_generate_key ("pkcs11:token=ca", pin, BREVET_KEY_KIND_EC_P256, "issuing", &error);
  g_assert_no_error (error);
  root = x509_make_root (key, "In a token", -1);
  pem = brevet_certificate_to_pem (root);
  x509_world_write (&world->x509, "token.pem", pem);

  brevet_settings_set (settings, "certificate", "token.pem", NULL);
  brevet_settings_set (settings, "key", uri, NULL);
  brevet_settings_set (settings, "key-password-file", "pin", NULL);
  backend = assert_create (settings);
  g_assert_false (brevet_ca_backend_get_capabilities (backend) & BREVET_CA_CAPABILITY_IDEMPOTENT);
  issue_to_file (world, backend, request);
  verify
    = g_strdup_printf ("openssl verify -purpose sslclient -attime %" G_GINT64_FORMAT " -CAfile token.pem leaf.pem", X509_WORLD_NOW);
  verified = x509_world_run (&world->x509, verify);
  g_assert_cmpstr (verified, ==, "leaf.pem: OK\n");
  lose_token (world, backend);
}

/* In a process of its own, because the tokens of a process are found once. */
static void
test_token (World *world, gconstpointer data)
{
  if (!test_softhsm_available ())
    g_test_skip ("SoftHSM is not installed");
  else if (g_test_subprocess ())
    token_in_child (world);
  else
    {
      g_test_trap_subprocess (NULL, 0, G_TEST_SUBPROCESS_INHERIT_STDERR);
      g_test_trap_assert_passed ();
    }
}

int
main (int argc, char *argv[])
{
  static const CaSuite suite = { "ca-local", suite_set_up, suite_create, suite_tear_down };

  g_test_init (&argc, &argv, NULL);
  brevet_clock_set_source (tell_time, NULL);
  ca_suite_add (&suite);

#define ADD(path, data, func) g_test_add (path, World, data, world_set_up, func, world_tear_down)
  g_test_add_func ("/ca-local/provides", test_provides);
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autofree char *path = g_strconcat ("/ca-local/mistakes/", mistakes[i].name, NULL);

      ADD (path, &mistakes[i], test_mistake);
    }
  ADD ("/ca-local/mistakes/broken-path", NULL, test_broken_path);
  ADD ("/ca-local/mistakes/missing-key", NULL, test_missing_key);
  ADD ("/ca-local/password", NULL, test_password);
  ADD ("/ca-local/same-after-restart", NULL, test_same_after_restart);
  ADD ("/ca-local/identity", NULL, test_identity);
  ADD ("/ca-local/profiles", NULL, test_profiles);
  ADD ("/ca-local/clamp-at-the-edge", NULL, test_clamp_at_the_edge);
  ADD ("/ca-local/half-life", NULL, test_half_life);
  ADD ("/ca-local/dates", NULL, test_dates);
  ADD ("/ca-local/end-of-authority", NULL, test_end_of_authority);
  ADD ("/ca-local/stale-request", NULL, test_stale_request);
  ADD ("/ca-local/trust-file", NULL, test_trust_file);
  ADD ("/ca-local/openssl-reads", NULL, test_openssl_reads);
  ADD ("/ca-local/key/p384", GINT_TO_POINTER (BREVET_KEY_KIND_EC_P384), test_kind_of_key);
  ADD ("/ca-local/key/rsa-3072", GINT_TO_POINTER (BREVET_KEY_KIND_RSA_3072), test_kind_of_key);
  ADD ("/ca-local/key/ed25519", GINT_TO_POINTER (BREVET_KEY_KIND_ED25519), test_kind_of_key);
  ADD ("/ca-local/key/token", NULL, test_token);
  return g_test_run ();
}
