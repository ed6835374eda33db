/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-attestation.h"

#include <string.h>

#define INDIVIDUAL "{\"clientCertificates\":{\"primary\":{\"certificate\":\"@1\"}}}"
#define BOTH       "{\"clientCertificates\":{\"primary\":{\"certificate\":\"@1\"},\"secondary\":{\"certificate\":\"@2\"}}}"
#define GROUP      "{\"signingCertificates\":{\"primary\":{\"certificate\":\"@1\"}}}"

/* Everybody whom the suite has enrolled: it hands back what was stored, and the key is needed. */
static GPtrArray *enrolled;

static BrevetAttestation *
suite_want (gboolean is_group)
{
  X509Party *party = x509_party_new (NULL, is_group, is_group ? "Line 4" : X509_DEVICE, NULL, NULL);

  g_ptr_array_add (enrolled, party);
  return x509_attestation (is_group, is_group ? GROUP : INDIVIDUAL, party, NULL);
}

static X509Party *
find_party (BrevetAttestation *stored)
{
  const char *form = brevet_attestation_is_group (stored) ? "signingCertificates" : "clientCertificates";
  JsonObject *pair = json_object_get_object_member (brevet_attestation_get_parameters (stored), form);
  const char *pem = json_object_get_string_member (json_object_get_object_member (pair, "primary"), "certificate");
  g_autoptr(BrevetCertificate) certificate = brevet_certificate_new_from_pem (pem, NULL);

  for (guint i = 0; i < enrolled->len; i++)
    if (brevet_certificate_equal (((X509Party *) enrolled->pdata[i])->certificate, certificate))
      return enrolled->pdata[i];
  g_assert_not_reached ();
}

static BrevetClaims *
suite_present (BrevetAttestation *stored, const char *id_scope, const char *registration_id)
{
  X509Party *party = find_party (stored);
  g_autoptr(X509Party) other = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  BrevetClaims *claims;

  if (brevet_attestation_is_group (stored) || !g_str_equal (registration_id, X509_DEVICE))
    other = x509_party_new (party->is_ca ? party : NULL, FALSE, registration_id, NULL, NULL);
  chain = x509_present (other != NULL ? other : party, NULL);
  claims = x509_claim (registration_id, chain);
  brevet_claims_set_device (claims, id_scope, registration_id);
  return claims;
}

static char **
suite_list_secrets (BrevetAttestation *stored)
{
  X509Party *party = find_party (stored);
  g_autofree char *pem = brevet_certificate_to_pem (party->certificate);
  GBytes *der = brevet_certificate_get_der (party->certificate);
  g_autofree char *base64 = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));

  return g_strdupv ((char *[]) { pem, base64, (char *) "BEGIN CERTIFICATE", NULL });
}

static BrevetAttestation *
suite_damage (BrevetAttestation *stored)
{
  gboolean is_group = brevet_attestation_is_group (stored);
  const char *json = is_group ? "{\"signingCertificates\":{\"primary\":{\"certificate\":\"damaged\"}}}"
                              : "{\"clientCertificates\":{\"primary\":{\"certificate\":\"damaged\"}}}";

  return x509_attestation (is_group, json, NULL);
}

static const VerifierSuite suite = {
  .name = "x509",
  .has_groups = TRUE,
  .any_scope = TRUE,
  .create = x509_create_verifier,
  .want = suite_want,
  .present = suite_present,
  .list_secrets = suite_list_secrets,
  .damage = suite_damage,
};

/* What only this mechanism promises. */

static void
test_individual (void)
{
  const X509Spec weak = { .digest = GNUTLS_DIG_SHA1, .no_purpose = TRUE, .usage = GNUTLS_KEY_KEY_AGREEMENT };
  const X509Spec odd = { .common_name = "pump 07" };
  g_autoptr(X509Party) self_signed = x509_party_new (NULL, TRUE, X509_DEVICE, &weak, NULL);
  g_autoptr(X509Party) issuer = x509_party_new (NULL, TRUE, "Factory", NULL, NULL);
  g_autoptr(X509Party) issued = x509_party_new (issuer, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(X509Party) renewed = x509_party_new (issuer, FALSE, X509_DEVICE, NULL, issued);
  g_autoptr(X509Party) odd_name = x509_party_new (NULL, FALSE, NULL, &odd, NULL);
  g_autoptr(BrevetAttestation) attestation = x509_enroll (FALSE, BOTH, self_signed, issued, NULL);
  g_autoptr(BrevetAttestation) odd_attestation = x509_enroll (FALSE, INDIVIDUAL, odd_name, NULL);
  g_autoptr(BrevetChain) first = x509_present (self_signed, NULL);
  g_autoptr(BrevetChain) second = x509_present (issued, issuer, NULL);
  g_autoptr(BrevetChain) third = x509_present (renewed, issuer, NULL);
  g_autoptr(BrevetChain) odd_chain = x509_present (odd_name, NULL);
  g_autofree char *one = x509_accept (attestation, X509_DEVICE, first);
  g_autofree char *two = x509_accept (attestation, "PUMP-07", second);

  g_assert_cmpstr (one, ==, "primary certificate");
  g_assert_cmpstr (two, ==, "secondary certificate");
  x509_refuse (attestation, X509_DEVICE, third, BREVET_ERROR_REJECTED, "neither the primary nor the secondary");
  x509_refuse (attestation, "pump-08", first, BREVET_ERROR_REJECTED, "for the device “pump-07”, not for “pump-08”");
  x509_refuse (odd_attestation, X509_DEVICE, odd_chain, BREVET_ERROR_REJECTED, "has the character 0x20");
  x509_refuse (attestation, X509_DEVICE, NULL, BREVET_ERROR_REJECTED, "There is no client certificate");

  x509_now_offset = 101 * X509_PKI_DAY;
  x509_refuse (attestation, X509_DEVICE, first, BREVET_ERROR_REJECTED, "“CN=pump-07” expired at 2030-04-11T00:00:00Z");
  x509_now_offset = -2 * X509_PKI_DAY;
  x509_refuse (attestation, X509_DEVICE, first, BREVET_ERROR_REJECTED, "“CN=pump-07” is not valid before 2029-12-31T00:00:00Z");
  x509_now_offset = 0;
}

static JsonObject *
prepare (gboolean is_group, BrevetAttestation *wanted, BrevetAttestation *stored)
{
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(GError) error = NULL;
  JsonObject *prepared = brevet_verifier_prepare (verifier, wanted, stored, &error);

  g_assert_no_error (error);
  return prepared;
}

static void
assert_slot (JsonObject *parameters, const char *form, const char *slot, X509Party *party)
{
  JsonObject *pair = json_object_get_object_member (parameters, form);
  g_autoptr(BrevetCertificate) certificate = NULL;

  if (party == NULL)
    {
      g_assert_false (json_object_has_member (pair, slot));
      return;
    }
  certificate = brevet_certificate_new_from_pem (
    json_object_get_string_member (json_object_get_object_member (pair, slot), "certificate"), NULL);
  g_assert_true (brevet_certificate_equal (certificate, party->certificate));
}

/* How operators roll certificates: read, edit, write back. */
static void
test_rolling (void)
{
  g_autoptr(X509Party) old = x509_party_new (NULL, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(X509Party) next = x509_party_new (NULL, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(BrevetAttestation) stored = x509_enroll (FALSE, BOTH, old, next, NULL);
  g_autoptr(JsonObject) shown = brevet_verifier_describe (verifier, stored);
  JsonObject *pair = json_object_get_object_member (shown, "clientCertificates");
  g_autoptr(BrevetAttestation) written = brevet_attestation_new ("x509", FALSE, shown);
  g_autoptr(JsonObject) same = prepare (FALSE, written, stored);
  g_autoptr(JsonObject) swapped = NULL, single = NULL, cleared = NULL;
  g_autoptr(BrevetAttestation) replaced = x509_attestation (
    FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":\"@1\",\"info\":{\"version\":3}},\"secondary\":null}}", next,
    NULL);
  JsonNode *primary;

  assert_slot (same, "clientCertificates", "primary", old);
  assert_slot (same, "clientCertificates", "secondary", next);

  primary = json_node_copy (json_object_get_member (pair, "primary"));
  json_object_set_member (pair, "primary", json_node_copy (json_object_get_member (pair, "secondary")));
  json_object_set_member (pair, "secondary", primary);
  swapped = prepare (FALSE, written, stored);
  assert_slot (swapped, "clientCertificates", "primary", next);
  assert_slot (swapped, "clientCertificates", "secondary", old);

  json_object_remove_member (pair, "secondary");
  single = prepare (FALSE, written, stored);
  assert_slot (single, "clientCertificates", "primary", next);
  assert_slot (single, "clientCertificates", "secondary", NULL);

  cleared = prepare (FALSE, replaced, stored);
  assert_slot (cleared, "clientCertificates", "primary", next);
  assert_slot (cleared, "clientCertificates", "secondary", NULL);
}

static void
test_info (void)
{
  g_autoptr(X509Party) root = x509_party_new (NULL, TRUE, "Line 4", NULL, NULL);
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(BrevetAttestation) stored = x509_enroll (TRUE, GROUP, root, NULL);
  g_autoptr(JsonObject) shown = brevet_verifier_describe (verifier, stored);
  JsonObject *slot = json_object_get_object_member (json_object_get_object_member (shown, "signingCertificates"), "primary");
  JsonObject *info = json_object_get_object_member (slot, "info");
  g_autofree char *sha1 = g_ascii_strup (brevet_certificate_get_sha1 (root->certificate), -1);
  g_autofree char *sha256 = g_ascii_strup (brevet_certificate_get_sha256 (root->certificate), -1);
  g_auto(GStrv) keys = brevet_verifier_dup_subject_keys (verifier, stored);

  g_assert_cmpuint (json_object_get_size (slot), ==, 1);
  g_assert_cmpuint (json_object_get_size (info), ==, 8);
  g_assert_cmpstr (json_object_get_string_member (info, "subjectName"), ==, "CN=Line 4");
  g_assert_cmpstr (json_object_get_string_member (info, "issuerName"), ==, "CN=Line 4");
  g_assert_cmpstr (json_object_get_string_member (info, "sha1Thumbprint"), ==, sha1);
  g_assert_cmpstr (json_object_get_string_member (info, "sha256Thumbprint"), ==, sha256);
  g_assert_cmpstr (json_object_get_string_member (info, "notBeforeUtc"), ==, "2029-12-31T00:00:00Z");
  g_assert_cmpstr (json_object_get_string_member (info, "notAfterUtc"), ==, "2030-04-11T00:00:00Z");
  g_assert_cmpstr (json_object_get_string_member (info, "serialNumber"), ==, brevet_certificate_get_serial (root->certificate));
  g_assert_cmpint (json_object_get_int_member (info, "version"), ==, 3);

  g_assert_cmpuint (g_strv_length (keys), ==, 1);
  g_assert_cmpstr (keys[0], ==, brevet_certificate_get_subject_sha256 (root->certificate));
  g_assert_null (brevet_verifier_dup_references (verifier, stored));
}

/* What the assigned device of a group is told. */
static void
test_verdict (void)
{
  g_autoptr(X509Party) root = x509_party_new (NULL, TRUE, "Line 4", NULL, NULL);
  g_autoptr(X509Party) leaf = x509_party_new (root, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(BrevetAttestation) group = x509_enroll (TRUE, GROUP, root, NULL);
  g_autoptr(BrevetChain) chain = x509_present (leaf, NULL);
  g_autoptr(BrevetClaims) claims = x509_claim (X509_DEVICE, chain);
  g_autoptr(BrevetVerdict) verdict = verifier_suite_verify (verifier, group, claims, NULL);
  JsonObject *parameters = brevet_verdict_get_parameters (verdict);

  g_assert_cmpstr (json_object_get_string_member (json_object_get_object_member (parameters, "certificateInfo"), "subjectName"), ==,
                   "CN=pump-07");
  g_assert_cmpstr (json_object_get_string_member (json_object_get_object_member (parameters, "signingCertificateInfo"),
                                                  "subjectName"), ==, "CN=Line 4");
}

static void
test_pem (void)
{
  g_autoptr(X509Party) root = x509_party_new (NULL, TRUE, "Line 4", NULL, NULL);
  g_autofree char *pem = brevet_certificate_to_pem (root->certificate);
  g_autofree char *escaped = g_strescape (pem, NULL);
  g_autofree char *json = g_strdup_printf ("{\"signingCertificates\":{\"primary\":{\"certificate\":\"%s\"}}}", escaped);
  g_autofree char *twice =
    g_strdup_printf ("{\"signingCertificates\":{\"primary\":{\"certificate\":\"%s%s\"}}}", escaped, escaped);
  g_autoptr(BrevetAttestation) wanted = x509_attestation (TRUE, json, NULL);
  g_autoptr(BrevetAttestation) two = x509_attestation (TRUE, twice, NULL);
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(JsonObject) prepared = prepare (TRUE, wanted, NULL);
  g_autoptr(GError) error = NULL;

  assert_slot (prepared, "signingCertificates", "primary", root);
  g_assert_null (brevet_verifier_prepare (verifier, two, NULL, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
}

/* Whatever a CA certificate may be called, a group can refer to it. */
static void
test_reference_names (void)
{
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(BrevetAttestation) wanted =
    x509_attestation (TRUE, "{\"caReferences\":{\"primary\":\"-root_\",\"secondary\":\"Plant.Root\"}}", NULL);
  g_autoptr(BrevetAttestation) stored = verifier_suite_prepare (verifier, wanted, NULL);
  g_auto(GStrv) names = brevet_verifier_dup_references (verifier, stored);

  g_assert_cmpuint (g_strv_length (names), ==, 2);
  g_assert_cmpstr (names[0], ==, "-root_");
  g_assert_cmpstr (names[1], ==, "Plant.Root");
}

typedef struct {
  const char *name;
  gboolean is_group;
  gboolean has_stored;
  const char *json;
  const char *reason;
} Refusal;

/* @1 a device, @2 a CA, @3 a CA that may not sign, @4 a device with a weak key, @5 a device that is a server */
static const Refusal refusals[] = {
  { "nothing", FALSE, FALSE, "{}", "must have “clientCertificates”" },
  { "nothing-group", TRUE, FALSE, "{}", "must have “signingCertificates” or “caReferences”" },
  { "null", TRUE, FALSE, "{\"signingCertificates\":null}", "must have “signingCertificates” or “caReferences”" },
  { "both-forms", TRUE, FALSE,
    "{\"signingCertificates\":{\"primary\":{\"certificate\":\"@2\"}},\"caReferences\":{\"primary\":\"root\"}}",
    "“x509.caReferences” excludes “x509.signingCertificates”" },
  { "client-in-group", TRUE, FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":\"@1\"}}}",
    "“x509.clientCertificates” is for individual enrollments only" },
  { "signing-in-individual", FALSE, FALSE, "{\"signingCertificates\":{\"primary\":{\"certificate\":\"@2\"}}}",
    "“x509.signingCertificates” is for enrollment groups only" },
  { "reference-in-individual", FALSE, FALSE, "{\"caReferences\":{\"primary\":\"root\"}}",
    "“x509.caReferences” is for enrollment groups only" },
  { "no-primary", FALSE, FALSE, "{\"clientCertificates\":{\"secondary\":{\"certificate\":\"@1\"}}}",
    "“x509.clientCertificates.primary” is missing" },
  { "no-primary-reference", TRUE, FALSE, "{\"caReferences\":{\"secondary\":\"root\"}}", "“x509.caReferences.primary” is missing" },
  { "primary-removed", FALSE, TRUE, "{\"clientCertificates\":{\"primary\":null}}",
    "“x509.clientCertificates.primary” is missing" },
  { "bad-reference", TRUE, FALSE, "{\"caReferences\":{\"primary\":\"../root\"}}", "“x509.caReferences.primary” is no name" },
  { "number", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":5}}}", "x509.clientCertificates.primary" },
  { "string", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":\"@1\"}}", "x509.clientCertificates" },
  { "list", FALSE, FALSE, "{\"clientCertificates\":[]}", "clientCertificates" },
  { "empty-slot", FALSE, TRUE, "{\"clientCertificates\":{\"primary\":{}}}", "has neither a certificate nor an info" },
  { "empty-text", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":\"\"}}}",
    "“x509.clientCertificates.primary” holds no certificate" },
  { "garbage", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":\"hello world!\"}}}",
    "neither PEM nor base64" },
  { "no-der", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":\"aGVsbG8=\"}}}", "not an X.509 certificate" },
  { "cut", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":\"-----BEGIN CERTIFICATE-----\\nMIIB\"}}}",
    "cut off" },
  { "info-alone", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":{\"info\":{\"version\":3}}}}",
    "has an info, but no certificate" },
  { "info-of-another", FALSE, TRUE, "{\"clientCertificates\":{\"primary\":{\"info\":{\"sha256Thumbprint\":\"00\"}}}}",
    "has an info, but no certificate" },
  { "info-of-empty-slot", FALSE, TRUE,
    "{\"clientCertificates\":{\"primary\":{\"certificate\":\"@1\"},\"secondary\":{\"info\":{}}}}",
    "“x509.clientCertificates.secondary” has an info" },
  { "signing-no-ca", TRUE, FALSE, "{\"signingCertificates\":{\"primary\":{\"certificate\":\"@1\"}}}",
    "“x509.signingCertificates.primary” cannot be used: The certificate “CN=pump-07” is not a CA certificate" },
  { "signing-no-sign", TRUE, FALSE,
    "{\"signingCertificates\":{\"primary\":{\"certificate\":\"@2\"},\"secondary\":{\"certificate\":\"@3\"}}}",
    "“x509.signingCertificates.secondary” cannot be used: The certificate “CN=No Signer” has a keyUsage without keyCertSign" },
  { "weak-key", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":\"@4\"}}}", "weak public key" },
  { "server-only", FALSE, FALSE, "{\"clientCertificates\":{\"primary\":{\"certificate\":\"@5\"}}}",
    "extendedKeyUsage without clientAuth" },
};

static void
test_refusal (gconstpointer data)
{
  const Refusal *row = data;
  const X509Spec no_sign = { .usage = GNUTLS_KEY_CRL_SIGN };
  const X509Spec weak_key = { .algorithm = GNUTLS_PK_RSA, .bits = 1024 };
  const X509Spec server_only = { .purpose = GNUTLS_KP_TLS_WWW_SERVER };
  g_autoptr(X509Party) device = x509_party_new (NULL, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(X509Party) ca = x509_party_new (NULL, TRUE, "Line 4", NULL, NULL);
  g_autoptr(X509Party) no_signer = x509_party_new (NULL, TRUE, "No Signer", &no_sign, NULL);
  g_autoptr(X509Party) weak = x509_party_new (NULL, FALSE, X509_DEVICE, &weak_key, NULL);
  g_autoptr(X509Party) server = x509_party_new (NULL, FALSE, X509_DEVICE, &server_only, NULL);
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(BrevetAttestation) stored = row->has_stored ? x509_enroll (FALSE, INDIVIDUAL, device, NULL) : NULL;
  g_autoptr(BrevetAttestation) wanted
    = x509_attestation (row->is_group, row->json, device, ca, no_signer, weak, server, NULL);
  g_autoptr(GError) error = NULL;

  g_assert_null (brevet_verifier_prepare (verifier, wanted, stored, &error));
  g_test_message ("%s", error->message);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_nonnull (strstr (error->message, row->reason));
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  x509_stop_clock ();
  enrolled = g_ptr_array_new_with_free_func ((GDestroyNotify) x509_party_free);
  verifier_suite_add (&suite);
  g_test_add_func ("/x509/individual", test_individual);
  g_test_add_func ("/x509/rolling", test_rolling);
  g_test_add_func ("/x509/info", test_info);
  g_test_add_func ("/x509/verdict", test_verdict);
  g_test_add_func ("/x509/pem", test_pem);
  g_test_add_func ("/x509/reference-names", test_reference_names);
  for (gsize i = 0; i < G_N_ELEMENTS (refusals); i++)
    {
      g_autofree char *path = g_strdup_printf ("/x509/prepare/%s", refusals[i].name);

      g_test_add_data_func (path, &refusals[i], test_refusal);
    }
  status = g_test_run ();
  g_ptr_array_unref (enrolled);
  return status;
}
