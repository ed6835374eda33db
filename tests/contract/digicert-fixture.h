/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "digicert-world.h"

/* A world, an instance for Trust Lifecycle Manager, and a request of a device; and what tests want to know afterwards. */

typedef struct
{
  DigicertWorld   *world;
  BrevetCaBackend *backend;
  BrevetCaRequest *request;
} DigicertFixture;

void digicert_set_up    (DigicertFixture *fixture, gconstpointer data);
void digicert_tear_down (DigicertFixture *fixture, gconstpointer data);

/* The operations since the last time are these, as digicert_world_calls() has them. */
void digicert_assert_calls (DigicertWorld *world, const char *expected);

/* What was asked last, with what was sent along (“…” in place of a CSR). Forgets the calls, as digicert_world_calls() does. */
void digicert_assert_body  (DigicertWorld *world, const char *expected);
void digicert_assert_query (DigicertWorld *world, const char *path, const char *expected);

/* Certificates that DigiCert has signed. */
guint digicert_world_count_issued (DigicertWorld *world);

/* What the core makes of @outcome. */
BrevetChain       *digicert_run_check (DigicertFixture *fixture, BrevetCaOutcome *outcome, GError **error);
BrevetCertificate *digicert_leaf_of   (BrevetCaOutcome *outcome);

/* What becomes of a question that goes as @scenario says. */
typedef struct
{
  const char   *scenario;
  BrevetCaError code;
  int           retry_after; /* -1: none; -2: the date of the mock */
  const char   *says;
} DigicertFailure;

void digicert_assert_failure (const GError *error, const DigicertFailure *failure);

#define DIGICERT_ADD(path, function)                                                                         \
  g_test_add ("/ca-digicert/" path, DigicertFixture, NULL, digicert_set_up, function, digicert_tear_down)
#define DIGICERT_ADD_EACH(path, table, item_name, item, function)                                            \
  for (guint i = 0; i < G_N_ELEMENTS (table); i++)                                                           \
    {                                                                                                        \
      g_autofree char *name = g_strconcat ("/ca-digicert/" path "/", item_name, NULL);                       \
      g_test_add (name, DigicertFixture, item, digicert_set_up, function, digicert_tear_down);               \
    }
