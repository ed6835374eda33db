/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the service does with a certificate authority that is slow, loses answers, or cannot say what it has done: how often it is
 * asked, and what is remembered. */

#include "brevet-clock.h"
#include "pipeline-fixture.h"

#include <string.h>

#define FIND    "capabilities=find;revoke;pending\n"
#define TIMEOUT "[service]\nissuance-timeout="

static void
assert_calls (Pipeline *pipeline, guint issues, guint finds, guint signatures)
{
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, issues);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), ==, finds);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, signatures);
}

static void
test_conflict (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 400000, "The certificate authority refused the request.");
  assert_calls (pipeline, 1, 2, 0);
  assert_left (pipeline, &final, 0);
}

static void
test_conflict_found (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 2, 3, 1);
  assert_left (pipeline, &final, 0);
}

static void
test_conflict_without_find (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 400000, NULL);
  assert_calls (pipeline, 1, 0, 0);
  assert_left (pipeline, &final, 0);
}

/* The question never went out, so there is nothing to look for. */
static void
test_hanging_unsent (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 500000, NULL);
  assert_calls (pipeline, 1, 0, 0);
  assert_left (pipeline, &final, 0);
}

static void
test_hanging_issued (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 1, 1);
  assert_left (pipeline, &final, 0);
}

/* It does not stop when it is told to, and the next attempt succeeds: what comes then must not stay valid. */
static void
test_deaf_and_late (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);
  g_autofree char *used = pipeline_get_call (pipeline, "signed", 0, 3);
  g_autofree char *revoked = NULL;

  assert_assigned (final, NULL);
  assert_calls (pipeline, 2, 2, 1);
  pipeline_hurry (pipeline, 0);
  pipeline_open_gate (pipeline);
  pipeline_wait_for_calls (pipeline, "revoke", 1);
  assert_calls (pipeline, 2, 2, 2);
  revoked = pipeline_get_call (pipeline, "revoke", 0, 2);
  g_assert_cmpstr (revoked, !=, used);
  assert_left (pipeline, &final, 0);
}

/* The answer comes while the CA cannot say what it has done: it is the answer. */
static void
test_deaf_and_adopted (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL;

  pipeline_hurry (pipeline, 1);
  pipeline_wait_for_calls (pipeline, "find", 1);
  pipeline_hurry (pipeline, 0);
  pipeline_open_gate (pipeline);
  pipeline_wait_for_calls (pipeline, "signed", 1);
  final = pump_await (pipeline, begun);
  assert_assigned (final, NULL);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "issue"), ==, 1);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, 1);
  assert_left (pipeline, &final, 0);
}

static void
test_find_is_not_hurried (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL;

  pipeline_hurry (pipeline, 1);
  pipeline_wait_for_calls (pipeline, "find", 1);
  pipeline_hurry (pipeline, 0);
  while (!pipeline_logged ("has to wait"))
    g_main_context_iteration (NULL, TRUE);
  pipeline_leap (1799);
  for (int i = 0; i < 100; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), ==, 1);
  pipeline_hurry (pipeline, 1);
  final = pump_await (pipeline, begun);
  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 2, 1);
}

/* The CA's own queue is not held up by this, so it is the operation that keeps to what the CA has asked for. */
static void
test_retry_after (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL;
  gint64 start = brevet_clock_monotonic ();

  pipeline_hurry (pipeline, 1);
  pipeline_wait_for_calls (pipeline, "issue", 2);
  g_assert_cmpint (brevet_clock_monotonic () - start, >, 1800 * G_USEC_PER_SEC);
  final = pump_await (pipeline, begun);
  assert_assigned (final, NULL);
  assert_calls (pipeline, 2, 0, 1);
}

/* Longer than the deadline, as long as the operator's patience: and then it is not forgotten. */
static void
test_never_known (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 500000, NULL);
  assert_calls (pipeline, 1, pipeline_count_calls (pipeline, "find"), 0);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "find"), >, 2);
  g_assert_true (pipeline_logged ("MESSAGE=The certificate authority may have issued a certificate that never arrived"));
  assert_left (pipeline, &final, 1);
}

static void
test_known_after_the_deadline (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 2, 1);
  assert_left (pipeline, &final, 0);
}

static void
test_lost_pending (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 1, 1);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "poll"), ==, 1);
  assert_left (pipeline, &final, 0);
}

static void
test_misread_find (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 500000, NULL);
  assert_calls (pipeline, 1, 2, 0);
  g_assert_true (pipeline_logged ("MESSAGE=The certificate authority “scripted” needs an operator"));
  assert_left (pipeline, &final, 1);
}

/* What cannot be read may be a certificate. */
static void
test_misread_certificate (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 1, 1);
  assert_left (pipeline, &final, 0);
}

static void
test_alert (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 500000, "The certificate authority is not available. Register again later.");
  g_assert_true (pipeline_logged ("MESSAGE=The certificate authority “scripted” needs an operator"));
  g_assert_true (pipeline_logged ("BREVET_UPSTREAM_CODE=scripted BREVET_HTTP_STATUS=499 BREVET_TRANSACTION=scripted-transaction"));
  assert_calls (pipeline, 1, 0, 0);
}

/* A human decides on the third day. */
static void
test_pending_for_days (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL, seen = NULL;
  g_autofree char *path = g_strconcat ("/operations/", heard_get (begun, "operationId"), NULL);

  pipeline_hurry (pipeline, 60);
  pipeline_wait_for_calls (pipeline, "poll", 40);
  seen = ask (pipeline, "pump-07", .method = "GET", .path = path);
  g_assert_cmpuint (seen->status, ==, 202);
  g_assert_cmpstr (heard_get (seen, "status"), ==, "assigning");
  pipeline_open_gate (pipeline);
  final = pump_await (pipeline, begun);
  assert_assigned (final, NULL);
  assert_calls (pipeline, 1, 0, 1);
  assert_left (pipeline, &final, 0);
}

static void
test_pending_for_ever (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL;

  pipeline_hurry (pipeline, 60);
  while (!pipeline_logged ("No certificate was issued for pump-07"))
    g_main_context_iteration (NULL, TRUE);
  pipeline_hurry (pipeline, 0);
  final = pump_await (pipeline, begun);
  assert_failed (final, 400000, NULL);
  /* At first every few seconds, at last every hour. */
  g_assert_cmpuint (pipeline_count_calls (pipeline, "poll"), >, 24 * 6);
  g_assert_cmpuint (pipeline_count_calls (pipeline, "poll"), <, 24 * 7 + 40);
  assert_left (pipeline, &final, 1);
}

/* A CA that has forgotten the ticket may have issued; one that says no has not. */
static void
test_forgotten_ticket (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 400000, NULL);
  g_assert_true (pipeline_logged ("MESSAGE=The certificate authority may have issued a certificate that never arrived"));
}

static void
test_refused_ticket (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 400000, NULL);
  g_assert_false (pipeline_logged ("MESSAGE=The certificate authority may have issued"));
  assert_left (pipeline, &final, 0);
}

/* Those that wait do not keep out others. */
static void
test_pending_is_not_in_flight (Pipeline *pipeline, gconstpointer data)
{
  static const char *const devices[] = { "pump-01", "pump-02", "pump-03" };
  Heard *begun[G_N_ELEMENTS (devices)];

  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    {
      g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
      g_autofree char *csr = make_csr (key, devices[i]);

      enroll (pipeline, devices[i], ISSUE);
      begun[i] = device_register (pipeline, devices[i], csr);
      pipeline_wait_for_calls (pipeline, "issue", i + 1);
    }
  pipeline_hurry (pipeline, 1);
  /* All have to end: what was begun goes on without the service, and would ask a CA whose test is over. */
  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    {
      g_autoptr(Heard) final = device_await (pipeline, devices[i], heard_get (begun[i], "operationId"));

      assert_failed (final, 400000, NULL);
      heard_free (begun[i]);
    }
}

/* One is asked for, one stands in the queue, and the third finds it full: that is this service's own trouble, so it waits. */
static void
test_full_queue (Pipeline *pipeline, gconstpointer data)
{
  static const char *const devices[] = { "pump-01", "pump-02", "pump-03" };
  Heard *begun[G_N_ELEMENTS (devices)];

  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    {
      g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
      g_autofree char *csr = make_csr (key, devices[i]);

      enroll (pipeline, devices[i], ISSUE);
      begun[i] = device_register (pipeline, devices[i], csr);
      pipeline_wait_for_calls (pipeline, "issue", 1);
    }
  assert_calls (pipeline, 1, 0, 0);
  pipeline_open_gate (pipeline);
  pipeline_hurry (pipeline, 1);
  for (guint i = 0; i < G_N_ELEMENTS (devices); i++)
    {
      g_autoptr(Heard) final = device_await (pipeline, devices[i], heard_get (begun[i], "operationId"));

      assert_assigned (final, NULL);
      heard_free (begun[i]);
    }
  assert_calls (pipeline, 3, 0, 3);
}

/* Who waits for days is told to ask less often. */
static void
test_polling_slows_down (Pipeline *pipeline, gconstpointer data)
{
  static const struct { guint later; const char *pause; } looks[] = { { 0, "3" }, { 100, "10" }, { 7200, "30" } };
  g_autoptr(Heard) begun = pump_begin (pipeline, ISSUE), final = NULL;
  g_autofree char *path = g_strconcat ("/operations/", heard_get (begun, "operationId"), NULL);

  for (guint i = 0; i < G_N_ELEMENTS (looks); i++)
    {
      g_autoptr(Heard) seen = NULL;

      pipeline_pass_time (looks[i].later);
      seen = ask (pipeline, "pump-07", .method = "GET", .path = path);
      g_assert_cmpuint (seen->status, ==, 202);
      g_assert_cmpstr (brevet_reply_get_header (seen->reply, "retry-after"), ==, looks[i].pause);
    }
  pipeline_open_gate (pipeline);
  pipeline_hurry (pipeline, 1);
  final = pump_await (pipeline, begun);
  assert_assigned (final, NULL);
}

static void
test_uri_is_not_paid_for (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, ISSUE);

  assert_failed (final, 500000, NULL);
  g_assert_true (pipeline_logged ("cannot put the URI into its certificates"));
  assert_calls (pipeline, 0, 0, 0);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/ca-recourse/conflict", "script=conflict;issue\n" FIND, test_conflict);
  PIPELINE_TEST ("/ca-recourse/conflict-found", "script=ambiguous-issued;conflict\nfinds=nothing;nothing;look\n" FIND,
                 test_conflict_found);
  PIPELINE_TEST ("/ca-recourse/conflict-without-find", "script=conflict;issue\n", test_conflict_without_find);
  PIPELINE_TEST ("/ca-recourse/hanging-unsent", "script=hang-unsent;issue\n" FIND, test_hanging_unsent);
  PIPELINE_TEST ("/ca-recourse/hanging-issued", "script=hang-issued;issue\n" FIND, test_hanging_issued);
  PIPELINE_TEST ("/ca-recourse/deaf-and-late", "script=hold;issue\n" FIND, test_deaf_and_late);
  PIPELINE_TEST ("/ca-recourse/deaf-and-adopted", "script=hold;issue\nfinds=unavailable:3000\n" FIND, test_deaf_and_adopted);
  PIPELINE_TEST ("/ca-recourse/find-is-not-hurried", "script=ambiguous-issued\nfinds=rate-limited:1800;look\n" FIND,
                 test_find_is_not_hurried);
  PIPELINE_TEST ("/ca-recourse/retry-after", "script=unavailable:1800;issue\n" FIND, test_retry_after);
  PIPELINE_TEST ("/ca-recourse/never-known", "script=ambiguous-lost\nfinds=unavailable\n" FIND TIMEOUT "1m\n", test_never_known);
  PIPELINE_TEST ("/ca-recourse/known-after-the-deadline", "script=ambiguous-issued\nfinds=unavailable:1800;look\n" FIND TIMEOUT
                 "1m\n", test_known_after_the_deadline);
  PIPELINE_TEST ("/ca-recourse/lost-pending", "script=ambiguous-lost\nfinds=pending\npolls=issue\n" FIND, test_lost_pending);
  PIPELINE_TEST ("/ca-recourse/misread-find", "script=ambiguous-lost\nfinds=protocol\n" FIND, test_misread_find);
  PIPELINE_TEST ("/ca-recourse/misread-certificate", "script=protocol-issued;issue\n" FIND, test_misread_certificate);
  PIPELINE_TEST ("/ca-recourse/auth", "script=auth\n", test_alert);
  PIPELINE_TEST ("/ca-recourse/config", "script=config\n", test_alert);
  PIPELINE_TEST ("/ca-recourse/profile", "script=profile\n", test_alert);
  PIPELINE_TEST ("/ca-recourse/quota", "script=quota\n", test_alert);
  PIPELINE_TEST ("/ca-recourse/pending-for-days", "script=pending\npolls=gated\n" FIND, test_pending_for_days);
  PIPELINE_TEST ("/ca-recourse/pending-for-ever", "script=pending\npolls=pending\nfinds=unavailable\n" FIND, test_pending_for_ever);
  PIPELINE_TEST ("/ca-recourse/pending-is-not-in-flight",
                 "script=pending\npolls=pending;pending;pending;rejected\n[limits]\noperations-in-flight=1\n",
                 test_pending_is_not_in_flight);
  PIPELINE_TEST ("/ca-recourse/forgotten-ticket", "script=pending\npolls=ticket-expired\ncapabilities=pending\n",
                 test_forgotten_ticket);
  PIPELINE_TEST ("/ca-recourse/refused-ticket", "script=pending\npolls=rejected\nfinds=unavailable\n" FIND, test_refused_ticket);
  PIPELINE_TEST ("/ca-recourse/full-queue", "script=hold;issue\nmaximum-in-flight=1\nmaximum-queued=1\n", test_full_queue);
  PIPELINE_TEST ("/ca-recourse/polling-slows-down", "script=pending\npolls=gated\n", test_polling_slows_down);
  PIPELINE_TEST ("/ca-recourse/uri-is-not-paid-for", "script=issue\n[csr]\nsubject-uri-prefix=urn:device:\n",
                 test_uri_is_not_paid_for);
  return g_test_run ();
}
