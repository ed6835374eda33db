/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "verifier-suite.h"

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-prover.h"
#include "brevet-registry.h"
#include "brevet-sas-token.h"

#include <glib/gstdio.h>
#include <string.h>

#define MODULE "attestation-symmetric-key"
#define SCOPE "0ne000A1B2C"
#define DEVICE "pump-07"
#define NOW G_GINT64_CONSTANT (1893456000)
#define KEY_A "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define KEY_B "EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8="

static gint64 now = NOW;

static gint64
tell_time (gpointer user_data)
{
  return now * G_USEC_PER_SEC;
}

static BrevetVerifier *
create_verifier (void)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin = brevet_registry_create (registry, BREVET_TYPE_VERIFIER, MODULE, "test", NULL, &error);

  g_assert_no_error (error);
  return BREVET_VERIFIER (plugin);
}

static BrevetProver *
create_prover (BrevetSettings *settings, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  BrevetPlugin *plugin = brevet_registry_create (registry, BREVET_TYPE_PROVER, MODULE, "test", settings, error);

  return plugin != NULL ? BREVET_PROVER (plugin) : NULL;
}

static BrevetProver *
prover_with (const char *setting, const char *key)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("identity", "test", NULL);
  g_autoptr(GError) error = NULL;
  BrevetProver *prover;

  brevet_settings_set (settings, setting, key, NULL);
  prover = create_prover (settings, &error);
  g_assert_no_error (error);
  return prover;
}

static BrevetClaims *
claim (const char *registration_id, const char *token)
{
  BrevetClaims *claims = brevet_claims_new ();

  brevet_claims_set_device (claims, SCOPE, registration_id);
  brevet_claims_set_token (claims, token);
  return claims;
}

/* What a device presents that has this key. */
static BrevetClaims *
claim_with_prover (const char *setting, const char *key, const char *registration_id)
{
  g_autoptr(BrevetProver) prover = prover_with (setting, key);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEvidence) evidence = verifier_suite_prove (prover, SCOPE, registration_id, NULL, &error);

  g_assert_no_error (error);
  return claim (registration_id, brevet_evidence_get_token (evidence));
}

static BrevetAttestation *
attestation_of (gboolean is_group, const char *primary, const char *secondary)
{
  g_autoptr(JsonObject) parameters = json_object_new ();

  if (primary != NULL)
    json_object_set_string_member (parameters, "primaryKey", primary);
  if (secondary != NULL)
    json_object_set_string_member (parameters, "secondaryKey", secondary);
  return brevet_attestation_new ("symmetricKey", is_group, parameters);
}

static const char *
key_of (BrevetAttestation *attestation, const char *member)
{
  return json_object_get_string_member (brevet_attestation_get_parameters (attestation), member);
}

/* The suite's view of the mechanism. */

static BrevetAttestation *
suite_want (gboolean is_group)
{
  return brevet_attestation_new ("symmetricKey", is_group, NULL);
}

static BrevetClaims *
suite_present (BrevetAttestation *stored, const char *id_scope, const char *registration_id)
{
  g_autoptr(BrevetSecret) key = brevet_secret_new_from_base64 (key_of (stored, "primaryKey"), NULL);
  g_autoptr(BrevetSecret) derived = brevet_sas_derive_key (key, registration_id);
  g_autofree char *resource = g_strdup_printf ("%s/registrations/%s", id_scope, registration_id);
  BrevetClaims *claims = brevet_claims_new ();
  char *token = brevet_sas_token_create (resource, brevet_attestation_is_group (stored) ? derived : key, now + 60, NULL);

  brevet_claims_set_device (claims, id_scope, registration_id);
  brevet_claims_set_token (claims, token);
  brevet_secret_free_text (token);
  return claims;
}

static char **
suite_list_secrets (BrevetAttestation *stored)
{
  return g_strdupv ((char *[]) { (char *) key_of (stored, "primaryKey"), (char *) key_of (stored, "secondaryKey"), NULL });
}

static BrevetAttestation *
suite_damage (BrevetAttestation *stored)
{
  return attestation_of (brevet_attestation_is_group (stored), "not base64!", NULL);
}

static const VerifierSuite suite = {
  .name = "symmetric-key",
  .has_groups = TRUE,
  .create = create_verifier,
  .want = suite_want,
  .present = suite_present,
  .list_secrets = suite_list_secrets,
  .damage = suite_damage,
};

/* What only this mechanism promises. */

static void
assert_credential (BrevetAttestation *attestation, BrevetClaims *claims, const char *credential)
{
  g_autoptr(BrevetVerifier) verifier = create_verifier ();
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = verifier_suite_verify (verifier, attestation, claims, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (brevet_verdict_get_credential (verdict), ==, credential);
  g_assert_cmpuint (json_object_get_size (brevet_verdict_get_parameters (verdict)), ==, 0);
}

static void
assert_rejected (BrevetAttestation *attestation, BrevetClaims *claims, const char *reason)
{
  g_autoptr(BrevetVerifier) verifier = create_verifier ();
  g_autoptr(GError) error = NULL;

  g_assert_null (verifier_suite_verify (verifier, attestation, claims, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, reason));
  g_assert_null (strstr (error->message, "sig="));
}

static void
test_individual (void)
{
  g_autoptr(BrevetAttestation) attestation = attestation_of (FALSE, KEY_A, KEY_B);
  g_autoptr(BrevetClaims) primary = claim_with_prover ("key", KEY_A, DEVICE);
  g_autoptr(BrevetClaims) secondary = claim_with_prover ("key", KEY_B, DEVICE);
  g_autoptr(BrevetClaims) foreign = claim_with_prover ("key", "Zm9yZWlnbiBrZXkgb2YgMzIgYnl0ZXMgaW4gYWxsISE=", DEVICE);
  g_autoptr(BrevetClaims) derived = claim_with_prover ("group-key", KEY_A, DEVICE);
  g_autoptr(BrevetClaims) none = claim (DEVICE, NULL);

  assert_credential (attestation, primary, "primary key");
  assert_credential (attestation, secondary, "secondary key");
  assert_rejected (attestation, foreign, "neither the primary nor the secondary");
  assert_rejected (attestation, derived, "neither the primary nor the secondary");
  assert_rejected (attestation, none, "no token");
}

static void
test_group (void)
{
  g_autoptr(BrevetAttestation) attestation = attestation_of (TRUE, KEY_A, KEY_B);
  g_autoptr(BrevetClaims) primary = claim_with_prover ("group-key", KEY_A, DEVICE);
  g_autoptr(BrevetClaims) secondary = claim_with_prover ("group-key", KEY_B, DEVICE);
  g_autoptr(BrevetClaims) group_key = claim_with_prover ("key", KEY_A, DEVICE);
  /* the vector of protocol/dps.md §9 */
  g_autoptr(BrevetClaims) vector = claim_with_prover ("key", "Yt8ZRdJK0x09mFOVO5aTQk2c2wYAz7OmTlERx3tYeg0=", DEVICE);

  assert_credential (attestation, primary, "key derived from the group's primary key");
  assert_credential (attestation, secondary, "key derived from the group's secondary key");
  assert_credential (attestation, vector, "key derived from the group's primary key");
  assert_rejected (attestation, group_key, "derived from the group's");
}

/* The spelling that went into the derived key is the device's choice: its own, or lower case. */
static void
test_group_spelling (void)
{
  g_autoptr(BrevetAttestation) attestation = attestation_of (TRUE, KEY_A, KEY_B);
  g_autoptr(BrevetSecret) group_key = brevet_secret_new_from_base64 (KEY_A, NULL);
  g_autoptr(BrevetSecret) upper = brevet_sas_derive_key (group_key, "PUMP-07");
  g_autofree char *upper_text = brevet_secret_to_base64 (upper);
  g_autoptr(BrevetClaims) own = claim_with_prover ("group-key", KEY_A, "PUMP-07");
  g_autoptr(BrevetClaims) folded = claim_with_prover ("key", "Yt8ZRdJK0x09mFOVO5aTQk2c2wYAz7OmTlERx3tYeg0=", "PUMP-07");
  g_autoptr(BrevetClaims) neither = claim_with_prover ("key", upper_text, DEVICE);

  assert_credential (attestation, own, "key derived from the group's primary key");
  assert_credential (attestation, folded, "key derived from the group's primary key");
  assert_rejected (attestation, neither, "derived from the group's");
}

static void
test_expiry (void)
{
  g_autoptr(BrevetAttestation) attestation = attestation_of (FALSE, KEY_A, KEY_B);
  g_autoptr(BrevetClaims) claims = claim_with_prover ("key", KEY_A, DEVICE);

  now = NOW + 3600 + BREVET_SAS_GRACE;
  assert_credential (attestation, claims, "primary key");
  now++;
  assert_rejected (attestation, claims, "expired 301 seconds ago");
  now = NOW;
}

static BrevetClaims *
claim_resource (const char *resource, const char *key_name)
{
  g_autoptr(BrevetSecret) key = brevet_secret_new_from_base64 (KEY_A, NULL);
  char *token = brevet_sas_token_create (resource, key, now + 60, key_name);
  BrevetClaims *claims = claim (DEVICE, token);

  brevet_secret_free_text (token);
  return claims;
}

static void
test_audience (void)
{
  g_autoptr(BrevetAttestation) attestation = attestation_of (FALSE, KEY_A, KEY_B);
  g_autoptr(BrevetClaims) lower = claim_resource ("0ne000a1b2c/registrations/pump-07/", NULL);
  g_autoptr(BrevetClaims) unnamed = claim_resource (SCOPE "/registrations/" DEVICE, "");
  g_autoptr(BrevetClaims) misnamed = claim_resource (SCOPE "/registrations/" DEVICE, "provisioningserviceowner");
  g_autoptr(BrevetClaims) other_scope = claim_resource ("0ne000FFFFF/registrations/" DEVICE, "registration");
  g_autoptr(BrevetClaims) whole_scope = claim_resource (SCOPE "/registrations", "registration");
  g_autoptr(BrevetClaims) hub = claim_resource ("hub1.example.net/devices/" DEVICE, NULL);

  assert_credential (attestation, lower, "primary key");
  assert_credential (attestation, unnamed, "primary key");
  assert_rejected (attestation, misnamed, "“registration”");
  assert_rejected (attestation, other_scope,
                   "for “0ne000FFFFF/registrations/pump-07”, not for “0ne000A1B2C/registrations/pump-07”");
  assert_rejected (attestation, whole_scope, "not for");
  assert_rejected (attestation, hub, "hub1.example.net");
}

static void
test_prepare (void)
{
  g_autoptr(BrevetVerifier) verifier = create_verifier ();
  g_autoptr(BrevetAttestation) empty = suite_want (FALSE);
  g_autoptr(BrevetAttestation) created = verifier_suite_prepare (verifier, empty, NULL);
  g_autoptr(BrevetAttestation) kept = verifier_suite_prepare (verifier, empty, created);
  g_autoptr(BrevetAttestation) one = attestation_of (FALSE, NULL, KEY_B);
  g_autoptr(BrevetAttestation) mixed = verifier_suite_prepare (verifier, one, created);
  g_autoptr(BrevetAttestation) half = verifier_suite_prepare (verifier, one, NULL);
  gsize length;
  g_autofree guchar *key = g_base64_decode (key_of (created, "primaryKey"), &length);

  g_assert_cmpuint (length, ==, 64);
  g_assert_cmpstr (key_of (created, "primaryKey"), !=, key_of (created, "secondaryKey"));
  g_assert_cmpstr (key_of (kept, "primaryKey"), ==, key_of (created, "primaryKey"));
  g_assert_cmpstr (key_of (kept, "secondaryKey"), ==, key_of (created, "secondaryKey"));
  g_assert_cmpstr (key_of (mixed, "primaryKey"), ==, key_of (created, "primaryKey"));
  g_assert_cmpstr (key_of (mixed, "secondaryKey"), ==, KEY_B);
  g_assert_cmpstr (key_of (half, "secondaryKey"), ==, KEY_B);
  g_assert_cmpuint (strlen (key_of (half, "primaryKey")), ==, 88);
}

static void
assert_key_refused (const char *primary, const char *secondary, const char *member)
{
  g_autoptr(BrevetVerifier) verifier = create_verifier ();
  g_autoptr(BrevetAttestation) wanted = attestation_of (FALSE, primary, secondary);
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_verifier_prepare (verifier, wanted, NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, member));
}

static void
test_own_keys (void)
{
  g_autofree char *shortest = g_base64_encode ((const guchar *) "0123456789abcdef", 16);
  g_autofree char *too_short = g_base64_encode ((const guchar *) "0123456789abcdef", 15);
  g_autofree guchar *bytes = g_malloc0 (65);
  g_autofree char *longest = g_base64_encode (bytes, 64);
  g_autofree char *too_long = g_base64_encode (bytes, 65);
  g_autoptr(BrevetVerifier) verifier = create_verifier ();
  g_autoptr(BrevetAttestation) wanted = attestation_of (FALSE, shortest, longest);
  g_autoptr(BrevetAttestation) prepared = verifier_suite_prepare (verifier, wanted, NULL);
  g_autoptr(JsonObject) numbers = json_object_new ();
  g_autoptr(BrevetAttestation) number = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_cmpstr (key_of (prepared, "primaryKey"), ==, shortest);
  assert_key_refused (too_short, NULL, "primaryKey");
  assert_key_refused (NULL, too_long, "secondaryKey");
  assert_key_refused ("", NULL, "primaryKey");
  assert_key_refused ("hello world", NULL, "primaryKey");

  json_object_set_int_member (numbers, "primaryKey", 5);
  number = brevet_attestation_new ("symmetricKey", FALSE, numbers);
  g_assert_null (brevet_verifier_prepare (verifier, number, NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
}

static void
test_prover_token (void)
{
  g_autoptr(BrevetProver) prover = prover_with ("key", KEY_A);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEvidence) evidence = verifier_suite_prove (prover, SCOPE, DEVICE, NULL, &error);
  g_autoptr(JsonObject) challenge = json_object_new ();

  g_assert_no_error (error);
  g_assert_nonnull (strstr (brevet_evidence_get_token (evidence), "sr=0ne000A1B2C%2Fregistrations%2Fpump-07&"));
  g_assert_true (g_str_has_suffix (brevet_evidence_get_token (evidence), "&se=1893459600&skn=registration"));

  g_assert_null (verifier_suite_prove (prover, SCOPE, DEVICE, challenge, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
}

static void
assert_settings_refused (const char *key, const char *value, const char *other_key, const char *other_value, const char *needle)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("identity", "test", NULL);
  g_autoptr(GError) error = NULL;

  if (key != NULL)
    brevet_settings_set (settings, key, value, "dps.conf:3");
  if (other_key != NULL)
    brevet_settings_set (settings, other_key, other_value, "dps.conf:4");
  g_assert_null (create_prover (settings, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, needle));
  g_assert_null (strstr (error->message, KEY_A));
}

static void
test_prover_settings (void)
{
  g_autofree char *path = NULL;
  g_autoptr(BrevetProver) prover = NULL;
  g_autoptr(GError) error = NULL;
  int fd = g_file_open_tmp ("symmetric-key-XXXXXX", &path, &error);

  g_assert_no_error (error);
  g_assert_true (g_close (fd, NULL));
  g_assert_true (g_file_set_contents (path, KEY_A "\n", -1, NULL));
  prover = prover_with ("key-file", path);
  g_assert_cmpint (g_remove (path), ==, 0);

  assert_settings_refused (NULL, NULL, NULL, NULL, "key-file");
  assert_settings_refused ("key", KEY_A, "group-key", KEY_B, "one of the two");
  assert_settings_refused ("key", "hello world", NULL, NULL, "base64");
  assert_settings_refused ("key-file", "/nonexistent/key", NULL, NULL, "/nonexistent/key");
  assert_settings_refused ("key", KEY_A, "token-lifetime", "soon", "token-lifetime");
  assert_settings_refused ("key", KEY_A, "token-lifetime", "1s", "token-lifetime");
}

int
main (int argc, char **argv)
{
  brevet_clock_set_source (tell_time, NULL);
  g_test_init (&argc, &argv, NULL);
  verifier_suite_add (&suite);
  g_test_add_func ("/symmetric-key/individual", test_individual);
  g_test_add_func ("/symmetric-key/group", test_group);
  g_test_add_func ("/symmetric-key/group-spelling", test_group_spelling);
  g_test_add_func ("/symmetric-key/expiry", test_expiry);
  g_test_add_func ("/symmetric-key/audience", test_audience);
  g_test_add_func ("/symmetric-key/prepare", test_prepare);
  g_test_add_func ("/symmetric-key/own-keys", test_own_keys);
  g_test_add_func ("/symmetric-key/prover-token", test_prover_token);
  g_test_add_func ("/symmetric-key/prover-settings", test_prover_settings);
  return g_test_run ();
}
