/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Register, poll and look up, as devices of every protocol version do it, and what those get who may not. */

#include "brevet-clock.h"
#include "brevet-registration-state.h"
#include "brevet-sas-token.h"
#include "pipeline-fixture.h"

#include <string.h>

#define PREVIEW_2025 "2025-07-01-preview"

static const char *const versions[] = { "2019-03-31", "2021-06-01", "2021-10-01", PREVIEW, PREVIEW_2025, "2026-11-01" };

static void
test_every_version (Pipeline *pipeline, gconstpointer data)
{
  enroll (pipeline, "pump-07", NULL);
  for (guint i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autoptr(Heard) begun = ask (pipeline, "pump-07", .version = versions[i], .body = "{\"registrationId\":\"pump-07\"}");
      g_autofree char *path = g_strconcat ("/operations/", heard_get (begun, "operationId"), NULL);
      g_autoptr(Heard) final = ask (pipeline, "pump-07", .version = versions[i], .method = "GET", .path = path);
      g_autoptr(Heard) again = ask (pipeline, "pump-07", .version = versions[i], .method = "GET", .path = path);
      g_autofree char *begun_text = heard_mask (begun);
      g_autofree char *final_text = heard_mask (final);

      g_assert_cmpuint (begun->status, ==, 202);
      g_assert_cmpstr (brevet_reply_get_header (begun->reply, "retry-after"), ==, "3");
      g_assert_cmpstr (brevet_reply_get_header (begun->reply, "content-type"), ==, "application/json; charset=utf-8");
      g_assert_cmpstr (begun_text, ==, "{\"operationId\":\"OPERATION\",\"status\":\"assigning\",\"registrationState\":"
                                       "{\"registrationId\":\"pump-07\",\"status\":\"assigning\"}}");
      g_assert_cmpuint (final->status, ==, 200);
      g_assert_null (brevet_reply_get_header (final->reply, "retry-after"));
      g_assert_true (g_regex_match_simple (
        "^\\{\"operationId\":\"OPERATION\",\"status\":\"assigned\",\"registrationState\":\\{\"symmetricKey\":\\{\\},"
        "\"registrationId\":\"pump-07\",\"createdDateTimeUtc\":\"TIME\",\"assignedHub\":\"hub[12]\\.example\\.net\","
        "\"deviceId\":\"pump-07\",\"status\":\"assigned\",\"substatus\":\"initialAssignment\","
        "\"lastUpdatedDateTimeUtc\":\"TIME\",\"etag\":\"ETAG\"\\}\\}$", final_text, 0, 0));
      g_assert_cmpstr (again->text, ==, final->text);
    }
}

static void
test_certificate (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) final = NULL;
  g_autofree char *text = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;

  enroll (pipeline, "pump-07", "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"local\"},"
                               "\"iotHubHostName\":\"hub1.example.net\",\"allocationPolicy\":\"static\"");
  final = device_provision (pipeline, "pump-07", csr);
  text = heard_mask (final);
  g_assert_cmpstr (text, ==,
                   "{\"operationId\":\"OPERATION\",\"status\":\"assigned\",\"registrationState\":{\"symmetricKey\":{},"
                   "\"registrationId\":\"pump-07\",\"createdDateTimeUtc\":\"TIME\",\"assignedHub\":\"hub1.example.net\","
                   "\"deviceId\":\"pump-07\",\"status\":\"assigned\",\"substatus\":\"initialAssignment\","
                   "\"lastUpdatedDateTimeUtc\":\"TIME\",\"etag\":\"ETAG\",\"issuedClientCertificate\":\"PEM\"}}");
  certificate = heard_get_certificate (final);
  g_assert_cmpstr (brevet_certificate_get_common_name (certificate), ==, "pump-07");
  g_assert_cmpstr (brevet_certificate_get_spki_sha256 (certificate), ==, brevet_key_get_spki_sha256 (key));
}

/* Registers as the newest clients do. */
static Heard *
register_2025 (Pipeline *pipeline, const char *device, const char *csr)
{
  g_autofree char *body = g_strdup_printf ("{\"registrationId\":\"%s\",\"csr\":\"%s\"}", device, csr);
  g_autoptr(Heard) begun = ask (pipeline, device, .version = PREVIEW_2025, .body = body);
  g_autofree char *path = NULL;
  Heard *final;

  g_assert_cmpuint (begun->status, ==, 202);
  path = g_strconcat ("/operations/", heard_get (begun, "operationId"), NULL);
  final = ask (pipeline, device, .version = PREVIEW_2025, .method = "GET", .path = path, .prefer = "wait=60");
  assert_assigned (final, NULL);
  return final;
}

/* What a client of brevet makes of a reply. */
static BrevetChain *
read_chain (const Heard *heard)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *operation_id = NULL;
  g_autoptr(BrevetRegistrationState) state =
    brevet_operation_parse (brevet_reply_get_body (heard->reply), &operation_id, &error);
  BrevetChain *chain;

  g_assert_no_error (error);
  chain = brevet_chain_new_from_pem (state->certificate_pem, &error);
  g_assert_no_error (error);
  return chain;
}

static JsonArray *
get_chain (const Heard *heard)
{
  JsonObject *state = json_object_get_object_member (json_node_get_object (heard->node), "registrationState");

  return json_object_get_array_member (state, "issuedCertificateChain");
}

/* The chain in its new form, and the same certificate in the older one. */
static void
test_certificate_2025 (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) final = NULL, older = NULL, stable = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autofree char *path = NULL;

  enroll (pipeline, "pump-07", "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"local\"}");
  final = register_2025 (pipeline, "pump-07", csr);
  chain = read_chain (final);
  g_assert_cmpstr (brevet_certificate_get_common_name (brevet_chain_get_leaf (chain)), ==, "pump-07");
  g_assert_cmpstr (brevet_certificate_get_spki_sha256 (brevet_chain_get_leaf (chain)), ==, brevet_key_get_spki_sha256 (key));
  g_assert_cmpuint (json_array_get_length (get_chain (final)), ==, brevet_chain_get_length (chain));
  g_assert_null (strstr (final->text, "issuedClientCertificate"));
  g_assert_null (strstr (final->text, "trustBundle"));

  path = g_strconcat ("/operations/", heard_get (final, "operationId"), NULL);
  older = ask (pipeline, "pump-07", .method = "GET", .path = path);
  certificate = heard_get_certificate (older);
  g_assert_true (brevet_certificate_equal (certificate, brevet_chain_get_leaf (chain)));
  g_assert_null (strstr (older->text, "issuedCertificateChain"));
  stable = ask (pipeline, "pump-07", .method = "GET", .path = path, .version = "2021-10-01");
  g_assert_null (strstr (stable->text, "issued"));
}

/* Such a device hears of its bundle only by the root at the end of its chain. */
static void
test_chain_to_the_root (Pipeline *pipeline, gconstpointer data)
{
  g_auto(GStrv) lines = g_strsplit (pipeline->root_pem, "\n", -1);
  g_autofree char *pem = g_strjoinv ("\\n", lines);
  g_autofree char *body = g_strdup_printf ("{\"certificates\":[{\"certificate\":\"%s\"}]}", pem);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(BrevetCertificate) root = brevet_certificate_new_from_pem (pipeline->root_pem, NULL);
  GBytes *der = brevet_certificate_get_der (root);
  g_autofree char *last = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
  g_autoptr(Heard) stored = operate (pipeline, 200, "PUT", "/trustBundles/plant-roots", NULL, body);
  g_autoptr(Heard) final = NULL;
  JsonArray *chain;

  enroll (pipeline, "pump-07", "\"trustBundleId\":\"plant-roots\","
                               "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"local\"}");
  final = register_2025 (pipeline, "pump-07", csr);
  chain = get_chain (final);
  g_assert_cmpuint (json_array_get_length (chain), >=, 2);
  g_assert_cmpstr (json_array_get_string_element (chain, json_array_get_length (chain) - 1), ==, last);
  g_assert_null (strstr (final->text, "trustBundle"));
}

/* What was handed out is not handed out again, whichever dialect it went out in. */
static void
test_delivery_2025 (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) first = NULL, lost = NULL, second = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  lost = register_2025 (pipeline, "pump-07", csr);
  first = register_2025 (pipeline, "pump-07", csr);
  g_assert_cmpstr (first->text, ==, lost->text);
  heard_deliver (pipeline, first);
  second = register_2025 (pipeline, "pump-07", csr);
  g_assert_cmpstr (heard_get (second, "operationId"), !=, heard_get (first, "operationId"));
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 2);
}

static void
test_bad_csrs_2025 (Pipeline *pipeline, gconstpointer data)
{
  static const char *const bodies[] = {
    "{\"csr\":[]}", "{\"csr\":{}}", "{\"csr\":true}", "{\"csr\":\"\"}", "{\"csr\":\"nonsense\"}", "{\"csr\":\"MIIB\"}",
    "{\"csr\":\"MIIB\",\"clientCertificateCsr\":\"MIIB\"}",
  };
  g_autofree char *endless = g_strnfill (40000, 'A');
  g_autofree char *too_long = g_strdup_printf ("{\"csr\":\"%s\"}", endless);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *foreign = make_csr (key, "pump-08");
  g_autofree char *not_mine = g_strdup_printf ("{\"csr\":\"%s\"}", foreign);
  g_autoptr(Heard) long_one = NULL, foreign_one = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr(Heard) heard = ask (pipeline, "pump-07", .version = PREVIEW_2025, .body = bodies[i]);

      g_test_message ("%s", bodies[i]);
      assert_error (heard, 400, 400000);
    }
  long_one = ask (pipeline, "pump-07", .version = PREVIEW_2025, .body = too_long);
  assert_error (long_one, 400, 400000);
  foreign_one = ask (pipeline, "pump-07", .version = PREVIEW_2025, .body = not_mine);
  assert_error (foreign_one, 400, 400000);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 0);
}

/* The lookup takes no CSR, and does not tell the chain. */
static void
test_lookup_2025 (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *body = g_strdup_printf ("{\"csr\":\"%s\"}", csr);
  g_autoptr(Heard) final = NULL, found = NULL, with_csr = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  final = register_2025 (pipeline, "pump-07", csr);
  found = ask (pipeline, "pump-07", .version = PREVIEW_2025, .method = "POST", .path = "");
  g_assert_cmpuint (found->status, ==, 200);
  g_assert_cmpstr (heard_get (found, "status"), ==, "assigned");
  g_assert_null (strstr (found->text, "issued"));
  with_csr = ask (pipeline, "pump-07", .version = PREVIEW_2025, .method = "POST", .path = "", .body = body);
  assert_error (with_csr, 400, 400000);
}

/* §16.3: the registration, without the certificate. */
static void
test_lookup (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *body = make_body ("pump-07", csr);
  g_autoptr(Heard) never = NULL, final = NULL, found = NULL, with_csr = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  never = ask (pipeline, "pump-07", .method = "POST", .path = "", .version = "2021-10-01");
  assert_error (never, 404, 404201);
  final = device_provision (pipeline, "pump-07", csr);
  assert_assigned (final, NULL);
  found = ask (pipeline, "pump-07", .method = "POST", .path = "", .version = "2021-10-01",
               .body = "{\"registrationId\":\"PUMP-07\"}");
  g_assert_cmpuint (found->status, ==, 200);
  g_assert_cmpstr (heard_get (found, "registrationId"), ==, "pump-07");
  g_assert_cmpstr (heard_get (found, "status"), ==, "assigned");
  g_assert_cmpstr (heard_get (found, "assignedHub"), ==, heard_get (final, "registrationState.assignedHub"));
  g_assert_cmpstr (heard_get (found, "etag"), ==, heard_get (final, "registrationState.etag"));
  g_assert_null (strstr (found->text, "CERTIFICATE"));
  with_csr = ask (pipeline, "pump-07", .method = "POST", .path = "", .body = body);
  assert_error (with_csr, 400, 400000);
}

static void
test_foreign_operation (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = NULL, foreign = NULL, unknown = NULL;
  g_autofree char *path = NULL;

  enroll (pipeline, "pump-07", NULL);
  enroll (pipeline, "pump-08", NULL);
  begun = device_register (pipeline, "pump-07", NULL);
  path = g_strconcat ("/operations/", heard_get (begun, "operationId"), NULL);
  foreign = ask (pipeline, "pump-08", .method = "GET", .path = path);
  assert_error (foreign, 404, 404201);
  unknown = ask (pipeline, "pump-08", .method = "GET",
                 .path = "/operations/5.0011223344556677.0d8c3f1e-6f0e-4c52-8d25-3b8d1f2a9c11");
  assert_error (unknown, 404, 404201);
}

/* Whoever is refused learns nothing: the same words whatever the reason. */
static void
test_refusals (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) scope = NULL, unknown = NULL, wrong_key = NULL, no_token = NULL, disabled = NULL;
  g_autofree char *first = NULL;
  Heard *refused[4];

  enroll (pipeline, "pump-07", NULL);
  enroll (pipeline, "pump-08", "\"provisioningStatus\":\"disabled\"");
  scope = ask (pipeline, "pump-07", .scope = "0neFFFFFFFF");
  assert_error (scope, 404, 404000);
  refused[0] = unknown = ask (pipeline, "nobody");
  refused[1] = wrong_key = ask (pipeline, "pump-07", .key = OTHER_KEY);
  refused[2] = no_token = ask (pipeline, "pump-07", .key = "");
  refused[3] = disabled = ask (pipeline, "pump-08");
  first = heard_mask (unknown);
  g_assert_cmpstr (first, ==,
                   "{\"errorCode\":401002,\"trackingId\":\"UUID\",\"message\":\"Unauthorized\",\"timestampUtc\":\"TIME\"}");
  for (guint i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autofree char *text = heard_mask (refused[i]);

      assert_error (refused[i], 401, 401002);
      g_assert_cmpstr (text, ==, first);
    }
  g_assert_true (pipeline_logged ("There is no enrollment for the device “nobody”"));
  g_assert_true (pipeline_logged ("Enrollment “pump-08” is disabled"));
  g_assert_true (pipeline_logged ("BREVET_REGISTRATION=nobody BREVET_CREDENTIAL=token BREVET_ADDRESS="));
  g_assert_true (pipeline_logged ("BREVET_REGISTRATION=pump-07 BREVET_ENROLLMENT=pump-07 BREVET_MECHANISM=symmetricKey "
                                  "BREVET_CREDENTIAL=token BREVET_ADDRESS="));
  g_assert_true (pipeline_logged ("BREVET_REGISTRATION=pump-07 BREVET_CREDENTIAL=nothing BREVET_ADDRESS="));
  g_assert_false (pipeline_logged ("SharedAccessSignature"));
}

static void
assert_bad_csr (Pipeline *pipeline, const char *csr)
{
  g_autofree char *body = make_body ("pump-07", csr);
  g_autoptr(Heard) heard = ask (pipeline, "pump-07", .body = body, .prefer = "wait=10");

  assert_error (heard, 400, 400000);
}

static void
test_bad_csrs (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetKey) weak = brevet_key_generate (BREVET_KEY_KIND_RSA_2048, NULL);
  g_autofree char *good = make_csr (key, "pump-07");
  g_autofree char *foreign = make_csr (key, "pump-08");
  g_autofree char *too_weak = make_csr (weak, "pump-07");
  g_autofree char *tampered = g_strdup (good);
  g_autoptr(Heard) id = NULL, junk = NULL;
  gsize middle = strlen (tampered) / 2;

  tampered[middle] = tampered[middle] == 'A' ? 'B' : 'A';
  enroll (pipeline, "pump-07", ISSUE);
  assert_bad_csr (pipeline, "nonsense");
  assert_bad_csr (pipeline, "");
  assert_bad_csr (pipeline, tampered);
  assert_bad_csr (pipeline, too_weak);
  assert_bad_csr (pipeline, foreign);
  id = ask (pipeline, "pump-07", .body = "{\"registrationId\":\"pump-08\"}");
  assert_error (id, 400, 400000);
  junk = ask (pipeline, "pump-07", .body = "{\"registrationId\":");
  assert_error (junk, 400, 400000);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 0);
}

/* Clients match this text to the letter. */
static void
test_csr_without_policy (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) failed = NULL, then = NULL;
  g_autofree char *text = NULL;

  enroll (pipeline, "pump-07", NULL);
  failed = device_provision (pipeline, "pump-07", csr);
  assert_failed (failed, 400000, "Device sent CSR but it is not configured in the service.");
  text = heard_mask (failed);
  g_assert_cmpstr (text, ==,
                   "{\"operationId\":\"OPERATION\",\"status\":\"failed\",\"registrationState\":{\"symmetricKey\":{},"
                   "\"registrationId\":\"pump-07\",\"status\":\"failed\",\"errorCode\":400000,"
                   "\"errorMessage\":\"Device sent CSR but it is not configured in the service.\",\"createdDateTimeUtc\":\"TIME\","
                   "\"lastUpdatedDateTimeUtc\":\"TIME\",\"etag\":\"ETAG\"}}");
  then = device_provision (pipeline, "pump-07", NULL);
  assert_assigned (then, NULL);
}

static void
test_policy_without_csr (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  final = device_provision (pipeline, "pump-07", NULL);
  assert_assigned (final, NULL);
  g_assert_null (heard_get (final, "registrationState.issuedClientCertificate"));
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 0);
}

static void
test_pem_csr (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *base64 = make_csr (key, "pump-07");
  g_autofree char *pem =
    g_strdup_printf ("-----BEGIN CERTIFICATE REQUEST-----\\n%.64s\\r\\n%s\\n-----END CERTIFICATE REQUEST-----\\n", base64,
                     base64 + 64);
  g_autoptr(Heard) from_der = NULL, from_pem = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  from_pem = device_provision (pipeline, "pump-07", pem);
  certificate = heard_get_certificate (from_pem);
  g_assert_cmpstr (brevet_certificate_get_spki_sha256 (certificate), ==, brevet_key_get_spki_sha256 (key));
  /* Another spelling of the same question. */
  from_der = device_provision (pipeline, "pump-07", base64);
  g_assert_cmpstr (from_der->text, ==, from_pem->text);
}

static void
test_trust_bundle (Pipeline *pipeline, gconstpointer data)
{
  g_auto(GStrv) lines = g_strsplit (pipeline->root_pem, "\n", -1);
  g_autofree char *pem = g_strjoinv ("\\n", lines);
  g_autofree char *body = g_strdup_printf ("{\"certificates\":[{\"certificate\":\"%s\"}]}", pem);
  g_autoptr(Heard) stored = NULL, final = NULL, stable = NULL;
  g_autofree char *text = NULL;
  g_autofree char *path = NULL;

  stored = operate (pipeline, 200, "PUT", "/trustBundles/plant-roots", NULL, body);
  enroll (pipeline, "pump-07",
          "\"trustBundleId\":\"plant-roots\",\"iotHubHostName\":\"hub2.example.net\",\"allocationPolicy\":\"static\"");
  final = device_provision (pipeline, "pump-07", NULL);
  text = heard_mask (final);
  g_assert_nonnull (strstr (text,
    "\"etag\":\"ETAG\",\"trustBundle\":{\"id\":\"plant-roots\",\"certificates\":[{\"certificate\":\"PEM\",\"metadata\":{"
    "\"subjectName\":\"CN=Plant Root\",\"sha1Thumbprint\":\"HEX\",\"sha256Thumbprint\":\"HEX\",\"issuerName\":\"CN=Plant Root\","
    "\"notBeforeUtc\":\"DATE\",\"notAfterUtc\":\"DATE\",\"serialNumber\":\"HEX\",\"version\":3}}],"
    "\"createdDateTime\":\"TIME\",\"lastModifiedDateTime\":\"TIME\",\"etag\":\"ETAG\"}}}"));
  path = g_strconcat ("/operations/", heard_get (final, "operationId"), NULL);
  stable = ask (pipeline, "pump-07", .method = "GET", .path = path, .version = "2021-10-01");
  g_assert_null (strstr (stable->text, "trustBundle"));
}

/* A device registers under a spelling of its own; answers bear the first one. */
static void
test_spelling (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) first = NULL, second = NULL;

  enroll (pipeline, "Pump-07", NULL);
  first = device_provision (pipeline, "Pump-07", NULL);
  second = device_provision (pipeline, "PUMP-07", NULL);
  g_assert_cmpstr (heard_get (second, "registrationState.registrationId"), ==, "Pump-07");
  g_assert_cmpstr (heard_get (second, "registrationState.createdDateTimeUtc"), ==,
                   heard_get (first, "registrationState.createdDateTimeUtc"));
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/registration/every-version", NULL, test_every_version);
  PIPELINE_TEST ("/registration/certificate", NULL, test_certificate);
  PIPELINE_TEST ("/registration/certificate-2025", NULL, test_certificate_2025);
  PIPELINE_TEST ("/registration/chain-to-the-root", NULL, test_chain_to_the_root);
  PIPELINE_TEST ("/registration/delivery-2025", NULL, test_delivery_2025);
  PIPELINE_TEST ("/registration/bad-csrs-2025", NULL, test_bad_csrs_2025);
  PIPELINE_TEST ("/registration/lookup-2025", NULL, test_lookup_2025);
  PIPELINE_TEST ("/registration/lookup", NULL, test_lookup);
  PIPELINE_TEST ("/registration/foreign-operation", NULL, test_foreign_operation);
  PIPELINE_TEST ("/registration/refusals", NULL, test_refusals);
  PIPELINE_TEST ("/registration/bad-csrs", "[csr]\nkey-types=p256\n", test_bad_csrs);
  PIPELINE_TEST ("/registration/csr-without-policy", NULL, test_csr_without_policy);
  PIPELINE_TEST ("/registration/policy-without-csr", NULL, test_policy_without_csr);
  PIPELINE_TEST ("/registration/pem-csr", NULL, test_pem_csr);
  PIPELINE_TEST ("/registration/trust-bundle", NULL, test_trust_bundle);
  PIPELINE_TEST ("/registration/spelling", NULL, test_spelling);
  return g_test_run ();
}
