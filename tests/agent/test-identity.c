/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-world.h"

#include <string.h>

#define DAY 86400

static void
test_first (World *world, gconstpointer data)
{
  BrevetGeneration *current;

  world_assert_state (world, BREVET_IDENTITY_UNPROVISIONED, "no identity yet");
  issuing_service_add_answer (world->service, ISSUING_LATER);
  world_provision (world);
  g_assert_cmpstr (world->states->str, ==, " unprovisioned attesting registering assigning installing provisioned");
  g_assert_nonnull (strstr (world->causes->str, "registering: Registering with dps.example.com\n"));
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "The certificate in use is valid until 2031-01-31 00:00:0");
  g_assert_cmpuint (world->renewed, ==, 1);
  g_assert_cmpuint (world->failed, ==, 0);

  current = brevet_identity_get_current (world->identity);
  g_assert_cmpuint (current->number, ==, 1);
  g_assert_cmpstr (current->assigned_hub, ==, "hub.example.net");
  g_assert_cmpstr (current->device_id, ==, "pump-07");
  g_assert_cmpstr (current->trust_bundle_etag, ==, "v1");
  g_assert_cmpuint (brevet_trust_bundle_get_length (current->trust_bundle), ==, 1);
  g_assert_null (brevet_identity_get_previous (world->identity));
  g_assert_cmpint (brevet_identity_get_memory (world->identity)->last_success, ==, WORLD_BEGIN);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, brevet_identity_get_renewal_time (world->identity));
}

static void
test_renewal (World *world, gconstpointer data)
{
  g_autofree char *first = NULL;
  gint64 due;

  world_provision (world);
  first = g_strdup (world_get_sha256 (world));
  due = brevet_identity_get_renewal_time (world->identity);
  g_assert_cmpint (due, >=, WORLD_BEGIN + 30 * DAY * 62 / 100);
  g_assert_cmpint (due, <=, WORLD_BEGIN + 30 * DAY * 66 / 100);
  world_set_clock (world, due - 1);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);

  g_string_truncate (world->states, 0);
  world_set_clock (world, due);
  world_wait_idle (world);
  /* It has a valid identity all the time, and says so. */
  g_assert_cmpstr (world->states->str, ==, " renewing provisioned");
  g_assert_nonnull (strstr (world->causes->str, "renewing: Registering with dps.example.com\n"));
  g_assert_cmpuint (world->renewed, ==, 2);
  g_assert_cmpstr (world_get_sha256 (world), !=, first);
  g_assert_cmpuint (brevet_identity_get_previous (world->identity)->number, ==, 1);
  g_assert_cmpstr (issuing_service_get_key_of_csr (world->service, 0), !=, issuing_service_get_key_of_csr (world->service, 1));
}

static void
test_renewal_with_same_key (World *world, gconstpointer data)
{
  world_provision (world);
  world_pass_to_next_attempt (world);
  g_assert_cmpuint (world->renewed, ==, 2);
  g_assert_cmpstr (issuing_service_get_key_of_csr (world->service, 0), ==, issuing_service_get_key_of_csr (world->service, 1));
  g_assert_cmpstr (issuing_service_get_csr (world->service, 0), !=, issuing_service_get_csr (world->service, 1));
  /* From scratch means a new key all the same. */
  g_assert_true (world_act (world, BREVET_IDENTITY_REPROVISION, NULL));
  g_assert_cmpstr (issuing_service_get_key_of_csr (world->service, 0), !=, issuing_service_get_key_of_csr (world->service, 2));
}

static void
test_short_and_long_lives (World *world, gconstpointer data)
{
  gint64 due;

  issuing_service_set_lifetime (world->service, 60);
  world_provision (world);
  for (guint i = 2; i < 6; i++)
    {
      due = brevet_identity_get_next_attempt (world->identity);
      g_assert_cmpint (due - world_now (), >=, 37);
      g_assert_cmpint (due - world_now (), <=, 40);
      world_pass_to_next_attempt (world);
      g_assert_cmpuint (world->renewed, ==, i);
    }
  issuing_service_set_lifetime (world->service, 3650 * (gint64) DAY);
  world_pass_to_next_attempt (world);
  due = brevet_identity_get_next_attempt (world->identity);
  g_assert_cmpint (due - world_now (), >=, 3650 * (gint64) DAY * 62 / 100);
  g_assert_cmpint (due - world_now (), <=, 3650 * (gint64) DAY * 66 / 100);
  world_pass_to_next_attempt (world);
  g_assert_cmpuint (world->renewed, ==, 7);
}

/* Until the end of all dates, and for less than a retry takes. */
static void
test_extreme_lives (World *world, gconstpointer data)
{
  gint64 due;

  issuing_service_set_lifetime (world->service, G_GINT64_CONSTANT (253402300799) - WORLD_BEGIN);
  world_provision (world);
  due = brevet_identity_get_next_attempt (world->identity);
  g_assert_cmpint (due, >, WORLD_BEGIN + 1000 * 365 * (gint64) DAY);
  g_assert_cmpint (due, ==, brevet_identity_get_renewal_time (world->identity));
  world_set_clock (world, WORLD_BEGIN + 100 * 365 * (gint64) DAY);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "valid until");

  issuing_service_set_lifetime (world->service, 3);
  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  for (guint i = 3; i < 8; i++)
    {
      g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, world_now () + 5);
      world_set_clock (world, world_now () + 5);
      world_wait_idle (world);
      g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, i);
    }
}

static void
test_restart_when_provisioned (World *world, gconstpointer data)
{
  g_autofree char *sha256 = NULL;
  gint64 due;

  world_provision (world);
  sha256 = g_strdup (world_get_sha256 (world));
  due = brevet_identity_get_next_attempt (world->identity);
  world_restart (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "is valid until");
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
  world_start (world);
  world_wait_idle (world);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, due);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
}

/* The device was off when its renewal was due. */
static void
test_missed_renewal (World *world, gconstpointer data)
{
  world_provision (world);
  world_set_clock (world, WORLD_BEGIN);
  brevet_identity_stop_async (world->identity, NULL, NULL);
  world_set_clock (world, WORLD_BEGIN + 29 * DAY);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  world_restart (world);
  world_start (world);
  world_wait_idle (world);
  if (brevet_identity_get_next_attempt (world->identity) < world_now () + 6)
    world_set_clock (world, world_now () + 5);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "2031-03-01");
}

static void
test_expired (World *world, gconstpointer data)
{
  world_provision (world);
  issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  issuing_service_add_answer (world->service, ISSUING_LATER);
  world_set_clock (world, WORLD_BEGIN + 31 * DAY);
  world_wait_idle (world);
  world_assert_state (world, BREVET_IDENTITY_BACKING_OFF, "the certificate in use has expired at 2031-01-31");
  g_assert_nonnull (brevet_identity_get_current (world->identity));
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), <=, world_now () + 5);
  /* There is no valid identity that would be renewed: it walks the whole way. */
  g_string_truncate (world->states, 0);
  world_pass_to_next_attempt (world);
  g_assert_cmpstr (world->states->str, ==, " attesting registering assigning installing provisioned");
  g_assert_cmpuint (world->renewed, ==, 2);
}

/* The key is stored before the service is asked: the same question is asked again, and the issued certificate is not lost. */
static void
test_cut_off (World *world, gconstpointer data)
{
  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  world_start (world);
  world_wait_for_registrations (world, 1);
  world_restart (world);
  g_assert_null (brevet_identity_get_current (world->identity));
  world_provision (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  g_assert_cmpstr (issuing_service_get_csr (world->service, 0), ==, issuing_service_get_csr (world->service, 1));
  g_assert_cmpuint (issuing_service_get_issued (world->service), ==, 1);
}

static void
test_cut_off_renewal (World *world, gconstpointer data)
{
  g_autofree char *sha256 = NULL;

  world_provision (world);
  sha256 = g_strdup (world_get_sha256 (world));
  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  world_set_clock (world, brevet_identity_get_next_attempt (world->identity));
  world_wait_for_registrations (world, 2);
  world_assert_state (world, BREVET_IDENTITY_RENEWING, "Registering");
  world_restart (world);
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
  world_start (world);
  world_set_clock (world, world_now () + 5);
  world_wait_idle (world);
  g_assert_cmpstr (issuing_service_get_csr (world->service, 1), ==, issuing_service_get_csr (world->service, 2));
  g_assert_cmpuint (issuing_service_get_issued (world->service), ==, 2);
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
}

static void
test_use (World *world, gconstpointer data)
{
  world_provision (world);
  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  g_assert_nonnull (brevet_identity_get_previous (world->identity));
  brevet_identity_mark_used (world->identity);
  world_wait_idle (world);
  g_assert_null (brevet_identity_get_previous (world->identity));
  g_assert_true (brevet_identity_get_current (world->identity)->used);
  world_restart (world);
  g_assert_null (brevet_identity_get_previous (world->identity));
  g_assert_true (brevet_identity_get_current (world->identity)->used);
}

/* An unused generation keeps the one before it over a restart. */
static void
test_unused (World *world, gconstpointer data)
{
  world_provision (world);
  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  world_restart (world);
  g_assert_cmpuint (brevet_identity_get_previous (world->identity)->number, ==, 1);
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
}

/* Somebody takes it while it is being replaced: that says nothing of the next one. */
static void
test_use_during_renewal (World *world, gconstpointer data)
{
  world_provision (world);
  unsteady_store_hold (world->store, TRUE);
  world_set_clock (world, brevet_identity_get_next_attempt (world->identity));
  while (unsteady_store_get_held (world->store) == 0)
    g_main_context_iteration (NULL, TRUE);
  brevet_identity_mark_used (world->identity);
  unsteady_store_hold (world->store, FALSE);
  world_wait_idle (world);
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
  g_assert_false (brevet_identity_get_current (world->identity)->used);
  g_assert_nonnull (brevet_identity_get_previous (world->identity));
}

static void
test_without_certificate (World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  world_provision (world);
  g_assert_null (issuing_service_get_csr (world->service, 0));
  g_assert_null (brevet_identity_get_current (world->identity)->chain);
  g_assert_cmpint (brevet_identity_get_renewal_time (world->identity), ==, 0);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "assignment");
  g_assert_false (world_act (world, BREVET_IDENTITY_RENEW, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_FOUND);
}

static void
test_off (World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  world_start (world);
  world_turn (world);
  world_assert_state (world, BREVET_IDENTITY_DISABLED, "enabled=no");
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, 0);
  world_set_clock (world, world_now () + 400 * DAY);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 0);
  g_assert_false (world_act (world, BREVET_IDENTITY_PROVISION, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
}

static void
test_wrong_clock (World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  world_set_clock (world, 3600);
  world_start (world);
  world_turn (world);
  world_assert_state (world, BREVET_IDENTITY_WAITING_FOR_TIME, "The clock says 1970-01-01 01:00:00 UTC");
  g_assert_false (world_act (world, BREVET_IDENTITY_PROVISION, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_FAILED);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 0);
  world_set_clock (world, WORLD_BEGIN);
  world_wait_state (world, BREVET_IDENTITY_PROVISIONED);
}

static void
test_clock_steps (World *world, gconstpointer data)
{
  gint64 due;

  world_provision (world);
  due = brevet_identity_get_next_attempt (world->identity);
  /* Back by a year: what is there stays planned; another certificate would help nobody. */
  world_set_clock (world, WORLD_BEGIN - 365 * DAY);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, due);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  /* Forwards over the renewal. */
  world_set_clock (world, due + 10);
  world_wait_idle (world);
  g_assert_cmpuint (world->renewed, ==, 2);
  /* A pause that began before the clock was set back is not waited for until then. */
  issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_BACKING_OFF, "Nobody answers");
  world_set_clock (world, WORLD_BEGIN);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), <=, WORLD_BEGIN + 5);
}

static void
test_changed_inputs (World *world, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) other = world_make_config (world, "transport=other");
  g_autofree char *sha256 = NULL;

  world_provision (world);
  sha256 = g_strdup (world_get_sha256 (world));
  /* The new service refuses: what there is stays, and is told of. */
  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  brevet_identity_reconfigure (world->identity, other, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  world_assert_state (world, BREVET_IDENTITY_RENEWING, "dps2.example.com");
  world_wait_idle (world);
  world_assert_state (world, BREVET_IDENTITY_REFUSED, "the certificate in use is valid until");
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
  /* A restart with the old configuration finds what it was asked for with. */
  world_restart (world);
  world_start (world);
  world_wait_idle (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  /* And now the new service is willing. */
  brevet_identity_reconfigure (world->identity, other, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  world_wait_idle (world);
  g_assert_cmpstr (world_get_sha256 (world), !=, sha256);
  g_assert_cmpuint (brevet_identity_get_previous (world->identity)->number, ==, 1);
}

/* A credential that was replaced while the agent was off. */
static void
test_changed_credential (World *world, gconstpointer data)
{
  g_autofree char *path = g_build_filename (world->directory, "key", NULL);

  world_provision (world);
  g_assert_true (g_file_set_contents (path, "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", -1, NULL));
  world_restart (world);
  world_start (world);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
}

static void
test_changed_schedule (World *world, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) earlier = world_make_config (world, "renew=10%\nrenewal-jitter=0");

  world_provision (world);
  brevet_identity_reconfigure (world->identity, earlier, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, WORLD_BEGIN + 3 * DAY);
}

static void
test_renamed_bundle (World *world, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) renamed = world_make_config (world, "dps_trust_bundle=factory-roots");
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  world_provision (world);
  before = brevet_identity_records_locate (brevet_identity_get_records (world->identity), BREVET_IDENTITY_TRUST_BUNDLE_NAME);
  g_assert_true (g_file_test (before, G_FILE_TEST_EXISTS));
  brevet_identity_reconfigure (world->identity, renamed, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  world_wait_idle (world);
  after = brevet_identity_records_locate (brevet_identity_get_records (world->identity), BREVET_IDENTITY_TRUST_BUNDLE_NAME);
  g_assert_true (g_str_has_suffix (after, "factory-roots"));
  g_assert_true (g_file_test (after, G_FILE_TEST_EXISTS));
  g_assert_false (g_file_test (before, G_FILE_TEST_EXISTS));
}

#define ADD(name, keys, function) g_test_add ("/identity/" name, World, keys, world_set_up, function, world_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  ADD ("first", NULL, test_first);
  ADD ("renewal", NULL, test_renewal);
  ADD ("renewal-with-same-key", "rekey=no", test_renewal_with_same_key);
  ADD ("short-and-long-lives", NULL, test_short_and_long_lives);
  ADD ("extreme-lives", NULL, test_extreme_lives);
  ADD ("restart-when-provisioned", NULL, test_restart_when_provisioned);
  ADD ("missed-renewal", NULL, test_missed_renewal);
  ADD ("expired", NULL, test_expired);
  ADD ("cut-off", NULL, test_cut_off);
  ADD ("cut-off-renewal", NULL, test_cut_off_renewal);
  ADD ("use", NULL, test_use);
  ADD ("unused", NULL, test_unused);
  ADD ("use-during-renewal", NULL, test_use_during_renewal);
  ADD ("without-certificate", "certificate=none", test_without_certificate);
  ADD ("off", "enabled=no", test_off);
  ADD ("wrong-clock", NULL, test_wrong_clock);
  ADD ("clock-steps", NULL, test_clock_steps);
  ADD ("changed-inputs", NULL, test_changed_inputs);
  ADD ("changed-credential", NULL, test_changed_credential);
  ADD ("changed-schedule", NULL, test_changed_schedule);
  ADD ("renamed-bundle", NULL, test_renamed_bundle);
  return g_test_run ();
}
