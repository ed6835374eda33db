/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The operator lets a name stand for another certificate authority while a device waits. */

#include "pipeline-fixture.h"

#define FIND "capabilities=find;revoke;pending\n"

/* Puts @next in the place of @former in the configuration of the running service. */
static void
swap (Pipeline *pipeline, const char *former, const char *next)
{
  g_auto(GStrv) parts = g_strsplit (pipeline->configuration, former, 2);
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_cmpuint (g_strv_length (parts), ==, 2);
  g_free (pipeline->configuration);
  pipeline->configuration = g_strconcat (parts[0], next, parts[1], NULL);
  config = brevet_config_new_from_text (pipeline->configuration, "dps.conf", pipeline->directory, &error);
  g_assert_no_error (error);
  brevet_service_reload (pipeline->service, config, &error);
  g_assert_no_error (error);
}

/* A ticket belongs to the CA that gave it. */
static void
test_swap_while_pending (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL;

  pipeline_hurry (pipeline, 1);
  pipeline_wait_for_calls (pipeline, "poll", 2);
  swap (pipeline, "identity=one\nscript=pending\npolls=gated", "identity=two\nscript=issue\npolls=rejected");
  pipeline_wait_for_calls (pipeline, "poll", 4);
  pipeline_open_gate (pipeline);
  final = pump_await (pipeline, begun);
  assert_assigned (final, NULL);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 1);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), ==, 0);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, 1);
  assert_left (pipeline, &final, 0);
}

/* Only the CA that was asked knows what it has done. */
static void
test_swap_while_unknown (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL;

  pipeline_hurry (pipeline, 1);
  pipeline_wait_for_calls (pipeline, "find", 1);
  swap (pipeline, "identity=one\nscript=ambiguous-issued\nfinds=unavailable;look",
        "identity=two\nscript=issue\nfinds=nothing");
  final = pump_await (pipeline, begun);
  assert_assigned (final, NULL);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 1);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, 1);
  assert_left (pipeline, &final, 0);
}

/* Where nothing was asked, there is nothing to be true to. */
static void
test_swap_while_waiting (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL;

  pipeline_wait_for_calls (pipeline, "issue", 1);
  swap (pipeline, "identity=one\nscript=unavailable", "identity=two\nscript=issue");
  pipeline_hurry (pipeline, 1);
  final = pump_await (pipeline, begun);
  assert_assigned (final, NULL);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, 1);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), ==, 0);
  assert_left (pipeline, &final, 0);
}

/* A certificate of a CA that the name no longer stands for is not handed out again. */
static void
test_swap_ends_reuse (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) first = NULL, reused = NULL, after = NULL;

  enroll (pipeline, "pump-07", "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"scripted\","
          "\"reuseLiveCertificate\":true}");
  first = device_provision (pipeline, "pump-07", csr);
  assert_assigned (first, NULL);
  heard_deliver (pipeline, first);
  reused = device_provision (pipeline, "pump-07", csr);
  assert_assigned (reused, NULL);
  heard_deliver (pipeline, reused);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, 1);
  swap (pipeline, "identity=one", "identity=two");
  after = device_provision (pipeline, "pump-07", csr);
  assert_assigned (after, NULL);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, 2);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/ca-swap/while-pending", "identity=one\nscript=pending\npolls=gated\n", test_swap_while_pending);
  PIPELINE_TEST ("/ca-swap/while-unknown", "identity=one\nscript=ambiguous-issued\nfinds=unavailable;look\n" FIND,
                 test_swap_while_unknown);
  PIPELINE_TEST ("/ca-swap/while-waiting", "identity=one\nscript=unavailable\n" FIND, test_swap_while_waiting);
  PIPELINE_TEST ("/ca-swap/ends-reuse", "identity=one\n", test_swap_ends_reuse);
  return g_test_run ();
}
