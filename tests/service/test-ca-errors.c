/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What becomes of a registration when its CA does not simply sign. */

#include "pipeline-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

/* Provisions pump-07 with a new key; the reply is not kept by the service. */
static Heard *
provision (Pipeline *pipeline)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  Heard *heard;

  enroll (pipeline, "pump-07", ISSUE);
  heard = device_provision (pipeline, "pump-07", csr);
  g_assert_null (strstr (heard->text, "upstream"));
  g_assert_null (strstr (heard->text, "scripted"));
  return heard;
}

static void
assert_calls (Pipeline *pipeline, guint issues, guint signatures)
{
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, issues);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, signatures);
}

static void
assert_same_attempt (Pipeline *pipeline, guint one, guint other, gboolean same)
{
  g_autofree char *a = pipeline_get_call (pipeline, "issue", one, 1);
  g_autofree char *b = pipeline_get_call (pipeline, "issue", other, 1);

  g_assert_cmpint (g_str_equal (a, b), ==, same);
}

/* Ends the service's hold on @heard and counts what lies in the inventory. */
static void
assert_inventory (Pipeline *pipeline, Heard **heard, guint issued, guint refused)
{
  g_autoptr(GPtrArray) records = NULL, journal = NULL;
  guint found_issued = 0, found_refused = 0;

  g_clear_pointer (heard, heard_free);
  records = pipeline_list (pipeline, "certificates");
  for (guint i = 0; i < records->len; i++)
    {
      GBytes *body = brevet_record_get_body (g_ptr_array_index (records, i));
      g_autofree char *text = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));

      found_issued += strstr (text, "\"status\":\"issued\"") != NULL;
      found_refused += strstr (text, "\"status\":\"refused\"") != NULL && strstr (text, "\"reason\":\"") != NULL;
    }
  g_assert_cmpuint (found_issued, ==, issued);
  g_assert_cmpuint (found_refused, ==, refused);
  journal = pipeline_list (pipeline, "journal");
  g_assert_cmpuint (journal->len, ==, 0);
}

static void
test_retryable (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 3, 1);
  assert_same_attempt (pipeline, 0, 1, TRUE);
  assert_same_attempt (pipeline, 0, 2, TRUE);
}

static void
test_operator (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);
  g_autofree char *text = heard_mask (final);

  assert_failed (final, 500000, "The certificate authority is not available. Register again later.");
  g_assert_cmpstr (text, ==,
                   "{\"operationId\":\"OPERATION\",\"status\":\"failed\",\"registrationState\":{\"symmetricKey\":{},"
                   "\"registrationId\":\"pump-07\",\"status\":\"failed\",\"errorCode\":500000,"
                   "\"errorMessage\":\"The certificate authority is not available. Register again later.\","
                   "\"createdDateTimeUtc\":\"TIME\",\"lastUpdatedDateTimeUtc\":\"TIME\",\"etag\":\"ETAG\"}}");
  assert_calls (pipeline, 1, 0);
  g_assert_true (pipeline_logged ("No certificate was issued for pump-07: The scripted CA says auth"));
  g_assert_true (pipeline_logged ("BREVET_UPSTREAM=upstream-secret-words"));
  assert_inventory (pipeline, &final, 0, 0);
}

static void
test_permanent (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) refused = provision (pipeline);
  g_autoptr(Heard) new_key = provision (pipeline);

  assert_failed (refused, 400000, "The certificate authority refused the request.");
  assert_failed (new_key, 400000, "The certificate authority wants a new key. Make a new key and CSR, and register again.");
  assert_calls (pipeline, 2, 0);
}

static void
test_bad_certificate (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);
  g_autofree char *bad = pipeline_get_call (pipeline, "signed", 0, 3);
  g_autofree char *revoked = NULL;

  assert_assigned (final, NULL);
  pipeline_wait_for_calls (pipeline, "revoke", 1);
  revoked = pipeline_get_call (pipeline, "revoke", 0, 2);
  assert_calls (pipeline, 2, 2);
  assert_same_attempt (pipeline, 0, 1, FALSE);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 1);
  g_assert_cmpstr (revoked, ==, bad);
  assert_inventory (pipeline, &final, 1, 1);
}

static void
test_two_bad_certificates (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_failed (final, 500000, NULL);
  assert_calls (pipeline, 2, 2);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "revoke"), ==, 0);
  assert_inventory (pipeline, &final, 0, 2);
}

/* The registration that fails for a serial number must not wait for ever. */
static void
test_serial_used_twice (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) first = provision (pipeline);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-08");
  g_autoptr(Heard) second = NULL, found = NULL;

  enroll (pipeline, "pump-08", ISSUE);
  second = device_provision (pipeline, "pump-08", csr);
  assert_assigned (first, NULL);
  assert_failed (second, 500000, NULL);
  found = ask (pipeline, "pump-08", .method = "POST", .path = "");
  g_assert_cmpstr (heard_get (found, "status"), ==, "failed");
  assert_inventory (pipeline, &first, 1, 1);
}

static void
test_pending (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) begun = NULL, final = NULL, found = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  begun = device_register (pipeline, "pump-07", csr);
  pipeline_wait_for_calls (pipeline, "poll", 1);
  found = ask (pipeline, "pump-07", .method = "POST", .path = "");
  g_assert_cmpstr (heard_get (found, "status"), ==, "assigning");
  final = device_await (pipeline, "pump-07", heard_get (begun, "operationId"));
  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 1);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "poll"), ==, 2);
  assert_inventory (pipeline, &final, 1, 0);
}

static void
test_ambiguous_found (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 1);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), ==, 1);
  assert_inventory (pipeline, &final, 1, 0);
}

static void
test_ambiguous_not_found (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 2, 1);
  assert_same_attempt (pipeline, 0, 1, FALSE);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), ==, 2);
}

static void
test_ambiguous_idempotent (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 2, 1);
  assert_same_attempt (pipeline, 0, 1, TRUE);
  assert_inventory (pipeline, &final, 1, 0);
}

/* The one that was lost is an orphan: nobody can use it, and the log says that there may be one. */
static void
test_ambiguous_without_help (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 2, 2);
  assert_same_attempt (pipeline, 0, 1, FALSE);
  g_assert_true (pipeline_logged ("may have issued a certificate for pump-07 that never arrived"));
  assert_inventory (pipeline, &final, 1, 0);
}

/* A device renews with the key it has, and the CA finds the certificate that is to be replaced. */
static void
test_find_is_not_fooled (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) first = NULL, second = NULL;
  g_autoptr(BrevetCertificate) one = NULL, two = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  first = device_provision (pipeline, "pump-07", csr);
  heard_deliver (pipeline, first);
  second = device_provision (pipeline, "pump-07", csr);
  assert_assigned (second, NULL);
  one = heard_get_certificate (first);
  two = heard_get_certificate (second);
  g_assert_false (brevet_certificate_equal (one, two));
  g_clear_pointer (&first, heard_free);
  assert_inventory (pipeline, &second, 2, 0);
}

static void
test_trust_comes_late (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 1);
}

static void
test_no_trust (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_failed (final, 500000, NULL);
  assert_calls (pipeline, 1, 1);
  assert_inventory (pipeline, &final, 0, 1);
}

static void
test_misread (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = provision (pipeline);

  assert_failed (final, 500000, NULL);
  assert_calls (pipeline, 2, 0);
}

static void
test_failing_renewal (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) first = provision (pipeline);
  g_autoptr(Heard) failed = NULL, found = NULL;

  assert_assigned (first, NULL);
  failed = provision (pipeline);
  assert_failed (failed, 500000, NULL);
  found = ask (pipeline, "pump-07", .method = "POST", .path = "");
  g_assert_cmpstr (heard_get (found, "status"), ==, "assigned");
  g_assert_cmpstr (heard_get (found, "assignedHub"), ==, heard_get (first, "registrationState.assignedHub"));
  g_assert_null (heard_get (found, "errorMessage"));
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/ca-errors/retryable", "script=unavailable;rate-limited:1;issue\n", test_retryable);
  PIPELINE_TEST ("/ca-errors/operator", "script=auth\n", test_operator);
  PIPELINE_TEST ("/ca-errors/permanent", "script=invalid-csr;new-key\n", test_permanent);
  PIPELINE_TEST ("/ca-errors/wrong-key", "script=wrong-key;issue\ncapabilities=revoke\n", test_bad_certificate);
  PIPELINE_TEST ("/ca-errors/wrong-name", "script=wrong-cn;issue\ncapabilities=revoke;idempotent\n", test_bad_certificate);
  PIPELINE_TEST ("/ca-errors/ca-true", "script=ca-true;issue\ncapabilities=revoke\n", test_bad_certificate);
  PIPELINE_TEST ("/ca-errors/two-bad-certificates", "script=wrong-key;ca-true;issue\n", test_two_bad_certificates);
  PIPELINE_TEST ("/ca-errors/serial-used-twice", "script=same-serial\n", test_serial_used_twice);
  PIPELINE_TEST ("/ca-errors/pending", "script=pending\npolls=unavailable;issue\ncapabilities=pending\n", test_pending);
  PIPELINE_TEST ("/ca-errors/ambiguous-found", "script=ambiguous-issued\ncapabilities=find\n", test_ambiguous_found);
  PIPELINE_TEST ("/ca-errors/ambiguous-not-found", "script=ambiguous-lost;issue\ncapabilities=find\n", test_ambiguous_not_found);
  PIPELINE_TEST ("/ca-errors/ambiguous-idempotent", "script=ambiguous-issued;issue\ncapabilities=idempotent\n",
                 test_ambiguous_idempotent);
  PIPELINE_TEST ("/ca-errors/ambiguous-without-help", "script=ambiguous-issued;issue\n", test_ambiguous_without_help);
  PIPELINE_TEST ("/ca-errors/find-is-not-fooled", "script=issue;ambiguous-lost;issue\ncapabilities=find\n",
                 test_find_is_not_fooled);
  PIPELINE_TEST ("/ca-errors/trust-comes-late", "trusts=unavailable;issue\n", test_trust_comes_late);
  PIPELINE_TEST ("/ca-errors/no-trust", "trusts=auth\n", test_no_trust);
  PIPELINE_TEST ("/ca-errors/misread", "script=protocol;protocol;issue\n", test_misread);
  PIPELINE_TEST ("/ca-errors/failing-renewal", "script=issue;auth\n", test_failing_renewal);
  return g_test_run ();
}
