/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "brevet-certificate.h"
#include "brevet-registration-request.h"
#include "brevet-registration-state.h"
#include "brevet-wire-error.h"
#include "brevet-wire-json.h"
#include "wire-fixtures.h"
#include "wire-test.h"

#define PREVIEW BREVET_DIALECT_2021_11_01_PREVIEW
#define PREVIEW_2025 BREVET_DIALECT_2025_07_01_PREVIEW
#define OPERATION_ID "5.00112233aabbccdd.0d8c3f1e-6f0e-4c52-8d25-3b8d1f2a9c11"
/* 2031-02-03T04:05:06.123456Z */
#define CREATED G_GINT64_CONSTANT (1927857906123456)

static BrevetRegistrationRequest *
read_request (const char *text, BrevetDialect dialect)
{
  g_autoptr(GBytes) body = bytes_of (text);
  g_autoptr(GError) error = NULL;
  BrevetRegistrationRequest *request = brevet_registration_request_parse (body, dialect, &error);

  g_assert_no_error (error);
  return request;
}

static void
test_request (void)
{
  g_autoptr(BrevetRegistrationRequest) full = read_request (
    "{\"registrationId\":\"pump-07\",\"clientCertificateCsr\":\"" CSR_BASE64 "\",\"payload\":{\"model\":\"P7\",\"x\":null}}",
    PREVIEW);
  g_autoptr(BrevetRegistrationRequest) nulls =
    read_request ("{\"clientCertificateCsr\":null,\"payload\":null,\"registrationId\":null,\"tpm\":null}", PREVIEW);
  g_autoptr(BrevetRegistrationRequest) empty = read_request (" ", PREVIEW);
  g_autoptr(BrevetRegistrationRequest) tpm = read_request (
    "{\"registrationId\":\"t\",\"tpm\":{\"endorsementKey\":\"AToA\",\"storageRootKey\":\"ARoA\"}}", BREVET_DIALECT_STABLE);
  g_autoptr(GBytes) printed = brevet_registration_request_print (full, PREVIEW);

  g_assert_cmpstr (full->registration_id, ==, "pump-07");
  assert_bytes (printed, "{\"registrationId\":\"pump-07\",\"clientCertificateCsr\":\"" CSR_BASE64
                         "\",\"payload\":{\"model\":\"P7\",\"x\":null}}");
  g_assert_null (nulls->registration_id);
  g_assert_null (nulls->attestation);
  g_assert_null (nulls->payload);
  g_assert_null (nulls->csr);
  g_assert_null (empty->registration_id);
  g_assert_cmpstr (json_object_get_string_member (json_object_get_object_member (tpm->attestation, "tpm"), "endorsementKey"), ==,
                   "AToA");
}

static void
test_request_dialects (void)
{
  g_autoptr(BrevetRegistrationRequest) stable =
    read_request ("{\"clientCertificateCsr\":\"not even base64\",\"csr\":5}", BREVET_DIALECT_STABLE);
  g_autoptr(BrevetRegistrationRequest) newer = read_request ("{\"csr\":\"" CSR_BASE64 "\"}", PREVIEW);
  g_autoptr(GBytes) printed = brevet_registration_request_print (newer, BREVET_DIALECT_STABLE);
  g_autoptr(BrevetRegistrationRequest) newest =
    read_request ("{\"registrationId\":\"pump-07\",\"csr\":\"" CSR_BASE64 "\"}", PREVIEW_2025);
  g_autoptr(GBytes) printed_newest = brevet_registration_request_print (newest, PREVIEW_2025);

  g_assert_null (stable->csr);
  g_assert_nonnull (newer->csr);
  assert_bytes (printed, "{}");
  assert_bytes (printed_newest, "{\"registrationId\":\"pump-07\",\"csr\":\"" CSR_BASE64 "\"}");
}

/* Whatever spelling of a CSR the older preview takes, the newer one takes too. */
static void
test_request_spellings (void)
{
  static const char *const spellings[] = {
    "{\"csr\":\"" CSR_BASE64 "\"}",
    "{\"csr\":\" " CSR_BASE64 "\\r\\n\"}",
    "{\"csr\":\"-----BEGIN CERTIFICATE REQUEST-----\\\\n" CSR_BASE64 "\\\\n-----END CERTIFICATE REQUEST-----\"}",
    "{\"clientCertificateCsr\":\"" CSR_BASE64 "\",\"csr\":null}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (spellings); i++)
    {
      g_autoptr(BrevetRegistrationRequest) older = read_request (spellings[i], PREVIEW);
      g_autoptr(BrevetRegistrationRequest) newer = read_request (spellings[i], PREVIEW_2025);

      g_test_message ("%s", spellings[i]);
      g_assert_true (g_bytes_equal (older->csr, newer->csr));
    }
}

static void
test_request_refused (void)
{
  static const char *const refused[][2] = {
    { "{\"registrationId\":5}", "registrationId" },
    { "{\"registrationId\":{}}", "registrationId" },
    { "{\"tpm\":\"x\"}", "tpm" },
    { "{\"clientCertificateCsr\":[]}", "clientCertificateCsr" },
    { "{\"clientCertificateCsr\":\"garbage!\"}", "CSR" },
    { "{\"csr\":[]}", "“csr”" },
    { "{\"csr\":7}", "“csr”" },
    { "{\"csr\":\"\"}", "CSR" },
    { "{\"csr\":\"garbage!\"}", "CSR" },
    { "{\"csr\":\"-----BEGIN CERTIFICATE REQUEST-----\\nMIIB\"}", "CSR" },
    { "{\"clientCertificateCsr\":\"" CSR_BASE64 "\",\"csr\":\"" CSR_BASE64 "\"}", "one of" },
    { "[]", "registration" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr(GBytes) body = bytes_of (refused[i][0]);
      g_autoptr(GError) error = NULL;

      g_assert_null (brevet_registration_request_parse (body, PREVIEW, &error));
      assert_refused (&error, BREVET_ERROR_INVALID, refused[i][1]);
      g_assert_null (brevet_registration_request_parse (body, PREVIEW_2025, &error));
      assert_refused (&error, BREVET_ERROR_INVALID, refused[i][1]);
    }
}

static BrevetRegistrationState *
make_assigned (void)
{
  BrevetRegistrationState *state = brevet_registration_state_new ("pump-07", BREVET_REGISTRATION_ASSIGNED);

  state->substatus = g_strdup ("initialAssignment");
  state->assigned_hub = g_strdup ("hub1.example.net");
  state->device_id = g_strdup ("pump-07");
  state->mechanism = g_strdup ("symmetricKey");
  state->attestation = json_object_new ();
  state->created = CREATED;
  state->updated = CREATED + 1642;
  state->etag = g_strdup ("IjAwMDEi");
  state->certificate_pem = g_strdup ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  state->trust_bundle = json_object_new ();
  json_object_set_string_member (state->trust_bundle, "id", "plant-roots");
  return state;
}

#define ASSIGNED_HEAD "{\"operationId\":\"" OPERATION_ID "\",\"status\":\"assigned\",\"registrationState\":"
#define ASSIGNED_STATE                                                                                                             \
  "{\"symmetricKey\":{},\"registrationId\":\"pump-07\",\"createdDateTimeUtc\":\"2031-02-03T04:05:06.1234560Z\","                   \
  "\"assignedHub\":\"hub1.example.net\",\"deviceId\":\"pump-07\",\"status\":\"assigned\",\"substatus\":\"initialAssignment\","     \
  "\"lastUpdatedDateTimeUtc\":\"2031-02-03T04:05:06.1250980Z\",\"etag\":\"IjAwMDEi\""
#define ASSIGNED_PREVIEW ",\"issuedClientCertificate\":\"-----BEGIN CERTIFICATE-----\\nMIIB\\n-----END CERTIFICATE-----\\n\"," \
  "\"trustBundle\":{\"id\":\"plant-roots\"}"

static void
assert_reply (BrevetReply *reply, guint status, const char *retry_after, const char *body)
{
  g_assert_cmpuint (brevet_reply_get_status (reply), ==, status);
  g_assert_cmpstr (brevet_reply_get_header (reply, "retry-after"), ==, retry_after);
  g_assert_cmpstr (brevet_reply_get_header (reply, "content-type"), ==, "application/json; charset=utf-8");
  assert_bytes (brevet_reply_get_body (reply), body);
}

static void
test_assigning (void)
{
  g_autoptr(BrevetRegistrationState) state = make_assigned ();
  g_autoptr(BrevetReply) reply = NULL, hasty = NULL, slow = NULL;
  const char *expected = "{\"operationId\":\"" OPERATION_ID "\",\"status\":\"assigning\",\"registrationState\":"
                         "{\"registrationId\":\"pump-07\",\"status\":\"assigning\"}}";

  state->status = BREVET_REGISTRATION_ASSIGNING;
  reply = brevet_operation_reply (OPERATION_ID, state, PREVIEW, 3);
  hasty = brevet_operation_reply (OPERATION_ID, state, PREVIEW, 0);
  slow = brevet_operation_reply (OPERATION_ID, state, BREVET_DIALECT_STABLE, 3600);
  assert_reply (reply, 202, "3", expected);
  assert_reply (hasty, 202, "2", expected);
  assert_reply (slow, 202, "59", expected);
}

static void
test_assigned (void)
{
  g_autoptr(BrevetRegistrationState) state = make_assigned ();
  g_autoptr(BrevetReply) preview = brevet_operation_reply (OPERATION_ID, state, PREVIEW, 3);
  g_autoptr(BrevetReply) stable = brevet_operation_reply (OPERATION_ID, state, BREVET_DIALECT_STABLE, 3);

  assert_reply (preview, 200, NULL, ASSIGNED_HEAD ASSIGNED_STATE ASSIGNED_PREVIEW "}}");
  assert_reply (stable, 200, NULL, ASSIGNED_HEAD ASSIGNED_STATE "}}");
}

/* What stands between the lines of a PEM certificate, in one line. */
static char *
base64_of (const char *pem)
{
  g_autoptr(BrevetCertificate) certificate = brevet_certificate_new_from_pem (pem, NULL);
  GBytes *der = brevet_certificate_get_der (certificate);

  return g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
}

static JsonObject *
make_bundle (const char *pem)
{
  JsonObject *bundle = json_object_new ();
  JsonArray *certificates = json_array_new ();
  JsonObject *entry = json_object_new ();

  json_object_set_string_member (entry, "certificate", pem);
  json_array_add_string_element (certificates, "odd");
  json_array_add_object_element (certificates, entry);
  json_object_set_array_member (bundle, "certificates", certificates);
  return bundle;
}

static void
assert_chain (const BrevetRegistrationState *state, const char *chain)
{
  g_autoptr(BrevetReply) reply = brevet_operation_reply (OPERATION_ID, state, PREVIEW_2025, 3);
  g_autofree char *expected = g_strconcat (ASSIGNED_HEAD ASSIGNED_STATE, chain, "}}", NULL);

  assert_reply (reply, 200, NULL, expected);
}

/* The certificate first, its root last if it is known; no bundle beside it. */
static void
test_chain (void)
{
  g_autoptr(BrevetRegistrationState) state = make_assigned ();
  g_autofree char *leaf = base64_of (LEAF_PEM);
  g_autofree char *root = base64_of (ROOT_PEM);
  g_autofree char *alone = g_strdup_printf (",\"issuedCertificateChain\":[\"%s\"]", leaf);
  g_autofree char *both = g_strdup_printf (",\"issuedCertificateChain\":[\"%s\",\"%s\"]", leaf, root);

  g_free (state->certificate_pem);
  state->certificate_pem = g_strdup (LEAF_PEM);
  assert_chain (state, alone);

  json_object_unref (state->trust_bundle);
  state->trust_bundle = make_bundle (SECOND_PEM);
  assert_chain (state, alone);

  json_object_unref (state->trust_bundle);
  state->trust_bundle = make_bundle (ROOT_PEM);
  assert_chain (state, both);

  g_free (state->certificate_pem);
  state->certificate_pem = g_strdup (LEAF_PEM ROOT_PEM);
  assert_chain (state, both);

  g_clear_pointer (&state->certificate_pem, g_free);
  assert_chain (state, "");
}

static void
test_failed (void)
{
  g_autoptr(BrevetRegistrationState) state = brevet_registration_state_new ("pump-07", BREVET_REGISTRATION_FAILED);
  g_autoptr(BrevetReply) bare = brevet_operation_reply ("op", state, PREVIEW, 3);
  g_autoptr(BrevetReply) reply = NULL;

  /* clients fail on a failure without these two members */
  assert_reply (
    bare, 200, NULL,
    "{\"operationId\":\"op\",\"status\":\"failed\",\"registrationState\":{\"registrationId\":\"pump-07\",\"status\":\"failed\","
    "\"errorCode\":500000,\"errorMessage\":\"The registration failed\"}}");

  state->error_code = BREVET_WIRE_CODE_CSR_NOT_CONFIGURED;
  state->error_message = g_strdup (BREVET_WIRE_CSR_NOT_CONFIGURED);
  state->created = CREATED;
  state->updated = CREATED + 100000;
  reply = brevet_operation_reply ("5.00112233aabbccdd.x", state, PREVIEW, 3);
  assert_reply (
    reply, 200, NULL,
    "{\"operationId\":\"5.00112233aabbccdd.x\",\"status\":\"failed\",\"registrationState\":{\"registrationId\":\"pump-07\","
    "\"status\":\"failed\",\"errorCode\":400000,"
    "\"errorMessage\":\"Device sent CSR but it is not configured in the service.\","
    "\"createdDateTimeUtc\":\"2031-02-03T04:05:06.1234560Z\",\"lastUpdatedDateTimeUtc\":\"2031-02-03T04:05:06.2234560Z\"}}");
}

static void
test_state_round_trip (void)
{
  g_autoptr(GBytes) body = bytes_of (ASSIGNED_HEAD ASSIGNED_STATE ",\"payload\":{\"site\":\"north\"}" ASSIGNED_PREVIEW "}}");
  g_autoptr(GError) error = NULL;
  g_autofree char *operation_id = NULL;
  g_autoptr(BrevetRegistrationState) state = brevet_operation_parse (body, &operation_id, &error);
  g_autoptr(BrevetReply) reply = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (operation_id, ==, OPERATION_ID);
  g_assert_cmpstr (state->assigned_hub, ==, "hub1.example.net");
  g_assert_cmpstr (state->mechanism, ==, "symmetricKey");
  g_assert_cmpint (state->created, ==, CREATED);
  reply = brevet_operation_reply (operation_id, state, PREVIEW, 0);
  g_assert_true (g_bytes_equal (body, brevet_reply_get_body (reply)));
}

static BrevetRegistrationState *
read_operation (const char *text, GError **error)
{
  g_autoptr(GBytes) body = bytes_of (text);
  g_autofree char *operation_id = NULL;

  return brevet_operation_parse (body, &operation_id, error);
}

/* Replies of other services: without a state, with the words in another case, with nulls, with members of the future. */
static void
test_foreign_replies (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationState) bare = read_operation ("{\"operationId\":\"5.1\",\"status\":\"assigning\"}", &error);
  g_autoptr(BrevetRegistrationState) mixed
    = read_operation ("{\"operationId\":\"5.1\",\"status\":\"Assigned\",\"registrationState\":{\"assignedHub\":\"h\",\"errorCode\":"
                      "null,\"payload\":null,"
                      "\"createdDateTimeUtc\":\"2031-02-03T04:05:06Z\",\"future\":[1]}}",
                      &error);

  g_assert_no_error (error);
  g_assert_cmpint (bare->status, ==, BREVET_REGISTRATION_ASSIGNING);
  g_assert_null (bare->registration_id);
  g_assert_cmpint (mixed->status, ==, BREVET_REGISTRATION_ASSIGNED);
  g_assert_cmpint (mixed->created, ==, G_GINT64_CONSTANT (1927857906000000));

  g_assert_null (read_operation ("{}", &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "status");
  g_assert_null (read_operation ("{\"status\":\"blacklisted\"}", &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "blacklisted");
  g_assert_null (read_operation ("{\"status\":\"failed\",\"registrationState\":{\"errorCode\":\"400000\"}}", &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "errorCode");
  g_assert_null (read_operation ("{\"status\":\"assigned\",\"registrationState\":{\"issuedClientCertificate\":[]}}", &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "issuedClientCertificate");
  g_assert_null (read_operation ("<html>", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
}

static BrevetRegistrationState *
read_issued (const char *members, GError **error)
{
  g_autofree char *text = g_strdup_printf ("{\"operationId\":\"5.1\",\"status\":\"assigned\",\"registrationState\":{%s}}", members);

  return read_operation (text, error);
}

/* Clients understand both forms, whatever version they asked for. */
static void
test_read_chain (void)
{
  g_autofree char *leaf = base64_of (LEAF_PEM);
  g_autofree char *root = base64_of (ROOT_PEM);
  g_autofree char *alone = g_strdup_printf ("\"issuedCertificateChain\":[\"%s\"]", leaf);
  g_autofree char *whole = g_strdup_printf ("\"issuedCertificateChain\":[\"%s\",\"%s\"]", leaf, root);
  g_autofree char *both = g_strdup_printf ("%s,\"issuedClientCertificate\":\"PEM\"", whole);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationState) from_alone = read_issued (alone, &error);
  g_autoptr(BrevetRegistrationState) from_whole = read_issued (whole, &error);
  g_autoptr(BrevetRegistrationState) from_both = read_issued (both, &error);
  g_autoptr(BrevetRegistrationState) from_null = read_issued ("\"issuedCertificateChain\":null", &error);
  g_autoptr(BrevetRegistrationState) from_empty = read_issued ("\"issuedCertificateChain\":[]", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (from_alone->certificate_pem, ==, LEAF_PEM);
  g_assert_cmpstr (from_whole->certificate_pem, ==, LEAF_PEM);
  g_assert_cmpstr (from_both->certificate_pem, ==, "PEM");
  g_assert_null (from_null->certificate_pem);
  g_assert_null (from_empty->certificate_pem);
}

static void
test_read_odd_chain (void)
{
  static const char *const odd[] = {
    "\"issuedCertificateChain\":\"MIIB\"", "\"issuedCertificateChain\":{}", "\"issuedCertificateChain\":[7]",
    "\"issuedCertificateChain\":[null]", "\"issuedCertificateChain\":[\"\"]", "\"issuedCertificateChain\":[\"%\"]",
    "\"issuedCertificateChain\":[\"MIIB\"]", "\"issuedCertificateChain\":[\"-----BEGIN CERTIFICATE-----\"]",
  };
  g_autofree char *leaf = base64_of (LEAF_PEM);
  g_autoptr(GString) endless = g_string_new ("\"issuedCertificateChain\":[");
  g_autoptr(GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (odd); i++)
    {
      g_test_message ("%s", odd[i]);
      g_assert_null (read_issued (odd[i], &error));
      assert_refused (&error, BREVET_ERROR_INVALID, "issuedCertificateChain");
    }
  for (guint i = 0; i < 1000; i++)
    g_string_append_printf (endless, "%s\"%s\"", i > 0 ? "," : "", leaf);
  g_string_append_c (endless, ']');
  g_assert_null (read_issued (endless->str, &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "issuedCertificateChain");
}

static BrevetRegistrationState *
read_assignment (const char *hub, const char *device, GError **error)
{
  g_autofree char *text = g_strdup_printf ("{\"operationId\":\"5.1\",\"status\":\"assigned\",\"registrationState\":{"
                                           "\"assignedHub\":\"%s\",\"deviceId\":\"%s\"}}", hub, device);

  return read_operation (text, error);
}

/* Other programs build addresses, topics and paths from an assignment. */
static void
test_odd_assignments (void)
{
  static const char *const hubs[] = { "", "a b", "\\u001b[31mhub", "hub\\r\\nx", "h\303\274b", "hub/../x", "\\ufffe" };
  static const char *const good_hubs[] = { "hub1.example.net", "hub:8883", "192.0.2.1", "[2001:db8::1]:8883" };
  g_autofree char *endless = g_strnfill (263, 'h');
  g_autoptr(GError) error = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (good_hubs); i++)
    {
      g_autoptr(BrevetRegistrationState) state = read_assignment (good_hubs[i], "pump-07", &error);

      g_assert_no_error (error);
      g_assert_cmpstr (state->assigned_hub, ==, good_hubs[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (hubs); i++)
    {
      g_assert_null (read_assignment (hubs[i], "pump-07", &error));
      assert_refused (&error, BREVET_ERROR_INVALID, "no host name");
    }
  g_assert_null (read_assignment (endless, "pump-07", &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "no host name");
  g_assert_null (read_assignment ("hub", "../../etc/passwd", &error));
  assert_refused (&error, BREVET_ERROR_INVALID, "../../etc/passwd");
}

static void
test_error_reply (void)
{
  g_autoptr(BrevetReply) refusal = brevet_wire_error_reply (401, BREVET_WIRE_CODE_UNAUTHORIZED,
                                                             "8e1c8f0a-0001-4d5e-8c55-7a6a5d4c3b2a", "Unauthorized", CREATED, 0);
  g_autoptr(BrevetReply) throttled = brevet_wire_error_reply (429, 0, "t", "Zu viele Geräte", CREATED, 20);

  assert_reply (refusal, 401, NULL,
                "{\"errorCode\":401002,\"trackingId\":\"8e1c8f0a-0001-4d5e-8c55-7a6a5d4c3b2a\",\"message\":\"Unauthorized\","
                "\"timestampUtc\":\"2031-02-03T04:05:06.1234560Z\"}");
  g_assert_cmpstr (brevet_reply_get_header (refusal, "x-ms-error-code"), ==, "401002");
  g_assert_cmpstr (brevet_reply_get_header (refusal, "x-ms-request-id"), ==, "8e1c8f0a-0001-4d5e-8c55-7a6a5d4c3b2a");
  assert_reply (throttled, 429, "20",
                "{\"errorCode\":429000,\"trackingId\":\"t\",\"message\":\"Zu viele Ger\\u00e4te\","
                "\"timestampUtc\":\"2031-02-03T04:05:06.1234560Z\"}");
}

static void
test_problem (void)
{
  g_autoptr(BrevetReply) reply = brevet_wire_error_reply (404, BREVET_WIRE_CODE_NOT_FOUND, "t-1", "No such enrollment", CREATED, 0);
  g_autoptr(BrevetWireProblem) problem = brevet_wire_problem_parse (reply);
  g_autoptr(GBytes) page = bytes_of ("<html>Bad gateway</html>");
  g_autoptr(BrevetReply) proxy = brevet_reply_new (502, page);
  g_autoptr(BrevetWireProblem) from_proxy = brevet_wire_problem_parse (proxy);
  g_autoptr(BrevetReply) bare = brevet_reply_new (500, NULL);
  g_autoptr(BrevetWireProblem) nothing = brevet_wire_problem_parse (bare);
  g_autoptr(GBytes) odd_body = bytes_of ("{\"code\":401002,\"errorMessage\":\"m\",\"trackingId\":7}");
  g_autoptr(BrevetReply) odd = brevet_reply_new (401, odd_body);
  g_autoptr(BrevetWireProblem) from_odd = brevet_wire_problem_parse (odd);

  g_assert_cmpint (problem->code, ==, 404201);
  g_assert_cmpstr (problem->message, ==, "No such enrollment");
  g_assert_cmpstr (problem->tracking_id, ==, "t-1");
  g_assert_cmpint (from_proxy->code, ==, 0);
  g_assert_null (from_proxy->message);
  g_assert_null (nothing->message);
  g_assert_cmpint (from_odd->code, ==, 401002);
  g_assert_cmpstr (from_odd->message, ==, "m");
  g_assert_null (from_odd->tracking_id);
}

/* What is logged and told on the bus with each attempt stays short, and in one line. */
static void
test_odd_problem (void)
{
  g_autofree char *long_text = g_strnfill (100000, 'x');
  g_autofree char *text = g_strdup_printf ("{\"errorCode\":403001,\"message\":\"\\u001b[31m\\r\\n\\u0085%s\","
                                           "\"trackingId\":\"%s\"}", long_text, long_text);
  g_autofree char *failed = g_strdup_printf ("{\"status\":\"failed\",\"registrationState\":{\"errorCode\":400001,\"errorMessage\":"
                                             "\"\\u0007%s\"}}", long_text);
  g_autoptr(GBytes) body = bytes_of (text);
  g_autoptr(BrevetReply) reply = brevet_reply_new (403, body);
  g_autoptr(BrevetWireProblem) problem = brevet_wire_problem_parse (reply);
  g_autoptr(BrevetReply) bare = brevet_reply_new (403, NULL);
  g_autoptr(BrevetWireProblem) from_header = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationState) state = read_operation (failed, &error);

  g_assert_true (g_str_has_prefix (problem->message, " [31m   xxx"));
  g_assert_true (g_str_has_suffix (problem->message, "x…"));
  g_assert_cmpuint (strlen (problem->message), <, 1010);
  g_assert_cmpuint (strlen (problem->tracking_id), <, 140);
  g_assert_no_error (error);
  g_assert_true (g_str_has_prefix (state->error_message, " xxx"));
  g_assert_cmpuint (strlen (state->error_message), <, 1010);

  brevet_reply_set_header (bare, "x-ms-request-id", "\377\376t\033");
  from_header = brevet_wire_problem_parse (bare);
  g_assert_true (g_utf8_validate (from_header->tracking_id, -1, NULL));
  g_assert_true (g_str_has_suffix (from_header->tracking_id, "t "));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/registration/request", test_request);
  g_test_add_func ("/wire/registration/request-dialects", test_request_dialects);
  g_test_add_func ("/wire/registration/request-spellings", test_request_spellings);
  g_test_add_func ("/wire/registration/request-refused", test_request_refused);
  g_test_add_func ("/wire/registration/assigning", test_assigning);
  g_test_add_func ("/wire/registration/assigned", test_assigned);
  g_test_add_func ("/wire/registration/chain", test_chain);
  g_test_add_func ("/wire/registration/failed", test_failed);
  g_test_add_func ("/wire/registration/round-trip", test_state_round_trip);
  g_test_add_func ("/wire/registration/foreign-replies", test_foreign_replies);
  g_test_add_func ("/wire/registration/read-chain", test_read_chain);
  g_test_add_func ("/wire/registration/read-odd-chain", test_read_odd_chain);
  g_test_add_func ("/wire/registration/odd-assignments", test_odd_assignments);
  g_test_add_func ("/wire/registration/odd-problem", test_odd_problem);
  g_test_add_func ("/wire/registration/error-reply", test_error_reply);
  g_test_add_func ("/wire/registration/problem", test_problem);
  return g_test_run ();
}
