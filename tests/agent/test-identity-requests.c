/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-world.h"

#include <string.h>

#define DAY 86400

/* Somebody who asked for something. */
typedef struct {
  GAsyncResult *result;
  GCancellable *cancellable;
} Request;

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Request *request = user_data;

  g_assert_null (request->result);
  request->result = g_object_ref (result);
}

static Request *
ask (World *world, BrevetIdentityAction action)
{
  Request *request = g_new0 (Request, 1);

  request->cancellable = g_cancellable_new ();
  brevet_identity_act_async (world->identity, action, request->cancellable, store_result, request);
  return request;
}

/* Waits for the answer: the code of the error, or -1 if all is well. */
static int
await (World *world, Request *request, GQuark domain)
{
  g_autoptr(GError) error = NULL;
  int code = -1;

  while (request->result == NULL)
    g_main_context_iteration (NULL, TRUE);
  if (!brevet_identity_act_finish (world->identity, request->result, &error))
    {
      g_assert_cmpstr (g_quark_to_string (error->domain), ==, g_quark_to_string (domain));
      code = error->code;
    }
  g_object_unref (request->result);
  g_object_unref (request->cancellable);
  g_free (request);
  return code;
}

#define AWAIT_SUCCESS(world, request) g_assert_cmpint (await (world, request, 0), ==, -1)
#define AWAIT_CANCELLED(world, request) g_assert_cmpint (await (world, request, G_IO_ERROR), ==, G_IO_ERROR_CANCELLED)
#define AWAIT_ERROR(world, request, code) g_assert_cmpint (await (world, request, BREVET_ERROR), ==, code)

static void
test_provision (World *world, gconstpointer data)
{
  Request *request;

  world_start (world);
  request = ask (world, BREVET_IDENTITY_PROVISION);
  AWAIT_SUCCESS (world, request);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  /* Once more is nothing to do. */
  AWAIT_SUCCESS (world, ask (world, BREVET_IDENTITY_PROVISION));
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
}

/* Everybody who asks while an attempt is made gets its result, each once. */
static void
test_join (World *world, gconstpointer data)
{
  Request *requests[4];

  world_provision (world);
  issuing_service_add_answer (world->service, ISSUING_LATER);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    requests[i] = ask (world, BREVET_IDENTITY_RENEW);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    AWAIT_SUCCESS (world, requests[i]);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);

  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    requests[i] = ask (world, BREVET_IDENTITY_RENEW);
  for (guint i = 0; i < G_N_ELEMENTS (requests); i++)
    AWAIT_ERROR (world, requests[i], BREVET_ERROR_REJECTED);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 3);
}

/* A renewal is less than a registration from scratch: that follows. */
static void
test_greater_request_follows (World *world, gconstpointer data)
{
  Request *lesser, *greater, *other;

  world_provision (world);
  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  lesser = ask (world, BREVET_IDENTITY_RENEW);
  greater = ask (world, BREVET_IDENTITY_REPROVISION);
  other = ask (world, BREVET_IDENTITY_RENEW);
  AWAIT_ERROR (world, lesser, BREVET_ERROR_REJECTED);
  AWAIT_ERROR (world, other, BREVET_ERROR_REJECTED);
  AWAIT_SUCCESS (world, greater);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 3);
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
}

static void
test_nothing_to_renew (World *world, gconstpointer data)
{
  AWAIT_ERROR (world, ask (world, BREVET_IDENTITY_RENEW), BREVET_ERROR_NOT_FOUND);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 0);
}

/* Whatever pause there is, somebody who asks is served at once. */
static void
test_during_pause (World *world, gconstpointer data)
{
  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_REFUSED);
  AWAIT_SUCCESS (world, ask (world, BREVET_IDENTITY_PROVISION));
}

static void
test_waiter_gives_up (World *world, gconstpointer data)
{
  Request *impatient, *patient;

  issuing_service_add_answer (world->service, ISSUING_LATER);
  impatient = ask (world, BREVET_IDENTITY_PROVISION);
  patient = ask (world, BREVET_IDENTITY_PROVISION);
  g_cancellable_cancel (impatient->cancellable);
  AWAIT_CANCELLED (world, impatient);
  /* The attempt goes on for the other. */
  AWAIT_SUCCESS (world, patient);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
}

static void
test_cancel (World *world, gconstpointer data)
{
  Request *request;
  g_autofree char *sha256 = NULL;

  world_provision (world);
  sha256 = g_strdup (world_get_sha256 (world));
  brevet_identity_cancel (world->identity);
  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  request = ask (world, BREVET_IDENTITY_RENEW);
  world_wait_for_registrations (world, 2);
  brevet_identity_cancel (world->identity);
  AWAIT_CANCELLED (world, request);
  world_assert_state (world, BREVET_IDENTITY_BACKING_OFF, "The attempt was cancelled; the certificate in use is valid until");
  g_assert_cmpuint (brevet_identity_get_memory (world->identity)->failures, ==, 0);
  g_assert_cmpuint (world->failed, ==, 0);
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), <=, world_now () + 5);
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  g_assert_cmpstr (issuing_service_get_csr (world->service, 1), ==, issuing_service_get_csr (world->service, 2));
}

/* Who asks between the cancelling and its end is not cancelled with it. */
static void
test_ask_after_cancel (World *world, gconstpointer data)
{
  Request *cancelled, *next;

  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  cancelled = ask (world, BREVET_IDENTITY_PROVISION);
  world_wait_for_registrations (world, 1);
  brevet_identity_cancel (world->identity);
  next = ask (world, BREVET_IDENTITY_PROVISION);
  AWAIT_CANCELLED (world, cancelled);
  AWAIT_SUCCESS (world, next);
}

static void
note_stop (GObject *source, GAsyncResult *result, gpointer user_data)
{
  brevet_identity_stop_finish (BREVET_IDENTITY (source), result);
  *(gboolean *) user_data = TRUE;
}

static void
stop (World *world)
{
  gboolean stopped = FALSE;

  brevet_identity_stop_async (world->identity, note_stop, &stopped);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
}

static void
test_stop_in_flight (World *world, gconstpointer data)
{
  Request *request;

  world_start (world);
  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  request = ask (world, BREVET_IDENTITY_PROVISION);
  world_wait_for_registrations (world, 1);
  stop (world);
  AWAIT_CANCELLED (world, request);
  world_set_clock (world, world_now () + 400 * DAY);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, 0);
  AWAIT_ERROR (world, ask (world, BREVET_IDENTITY_PROVISION), BREVET_ERROR_BUSY);
  world_set_clock (world, WORLD_BEGIN);
  world_restart (world);
  world_provision (world);
  g_assert_cmpstr (issuing_service_get_csr (world->service, 0), ==, issuing_service_get_csr (world->service, 1));
}

/* The switch is not torn in two: the stop waits for it. */
static void
test_stop_during_switch (World *world, gconstpointer data)
{
  gboolean stopped = FALSE;

  world_start (world);
  world_wait_for_registrations (world, 1);
  unsteady_store_hold (world->store, TRUE);
  while (unsteady_store_get_held (world->store) == 0)
    g_main_context_iteration (NULL, TRUE);
  brevet_identity_stop_async (world->identity, note_stop, &stopped);
  world_turn (world);
  g_assert_false (stopped);
  unsteady_store_hold (world->store, FALSE);
  while (!stopped)
    g_main_context_iteration (NULL, TRUE);
  g_assert_nonnull (brevet_identity_get_current (world->identity));
  world_restart (world);
  g_assert_nonnull (brevet_identity_get_current (world->identity));
}

static void
test_stop_at_rest (World *world, gconstpointer data)
{
  world_provision (world);
  stop (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  stop (world);
}

/* The last reference goes at the worst moments. */
static void
test_free_in_flight (World *world, gconstpointer data)
{
  world_start (world);
  world_restart (world);
  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  world_start (world);
  world_wait_for_registrations (world, 1);
  world_restart (world);
  unsteady_store_hold (world->store, TRUE);
  world_start (world);
  while (unsteady_store_get_held (world->store) == 0)
    g_main_context_iteration (NULL, TRUE);
  unsteady_store_hold (world->store, FALSE);
  world_restart (world);
  issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  world_start (world);
  world_wait_for_registrations (world, 2);
  world_restart (world);
}

static void
test_reconfigured_in_flight (World *world, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) other = world_make_config (world, "transport=other");
  Request *request;

  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  world_start (world);
  request = ask (world, BREVET_IDENTITY_PROVISION);
  world_wait_for_registrations (world, 1);
  brevet_identity_reconfigure (world->identity, other, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  /* Who waits wants an identity; he gets that of the new configuration. */
  AWAIT_SUCCESS (world, request);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  g_assert_cmpstr (issuing_service_get_csr (world->service, 0), !=, issuing_service_get_csr (world->service, 1));
  g_assert_cmpuint (world->failed, ==, 0);
}

static void
test_reloaded_in_flight (World *world, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) same = world_make_config (world, "renew=50%");
  Request *request;

  issuing_service_add_answer (world->service, ISSUING_LATER);
  world_start (world);
  request = ask (world, BREVET_IDENTITY_PROVISION);
  world_wait_for_registrations (world, 1);
  brevet_identity_reconfigure (world->identity, same, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  AWAIT_SUCCESS (world, request);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
}

static void
test_switched_off_in_flight (World *world, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) off = world_make_config (world, "enabled=no");
  g_autoptr(BrevetIdentityConfig) on = world_make_config (world, "");
  Request *request;

  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  world_start (world);
  request = ask (world, BREVET_IDENTITY_PROVISION);
  world_wait_for_registrations (world, 1);
  brevet_identity_reconfigure (world->identity, off, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  AWAIT_ERROR (world, request, BREVET_ERROR_NOT_CONFIGURED);
  world_wait_idle (world);
  world_assert_state (world, BREVET_IDENTITY_DISABLED, "enabled=no");
  brevet_identity_reconfigure (world->identity, on, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  world_wait_state (world, BREVET_IDENTITY_PROVISIONED);
}

static void
test_corrected (World *world, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) other = world_make_config (world, "transport=other");

  issuing_service_add_answer (world->service, ISSUING_BUSY);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  /* It was the other service that asked for two hours. */
  brevet_identity_reconfigure (world->identity, other, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  world_wait_state (world, BREVET_IDENTITY_PROVISIONED);
}

static void
test_shorter_pause (World *world, gconstpointer data)
{
  g_autoptr(BrevetIdentityConfig) quick = world_make_config (world, "retry-maximum=1min");

  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_REFUSED);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), >=, world_now () + 500);
  brevet_identity_reconfigure (world->identity, quick, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  world_assert_state (world, BREVET_IDENTITY_REFUSED, "");
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), <=, world_now () + 30);
}

static void
reconfigure (World *world, const char *keys)
{
  g_autoptr(BrevetIdentityConfig) config = world_make_config (world, keys);

  brevet_identity_reconfigure (world->identity, config, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
}

static void
wait_for_held (World *world)
{
  unsteady_store_hold (world->store, TRUE);
  while (unsteady_store_get_held (world->store) == 0)
    g_main_context_iteration (NULL, TRUE);
}

/* The refusal is there, but not yet told of, when the configuration that it is about goes. */
static void
test_reconfigured_after_refusal (World *world, gconstpointer data)
{
  const char *keys = data;
  Request *request;

  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  world_start (world);
  request = ask (world, BREVET_IDENTITY_PROVISION);
  world_wait_for_registrations (world, 1);
  wait_for_held (world);
  reconfigure (world, keys);
  unsteady_store_hold (world->store, FALSE);
  AWAIT_SUCCESS (world, request);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  g_assert_cmpuint (world->failed, ==, 0);
}

static void
set_up_world (World *world, gconstpointer data)
{
  world_set_up (world, NULL);
}

/* The same while the failure is being stored: who asked has his answer, but the next attempt need not wait. */
static void
test_reconfigured_while_settling (World *world, gconstpointer data)
{
  issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  world_start (world);
  world_wait_for_registrations (world, 1);
  wait_for_held (world);
  g_assert_true (world->identity->settling);
  reconfigure (world, "key-type=p384");
  unsteady_store_hold (world->store, FALSE);
  world_wait_idle (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
}

/* The cause names the setting that helps, and who follows it need not wait. */
static void
test_certificate_is_not_wanted (World *world, gconstpointer data)
{
  issuing_service_add_answer (world->service, ISSUING_NOTHING);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_REFUSED);
  reconfigure (world, "certificate=none");
  world_wait_state (world, BREVET_IDENTITY_PROVISIONED);
  g_assert_null (brevet_identity_get_current (world->identity)->chain);
  /* And later it is. */
  world_wait_idle (world);
  reconfigure (world, "certificate=required");
  world_wait_idle (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "valid until");
  g_assert_nonnull (brevet_identity_get_current (world->identity)->chain);
}

/* What the same service asked for holds, whatever else is corrected. */
static void
test_corrected_but_asked_to_wait (World *world, gconstpointer data)
{
  gint64 next;

  issuing_service_add_answer (world->service, ISSUING_BUSY);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  next = brevet_identity_get_next_attempt (world->identity);
  reconfigure (world, "key-type=p384");
  world_wait_idle (world);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, next);
}

/* A staged key of another kind than is wanted now is not asked for again. */
static void
test_kind_of_key_changes (World *world, gconstpointer data)
{
  unsigned int bits = 0;

  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  world_start (world);
  world_wait_for_registrations (world, 1);
  reconfigure (world, "key-type=p384");
  world_wait_state (world, BREVET_IDENTITY_PROVISIONED);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  gnutls_privkey_get_pk_algorithm (brevet_key_get_privkey (brevet_identity_get_current (world->identity)->key), &bits);
  g_assert_cmpuint (bits, ==, 384);
}

static void
test_stop_twice (World *world, gconstpointer data)
{
  gboolean first = FALSE;
  gboolean second = FALSE;

  world_start (world);
  world_wait_for_registrations (world, 1);
  wait_for_held (world);
  brevet_identity_stop_async (world->identity, note_stop, &first);
  brevet_identity_stop_async (world->identity, note_stop, &second);
  world_turn (world);
  g_assert_false (first || second);
  unsteady_store_hold (world->store, FALSE);
  while (!first || !second)
    g_main_context_iteration (NULL, TRUE);
  g_assert_nonnull (brevet_identity_get_current (world->identity));
}

#define ADD(name, keys, function) g_test_add ("/identity-requests/" name, World, keys, world_set_up, function, world_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  ADD ("provision", NULL, test_provision);
  ADD ("join", NULL, test_join);
  ADD ("greater-request-follows", NULL, test_greater_request_follows);
  ADD ("nothing-to-renew", NULL, test_nothing_to_renew);
  ADD ("during-pause", NULL, test_during_pause);
  ADD ("waiter-gives-up", NULL, test_waiter_gives_up);
  ADD ("cancel", NULL, test_cancel);
  ADD ("ask-after-cancel", NULL, test_ask_after_cancel);
  ADD ("stop-in-flight", NULL, test_stop_in_flight);
  ADD ("stop-during-switch", NULL, test_stop_during_switch);
  ADD ("stop-at-rest", NULL, test_stop_at_rest);
  ADD ("free-in-flight", NULL, test_free_in_flight);
  ADD ("reconfigured-in-flight", NULL, test_reconfigured_in_flight);
  ADD ("reloaded-in-flight", NULL, test_reloaded_in_flight);
  ADD ("switched-off-in-flight", NULL, test_switched_off_in_flight);
  ADD ("corrected", NULL, test_corrected);
  ADD ("shorter-pause", "retry-minimum=1000s", test_shorter_pause);
  g_test_add ("/identity-requests/reconfigured-after-refusal/inputs", World, "transport=other", set_up_world,
              test_reconfigured_after_refusal, world_tear_down);
  g_test_add ("/identity-requests/reconfigured-after-refusal/key", World, "key-type=p384", set_up_world,
              test_reconfigured_after_refusal, world_tear_down);
  ADD ("reconfigured-while-settling", NULL, test_reconfigured_while_settling);
  ADD ("certificate-is-not-wanted", NULL, test_certificate_is_not_wanted);
  ADD ("corrected-but-asked-to-wait", NULL, test_corrected_but_asked_to_wait);
  ADD ("kind-of-key-changes", NULL, test_kind_of_key_changes);
  ADD ("stop-twice", NULL, test_stop_twice);
  return g_test_run ();
}
