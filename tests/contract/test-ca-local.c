/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ca-local as a CA backend, and what it says to mistakes in its settings. */

#include "ca-local-world.h"

#include <string.h>

static gpointer
suite_set_up (void)
{
  CaLocalWorld *world = g_new0 (CaLocalWorld, 1);

  ca_local_set_up (world, NULL);
  return world;
}

static void
suite_tear_down (gpointer data)
{
  ca_local_tear_down (data, NULL);
  g_free (data);
}

static BrevetCaBackend *
suite_create (gpointer data)
{
  g_autoptr(BrevetSettings) settings = ca_local_settings (data);

  return ca_local_assert_create (settings);
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
test_mistake (CaLocalWorld *world, gconstpointer data)
{
  const Mistake *mistake = data;
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
  g_autoptr(GError) error = NULL;

  if (mistake->prepare != NULL)
    g_free (x509_world_run (&world->x509, mistake->prepare));
  brevet_settings_set (settings, mistake->key, mistake->value, "dps.conf:9");
  g_assert_null (ca_local_create (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, mistake->begins));
  g_assert_nonnull (strstr (error->message, mistake->says));
}

/* Same names and key identifiers, other root key: only the signature tells. */
static void
test_broken_path (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetCertificate) forged = x509_make_ca (world->x509.issuing_key, "Test Issuing", world->x509.root, key, 0);
  g_autoptr(BrevetChain) chain = x509_make_chain (forged, world->x509.root, NULL);
  g_autofree char *pem = brevet_chain_to_pem (chain);
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
  g_autoptr(GError) error = NULL;

  x509_world_write (&world->x509, "issuing.pem", pem);
  g_assert_null (ca_local_create (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "did not sign"));
}

static void
test_missing_key (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("ca", "factory", world->x509.directory);
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "certificate", "issuing.pem", NULL);
  g_assert_null (ca_local_create (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "key"));
}

static void
test_trust_file (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetTrustBundle) trust = NULL;

  /* The next root is published before it signs. */
  g_free (x509_world_run (&world->x509,
                          "openssl x509 -in issuing.pem -out single.pem; openssl req -x509 -newkey ec -pkeyopt "
                          "ec_paramgen_curve:P-384 -nodes -keyout n.key -subj '/CN=Next Root' -days 3650 -out next.pem; "
                          "cat root.pem next.pem > trust.pem"));
  brevet_settings_set (settings, "certificate", "single.pem", NULL);
  brevet_settings_set (settings, "trust", "trust.pem", NULL);
  backend = ca_local_assert_create (settings);
  trust = ca_get_trust (backend);
  g_assert_cmpuint (brevet_trust_bundle_get_length (trust), ==, 3);
  g_assert_true (brevet_certificate_equal (brevet_trust_bundle_get (trust, 0), world->x509.root));
  g_assert_true (brevet_certificate_equal (brevet_trust_bundle_get (trust, 2), world->x509.issuing));
}

int
main (int argc, char *argv[])
{
  static const CaSuite suite = { "ca-local", suite_set_up, suite_create, suite_tear_down };

  g_test_init (&argc, &argv, NULL);
  ca_suite_add (&suite);
  g_test_add_func ("/ca-local/provides", test_provides);
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_autofree char *path = g_strconcat ("/ca-local/mistakes/", mistakes[i].name, NULL);

      CA_LOCAL_ADD (path, &mistakes[i], test_mistake);
    }
  CA_LOCAL_ADD ("/ca-local/mistakes/broken-path", NULL, test_broken_path);
  CA_LOCAL_ADD ("/ca-local/mistakes/missing-key", NULL, test_missing_key);
  CA_LOCAL_ADD ("/ca-local/trust-file", NULL, test_trust_file);
  return g_test_run ();
}
