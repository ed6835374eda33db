/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What can go wrong between two machines. */

#include "transport-suite.h"

#include <string.h>

#define PATIENCE 60

void
transport_assert_error (const GError *error, BrevetError code, const char *reason)
{
  g_assert_error (error, BREVET_ERROR, (int) code);
  if (strstr (error->message, reason) == NULL || strstr (error->message, "localhost") == NULL)
    g_error ("“%s” says not both “%s” and the host", error->message, reason);
}

static void
assert_fails (TransportFixture *fixture, TransportPeer peer, TransportQuestion question, guint timeout, BrevetError code,
              const char *reason)
{
  g_autoptr(BrevetTransport) transport = fixture->suite->create (fixture->world, peer, timeout);
  g_autoptr(BrevetRequest) request = fixture->suite->make_request (fixture->world, question);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_exchange (transport, request, NULL, &error);
  g_assert_null (reply);
  transport_assert_error (error, code, reason);
}

static void
assert_echo_fails (TransportFixture *fixture, TransportPeer peer, BrevetError code, const char *reason)
{
  assert_fails (fixture, peer, TRANSPORT_QUESTION_ECHO, PATIENCE, code, reason);
}

static void
test_nobody_listens (TransportFixture *fixture, gconstpointer suite)
{
  assert_echo_fails (fixture, TRANSPORT_PEER_ABSENT, BREVET_ERROR_UNREACHABLE, "refused");
}

static void
test_foreign_authority (TransportFixture *fixture, gconstpointer suite)
{
  assert_echo_fails (fixture, TRANSPORT_PEER_FOREIGN, BREVET_ERROR_UNTRUSTED, "not issued by an authority");
}

static void
test_other_name (TransportFixture *fixture, gconstpointer suite)
{
  assert_echo_fails (fixture, TRANSPORT_PEER_MISNAMED, BREVET_ERROR_UNTRUSTED, "not for the name localhost");
}

static void
test_expired (TransportFixture *fixture, gconstpointer suite)
{
  assert_echo_fails (fixture, TRANSPORT_PEER_EXPIRED, BREVET_ERROR_UNTRUSTED, "expired");
}

static void
test_too_long (TransportFixture *fixture, gconstpointer suite)
{
  assert_fails (fixture, TRANSPORT_PEER_GOOD, TRANSPORT_QUESTION_LARGE, PATIENCE, BREVET_ERROR_UNREACHABLE, "long");
}

static void
test_time_out (TransportFixture *fixture, gconstpointer suite)
{
  assert_fails (fixture, TRANSPORT_PEER_MUTE, TRANSPORT_QUESTION_NEVER, 1, BREVET_ERROR_UNREACHABLE, "time-out");
  assert_fails (fixture, TRANSPORT_PEER_GOOD, TRANSPORT_QUESTION_NEVER, 1, BREVET_ERROR_UNREACHABLE, "time-out");
}

void
transport_suite_add_network (const TransportSuite *suite)
{
  transport_suite_add_test (suite, "nobody-listens", test_nobody_listens);
  transport_suite_add_test (suite, "foreign-authority", test_foreign_authority);
  transport_suite_add_test (suite, "other-name", test_other_name);
  transport_suite_add_test (suite, "expired", test_expired);
  transport_suite_add_test (suite, "too-long", test_too_long);
  transport_suite_add_test (suite, "time-out", test_time_out);
}
