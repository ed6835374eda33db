/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What every verifier must do, and what an operator may write into an enrollment. */

#include "tpm-world.h"
#include "verifier-suite.h"

#include "brevet-error.h"
#include "brevet-sas-token.h"
#include "brevet-tpm-cipher.h"

#include <string.h>

static void
assert_cannot_prepare (BrevetVerifier *verifier, BrevetAttestation *wanted, const char *reason)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(JsonObject) prepared = brevet_verifier_prepare (verifier, wanted, NULL, &error);

  g_assert_null (prepared);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, reason));
}

static void
test_prepare (void)
{
  static const char curve[] = "AFoAIwALAAMEcgAAAAYAgABDABAAAwAQACBaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWgAgWlpaWlpaWlpa"
                              "WlpaWlpaWlpaWlpaWlpaWlpaWlpaWlo=";
  const char *endorsement_key = software_tpm_get_endorsement_key (tpm_world_tpms[0]);
  g_autoptr(BrevetVerifier) verifier = tpm_world_create_verifier ();
  g_autoptr(BrevetAttestation) none = brevet_attestation_new ("tpm", FALSE, NULL);
  g_autoptr(BrevetAttestation) curved = tpm_world_want (curve, NULL);
  g_autoptr(BrevetAttestation) bad_root = tpm_world_want (endorsement_key, "AAAA");
  g_autoptr(BrevetAttestation) good = tpm_world_want (endorsement_key, software_tpm_get_storage_root_key (tpm_world_tpms[0]));
  g_autoptr(BrevetAttestation) group = brevet_attestation_new ("tpm", TRUE, brevet_attestation_get_parameters (good));
  g_autoptr(JsonObject) strange = tpm_world_make_parameters (endorsement_key, NULL);
  g_autoptr(BrevetAttestation) with_certificate = NULL;
  g_autoptr(BrevetAttestation) stored = NULL;
  g_autoptr(JsonObject) shown = NULL;
  g_autoptr(JsonObject) revealed = NULL;

  assert_cannot_prepare (verifier, none, "tpm.endorsementKey");
  assert_cannot_prepare (verifier, curved, "elliptic curve");
  assert_cannot_prepare (verifier, bad_root, "tpm.storageRootKey");
  assert_cannot_prepare (verifier, group, "individual");
  json_object_set_string_member (strange, "endorsementCertificate", "AAAA");
  with_certificate = brevet_attestation_new ("tpm", FALSE, strange);
  assert_cannot_prepare (verifier, with_certificate, "tpm.endorsementCertificate");

  stored = verifier_suite_prepare (verifier, good, NULL);
  shown = brevet_verifier_describe (verifier, stored);
  g_assert_cmpstr (json_object_get_string_member (shown, "endorsementKey"), ==, endorsement_key);
  g_assert_cmpstr (json_object_get_string_member (shown, "storageRootKey"), ==,
                   software_tpm_get_storage_root_key (tpm_world_tpms[0]));
  g_assert_cmpuint (json_object_get_size (shown), ==, 2);
  revealed = brevet_verifier_reveal (verifier, stored);
  g_assert_true (json_object_has_member (revealed, "hubKey"));
  g_assert_false (json_object_has_member (revealed, "hubSecret"));
}

static void
test_needs_body (void)
{
  g_autoptr(BrevetVerifier) verifier = tpm_world_create_verifier ();
  g_autoptr(BrevetClaims) nothing = tpm_world_make_claims (NULL, NULL, NULL);
  g_autoptr(BrevetClaims) token = tpm_world_make_claims ("SharedAccessSignature x", NULL, NULL);

  g_assert_true (brevet_verifier_needs_body (verifier, nothing));
  g_assert_false (brevet_verifier_needs_body (verifier, token));
  g_assert_true (brevet_verifier_has_memory (verifier));
}

/* For the suite: a device that has been challenged, with a key that can be told from its enrollment. */
static BrevetSecret *
get_suite_key (BrevetAttestation *stored)
{
  const char *text = json_object_get_string_member (brevet_attestation_get_parameters (stored), "endorsementKey");
  guint8 digest[BREVET_TPM_DIGEST_SIZE];

  brevet_tpm_sha256 (text, strlen (text), NULL, 0, digest);
  return brevet_secret_new (digest, sizeof digest);
}

static SoftwareTpm *
find_tpm (BrevetAttestation *stored)
{
  const char *text = json_object_get_string_member (brevet_attestation_get_parameters (stored), "endorsementKey");

  return strcmp (text, software_tpm_get_endorsement_key (tpm_world_tpms[0])) == 0 ? tpm_world_tpms[0] : tpm_world_tpms[1];
}

static BrevetAttestation *
complete (BrevetAttestation *stored)
{
  const char *text = json_object_get_string_member (brevet_attestation_get_parameters (stored), "endorsementKey");
  g_autoptr(BrevetSecret) key = get_suite_key (stored);
  g_autofree char *key_text = brevet_secret_to_base64 (key);
  g_autofree char *fingerprint = g_compute_checksum_for_string (G_CHECKSUM_SHA256, text, -1);
  g_autofree char *memory = g_strdup_printf ("{\"endorsementKeySha256\": \"%s\", \"storageRootKeys\": [\"%s\"],"
                                             " \"keys\": [{\"key\": \"%s\", \"created\": %" G_GINT64_FORMAT "}]}",
                                             fingerprint, software_tpm_get_storage_root_key (find_tpm (stored)), key_text,
                                             tpm_world_now);
  g_autoptr(JsonNode) node = json_from_string (memory, NULL);

  return brevet_attestation_complete (stored, NULL, json_node_get_object (node));
}

static BrevetAttestation *
want (gboolean is_group)
{
  static guint calls;

  return tpm_world_want (software_tpm_get_endorsement_key (tpm_world_tpms[calls++ % 2]), NULL);
}

static BrevetClaims *
present (BrevetAttestation *stored, const char *id_scope, const char *registration_id)
{
  g_autoptr(BrevetSecret) identity_key = get_suite_key (stored);
  g_autoptr(BrevetSecret) key = brevet_sas_derive_key (identity_key, software_tpm_get_storage_root_key (find_tpm (stored)));
  g_autofree char *resource = g_strdup_printf ("%s/registrations/%s", id_scope, registration_id);
  g_autofree char *token = brevet_sas_token_create (resource, key, tpm_world_now + 1800, "registration");
  BrevetClaims *claims = brevet_claims_new ();

  brevet_claims_set_device (claims, id_scope, registration_id);
  brevet_claims_set_token (claims, token);
  return claims;
}

static char **
list_secrets (BrevetAttestation *stored)
{
  JsonObject *parameters = brevet_attestation_get_parameters (stored);
  const char *secrets[] = { json_object_get_string_member (parameters, "hubSecret"), NULL };

  return g_strdupv ((char **) secrets);
}

static BrevetAttestation *
damage (BrevetAttestation *stored)
{
  g_autoptr(JsonObject) parameters = json_object_new ();

  json_object_set_string_member (parameters, "endorsementKey", "AAAA");
  json_object_set_string_member (parameters, "hubSecret", "AAAA");
  return brevet_attestation_new ("tpm", FALSE, parameters);
}

static const VerifierSuite suite = {
  .name = "tpm",
  .create = tpm_world_create_verifier,
  .want = want,
  .present = present,
  .complete = complete,
  .list_secrets = list_secrets,
  .damage = damage,
};

static void
add_tests (void)
{
  verifier_suite_add (&suite);
  g_test_add_func ("/tpm/prepare", test_prepare);
  g_test_add_func ("/tpm/needs-body", test_needs_body);
}

int
main (int argc, char **argv)
{
  return tpm_world_run (argc, argv, add_tests);
}
