/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Requests that wait for a human. */

#include "digicert-fixture.h"

#include <string.h>

/* --- pending --- */

static char *
begin_pending (DigicertFixture *fixture)
{
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  digicert_world_plan (fixture->world, "issue", "pending");
  outcome = ca_assert_issue (fixture->backend, fixture->request);
  g_assert_false (brevet_ca_outcome_is_issued (outcome));
  g_assert_cmpuint (brevet_ca_outcome_get_poll_after (outcome), >, 0);
  return g_strdup (brevet_ca_outcome_get_ticket (outcome));
}

/* Another instance asks, as after a restart. */
static void
test_pending (DigicertFixture *fixture, gconstpointer data)
{
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(BrevetCaBackend) restarted = digicert_world_backend (fixture->world, NULL, NULL);
  g_autoptr(BrevetCaOutcome) waiting = NULL;
  g_autoptr(BrevetCaOutcome) still_waiting = NULL;
  g_autoptr(BrevetCaOutcome) issued = NULL;
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;

  waiting = digicert_poll (restarted, ticket, fixture->request, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_ca_outcome_get_ticket (waiting), ==, ticket);
  digicert_world_plan (fixture->world, "pickup", "short");
  still_waiting = digicert_poll (restarted, ticket, fixture->request, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_ca_outcome_get_ticket (still_waiting), ==, ticket);

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"approve\"}"));
  issued = digicert_poll (restarted, ticket, fixture->request, &error);
  g_assert_no_error (error);
  chain = digicert_run_check (fixture, issued, &error);
  g_assert_no_error (error);
  digicert_assert_calls (fixture->world, "issue pickup pickup pickup profile");
  g_assert_cmpuint (digicert_world_count_issued (fixture->world), ==, 1);
}

static void
test_pickup_body (DigicertFixture *fixture, gconstpointer data)
{
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(BrevetCaOutcome) waiting = digicert_poll (fixture->backend, ticket, fixture->request, NULL);

  g_assert_nonnull (waiting);
  digicert_assert_body (fixture->world, "{\"profile\":{\"id\":\"" DIGICERT_PROFILE "\"}}");
}

/* The deadline is for the device that waits; nobody does while a human decides. */
static void
test_pending_after_deadline (DigicertFixture *fixture, gconstpointer data)
{
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(BrevetCaOutcome) waiting = NULL;
  g_autoptr(GError) error = NULL;

  brevet_ca_request_set_deadline (fixture->request, brevet_clock_monotonic ());
  waiting = digicert_poll (fixture->backend, ticket, fixture->request, &error);
  g_assert_no_error (error);
}

static void
test_rejected (DigicertFixture *fixture, gconstpointer data)
{
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(GError) error = NULL;

  json_object_unref (digicert_world_order (fixture->world, "{\"do\":\"reject\"}"));
  g_assert_null (digicert_poll (fixture->backend, ticket, fixture->request, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_REJECTED);
}

static const char *const bad_tickets[] = { "", "tlm/", "tlm/../certificate", "iot/0123", "tlm/a b", "tlm/a?b=c", "0123" };

static void
test_bad_tickets (DigicertFixture *fixture, gconstpointer data)
{
  for (guint i = 0; i < G_N_ELEMENTS (bad_tickets); i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (digicert_poll (fixture->backend, bad_tickets[i], fixture->request, &error));
      g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_TICKET_EXPIRED);
    }
  digicert_assert_calls (fixture->world, "");
}

static const DigicertFailure poll_failures[] = {
  { "404", BREVET_CA_ERROR_TICKET_EXPIRED, -1, "register again" },
  { "429", BREVET_CA_ERROR_RATE_LIMITED, 5, "request_limit_exceeded" },
  { "500", BREVET_CA_ERROR_UNAVAILABLE, -1, "internal_error" },
  { "html", BREVET_CA_ERROR_UNAVAILABLE, -1, "login page" },
  { "closed", BREVET_CA_ERROR_UNAVAILABLE, -1, "transaction" },
};

static void
test_poll_failure (DigicertFixture *fixture, gconstpointer data)
{
  const DigicertFailure *failure = data;
  g_autofree char *ticket = begin_pending (fixture);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "pickup", failure->scenario);
  g_assert_null (digicert_poll (fixture->backend, ticket, fixture->request, &error));
  digicert_assert_failure (error, failure);
  digicert_assert_calls (fixture->world, "issue pickup");
}

/* There is no way to ask what becomes of it, so an operator has to know; and it may still be issued, so that nobody else may be
 * asked for the same, as somebody would be if the profile were to blame. */
static void
test_iot_pending (DigicertFixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetCaBackend) backend = digicert_world_backend (fixture->world, "profile", DIGICERT_IOT_PROFILE);
  g_autoptr(GError) error = NULL;

  digicert_world_plan (fixture->world, "iot-issue", "pending");
  g_assert_null (ca_issue (backend, fixture->request, NULL, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_REJECTED);
  g_assert_nonnull (strstr (error->message, "PENDING_APPROVAL"));
  g_assert_nonnull (strstr (error->message, "reject it there"));
  digicert_assert_calls (fixture->world, "iot-issue");
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  DIGICERT_ADD ("pending/issued", test_pending);
  DIGICERT_ADD ("pending/body", test_pickup_body);
  DIGICERT_ADD ("pending/after-deadline", test_pending_after_deadline);
  DIGICERT_ADD ("pending/rejected", test_rejected);
  DIGICERT_ADD ("pending/bad-tickets", test_bad_tickets);
  DIGICERT_ADD_EACH ("poll-failure", poll_failures, poll_failures[i].scenario, &poll_failures[i], test_poll_failure);
  DIGICERT_ADD ("pending/iot", test_iot_pending);
  return g_test_run ();
}
