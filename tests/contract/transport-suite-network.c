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
assert_fails (TransportFixture *fixture, TransportPeer peer, const char *path, BrevetError code, const char *reason)
{
  g_autoptr(BrevetTransport) transport = fixture->suite->create (fixture->world, peer, PATIENCE);
  g_autoptr(BrevetReply) reply = NULL;
  g_autoptr(GError) error = NULL;

  reply = transport_ask (transport, path, &error);
  g_assert_null (reply);
  transport_assert_error (error, code, reason);
}

static void
test_nobody_listens (TransportFixture *fixture, gconstpointer suite)
{
  assert_fails (fixture, TRANSPORT_PEER_ABSENT, TRANSPORT_ECHO, BREVET_ERROR_UNREACHABLE, "refused");
}

static void
test_foreign_authority (TransportFixture *fixture, gconstpointer suite)
{
  assert_fails (fixture, TRANSPORT_PEER_FOREIGN, TRANSPORT_ECHO, BREVET_ERROR_UNTRUSTED, "not issued by an authority");
}

static void
test_other_name (TransportFixture *fixture, gconstpointer suite)
{
  assert_fails (fixture, TRANSPORT_PEER_MISNAMED, TRANSPORT_ECHO, BREVET_ERROR_UNTRUSTED, "not for the name localhost");
}

static void
test_expired (TransportFixture *fixture, gconstpointer suite)
{
  assert_fails (fixture, TRANSPORT_PEER_EXPIRED, TRANSPORT_ECHO, BREVET_ERROR_UNTRUSTED, "expired");
}

static void
test_too_long (TransportFixture *fixture, gconstpointer suite)
{
  assert_fails (fixture, TRANSPORT_PEER_GOOD, TRANSPORT_LARGE, BREVET_ERROR_UNREACHABLE, "longer than");
}

static void
test_time_out (TransportFixture *fixture, gconstpointer suite)
{
  static const TransportPeer peers[] = { TRANSPORT_PEER_MUTE, TRANSPORT_PEER_GOOD };

  for (guint i = 0; i < G_N_ELEMENTS (peers); i++)
    {
      g_autoptr(BrevetTransport) transport = fixture->suite->create (fixture->world, peers[i], 1);
      g_autoptr(BrevetReply) reply = NULL;
      g_autoptr(GError) error = NULL;

      reply = transport_ask (transport, TRANSPORT_NEVER, &error);
      g_assert_null (reply);
      transport_assert_error (error, BREVET_ERROR_UNREACHABLE, "time-out");
    }
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
