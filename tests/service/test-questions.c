/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The same question gets the same answer until it is delivered; what is another question; how often the CA is asked meanwhile. */

#include "pipeline-fixture.h"

#include <string.h>

static void
assert_same_certificate (const Heard *one, const Heard *other, gboolean same)
{
  g_autoptr(BrevetCertificate) a = heard_get_certificate (one);
  g_autoptr(BrevetCertificate) b = heard_get_certificate (other);

  g_assert_nonnull (a);
  g_assert_nonnull (b);
  g_assert_cmpint (brevet_certificate_equal (a, b), ==, same);
}

static void
test_joins_in_flight (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) first = NULL, second = NULL, one = NULL, two = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  first = device_register (pipeline, "pump-07", csr);
  pipeline_wait_for_calls (pipeline, "issue", 1);
  second = device_register (pipeline, "pump-07", csr);
  g_assert_cmpstr (heard_get (second, "operationId"), ==, heard_get (first, "operationId"));
  pipeline_open_gate (pipeline);
  one = device_await (pipeline, "pump-07", heard_get (first, "operationId"));
  two = device_await (pipeline, "pump-07", heard_get (second, "operationId"));
  assert_same_certificate (one, two, TRUE);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 1);
}

static void
test_until_delivered (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *lost_text = NULL;
  g_autoptr(Heard) lost = NULL, again = NULL, polled = NULL, renewed = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  lost = device_provision (pipeline, "pump-07", csr);
  lost_text = g_strdup (lost->text);
  g_clear_pointer (&lost, heard_free);
  pipeline_stop (pipeline);
  pipeline_start (pipeline);
  again = device_provision (pipeline, "pump-07", csr);
  g_assert_cmpstr (again->text, ==, lost_text);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 1);

  heard_deliver (pipeline, again);
  polled = device_await (pipeline, "pump-07", heard_get (again, "operationId"));
  g_assert_cmpstr (polled->text, ==, again->text);
  renewed = device_provision (pipeline, "pump-07", csr);
  assert_same_certificate (renewed, again, FALSE);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 2);
}

/* The acknowledgement of register goes out too, but holds no certificate; nor does the reply to a client of an older version. */
static void
test_delivery_of_other_replies (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *path = NULL;
  g_autoptr(Heard) first = NULL, acknowledged = NULL, old = NULL, again = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  first = device_provision (pipeline, "pump-07", csr);
  acknowledged = device_register (pipeline, "pump-07", csr);
  heard_deliver (pipeline, acknowledged);
  path = g_strconcat ("/operations/", heard_get (first, "operationId"), NULL);
  old = ask (pipeline, "pump-07", .method = "GET", .path = path, .version = "2021-10-01");
  assert_assigned (old, NULL);
  heard_deliver (pipeline, old);
  again = device_provision (pipeline, "pump-07", csr);
  assert_same_certificate (again, first, TRUE);
}

static void
test_other_csr_supersedes (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) one_key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetKey) two_key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *one_csr = make_csr (one_key, "pump-07");
  g_autofree char *two_csr = make_csr (two_key, "pump-07");
  g_autoptr(Heard) one = NULL, two = NULL, one_final = NULL, two_final = NULL, found = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autoptr(GPtrArray) inventory = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  one = device_register (pipeline, "pump-07", one_csr);
  pipeline_wait_for_calls (pipeline, "issue", 1);
  two = device_register (pipeline, "pump-07", two_csr);
  pipeline_wait_for_calls (pipeline, "issue", 2);
  g_assert_cmpstr (heard_get (one, "operationId"), !=, heard_get (two, "operationId"));
  pipeline_open_gate (pipeline);
  pipeline_open_gate (pipeline);
  two_final = device_await (pipeline, "pump-07", heard_get (two, "operationId"));
  one_final = device_await (pipeline, "pump-07", heard_get (one, "operationId"));
  certificate = heard_get_certificate (two_final);
  g_assert_cmpstr (brevet_certificate_get_spki_sha256 (certificate), ==, brevet_key_get_spki_sha256 (two_key));
  /* Whichever ended last: the registration is that of the later question, and no certificate is lost. */
  found = ask (pipeline, "pump-07", .method = "POST", .path = "");
  g_assert_cmpstr (heard_get (found, "etag"), ==, heard_get (two_final, "registrationState.etag"));
  g_clear_pointer (&one_final, heard_free);
  g_clear_pointer (&two_final, heard_free);
  inventory = pipeline_list (pipeline, "certificates");
  g_assert_cmpuint (inventory->len, ==, 2);
}

static void
test_edited_enrollment (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *body = NULL;
  g_autoptr(Heard) first = NULL, second = NULL, with_payload = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  first = device_provision (pipeline, "pump-07", csr);
  enroll (pipeline, "pump-07", ISSUE ",\"deviceId\":\"hall-3\"");
  second = device_provision (pipeline, "pump-07", csr);
  assert_same_certificate (second, first, FALSE);
  g_assert_cmpstr (heard_get (second, "registrationState.deviceId"), ==, "hall-3");
  body = g_strdup_printf ("{\"clientCertificateCsr\":\"%s\",\"payload\":{\"model\":\"P7\"}}", csr);
  with_payload = ask (pipeline, "pump-07", .body = body, .prefer = "wait=20");
  assert_assigned (with_payload, NULL);
  assert_same_certificate (with_payload, second, FALSE);
}

#define REUSE "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"scripted\",\"reuseLiveCertificate\":true}"
#define DAYS  (G_GINT64_CONSTANT (86400))

static Heard *
provision_and_deliver (Pipeline *pipeline, const char *csr)
{
  Heard *heard = device_provision (pipeline, "pump-07", csr);

  assert_assigned (heard, NULL);
  heard_deliver (pipeline, heard);
  return heard;
}

/* For CAs that charge by the piece: 90 days of life, of which the last 30 are for renewing. */
static void
test_reuse (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetKey) other_key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *other_csr = make_csr (other_key, "pump-07");
  g_autoptr(Heard) first = NULL, reused = NULL, without = NULL, after = NULL, late = NULL, rekeyed = NULL;

  enroll (pipeline, "pump-07", REUSE);
  first = provision_and_deliver (pipeline, csr);
  reused = provision_and_deliver (pipeline, csr);
  assert_same_certificate (reused, first, TRUE);
  g_assert_cmpstr (heard_get (reused, "operationId"), !=, heard_get (first, "operationId"));
  pipeline_pass_time (59 * DAYS);
  without = device_provision (pipeline, "pump-07", NULL);
  g_assert_null (heard_get (without, "registrationState.issuedClientCertificate"));
  after = provision_and_deliver (pipeline, csr);
  assert_same_certificate (after, first, TRUE);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 1);
  pipeline_pass_time (2 * DAYS);
  late = provision_and_deliver (pipeline, csr);
  assert_same_certificate (late, first, FALSE);
  rekeyed = provision_and_deliver (pipeline, other_csr);
  assert_same_certificate (rekeyed, late, FALSE);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 3);
}

/* A certificate that nobody fetched is handed out again, but not when it is about to end. */
static void
test_undelivered_and_expired (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) first = NULL, second = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  first = device_provision (pipeline, "pump-07", csr);
  pipeline_pass_time (91 * DAYS);
  second = device_provision (pipeline, "pump-07", csr);
  assert_same_certificate (second, first, FALSE);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/questions/joins-in-flight", "script=hold\n", test_joins_in_flight);
  PIPELINE_TEST ("/questions/until-delivered", NULL, test_until_delivered);
  PIPELINE_TEST ("/questions/delivery-of-other-replies", NULL, test_delivery_of_other_replies);
  PIPELINE_TEST ("/questions/other-csr-supersedes", "script=hold\n", test_other_csr_supersedes);
  PIPELINE_TEST ("/questions/edited-enrollment", NULL, test_edited_enrollment);
  PIPELINE_TEST ("/questions/reuse", NULL, test_reuse);
  PIPELINE_TEST ("/questions/undelivered-and-expired", NULL, test_undelivered_and_expired);
  return g_test_run ();
}
