/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-scratch.h"
#include "test-softhsm.h"
#include "test-wait.h"
#include "x509-attestation.h"

#include <glib/gstdio.h>
#include <gnutls/pkcs11.h>
#include <string.h>

#define TOKEN "pkcs11:token=onboarding"

static char *directory;
static X509Party *root, *upper, *lower, *device;

static char *
path_of (const char *name)
{
  return g_build_filename (directory, name, NULL);
}

static void
write_file (const char *name, const char *text)
{
  g_autofree char *path = path_of (name);
  g_autoptr(GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static void
write_certificates (const char *name, X509Party *first, ...)
{
  g_autoptr(GString) text = g_string_new (NULL);
  va_list arguments;

  va_start (arguments, first);
  for (X509Party *party = first; party != NULL; party = va_arg (arguments, X509Party *))
    {
      g_autofree char *pem = brevet_certificate_to_pem (party->certificate);

      g_string_append (text, pem);
    }
  va_end (arguments);
  write_file (name, text->str);
}

static void
write_key (const char *name, X509Party *party)
{
  g_autofree char *pem = x509_party_dup_key (party);

  write_file (name, pem);
}

static BrevetProver *
create (GError **error, const char *key, ...)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("attestation", "main", directory);
  BrevetPlugin *plugin;
  va_list arguments;

  va_start (arguments, key);
  for (; key != NULL; key = va_arg (arguments, const char *))
    brevet_settings_set (settings, key, va_arg (arguments, const char *), "agent.conf:7");
  va_end (arguments);
  plugin = brevet_registry_create (registry, BREVET_TYPE_PROVER, X509_MODULE, "main", settings, error);
  return plugin != NULL ? BREVET_PROVER (plugin) : NULL;
}

static BrevetProver *
create_usual (void)
{
  g_autoptr(GError) error = NULL;
  BrevetProver *prover = create (&error, "certificate", "device.pem", "key", "device.key", NULL);

  g_assert_no_error (error);
  return prover;
}

static JsonObject *
describe (BrevetProver *prover, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_prover_describe_async (prover, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_prover_describe_finish (prover, result, error);
}

static void
assert_chain (BrevetEvidence *evidence, X509Party *first, ...)
{
  BrevetChain *chain = brevet_evidence_get_chain (evidence);
  guint count = 0;
  va_list arguments;

  va_start (arguments, first);
  for (X509Party *party = first; party != NULL; party = va_arg (arguments, X509Party *))
    {
      g_assert_cmpuint (count, <, brevet_chain_get_length (chain));
      g_assert_true (brevet_certificate_equal (brevet_chain_get (chain, count++), party->certificate));
    }
  va_end (arguments);
  g_assert_cmpuint (brevet_chain_get_length (chain), ==, count);
}

static void
assert_unusable (BrevetProver *prover, const char *registration_id, const char *needle)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEvidence) evidence = verifier_suite_prove (prover, X509_SCOPE, registration_id, NULL, &error);

  g_assert_null (evidence);
  g_test_message ("%s", error->message);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, needle));
}

/* Everything but the root, in order, whatever the order in the files. */
static void
test_chain (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetProver) prover = create_usual ();
  g_autoptr(BrevetProver) split
    = create (&error, "certificate", "leaf.pem", "intermediates", "issuers.pem", "key", "device.key", NULL);
  g_autoptr(BrevetEvidence) evidence = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_autoptr(BrevetEvidence) again = verifier_suite_prove (prover, X509_SCOPE, "PUMP-07", NULL, &error);
  g_autoptr(BrevetEvidence) from_two = verifier_suite_prove (split, X509_SCOPE, X509_DEVICE, NULL, &error);

  g_assert_no_error (error);
  assert_chain (evidence, device, lower, upper, NULL);
  assert_chain (from_two, device, lower, upper, NULL);
  g_assert_null (brevet_evidence_get_token (evidence));
  g_assert_null (brevet_evidence_get_parameters (evidence));
  g_assert_cmpstr (brevet_key_get_spki_sha256 (brevet_evidence_get_key (evidence)), ==,
                   brevet_certificate_get_spki_sha256 (device->certificate));
  /* the same objects tell a transport that nothing has changed */
  g_assert_true (brevet_evidence_get_chain (evidence) == brevet_evidence_get_chain (again));
  g_assert_true (brevet_evidence_get_key (evidence) == brevet_evidence_get_key (again));
}

static void
test_accepted (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetProver) prover = create_usual ();
  g_autoptr(BrevetEvidence) evidence = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_autoptr(BrevetAttestation) group
    = x509_enroll (TRUE, "{\"signingCertificates\":{\"primary\":{\"certificate\":\"@1\"}}}", root, NULL);
  g_autofree char *credential = x509_accept (group, X509_DEVICE, brevet_evidence_get_chain (evidence));

  g_assert_cmpstr (credential, ==, "certificate signed by the group's primary certificate");
}

/* An operator replaces the files while the device runs. */
static void
test_replaced (void)
{
  g_autoptr(X509Party) next = x509_party_new (lower, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetProver) prover = create_usual ();
  g_autoptr(BrevetEvidence) before = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_autoptr(BrevetEvidence) after = NULL;

  write_certificates ("device.pem", next, lower, upper, NULL);
  assert_unusable (prover, X509_DEVICE, "private key does not belong to its certificate “CN=pump-07”, the first in “");
  write_key ("device.key", next);
  after = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_assert_no_error (error);
  assert_chain (after, next, lower, upper, NULL);
  assert_chain (before, device, lower, upper, NULL);
  write_certificates ("device.pem", device, upper, root, lower, NULL);
  write_key ("device.key", device);
}

static void
test_unusable (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetProver) prover = create_usual ();
  g_autoptr(BrevetProver) no_file = create (&error, "certificate", "nowhere.pem", "key", "device.key", NULL);
  g_autoptr(BrevetProver) no_key = create (&error, "certificate", "device.pem", "key", "nowhere.key", NULL);
  g_autoptr(BrevetProver) no_certificate = create (&error, "certificate", "device.key", "key", "device.key", NULL);
  g_autoptr(BrevetProver) no_issuers
    = create (&error, "certificate", "device.pem", "intermediates", "nowhere.pem", "key", "device.key", NULL);
  const X509Spec odd = { .second_name = "pump-08" };
  g_autoptr(X509Party) two_names = x509_party_new (NULL, FALSE, X509_DEVICE, &odd, NULL);
  g_autoptr(JsonObject) challenge = json_object_new ();

  g_assert_no_error (error);
  assert_unusable (prover, "pump-08", "certificate is for the device “pump-07”, and the identity's registration id is “pump-08”");
  assert_unusable (no_file, X509_DEVICE, "nowhere.pem");
  assert_unusable (no_key, X509_DEVICE, "nowhere.key");
  assert_unusable (no_certificate, X509_DEVICE, "holds no usable certificates");
  assert_unusable (no_issuers, X509_DEVICE, "nowhere.pem");

  g_assert_null (verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, challenge, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);

  write_certificates ("device.pem", two_names, NULL);
  assert_unusable (prover, X509_DEVICE, "has 2 common names");
  write_certificates ("device.pem", device, upper, root, lower, NULL);
}

/* The clock of a device may be wrong, so the service decides; the operator is told once. */
static void
test_dates (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetProver) prover = create_usual ();
  g_autoptr(BrevetEvidence) first = NULL, second = NULL, third = NULL;

  x509_now_offset = 101 * X509_PKI_DAY;
  g_test_expect_message ("brevet-attestation-x509", G_LOG_LEVEL_WARNING,
                         "*device's certificate*CN=pump-07*expired at 2030-04-11T00:00:00Z*presented all the same*");
  first = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);
  second = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_test_assert_expected_messages ();
  x509_now_offset = -2 * X509_PKI_DAY;
  g_test_expect_message ("brevet-attestation-x509", G_LOG_LEVEL_WARNING, "*is not valid before 2029-12-31T00:00:00Z*");
  third = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_test_assert_expected_messages ();
  x509_now_offset = 0;
  g_assert_no_error (error);
  assert_chain (first, device, lower, upper, NULL);
  assert_chain (third, device, lower, upper, NULL);
}

static void
test_description (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetProver) prover = create_usual ();
  g_autoptr(JsonObject) shown = describe (prover, &error);
  g_autofree char *pem = brevet_certificate_to_pem (device->certificate);
  g_autofree char *thumbprint = g_ascii_strup (brevet_certificate_get_sha256 (device->certificate), -1);
  g_autoptr(GList) members = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (json_object_get_string_member (shown, "registrationId"), ==, X509_DEVICE);
  g_assert_cmpstr (json_object_get_string_member (shown, "certificate"), ==, pem);
  g_assert_cmpstr (json_object_get_string_member (shown, "subjectName"), ==, "CN=pump-07");
  g_assert_cmpstr (json_object_get_string_member (shown, "issuerName"), ==, "CN=Lower");
  g_assert_cmpstr (json_object_get_string_member (shown, "sha256Thumbprint"), ==, thumbprint);
  members = json_object_get_values (shown);
  for (GList *member = members; member != NULL; member = member->next)
    g_assert_true (json_node_get_value_type (member->data) == G_TYPE_STRING);
}

static void
assert_settings_refused (const char *needle, const char *key, const char *value)
{
  g_autoptr(GError) error = NULL;

  g_assert_null (create (&error, key, value, NULL));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, needle));
}

static void
test_settings (void)
{
  g_autoptr(GError) error = NULL;

  assert_settings_refused ("certificate", "key", "device.key");
  assert_settings_refused ("key", "certificate", "device.pem");
  g_assert_null (create (&error, "certificate", "device.pem", "key", "device.key", "key-password-file", "nowhere.pin", NULL));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "nowhere.pin"));
}

static void
test_encrypted (void)
{
  g_autofree char *plain = x509_party_dup_key (device);
  gnutls_datum_t data = { (guint8 *) plain, strlen (plain) };
  gnutls_datum_t pem = { NULL, 0 };
  gnutls_x509_privkey_t key;
  g_autofree char *text = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetProver) prover = NULL, wrong = NULL;
  g_autoptr(BrevetEvidence) evidence = NULL;

  gnutls_x509_privkey_init (&key);
  g_assert_cmpint (gnutls_x509_privkey_import (key, &data, GNUTLS_X509_FMT_PEM), >=, 0);
  g_assert_cmpint (
    gnutls_x509_privkey_export2_pkcs8 (key, GNUTLS_X509_FMT_PEM, "open sesame", GNUTLS_PKCS_PBES2_AES_256, &pem), >=, 0);
  text = g_strndup ((const char *) pem.data, pem.size);
  gnutls_free (pem.data);
  gnutls_x509_privkey_deinit (key);
  write_file ("encrypted.key", text);
  write_file ("password", "open sesame\n");

  prover = create (&error, "certificate", "device.pem", "key", "encrypted.key", "key-password-file", "password", NULL);
  evidence = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_assert_no_error (error);
  assert_chain (evidence, device, lower, upper, NULL);
  wrong = create (&error, "certificate", "device.pem", "key", "encrypted.key", "key-password", "wrong", NULL);
  assert_unusable (wrong, X509_DEVICE, "password is wrong");
}

/* A certificate for a key in the token, and the certificate in the token too. */
static X509Party *
fill_token (BrevetKey *key)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT);
  g_autofree char *lower_key = x509_party_dup_key (lower);
  g_autoptr(BrevetKey) issuer_key = NULL;
  X509Party *party = g_new0 (X509Party, 1);
  g_autoptr(GError) error = NULL;

  issuer_key = brevet_key_new_from_pem (lower_key, &error);
  brevet_certificate_builder_set_common_name (builder, X509_DEVICE);
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, X509_PKI_NOW, X509_PKI_NOW + X509_PKI_DAY);
  party->certificate = brevet_certificate_builder_sign (builder, lower->certificate, issuer_key, &error);
  g_assert_no_error (error);
  gnutls_privkey_init (&party->key);
  g_assert_cmpint (gnutls_pkcs11_copy_x509_crt2 (TOKEN "?pin-value=1234", brevet_certificate_get_crt (party->certificate), "device",
                                                 NULL, GNUTLS_PKCS11_OBJ_FLAG_LOGIN), >=, 0);
  return party;
}

static gboolean
can_prove (gpointer prover)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEvidence) evidence = verifier_suite_prove (prover, X509_SCOPE, X509_DEVICE, NULL, &error);

  return evidence != NULL;
}

/* SoftHSM gives a token up that it once could not read; the first that is asked of it is the certificate. */
static void
assert_found_again (BrevetProver *prover)
{
  g_autofree char *tokens = path_of ("tokens");
  g_autofree char *elsewhere = path_of ("elsewhere");

  g_assert_cmpint (g_rename (tokens, elsewhere), ==, 0);
  assert_unusable (prover, X509_DEVICE, "is not there");
  g_assert_cmpint (g_rename (elsewhere, tokens), ==, 0);
  test_wait_until (can_prove, prover);
}

static void
test_token (void)
{
  g_autoptr(BrevetSecret) pin = brevet_secret_new ("1234", 4);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = NULL;
  g_autofree char *uri = brevet_token_key_uri (TOKEN, "device");
  g_autoptr(X509Party) party = NULL;
  g_autoptr(BrevetProver) from_file = NULL, from_token = NULL, nothing = NULL;
  g_autoptr(BrevetEvidence) first = NULL, second = NULL;

  if (!test_softhsm_available ())
    {
      g_test_skip ("SoftHSM is not installed");
      return;
    }
  key = brevet_token_generate_key (TOKEN, pin, BREVET_KEY_KIND_EC_P256, "device", &error);
  g_assert_no_error (error);
  party = fill_token (key);
  write_certificates ("in-token.pem", party, lower, upper, NULL);
  write_file ("pin", "1234\n");

  from_file = create (&error, "certificate", "in-token.pem", "key", uri, "key-password-file", "pin", NULL);
  first = verifier_suite_prove (from_file, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_assert_no_error (error);
  assert_chain (first, party, lower, upper, NULL);

  from_token = create (&error, "certificate", TOKEN ";object=device;type=cert", "intermediates", "issuers.pem", "key", uri,
                       "key-password-file", "pin", NULL);
  second = verifier_suite_prove (from_token, X509_SCOPE, X509_DEVICE, NULL, &error);
  g_assert_no_error (error);
  assert_chain (second, party, lower, upper, NULL);

  nothing = create (&error, "certificate", TOKEN ";object=nothing;type=cert", "key", uri, "key-password-file", "pin", NULL);
  assert_unusable (nothing, X509_DEVICE, "does not give the certificate that the PKCS#11 URI names");
  assert_found_again (from_token);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  x509_stop_clock ();
  directory = test_scratch_new ();
  /* first of all: what loads modules by itself does it at its first look for a token */
  if (test_softhsm_available ())
    test_softhsm_set_up (directory, "onboarding", NULL);
  root = x509_party_new (NULL, TRUE, "Root", NULL, NULL);
  upper = x509_party_new (root, TRUE, "Upper", NULL, NULL);
  lower = x509_party_new (upper, TRUE, "Lower", NULL, NULL);
  device = x509_party_new (lower, FALSE, X509_DEVICE, NULL, NULL);
  write_certificates ("device.pem", device, upper, root, lower, NULL);
  write_certificates ("leaf.pem", device, NULL);
  write_certificates ("issuers.pem", lower, upper, NULL);
  write_key ("device.key", device);
  g_test_add_func ("/x509/prover/token", test_token);
  g_test_add_func ("/x509/prover/chain", test_chain);
  g_test_add_func ("/x509/prover/accepted", test_accepted);
  g_test_add_func ("/x509/prover/replaced", test_replaced);
  g_test_add_func ("/x509/prover/unusable", test_unusable);
  g_test_add_func ("/x509/prover/dates", test_dates);
  g_test_add_func ("/x509/prover/description", test_description);
  g_test_add_func ("/x509/prover/settings", test_settings);
  g_test_add_func ("/x509/prover/encrypted", test_encrypted);
  status = g_test_run ();
  x509_party_free (device);
  x509_party_free (lower);
  x509_party_free (upper);
  x509_party_free (root);
  test_scratch_remove (directory);
  g_free (directory);
  return status;
}
