/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* An enrollment with a standby: it is asked when the primary cannot be, but never while the primary may have issued. */

#include "pipeline-fixture.h"

#include <string.h>

#define BOTH                                                                                                                      \
  "\"clientCertificateIssuancePolicy\":{\"certificateAuthorityName\":\"scripted\","                                               \
  "\"standbyCertificateAuthorityName\":\"standby\"}"

/* Goes on with the group of the primary; begins that of the standby. */
#define PRIMARY(settings) settings "\ncapabilities=find;revoke;pending\n"
#define STANDBY(settings)                                                                                                         \
  "[ca standby]\ntype=scripted\ncertificate=ca.pem\nkey=ca.key\ncheck-interval=0\nledger=second\ngate=gate\n"                   \
  "capabilities=find;revoke;pending\n" settings "\n"

/* What an operator writes into a file does the same as what he puts. */
static void
test_configured (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *csr = make_csr (key, "pump-07");
  g_autoptr(Heard) shown = operate (pipeline, 200, "GET", "/enrollments/pump-07", NULL, NULL);
  g_autoptr(Heard) final = device_provision (pipeline, "pump-07", csr);

  g_assert_cmpstr (heard_get (shown, "clientCertificateIssuancePolicy.standbyCertificateAuthorityName"), ==, "standby");
  assert_assigned (final, NULL);
  pipeline->ledger = "second";
  g_assert_cmpuint (pipeline_count_calls (pipeline, "signed"), ==, 1);
}

static guint
count (Pipeline *pipeline, const char *ledger, const char *verb)
{
  guint calls;

  pipeline->ledger = ledger;
  calls = pipeline_count_calls (pipeline, verb);
  pipeline->ledger = "ledger";
  return calls;
}

/* How many certificates each has signed, and how often the standby was asked. */
static void
assert_signed (Pipeline *pipeline, guint primary, guint standby)
{
  g_assert_cmpuint (count (pipeline, "ledger", "signed"), ==, primary);
  g_assert_cmpuint (count (pipeline, "second", "signed"), ==, standby);
}

/* Nothing was issued, and that is certain: the device does not wait for an operator. */
static void
test_standby_issues (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, BOTH);

  assert_assigned (final, NULL);
  assert_signed (pipeline, 0, 1);
  g_assert_cmpuint (count (pipeline, "second", "issue"), ==, 1);
  g_assert_true (pipeline_logged ("Turning from the certificate authority “scripted” to “standby”"));
  assert_left (pipeline, &final, 0);
}

static void
test_primary_issues (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, BOTH);

  assert_assigned (final, NULL);
  assert_signed (pipeline, 1, 0);
  g_assert_cmpuint (count (pipeline, "second", "issue"), ==, 0);
  assert_left (pipeline, &final, 0);
}

static void
test_refusal (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, BOTH);

  assert_failed (final, 400000, NULL);
  g_assert_cmpuint (count (pipeline, "second", "issue"), ==, 0);
  assert_left (pipeline, &final, 0);
}

/* The primary cannot say what it has done for as long as the operator is patient; then it is made up for. */
static void
test_patience (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, BOTH);

  assert_assigned (final, NULL);
  g_assert_cmpuint (count (pipeline, "ledger", "issue"), ==, 1);
  g_assert_cmpuint (count (pipeline, "second", "signed"), ==, 1);
  g_assert_true (pipeline_logged ("MESSAGE=The certificate authority may have issued a certificate that never arrived"));
  assert_left (pipeline, &final, 1);
}

static void
test_both_broken (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, BOTH);

  assert_failed (final, 500000, NULL);
  g_assert_cmpuint (count (pipeline, "ledger", "issue"), ==, 1);
  g_assert_cmpuint (count (pipeline, "second", "issue"), ==, 1);
  assert_left (pipeline, &final, 0);
}

/* One that signs nonsense has issued, so that must be revoked, and then the other one is asked. */
static void
test_nonsense (Pipeline *pipeline, gconstpointer data)
{
  g_autoptr(Heard) final = pump_provision (pipeline, BOTH);

  assert_assigned (final, NULL);
  assert_signed (pipeline, 2, 1);
  pipeline_hurry (pipeline, 0);
  pipeline_wait_for_calls (pipeline, "revoke", 2);
  assert_left (pipeline, &final, 0);
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/ca-failover/down", PRIMARY ("script=unavailable") STANDBY (""), test_standby_issues);
  PIPELINE_TEST ("/ca-failover/timeout", PRIMARY ("script=timeout") STANDBY (""), test_standby_issues);
  PIPELINE_TEST ("/ca-failover/hanging-unsent", PRIMARY ("script=hang-unsent") STANDBY (""), test_standby_issues);
  PIPELINE_TEST ("/ca-failover/auth", PRIMARY ("script=auth") STANDBY (""), test_standby_issues);
  PIPELINE_TEST ("/ca-failover/configured",
                 PRIMARY ("script=auth")
                   STANDBY ("[enrollment pump-07]\nprimary-key=" DEVICE_KEY "\nca=scripted\nstandby-ca=standby"),
                 test_configured);
  PIPELINE_TEST ("/ca-failover/quota", PRIMARY ("script=quota") STANDBY (""), test_standby_issues);
  PIPELINE_TEST ("/ca-failover/misread", PRIMARY ("script=protocol") STANDBY (""), test_standby_issues);
  PIPELINE_TEST ("/ca-failover/lost-question", PRIMARY ("script=ambiguous-lost;auth") STANDBY (""), test_standby_issues);
  PIPELINE_TEST ("/ca-failover/back-in-time", PRIMARY ("script=unavailable;unavailable;issue") STANDBY (""), test_primary_issues);
  PIPELINE_TEST ("/ca-failover/lost-answer", PRIMARY ("script=ambiguous-issued;auth") STANDBY (""), test_primary_issues);
  PIPELINE_TEST ("/ca-failover/hanging-issued", PRIMARY ("script=hang-issued;auth") STANDBY (""), test_primary_issues);
  PIPELINE_TEST ("/ca-failover/misread-certificate", PRIMARY ("script=protocol-issued") STANDBY (""), test_primary_issues);
  PIPELINE_TEST ("/ca-failover/dies-in-find",
                 PRIMARY ("script=ambiguous-issued;auth\nfinds=unavailable;timeout;auth;hang;protocol;protocol;timeout:900;look")
                   STANDBY (""),
                 test_primary_issues);
  PIPELINE_TEST ("/ca-failover/dies-in-poll",
                 PRIMARY ("script=pending\npolls=unavailable;auth;hang;timeout;protocol;pending;unavailable;issue") STANDBY (""),
                 test_primary_issues);
  PIPELINE_TEST ("/ca-failover/dies-in-trust", PRIMARY ("trusts=unavailable;timeout;hang;unavailable:600;issue") STANDBY (""),
                 test_primary_issues);
  PIPELINE_TEST ("/ca-failover/refusal", PRIMARY ("script=rejected") STANDBY (""), test_refusal);
  PIPELINE_TEST ("/ca-failover/refused-ticket", PRIMARY ("script=pending\npolls=pending;rejected") STANDBY (""), test_refusal);
  PIPELINE_TEST ("/ca-failover/patience", PRIMARY ("script=ambiguous-lost\nfinds=unavailable") STANDBY (""), test_patience);
  PIPELINE_TEST ("/ca-failover/patience-with-a-certificate", PRIMARY ("script=ambiguous-issued\nfinds=auth") STANDBY (""),
                 test_patience);
  PIPELINE_TEST ("/ca-failover/without-end",
                 PRIMARY ("script=ambiguous-lost;issue\nfinds=timeout:1800;timeout:1800;timeout:1800;timeout:1800;look")
                   STANDBY ("[service]\nambiguity-patience=0"),
                 test_primary_issues);
  PIPELINE_TEST ("/ca-failover/both-broken", PRIMARY ("script=auth") STANDBY ("script=config"), test_both_broken);
  PIPELINE_TEST ("/ca-failover/nonsense", PRIMARY ("script=wrong-key;ca-true;issue") STANDBY (""), test_nonsense);
  return g_test_run ();
}
