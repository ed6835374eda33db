/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The disk is full for a moment: what a CA signed is not lost, and no CA is asked for what could not be written down. */

#include "pipeline-fixture.h"

#include <stdlib.h>

#define KILLING "[store main]\ntype=killing\ninner=store-sqlite\n"

static void
test_intent (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *body = make_body ("pump-07", csr);
  g_autoptr(Heard) failed = NULL, lookup = NULL, final = NULL;
  const char *pause;

  enroll (pipeline, "pump-07", ISSUE);
  failed = ask (pipeline, "pump-07", .body = body);
  /* Nothing is wrong with the request: the device is told to come back. */
  assert_error (failed, 503, 503000);
  pause = brevet_reply_get_header (failed->reply, "retry-after");
  g_assert_nonnull (pause);
  g_assert_cmpint (atoi (pause), >=, 20);
  g_assert_cmpint (atoi (pause), <=, 59);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 0);
  lookup = ask (pipeline, "pump-07", .method = "POST", .path = "");
  assert_error (lookup, 404, 404201);
  final = device_provision (pipeline, "pump-07", csr);
  assert_assigned (final, NULL);
}

static void
test_result (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) final = NULL;
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autofree char *signature = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  final = device_provision (pipeline, "pump-07", csr);
  assert_assigned (final, NULL);
  certificate = heard_get_certificate (final);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 1);
  signature = pipeline_get_call (pipeline, "signed", 0, 3);
  g_assert_cmpstr (brevet_certificate_get_sha256 (certificate), ==, signature);
  g_assert_true (pipeline_logged ("cannot be stored, trying again"));
}

/* A new attempt must be in the journal before the CA hears of it. */
static void
test_new_attempt (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) final = NULL;
  g_autofree char *one = NULL;
  g_autofree char *two = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  final = device_provision (pipeline, "pump-07", csr);
  assert_assigned (final, NULL);
  g_assert_true (pipeline_logged ("cannot be written, trying again"));
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 2);
  one = pipeline_get_call (pipeline, "issue", 0, 1);
  two = pipeline_get_call (pipeline, "issue", 1, 1);
  g_assert_cmpstr (one, !=, two);
}

/* A refused certificate is in the inventory before the next one is asked for. */
static void
test_refused_certificate (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) final = NULL;
  g_autoptr(GPtrArray) inventory = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  final = device_provision (pipeline, "pump-07", csr);
  assert_assigned (final, NULL);
  g_clear_pointer (&final, heard_free);
  inventory = pipeline_list (pipeline, "certificates");
  g_assert_cmpuint (inventory->len, ==, 2);
}

static void
test_delivery (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) first = NULL, again = NULL;

  enroll (pipeline, "pump-07", ISSUE);
  first = device_provision (pipeline, "pump-07", csr);
  heard_deliver (pipeline, first);
  g_assert_true (pipeline_logged ("may be handed out once more"));
  again = device_provision (pipeline, "pump-07", csr);
  g_assert_cmpstr (again->text, ==, first->text);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/store-failures/intent", KILLING "fail-at=journal:1:1\n", test_intent);
  PIPELINE_TEST ("/store-failures/result", KILLING "fail-at=certificates:1:1\n", test_result);
  PIPELINE_TEST ("/store-failures/new-attempt", "script=ambiguous-lost;issue\n" KILLING "fail-at=journal:2:1\n", test_new_attempt);
  PIPELINE_TEST ("/store-failures/refused-certificate", "script=wrong-key;issue\n" KILLING "fail-at=certificates:1:1\n",
                 test_refused_certificate);
  PIPELINE_TEST ("/store-failures/delivery", KILLING "fail-at=operations:3:1\n", test_delivery);
  return g_test_run ();
}
