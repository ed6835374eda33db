/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The issuing key of ca-local: kinds, passwords, tokens, and that it makes the CA's identity. */

#include "ca-local-world.h"
#include "test-softhsm.h"

#include <string.h>

static void
test_password (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
  g_autoptr(BrevetSettings) wrong = ca_local_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) outcome = NULL;
  g_autoptr(GError) error = NULL;

  g_free (x509_world_run (&world->x509,
                          "openssl pkcs8 -topk8 -v2 aes-256-cbc -in issuing.key -passout pass:s3cr3t -out locked.key; "
                          "echo s3cr3t > password; echo s3cr3T > wrong"));
  brevet_settings_set (settings, "key", "locked.key", NULL);
  brevet_settings_set (settings, "key-password-file", "password", NULL);
  backend = ca_local_assert_create (settings);
  outcome = ca_assert_issue (backend, request);

  brevet_settings_set (wrong, "key", "locked.key", NULL);
  brevet_settings_set (wrong, "key-password-file", "wrong", NULL);
  g_assert_null (ca_local_create (wrong, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "password is wrong"));
  g_assert_null (strstr (error->message, "s3cr3T"));
}

/* Which CA it is: the key and the name, and not where they are or how certificates are made. */
static void
test_identity (CaLocalWorld *world, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) one = ca_local_create_with (world, NULL, NULL);
  g_autoptr(BrevetCaBackend) profile = ca_local_create_with (world, "validity", "1d");
  g_autoptr(BrevetSettings) moved = ca_local_settings (world);
  g_autoptr(BrevetSettings) rotated = ca_local_settings (world);
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
  elsewhere = ca_local_assert_create (moved);
  third = brevet_ca_backend_dup_identity (elsewhere);
  g_assert_cmpstr (first, ==, third);

  x509_world_write (&world->x509, "new.pem", pem);
  g_assert_true (brevet_key_save (key, path, NULL));
  brevet_settings_set (rotated, "certificate", "new.pem", NULL);
  brevet_settings_set (rotated, "key", "new.key", NULL);
  other_key = ca_local_assert_create (rotated);
  fourth = brevet_ca_backend_dup_identity (other_key);
  g_assert_cmpstr (first, !=, fourth);
}

/* Whatever key the CA has, the hash fits and the same request gives the same certificate. */
static void
test_kind_of_key (CaLocalWorld *world, gconstpointer data)
{
  BrevetKeyKind kind = GPOINTER_TO_INT (data);
  g_autoptr(BrevetKey) key = brevet_key_generate (kind, NULL);
  g_autoptr(BrevetCertificate) root = x509_make_root (key, "Laboratory", -1);
  g_autofree char *pem = brevet_certificate_to_pem (root);
  g_autofree char *path = x509_world_path (&world->x509, "lab.key");
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
  g_autoptr(BrevetCaBackend) backend = NULL;
  g_autoptr(BrevetCaRequest) request = ca_request ("dev-1", 1);
  g_autoptr(BrevetCaOutcome) again = NULL;
  g_autoptr(BrevetCaHealth) health = NULL;
  g_autofree char *verify = NULL, *verified = NULL, *again_pem = NULL, *first_pem = NULL;

  x509_world_write (&world->x509, "lab.pem", pem);
  g_assert_true (brevet_key_save (key, path, NULL));
  brevet_settings_set (settings, "certificate", "lab.pem", NULL);
  brevet_settings_set (settings, "key", "lab.key", NULL);
  backend = ca_local_assert_create (settings);
  g_assert_true (brevet_ca_backend_get_capabilities (backend) & BREVET_CA_CAPABILITY_IDEMPOTENT);

  ca_local_issue_to_file (world, backend, request);
  verify
    = g_strdup_printf ("openssl verify -purpose sslclient -attime %" G_GINT64_FORMAT " -CAfile lab.pem leaf.pem", X509_WORLD_NOW);
  verified = x509_world_run (&world->x509, verify);
  g_assert_cmpstr (verified, ==, "leaf.pem: OK\n");

  again = ca_assert_issue (backend, request);
  again_pem = brevet_certificate_to_pem (ca_local_leaf_of (again));
  first_pem = x509_world_read (&world->x509, "leaf.pem", NULL);
  g_assert_cmpstr (again_pem, ==, first_pem);

  health = ca_check (backend);
  g_assert_nonnull (strstr (brevet_ca_health_get_message (health), "laboratory"));
}

/* A device that asks meanwhile asks again later, and the operator hears why. */
static void
lose_token (CaLocalWorld *world, BrevetCaBackend *backend)
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
token_in_child (CaLocalWorld *world)
{
  const char *uri = "pkcs11:token=ca;object=issuing;type=private";
  g_autoptr(BrevetSecret) pin = brevet_secret_new ("1234", 4);
  g_autoptr(BrevetSettings) settings = ca_local_settings (world);
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
  backend = ca_local_assert_create (settings);
  g_assert_false (brevet_ca_backend_get_capabilities (backend) & BREVET_CA_CAPABILITY_IDEMPOTENT);
  ca_local_issue_to_file (world, backend, request);
  verify
    = g_strdup_printf ("openssl verify -purpose sslclient -attime %" G_GINT64_FORMAT " -CAfile token.pem leaf.pem", X509_WORLD_NOW);
  verified = x509_world_run (&world->x509, verify);
  g_assert_cmpstr (verified, ==, "leaf.pem: OK\n");
  lose_token (world, backend);
}

/* In a process of its own, because the tokens of a process are found once. */
static void
test_token (CaLocalWorld *world, gconstpointer data)
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
  g_test_init (&argc, &argv, NULL);
  CA_LOCAL_ADD ("/ca-local/password", NULL, test_password);
  CA_LOCAL_ADD ("/ca-local/identity", NULL, test_identity);
  CA_LOCAL_ADD ("/ca-local/key/p384", GINT_TO_POINTER (BREVET_KEY_KIND_EC_P384), test_kind_of_key);
  CA_LOCAL_ADD ("/ca-local/key/rsa-3072", GINT_TO_POINTER (BREVET_KEY_KIND_RSA_3072), test_kind_of_key);
  CA_LOCAL_ADD ("/ca-local/key/ed25519", GINT_TO_POINTER (BREVET_KEY_KIND_ED25519), test_kind_of_key);
  CA_LOCAL_ADD ("/ca-local/key/token", NULL, test_token);
  return g_test_run ();
}
