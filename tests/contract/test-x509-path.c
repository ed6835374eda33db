/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-attestation.h"

#include <string.h>

#define GROUP "{\"signingCertificates\":{\"primary\":{\"certificate\":\"@1\"}}}"
#define OTHER_CLIENT "1.3.6.1.4.1.55555.1"
#define DAY X509_PKI_DAY
#define RAW(text) .raw_name = text, .raw_name_size = sizeof text - 1

/* Who of the chain is not as it should be. */
typedef enum {
  NOBODY,
  UPPER, /* the group's signing certificate, an intermediate below a root that nobody sends */
  MIDDLE,
  LOWER,
  LEAF,
} Place;

typedef struct {
  const char *name;
  Place place;
  X509Spec spec;
  int code; /* of BrevetError, or -1: accepted */
  const char *reason;
} Row;

static const Row rows[] = {
  { "good", NOBODY, { 0 }, -1, NULL },
  { "any-purpose", LEAF, { .purpose = "2.5.29.37.0" }, -1, NULL },
  { "no-purpose", LEAF, { .no_purpose = TRUE }, -1, NULL },
  { "client-and-server", LEAF, { .second_purpose = GNUTLS_KP_TLS_WWW_SERVER }, -1, NULL },
  { "rsa", LEAF, { .algorithm = GNUTLS_PK_RSA, .bits = 2048 }, -1, NULL },
  { "dash-at-the-end", LEAF, { .common_name = "pump-" }, BREVET_ERROR_REJECTED, "is for the device “pump-”, not for “pump-07”" },
  { "other-case", LEAF, { .common_name = "PUMP-07" }, -1, NULL },
  { "printable-string", LEAF, { RAW ("\x13\x07pump-07") }, -1, NULL },
  { "path-length-reached", UPPER, { .path_length = 3 }, -1, NULL },

  { "expired", LEAF, { .until = -60 }, BREVET_ERROR_REJECTED, "certificate “CN=pump-07” expired at 2029-12-31T23:59:00Z" },
  { "early", LEAF, { .from = 60 }, BREVET_ERROR_REJECTED, "certificate “CN=pump-07” is not valid before 2030-01-01T00:01:00Z" },
  { "server-only", LEAF, { .purpose = GNUTLS_KP_TLS_WWW_SERVER }, BREVET_ERROR_REJECTED, "extendedKeyUsage without clientAuth" },
  { "no-signature", LEAF, { .usage = GNUTLS_KEY_KEY_AGREEMENT }, BREVET_ERROR_REJECTED, "keyUsage without digitalSignature" },
  { "weak-key", LEAF, { .algorithm = GNUTLS_PK_RSA, .bits = 1024 }, BREVET_ERROR_REJECTED, "weak public key: RSA with 1024 bits" },
  { "sha1", LEAF, { .digest = GNUTLS_DIG_SHA1 }, BREVET_ERROR_REJECTED, "is signed with ECDSA-SHA1, which is not secure" },
  { "critical", LEAF, { .critical = OTHER_CLIENT }, BREVET_ERROR_REJECTED,
    "certificate “CN=pump-07” has the critical extension 1.3.6.1.4.1.55555.1, which is not understood" },

  { "lower-expired", LOWER, { .until = -60 }, BREVET_ERROR_REJECTED,
    "intermediate certificate “CN=Lower” expired at 2029-12-31T23:59:00Z" },
  { "lower-early", LOWER, { .from = 60 }, BREVET_ERROR_REJECTED, "intermediate certificate “CN=Lower” is not valid before" },
  { "lower-no-ca", LOWER, { .no_ca = TRUE }, BREVET_ERROR_REJECTED, "intermediate certificate “CN=Lower” is not a CA certificate" },
  { "lower-no-sign", LOWER, { .usage = GNUTLS_KEY_CRL_SIGN }, BREVET_ERROR_REJECTED,
    "intermediate certificate “CN=Lower” has a keyUsage without keyCertSign" },
  { "lower-server-only", LOWER, { .purpose = GNUTLS_KP_TLS_WWW_SERVER }, BREVET_ERROR_REJECTED,
    "intermediate certificate “CN=Lower” has an extendedKeyUsage without clientAuth" },
  { "lower-weak-key", LOWER, { .algorithm = GNUTLS_PK_RSA, .bits = 1024 }, BREVET_ERROR_REJECTED,
    "intermediate certificate “CN=Lower” has a weak public key" },
  { "lower-sha1", LOWER, { .digest = GNUTLS_DIG_SHA1 }, BREVET_ERROR_REJECTED, "“CN=Lower” is signed with ECDSA-SHA1" },
  { "lower-critical", LOWER, { .critical = OTHER_CLIENT }, BREVET_ERROR_REJECTED,
    "intermediate certificate “CN=Lower” has the critical extension" },
  { "middle-path-length", MIDDLE, { .path_length = 1 }, BREVET_ERROR_REJECTED,
    "too long for the intermediate certificate “CN=Middle”: 1 CA certificates are below it, and its path length constraint "
    "allows 0" },
  { "names-permitted", MIDDLE, { .permitted = "example.org" }, -1, NULL },

  { "upper-expired", UPPER, { .until = -60 }, BREVET_ERROR_REJECTED,
    "group's primary signing certificate “CN=Upper” expired at 2029-12-31T23:59:00Z" },
  { "upper-early", UPPER, { .from = 60 }, BREVET_ERROR_REJECTED,
    "group's primary signing certificate “CN=Upper” is not valid before 2030-01-01T00:01:00Z" },
  { "upper-critical", UPPER, { .critical = OTHER_CLIENT }, BREVET_ERROR_REJECTED,
    "group's primary signing certificate “CN=Upper” has the critical extension" },
  { "upper-path-length", UPPER, { .path_length = 2 }, BREVET_ERROR_REJECTED,
    "too long for the group's primary signing certificate “CN=Upper”: 2 CA certificates" },

  { "other-device", LEAF, { .common_name = "pump-08" }, BREVET_ERROR_REJECTED, "is for the device “pump-08”, not for “pump-07”" },
  { "no-name", LEAF, { .nameless = TRUE }, BREVET_ERROR_REJECTED, "has no common name" },
  { "two-names", LEAF, { .second_name = "pump-08" }, BREVET_ERROR_REJECTED, "has 2 common names" },
  { "empty-name", LEAF, { RAW ("\x0c\x00") }, BREVET_ERROR_REJECTED, "common name is empty" },
  { "zero-inside", LEAF, { RAW ("\x0c\x09pump-07\0x") }, BREVET_ERROR_REJECTED, "zero byte inside" },
  { "zero-behind", LEAF, { RAW ("\x0c\x08pump-07\0") }, BREVET_ERROR_REJECTED, "zero byte inside" },
  { "bmp-string", LEAF, { RAW ("\x1e\x0e\0p\0u\0m\0p\0-\0\x30\0\x37") }, BREVET_ERROR_REJECTED, "written as BMPString" },
  { "no-text", LEAF, { RAW ("\x04\x07pump-07") }, BREVET_ERROR_REJECTED, "no text: its type has the tag 4" },
  { "too-long", LEAF, { RAW ("\x0c\x41" "01234567890123456789012345678901234567890123456789012345678901234") },
    BREVET_ERROR_REJECTED, "common name has 65 bytes; allowed are 64" },
  { "space", LEAF, { .common_name = "pump 07" }, BREVET_ERROR_REJECTED, "has the character 0x20" },
  { "slash", LEAF, { .common_name = "pump/07" }, BREVET_ERROR_REJECTED, "has the character 0x2f" },
  { "line-end", LEAF, { .common_name = "pump-07\n" }, BREVET_ERROR_REJECTED, "“pump-07\\n” has the character 0x0a" },
  { "umlaut", LEAF, { .common_name = "pümp-07" }, BREVET_ERROR_REJECTED, "outside of ASCII" },
  { "broken-utf-8", LEAF, { RAW ("\x0c\x07pump-0\xff") }, BREVET_ERROR_REJECTED, "outside of ASCII" },
  { "begins-with-dot", LEAF, { .common_name = ".pump-07" }, BREVET_ERROR_REJECTED, "does not begin with a letter or digit" },
  { "ends-with-dot", LEAF, { .common_name = "pump-07." }, BREVET_ERROR_REJECTED, "does not end with a letter, a digit or -" },
};

/* Root → upper → middle → lower → leaf, with what is wrong in one of them. */
static X509Party *parties[LEAF + 1];

static void
make_parties (Place place, const X509Spec *spec)
{
  static const char *const names[] = { "Root", "Upper", "Middle", "Lower", X509_DEVICE };

  for (int i = 0; i <= LEAF; i++)
    parties[i] = x509_party_new (i > 0 ? parties[i - 1] : NULL, i < LEAF, names[i], i > 0 && i == (int) place ? spec : NULL, NULL);
}

static void
clear_parties (void)
{
  for (int i = 0; i <= LEAF; i++)
    g_clear_pointer (&parties[i], x509_party_free);
}

static void
test_row (gconstpointer data)
{
  const Row *row = data;
  g_autoptr(BrevetAttestation) group = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autofree char *credential = NULL;

  make_parties (row->place, &row->spec);
  group = x509_enroll (TRUE, GROUP, parties[UPPER], NULL);
  chain = x509_present (parties[LEAF], parties[LOWER], parties[MIDDLE], NULL);
  if (row->code >= 0)
    x509_refuse (group, X509_DEVICE, chain, row->code, row->reason);
  else
    {
      credential = x509_accept (group, X509_DEVICE, chain);
      g_assert_cmpstr (credential, ==, "certificate signed by the group's primary certificate");
    }
  clear_parties ();
}

/* A signature that is not true leads nowhere, whatever the names say. */
static void
test_forged (void)
{
  g_autoptr(X509Party) forger = NULL, forged_leaf = NULL;
  g_autoptr(BrevetAttestation) group = NULL;
  g_autoptr(BrevetChain) chain = NULL, honest_issuer = NULL;

  make_parties (NOBODY, NULL);
  group = x509_enroll (TRUE, GROUP, parties[LOWER], NULL);
  forger = x509_party_new (NULL, TRUE, "Lower", NULL, NULL);
  forged_leaf = x509_party_new (forger, FALSE, X509_DEVICE, NULL, NULL);
  chain = x509_present (forged_leaf, forger, NULL);
  x509_refuse (group, X509_DEVICE, chain, BREVET_ERROR_NOT_FOUND,
               "names the group's primary signing certificate “CN=Lower” as an issuer, but was not signed with its key");
  honest_issuer = x509_present (forged_leaf, parties[LOWER], NULL);
  x509_refuse (group, X509_DEVICE, honest_issuer, BREVET_ERROR_NOT_FOUND, "was not signed with its key");
  clear_parties ();
}

static void
test_order (void)
{
  g_autoptr(X509Party) junk = NULL;
  g_autoptr(BrevetAttestation) group = NULL, top = NULL;
  g_autoptr(BrevetChain) jumbled = NULL, gap = NULL, with_root = NULL;
  g_autofree char *first = NULL, *second = NULL, *third = NULL;

  make_parties (NOBODY, NULL);
  junk = x509_party_new (NULL, TRUE, "Junk", NULL, NULL);
  group = x509_enroll (TRUE, GROUP, parties[UPPER], NULL);
  top = x509_enroll (TRUE, GROUP, parties[NOBODY], NULL);
  jumbled = x509_present (parties[LEAF], junk, parties[MIDDLE], parties[UPPER], parties[LOWER], parties[LOWER], NULL);
  first = x509_accept (group, X509_DEVICE, jumbled);
  second = x509_accept (top, X509_DEVICE, jumbled);
  with_root = x509_present (parties[LEAF], parties[LOWER], parties[MIDDLE], parties[UPPER], parties[NOBODY], NULL);
  third = x509_accept (group, X509_DEVICE, with_root);

  gap = x509_present (parties[LEAF], parties[MIDDLE], NULL);
  x509_refuse (group, X509_DEVICE, gap, BREVET_ERROR_NOT_FOUND, "“CN=pump-07”, issued by “CN=Lower”");
  clear_parties ();
}

/* One key, two certificates: what leads elsewhere or is over must not hide what is good. */
static void
test_twins (void)
{
  g_autoptr(X509Party) other_root = NULL, cross = NULL, old = NULL;
  g_autoptr(BrevetAttestation) group = NULL, other = NULL;
  g_autoptr(BrevetChain) chain = NULL, expired = NULL;
  g_autofree char *first = NULL, *second = NULL, *third = NULL;
  const X509Spec over = { .until = -60 };

  make_parties (NOBODY, NULL);
  other_root = x509_party_new (NULL, TRUE, "Other Root", NULL, NULL);
  cross = x509_party_new (other_root, TRUE, "Lower", NULL, parties[LOWER]);
  old = x509_party_new (parties[MIDDLE], TRUE, "Lower", &over, parties[LOWER]);
  group = x509_enroll (TRUE, GROUP, parties[MIDDLE], NULL);
  other = x509_enroll (TRUE, GROUP, other_root, NULL);
  chain = x509_present (parties[LEAF], cross, parties[LOWER], NULL);
  first = x509_accept (group, X509_DEVICE, chain);
  second = x509_accept (other, X509_DEVICE, chain);

  expired = x509_present (parties[LEAF], old, parties[LOWER], NULL);
  third = x509_accept (group, X509_DEVICE, expired);
  clear_parties ();
}

static void
test_names (void)
{
  const X509Spec permitted = { .permitted = "example.org" };
  const X509Spec inside = { .dns = "pump-07.example.org" };
  const X509Spec outside = { .dns = "pump-07.example.net" };
  g_autoptr(X509Party) good = NULL, bad = NULL;
  g_autoptr(BrevetAttestation) group = NULL;
  g_autoptr(BrevetChain) good_chain = NULL, bad_chain = NULL;
  g_autofree char *credential = NULL;

  make_parties (MIDDLE, &permitted);
  good = x509_party_new (parties[LOWER], FALSE, X509_DEVICE, &inside, NULL);
  bad = x509_party_new (parties[LOWER], FALSE, X509_DEVICE, &outside, NULL);
  group = x509_enroll (TRUE, GROUP, parties[UPPER], NULL);
  good_chain = x509_present (good, parties[LOWER], parties[MIDDLE], NULL);
  bad_chain = x509_present (bad, parties[LOWER], parties[MIDDLE], NULL);
  credential = x509_accept (group, X509_DEVICE, good_chain);
  x509_refuse (group, X509_DEVICE, bad_chain, BREVET_ERROR_REJECTED, "refused: the certificate breaks a constraint of its issuers");
  clear_parties ();
}

static void
test_two_certificates (void)
{
  g_autoptr(X509Party) root = x509_party_new (NULL, TRUE, "Root", NULL, NULL);
  g_autoptr(X509Party) next = x509_party_new (NULL, TRUE, "Root", NULL, NULL);
  g_autoptr(X509Party) old_leaf = x509_party_new (root, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(X509Party) new_leaf = x509_party_new (next, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(BrevetAttestation) both =
    x509_enroll (TRUE, "{\"signingCertificates\":{\"primary\":{\"certificate\":\"@1\"},\"secondary\":{\"certificate\":\"@2\"}}}",
                 root, next, NULL);
  g_autoptr(BrevetAttestation) after = x509_enroll (TRUE, GROUP, next, NULL);
  g_autoptr(BrevetChain) old_chain = x509_present (old_leaf, NULL);
  g_autoptr(BrevetChain) new_chain = x509_present (new_leaf, NULL);
  g_autoptr(BrevetChain) itself = x509_present (root, NULL);
  g_autofree char *first = x509_accept (both, X509_DEVICE, old_chain);
  g_autofree char *second = x509_accept (both, X509_DEVICE, new_chain);

  g_assert_cmpstr (first, ==, "certificate signed by the group's primary certificate");
  g_assert_cmpstr (second, ==, "certificate signed by the group's secondary certificate");
  x509_refuse (after, X509_DEVICE, old_chain, BREVET_ERROR_NOT_FOUND, "was not signed with its key");
  x509_refuse (both, X509_DEVICE, itself, BREVET_ERROR_REJECTED, "group's primary signing certificate itself");
}

static void
test_references (void)
{
  g_autoptr(X509Party) root = x509_party_new (NULL, TRUE, "Root", NULL, NULL);
  g_autoptr(X509Party) middle = x509_party_new (root, TRUE, "Middle", NULL, NULL);
  g_autoptr(X509Party) leaf = x509_party_new (middle, FALSE, X509_DEVICE, NULL, NULL);
  g_autoptr(BrevetAttestation) group =
    x509_enroll (TRUE, "{\"caReferences\":{\"primary\":\"Gone\",\"secondary\":\"Factory-Root\"}}", NULL);
  g_autoptr(GHashTable) certificates = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr(BrevetAttestation) complete = NULL, empty = NULL;
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_auto(GStrv) names = brevet_verifier_dup_references (verifier, group);
  g_auto(GStrv) keys = brevet_verifier_dup_subject_keys (verifier, group);
  g_autoptr(BrevetChain) chain = x509_present (leaf, middle, NULL);
  g_autofree char *credential = NULL;

  g_assert_cmpuint (g_strv_length (names), ==, 2);
  g_assert_cmpstr (names[0], ==, "Gone");
  g_assert_cmpstr (names[1], ==, "Factory-Root");
  g_assert_cmpuint (g_strv_length (keys), ==, 0);

  g_hash_table_insert (certificates, (char *) "factory-root", root->certificate);
  complete = brevet_attestation_complete (group, certificates, NULL);
  credential = x509_accept (complete, X509_DEVICE, chain);
  g_assert_cmpstr (credential, ==, "certificate that leads to the verified CA certificate “Factory-Root”");
  x509_now_offset = 101 * DAY;
  x509_refuse (complete, X509_DEVICE, chain, BREVET_ERROR_REJECTED, "certificate “CN=pump-07” expired at 2030-04-11");
  x509_now_offset = 0;

  empty = brevet_attestation_complete (group, NULL, NULL);
  x509_refuse (empty, X509_DEVICE, chain, BREVET_ERROR_NOT_FOUND, "None of the CA certificates that the group refers to");
}

/* As long as a chain may be, with the anchor above it; and whoever sends many of one name gets no work out of the service. */
static void
test_depth (void)
{
  g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func ((GDestroyNotify) x509_party_free);
  g_autoptr(GPtrArray) sent = g_ptr_array_new ();
  g_autoptr(BrevetAttestation) group = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autofree char *credential = NULL;

  g_ptr_array_add (owned, x509_party_new (NULL, TRUE, "Anchor", NULL, NULL));
  for (guint i = 1; i <= BREVET_CHAIN_MAX_LENGTH; i++)
    {
      gboolean is_ca = i < BREVET_CHAIN_MAX_LENGTH;
      g_autofree char *name = is_ca ? g_strdup_printf ("Level %u", i) : g_strdup (X509_DEVICE);
      X509Party *party = x509_party_new (owned->pdata[i - 1], is_ca, name, NULL, NULL);

      g_ptr_array_add (owned, party);
      g_ptr_array_insert (sent, 0, party->certificate);
    }
  group = x509_enroll (TRUE, GROUP, owned->pdata[0], NULL);
  chain = brevet_chain_new (sent, NULL);
  credential = x509_accept (group, X509_DEVICE, chain);
}

static void
test_maze (void)
{
  g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func ((GDestroyNotify) x509_party_free);
  g_autoptr(GPtrArray) sent = g_ptr_array_new ();
  g_autoptr(X509Party) anchor = x509_party_new (NULL, TRUE, "Maze", NULL, NULL);
  g_autoptr(X509Party) key = x509_party_new (NULL, TRUE, "Maze", NULL, NULL);
  g_autoptr(X509Party) leaf = x509_party_new (key, FALSE, X509_DEVICE, NULL, NULL);
  /* of the group, as anybody can have it, and on no way from the leaf */
  g_autoptr(X509Party) stray = x509_party_new (anchor, TRUE, "Elsewhere", NULL, NULL);
  g_autoptr(BrevetAttestation) group = x509_enroll (TRUE, GROUP, anchor, NULL);
  g_autoptr(BrevetChain) chain = NULL;

  g_ptr_array_add (sent, leaf->certificate);
  g_ptr_array_add (sent, stray->certificate);
  for (guint i = 2; i < BREVET_CHAIN_MAX_LENGTH; i++)
    {
      X509Party *twin = x509_party_new (key, TRUE, "Maze", NULL, key);

      g_ptr_array_add (owned, twin);
      g_ptr_array_add (sent, twin->certificate);
    }
  chain = brevet_chain_new (sent, NULL);
  x509_refuse (group, X509_DEVICE, chain, BREVET_ERROR_NOT_FOUND, "was not signed with its key");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  x509_stop_clock ();
  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      g_autofree char *path = g_strdup_printf ("/x509/path/%s", rows[i].name);

      g_test_add_data_func (path, &rows[i], test_row);
    }
  g_test_add_func ("/x509/forged", test_forged);
  g_test_add_func ("/x509/order", test_order);
  g_test_add_func ("/x509/twins", test_twins);
  g_test_add_func ("/x509/names", test_names);
  g_test_add_func ("/x509/two-certificates", test_two_certificates);
  g_test_add_func ("/x509/references", test_references);
  g_test_add_func ("/x509/depth", test_depth);
  g_test_add_func ("/x509/maze", test_maze);
  return g_test_run ();
}
