/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet.h"
#include "identity-schedule.h"

#define NOW G_GINT64_CONSTANT (1924992000) /* 2031-01-01 */
#define DAY 86400

typedef struct {
  BrevetIdentityConfig *config;
  BrevetIdentityMemory *memory;
  BrevetGeneration *current;
  BrevetIdentitySituation situation;
  BrevetIdentityPlan plan;
} Fixture;

static void
set_up (Fixture *f, gconstpointer keys)
{
  g_autofree char *text = g_strdup_printf ("[transport main]\n[attestation main]\n[identity main]\nid-scope=0ne0001\n"
                                           "registration-id=pump-07\nrenewal-jitter=0\n%s\n",
                                           keys != NULL ? (const char *) keys : "");
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "agent.conf", NULL, &error);

  g_assert_no_error (error);
  f->config = brevet_identity_config_new (config, brevet_config_get_group (config, "identity", "main"), &error);
  g_assert_no_error (error);
  f->memory = brevet_identity_memory_new ();
  f->situation = (BrevetIdentitySituation) {
    .now = NOW, .config = f->config, .memory = f->memory, .input_digest = "one", .random = 0.5,
  };
}

static void
tear_down (Fixture *f, gconstpointer keys)
{
  brevet_identity_config_unref (f->config);
  brevet_identity_memory_free (f->memory);
  g_clear_pointer (&f->current, brevet_generation_unref);
}

static void
set_current (Fixture *f, gint64 begin, gint64 end)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (BREVET_CERTIFICATE_USAGE_CLIENT);
  g_autoptr(GPtrArray) certificates = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_certificate_unref);
  g_autoptr(GError) error = NULL;

  g_clear_pointer (&f->current, brevet_generation_unref);
  f->current = brevet_generation_new (1, "one");
  f->current->assigned_hub = g_strdup ("hub");
  f->current->installed = begin;
  f->current->key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_assert_no_error (error);
  brevet_certificate_builder_set_common_name (builder, "pump-07");
  brevet_certificate_builder_set_key (builder, f->current->key);
  brevet_certificate_builder_set_validity (builder, begin, end);
  g_ptr_array_add (certificates, brevet_certificate_builder_sign (builder, NULL, f->current->key, &error));
  g_assert_no_error (error);
  f->current->chain = brevet_chain_new (certificates, &error);
  g_assert_no_error (error);
  f->situation.current = f->current;
  f->memory->last_success = begin;
}

static void
set_failure (Fixture *f, gint64 time, gint64 next, const char *name)
{
  brevet_identity_memory_clear_error (f->memory);
  f->memory->failures = 3;
  f->memory->error_time = time;
  f->memory->next_attempt = next;
  f->memory->error_name = g_strdup (name);
  f->memory->error_text = g_strdup ("Something");
}

static void
assert_plan (Fixture *f, BrevetIdentityState state, gint64 attempt, BrevetIdentityAction action)
{
  brevet_identity_plan_make (&f->situation, &f->plan);
  g_assert_cmpstr (brevet_identity_state_to_string (f->plan.state), ==, brevet_identity_state_to_string (state));
  g_assert_cmpint (f->plan.attempt - NOW, ==, attempt - NOW);
  g_assert_cmpint (f->plan.action, ==, action);
}

static void
test_first (Fixture *f, gconstpointer data)
{
  assert_plan (f, BREVET_IDENTITY_UNPROVISIONED, NOW, BREVET_IDENTITY_REPROVISION);
}

static void
test_renewal (Fixture *f, gconstpointer data)
{
  set_current (f, NOW - 10 * DAY, NOW + 90 * DAY);
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW + 56 * DAY, BREVET_IDENTITY_RENEW);
  g_assert_cmpint (f->plan.renewal, ==, NOW + 56 * DAY);
  g_assert_cmpint (f->plan.look, ==, f->plan.attempt);
  /* ten years, and a minute */
  set_current (f, NOW, NOW + 3650 * (gint64) DAY);
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW + 2409 * (gint64) DAY, BREVET_IDENTITY_RENEW);
  set_current (f, NOW, NOW + 60);
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW + 39, BREVET_IDENTITY_RENEW);
}

/* What was due while the device was off comes with a pause that keeps a fleet apart. */
static void
test_missed (Fixture *f, gconstpointer data)
{
  set_current (f, NOW - 80 * DAY, NOW + 20 * DAY);
  g_assert_cmpint (f->situation.missed_until, ==, 0);
  brevet_identity_plan_make (&f->situation, &f->plan);
  g_assert_cmpint (f->plan.attempt, <=, NOW);
  f->situation.missed_until = NOW + 4;
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW + 4, BREVET_IDENTITY_RENEW);
  set_current (f, NOW - 80 * DAY, NOW - 1);
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 4, BREVET_IDENTITY_RENEW);
  /* A first provisioning waits for nobody. */
  f->situation.current = NULL;
  assert_plan (f, BREVET_IDENTITY_UNPROVISIONED, NOW, BREVET_IDENTITY_REPROVISION);
}

/* Clocks that differ by more than the lifetime: each certificate comes expired, and must not be asked for in a loop. */
static void
test_expired_on_arrival (Fixture *f, gconstpointer data)
{
  set_current (f, NOW - 120, NOW - 60);
  f->current->installed = NOW;
  f->memory->last_success = NOW;
  brevet_identity_plan_make (&f->situation, &f->plan);
  g_assert_cmpint (f->plan.attempt, ==, NOW + 30);
  set_current (f, NOW - 30 * DAY, NOW);
  f->memory->last_success = NOW;
  brevet_identity_plan_make (&f->situation, &f->plan);
  g_assert_cmpint (f->plan.attempt, ==, NOW + 3600);
  set_current (f, NOW - 3, NOW - 1);
  f->memory->last_success = NOW;
  brevet_identity_plan_make (&f->situation, &f->plan);
  g_assert_cmpint (f->plan.attempt, ==, NOW + f->config->backoff.minimum);
}

static void
test_not_valid_yet (Fixture *f, gconstpointer data)
{
  set_current (f, NOW + 30 * DAY, NOW + 130 * DAY);
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW + 96 * DAY, BREVET_IDENTITY_RENEW);
}

static void
test_changed_inputs (Fixture *f, gconstpointer data)
{
  set_current (f, NOW - 10 * DAY, NOW + 90 * DAY);
  f->situation.input_digest = "two";
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW, BREVET_IDENTITY_REPROVISION);
  /* Files that cannot be read now say nothing against what is there. */
  f->situation.input_digest = NULL;
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW + 56 * DAY, BREVET_IDENTITY_RENEW);
}

static void
test_pause (Fixture *f, gconstpointer data)
{
  set_current (f, NOW - 80 * DAY, NOW + 20 * DAY);
  set_failure (f, NOW - 5, NOW + 15, "org.brevet.Error.Failed");
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 15, BREVET_IDENTITY_RENEW);
  f->memory->input_digest = g_strdup ("one");
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 15, BREVET_IDENTITY_RENEW);
  /* It was about other inputs. */
  f->situation.input_digest = "two";
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW, BREVET_IDENTITY_REPROVISION);
}

/* What the service asked for is longer than any pause of our own. It holds over a restart, but not after the clock was set back. */
static void
test_long_pause (Fixture *f, gconstpointer data)
{
  set_failure (f, NOW - 60, NOW + 7200, "org.brevet.Error.Unreachable");
  f->memory->asked_until = NOW + 7200;
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 7200, BREVET_IDENTITY_REPROVISION);
  g_assert_cmpint (f->plan.pause, ==, 0);
  set_failure (f, NOW + 30 * DAY, NOW + 30 * DAY + 10, "org.brevet.Error.Unreachable");
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 10, BREVET_IDENTITY_REPROVISION);
  g_assert_cmpint (f->plan.pause, ==, NOW + 10);
  set_failure (f, NOW + 3600, NOW + 3610, "org.brevet.Error.Unreachable");
  f->memory->asked_until = NOW + 3610;
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 10, BREVET_IDENTITY_REPROVISION);
  /* The service asked for nothing: the configuration was changed while the agent was off. */
  f->memory->asked_until = 0;
  set_failure (f, NOW - 60, NOW + 7200, "org.brevet.Error.Unreachable");
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 10, BREVET_IDENTITY_REPROVISION);
}

static void
test_refused (Fixture *f, gconstpointer data)
{
  set_failure (f, NOW - 60, NOW + 3000, "org.brevet.Error.Rejected");
  f->memory->refusals = 8;
  assert_plan (f, BREVET_IDENTITY_REFUSED, NOW + 3000, BREVET_IDENTITY_REPROVISION);
  f->memory->disabled = TRUE;
  assert_plan (f, BREVET_IDENTITY_DISABLED, NOW + 3000, BREVET_IDENTITY_REPROVISION);
  g_assert_cmpint (brevet_identity_schedule_pause (&f->situation, 3, 8, 0), ==, 2700);
  g_assert_cmpint (brevet_identity_schedule_pause (&f->situation, 3, 8, 9000), ==, 9000);
  g_assert_cmpint (brevet_identity_schedule_pause (&f->situation, 20, 1, -1), ==, 22);
}

static void
test_network (Fixture *f, gconstpointer data)
{
  set_failure (f, NOW - 5, NOW + 15, "org.brevet.Error.Unreachable");
  f->situation.network_missing = TRUE;
  assert_plan (f, BREVET_IDENTITY_WAITING_FOR_NETWORK, NOW + 15, BREVET_IDENTITY_REPROVISION);
  f->situation.network_missing = FALSE;
  f->situation.hint = NOW + 2;
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 2, BREVET_IDENTITY_REPROVISION);
  /* The hint helps those alone that could not reach the service. */
  set_failure (f, NOW - 5, NOW + 15, "org.brevet.Error.Untrusted");
  f->situation.network_missing = TRUE;
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 15, BREVET_IDENTITY_REPROVISION);
}

static void
test_wrong_clock (Fixture *f, gconstpointer data)
{
  f->situation.now = 86400;
  brevet_identity_plan_make (&f->situation, &f->plan);
  g_assert_cmpint (f->plan.state, ==, BREVET_IDENTITY_WAITING_FOR_TIME);
  g_assert_cmpint (f->plan.attempt, ==, 0);
  g_assert_cmpint (f->plan.look, ==, 86410);
}

static void
test_end_is_noticed (Fixture *f, gconstpointer data)
{
  set_current (f, NOW - 80 * DAY, NOW + 60);
  set_failure (f, NOW - 5, NOW + 600, "org.brevet.Error.Unreachable");
  f->memory->asked_until = NOW + 600;
  brevet_identity_plan_make (&f->situation, &f->plan);
  g_assert_cmpint (f->plan.look, ==, NOW + 61);
}

/* With a candidate that its hub does not take: as after any failure, but not longer than the certificate in use lives. */
static void
test_hub_proof (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetGeneration) candidate = NULL;

  set_current (f, NOW - 80 * DAY, NOW + 20 * DAY);
  candidate = brevet_generation_copy (f->current);
  candidate->number = 2;
  g_assert_true (brevet_identity_needs_proof (f->config, f->current, candidate, NOW));
  g_assert_false (brevet_identity_needs_proof (f->config, NULL, candidate, NOW));
  f->situation.candidate = candidate;
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW, BREVET_IDENTITY_RENEW);
  set_failure (f, NOW - 5, NOW + 15, "org.brevet.Error.Rejected");
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 15, BREVET_IDENTITY_RENEW);

  /* An hour before the end it is taken; the attempt is made then, whatever the pause is, but once. */
  set_current (f, NOW - 100 * DAY, NOW + 3605);
  g_assert_cmpint (brevet_identity_find_proof_end (f->current), ==, NOW + 5);
  g_assert_true (brevet_identity_needs_proof (f->config, f->current, candidate, NOW + 4));
  g_assert_false (brevet_identity_needs_proof (f->config, f->current, candidate, NOW + 5));
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 5, BREVET_IDENTITY_RENEW);
  set_failure (f, NOW + 6, NOW + 15, "org.brevet.Error.Failed");
  f->situation.now = NOW + 6;
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 15, BREVET_IDENTITY_RENEW);

  /* a short life, and one that is over */
  set_current (f, NOW - 100, NOW + 100);
  g_assert_cmpint (brevet_identity_find_proof_end (f->current), ==, NOW + 90);
  set_current (f, NOW - 100, NOW - 1);
  g_assert_false (brevet_identity_needs_proof (f->config, f->current, candidate, NOW));
}

/* What was begun before the setting was changed is finished. */
static void
test_no_hub_proof (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetGeneration) candidate = NULL;

  set_current (f, NOW - 10 * DAY, NOW + 90 * DAY);
  candidate = brevet_generation_copy (f->current);
  g_assert_false (brevet_identity_needs_proof (f->config, f->current, candidate, NOW));
  f->situation.candidate = candidate;
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW, BREVET_IDENTITY_RENEW);
}

/* An identity without certificate is proven by nothing. */
static void
test_hub_proof_without_certificate (Fixture *f, gconstpointer data)
{
  g_autoptr(BrevetGeneration) bare = brevet_generation_new (1, "one");

  bare->assigned_hub = g_strdup ("hub");
  g_assert_cmpint (brevet_identity_find_proof_end (bare), ==, G_MAXINT64);
  set_current (f, NOW, NOW + DAY);
  g_assert_false (brevet_identity_needs_proof (f->config, bare, f->current, NOW));
  g_assert_false (brevet_identity_needs_proof (f->config, f->current, bare, NOW));
}

static void
test_off (Fixture *f, gconstpointer data)
{
  assert_plan (f, BREVET_IDENTITY_DISABLED, 0, BREVET_IDENTITY_REPROVISION);
  g_assert_cmpint (f->plan.look, ==, 0);
}

static void
test_without_certificate (Fixture *f, gconstpointer data)
{
  f->current = brevet_generation_new (1, "one");
  f->situation.current = f->current;
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, 0, BREVET_IDENTITY_RENEW);
  g_assert_cmpint (f->plan.renewal, ==, 0);
}

static void
test_certificate_is_wanted_now (Fixture *f, gconstpointer data)
{
  f->current = brevet_generation_new (1, "one");
  f->situation.current = f->current;
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW, BREVET_IDENTITY_REPROVISION);
}

static void
test_poll (Fixture *f, gconstpointer data)
{
  gint64 next = brevet_identity_schedule_poll (f->config, NOW, NOW - 100);

  g_assert_cmpint (next, >=, NOW - 100 + 900);
  g_assert_cmpint (next, <=, NOW - 100 + 1100);
  g_assert_cmpint (next, ==, brevet_identity_schedule_poll (f->config, NOW, NOW - 100));
  /* a clock that was set back */
  g_assert_cmpint (brevet_identity_schedule_poll (f->config, NOW, NOW + 10 * DAY), <=, NOW + 1100);
}

static void
test_no_poll (Fixture *f, gconstpointer data)
{
  g_assert_cmpint (brevet_identity_schedule_poll (f->config, NOW, NOW), ==, 0);
}

/* The key is somewhere else than it is wanted, or nowhere any more: a renewal, and no registration from scratch. */
static void
test_key_in_another_place (Fixture *f, gconstpointer data)
{
  set_current (f, NOW - 10 * DAY, NOW + 90 * DAY);
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW, BREVET_IDENTITY_RENEW);
  f->current->key_token = g_strdup ("pkcs11:token=other");
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW, BREVET_IDENTITY_RENEW);
  set_failure (f, NOW - 1, NOW + 10, "org.brevet.Error.NotConfigured");
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 10, BREVET_IDENTITY_RENEW);
}

static void
test_key_in_its_token (Fixture *f, gconstpointer data)
{
  set_current (f, NOW - 10 * DAY, NOW + 90 * DAY);
  f->current->key_token = g_strdup ("pkcs11:token=devices");
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW + 56 * DAY, BREVET_IDENTITY_RENEW);
  /* The token is not there: that is seen, and nothing is given up. */
  f->situation.key_missing = TRUE;
  assert_plan (f, BREVET_IDENTITY_BACKING_OFF, NOW + 56 * DAY, BREVET_IDENTITY_RENEW);
  f->situation.key_missing = FALSE;
  f->situation.key_lost = TRUE;
  assert_plan (f, BREVET_IDENTITY_PROVISIONED, NOW, BREVET_IDENTITY_RENEW);
}

#define ADD(name, keys, function) g_test_add ("/identity-schedule/" name, Fixture, keys, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("first", NULL, test_first);
  ADD ("renewal", NULL, test_renewal);
  ADD ("missed", NULL, test_missed);
  ADD ("expired-on-arrival", NULL, test_expired_on_arrival);
  ADD ("not-valid-yet", NULL, test_not_valid_yet);
  ADD ("changed-inputs", NULL, test_changed_inputs);
  ADD ("pause", NULL, test_pause);
  ADD ("long-pause", NULL, test_long_pause);
  ADD ("refused", NULL, test_refused);
  ADD ("network", NULL, test_network);
  ADD ("wrong-clock", NULL, test_wrong_clock);
  ADD ("end-is-noticed", NULL, test_end_is_noticed);
  ADD ("hub-proof", "hub-proof=yes", test_hub_proof);
  ADD ("no-hub-proof", NULL, test_no_hub_proof);
  ADD ("hub-proof-without-certificate", "hub-proof=yes", test_hub_proof_without_certificate);
  ADD ("off", "enabled=no", test_off);
  ADD ("without-certificate", "certificate=none", test_without_certificate);
  ADD ("certificate-is-wanted-now", NULL, test_certificate_is_wanted_now);
  ADD ("poll", "trust-bundle-poll=1000s", test_poll);
  ADD ("key-in-another-place", "key-token=pkcs11:token=devices", test_key_in_another_place);
  ADD ("key-in-its-token", "key-token=pkcs11:token=devices", test_key_in_its_token);
  ADD ("no-poll", "trust-bundle-poll=never", test_no_poll);
  return g_test_run ();
}
