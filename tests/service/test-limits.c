/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Too much is answered, not dropped, and nobody can use up what is another's. */

#include "pipeline-fixture.h"

static void
assert_throttled (const Heard *heard)
{
  const char *wait = brevet_reply_get_header (heard->reply, "retry-after");

  assert_error (heard, 429, 429000);
  g_assert_nonnull (wait);
  g_assert_cmpint (g_ascii_strtoll (wait, NULL, 10), >, 0);
}

static void
test_per_device (Pipeline *pipeline, gconstpointer data)
{
  enroll (pipeline, "pump-07", NULL);
  enroll (pipeline, "pump-08", NULL);
  /* Strangers who know its name cannot use up a device's share. */
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr(Heard) stranger = ask (pipeline, "pump-07", .key = OTHER_KEY);

      assert_error (stranger, 401, 401002);
    }
  for (guint i = 0; i < 3; i++)
    {
      g_autoptr(Heard) admitted = device_register (pipeline, i == 1 ? "PUMP-07" : "pump-07", NULL);
    }
  {
    g_autoptr(Heard) throttled = ask (pipeline, "pump-07");
    g_autoptr(Heard) other = device_register (pipeline, "pump-08", NULL);

    assert_throttled (throttled);
    g_assert_cmpstr (brevet_reply_get_header (throttled->reply, "retry-after"), ==, "20");
  }
}

static void
test_operations (Pipeline *pipeline, gconstpointer data)
{
  static const char *const devices[] = { "pump-1", "pump-2", "pump-3" };
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  Heard *begun[2];

  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    enroll (pipeline, devices[i], ISSUE);
  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *csr = make_csr (key, devices[i]);

      begun[i] = device_register (pipeline, devices[i], csr);
    }
  {
    g_autofree char *csr = make_csr (key, devices[2]);
    g_autofree char *body = make_body (devices[2], csr);
    g_autoptr(Heard) busy = ask (pipeline, devices[2], .body = body);
    g_autoptr(Heard) without = device_register (pipeline, devices[2], NULL);
    g_autoptr(Heard) final = NULL;

    assert_throttled (busy);
    /* Both wait at one gate, and either may go first. */
    for (guint i = 0; i < 2; i++)
      pipeline_open_gate (pipeline);
    for (guint i = 0; i < 2; i++)
      {
        g_autoptr(Heard) done = device_await (pipeline, devices[i], heard_get (begun[i], "operationId"));

        assert_assigned (done, NULL);
        heard_free (begun[i]);
      }
    /* There is room again. */
    pipeline_open_gate (pipeline);
    final = device_provision (pipeline, devices[2], csr);
    assert_assigned (final, NULL);
  }
}

static void
test_requests (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autofree char *body = make_body ("pump-07", csr);
  g_autoptr(Heard) busy = NULL, final = NULL, after = NULL;
  Question *waiting;

  enroll (pipeline, "pump-07", ISSUE);
  waiting = ask_begin (pipeline, "pump-07", (Ask) { .body = body, .prefer = "wait=30" });
  pipeline_wait_for_calls (pipeline, "issue", 1);
  busy = ask (pipeline, "pump-07");
  assert_throttled (busy);
  pipeline_open_gate (pipeline);
  final = ask_end (waiting);
  assert_assigned (final, NULL);
  after = device_register (pipeline, "pump-07", NULL);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/limits/per-device", "[limits]\nrequests-per-device=3\n", test_per_device);
  PIPELINE_TEST ("/limits/operations", "script=hold\n[limits]\noperations-in-flight=2\n", test_operations);
  PIPELINE_TEST ("/limits/requests", "script=hold\n[limits]\nrequests-in-flight=1\n", test_requests);
  return g_test_run ();
}
