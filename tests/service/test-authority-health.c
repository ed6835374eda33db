/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an operator hears of certificate authorities that nobody asks for anything. */

#include "authority-health.h"
#include "pipeline-fixture.h"
#include "records-ca.h"
#include "service-private.h"

#define WATCHED(name, more) "[ca " name "]\ntype=scripted\ncertificate=ca.pem\nkey=ca.key\nledger=ledger\n" more "\n"
#define DAY 86400

static void
poke (Pipeline *self)
{
  brevet_service_chores_poke (self->service->chores, BREVET_CHORE_AUTHORITY_HEALTH);
}

static void
wait_for_log (const char *words)
{
  while (!pipeline_logged (words))
    g_main_context_iteration (NULL, TRUE);
}

/* Until the job rests. */
static void
settle (Pipeline *self)
{
  do
    g_main_context_iteration (NULL, FALSE);
  while (brevet_service_chores_is_running (self->service->chores) || g_main_context_pending (NULL));
}

static void
on_resolved (GObject *source, GAsyncResult *result, gpointer user_data)
{
  BrevetAuthority **authority = user_data;

  *authority = brevet_authority_pool_resolve_finish (BREVET_AUTHORITY_POOL (source), result, NULL);
  g_assert_nonnull (*authority);
}

static BrevetAuthorityReport *
report (Pipeline *self, const char *name)
{
  g_autoptr(BrevetServiceContext) context = brevet_service_ref_context (self->service);
  g_autoptr(BrevetAuthority) authority = NULL;

  brevet_authority_pool_resolve_async (context->authorities, name, NULL, NULL, on_resolved, &authority);
  while (authority == NULL)
    g_main_context_iteration (NULL, TRUE);
  return brevet_authority_traffic_report (authority->traffic);
}

/* It is looked at right after the start, though nobody wants a certificate; and later it is told that it is back. */
static void
test_down (Pipeline *self, gconstpointer data)
{
  g_autoptr(BrevetAuthorityReport) down = NULL;
  g_autoptr(BrevetAuthorityReport) back = NULL;
  g_autoptr(Heard) told = NULL;

  wait_for_log ("The certificate authority “watched” is down");
  down = report (self, "watched");
  g_assert_cmpint (down->circuit, ==, BREVET_AUTHORITY_CIRCUIT_OPEN);
  g_assert_cmpuint (down->asked, ==, 0);
  wait_for_log ("The certificate authority “watched” is well again");
  back = report (self, "watched");
  /* Closed, if what it trusts was asked meanwhile. */
  g_assert_cmpint (back->circuit, !=, BREVET_AUTHORITY_CIRCUIT_OPEN);
  told = operate (self, 200, "GET", "/certificateAuthorityStatus/watched", NULL, NULL);
  g_assert_cmpstr (heard_get (told, "state"), !=, "down");
  g_assert_cmpuint (pipeline_count_calls (self, "issue"), ==, 0);
}

/* One that does not answer holds up no other. */
static void
test_hanging (Pipeline *self, gconstpointer data)
{
  g_autoptr(BrevetAuthorityReport) hanging = NULL;

  wait_for_log ("“limping” issues, but needs somebody to look: The script says that it limps");
  hanging = report (self, "hanging");
  g_assert_null (hanging->health);
  g_assert_true (brevet_service_chores_is_running (self->service->chores));
}

static void
test_never (Pipeline *self, gconstpointer data)
{
  g_autoptr(BrevetAuthorityReport) never = NULL;

  settle (self);
  poke (self);
  settle (self);
  never = report (self, "unwatched");
  g_assert_null (never->health);
  g_assert_false (pipeline_logged ("“unwatched”"));
}

/* 30 days, 7 days and one day ahead, once each. */
static void
test_expires (Pipeline *self, gconstpointer data)
{
  static const guint later[] = { 0, 14, 5, 1 };

  for (guint i = 0; i < G_N_ELEMENTS (later); i++)
    {
      pipeline_leap (later[i] * DAY);
      while (pipeline_count_logged ("“ending” depends on ends") < MIN (i + 1, 3))
        g_main_context_iteration (NULL, TRUE);
      for (guint again = 0; again < 3; again++)
        {
          settle (self);
          pipeline_leap (10);
        }
      g_assert_cmpuint (pipeline_count_logged ("“ending” depends on ends"), ==, MIN (i + 1, 3));
    }
  wait_for_log ("“ending” depends on has ended");
}

/* Ends the service, and begins it again. */
static gboolean
knows_trust (Pipeline *self)
{
  g_autoptr(GPtrArray) records = pipeline_list (self, BREVET_COLLECTION_CA_VERSIONS);
  gboolean found = FALSE;

  for (guint i = 0; i < records->len; i++)
    {
      g_autoptr(BrevetCaVersion) version = brevet_records_read_ca_version (g_ptr_array_index (records, i), NULL);

      found = found || (g_strcmp0 (version->name, "watched") == 0 && version->trust != NULL && version->trust_time > 0);
    }
  return found;
}

/* What it says is to be trusted is kept, for devices whose certificates outlive it. */
static void
test_trust (Pipeline *self, gconstpointer data)
{
  do
    settle (self);
  while (!knows_trust (self));
}

static guint64
count_asked_for_trust (Pipeline *self)
{
  g_autoptr(BrevetAuthorityReport) now = report (self, "watched");

  return now->asked;
}

/* One that checks well and then says nothing: it is given up after a minute, and asked again in its turn. */
static void
test_trust_hangs (Pipeline *self, gconstpointer data)
{
  while (count_asked_for_trust (self) == 0)
    g_main_context_iteration (NULL, FALSE);
  pipeline_leap (61);
  for (settle (self); count_asked_for_trust (self) == 1; settle (self))
    pipeline_leap (11);
  g_assert_true (knows_trust (self));
}

int
main (int argc, char **argv)
{
  pipeline_init (&argc, &argv);
  PIPELINE_TEST ("/authority-health/down", WATCHED ("watched", "checks=down;issue\ncheck-interval=1s"), test_down);
  PIPELINE_TEST ("/authority-health/hanging",
                 WATCHED ("hanging", "checks=hang") WATCHED ("limping", "checks=degraded"), test_hanging);
  PIPELINE_TEST ("/authority-health/never", WATCHED ("unwatched", "checks=down\ncheck-interval=0"), test_never);
  PIPELINE_TEST ("/authority-health/expires", WATCHED ("ending", "checks=expires:20\ncheck-interval=10s"), test_expires);
  PIPELINE_TEST ("/authority-health/trust", WATCHED ("watched", ""), test_trust);
  PIPELINE_TEST ("/authority-health/trust-hangs", WATCHED ("watched", "trusts=hang;issue\ncheck-interval=10s"), test_trust_hangs);
  return g_test_run ();
}
