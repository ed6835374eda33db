/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-world.h"

#include <stdio.h>
#include <string.h>

#define IN_USE "; the certificate in use is valid until 2031-01-31 00:00:00 UTC"

typedef struct {
  IssuingAnswer answer;
  BrevetIdentityState state;
  const char *error_name;
  guint code;
  const char *tracking_id;
  const char *cause;
} Trouble;

static const Trouble troubles[] = {
  { ISSUING_UNREACHABLE, BREVET_IDENTITY_BACKING_OFF, "org.brevet.Error.Unreachable", 0, NULL,
    "Nobody answers at dps.example.com" IN_USE },
  { ISSUING_BROKEN, BREVET_IDENTITY_BACKING_OFF, "org.brevet.Error.Unreachable", 500000, "track-9", "500: Broken" },
  { ISSUING_BUSY, BREVET_IDENTITY_BACKING_OFF, "org.brevet.Error.Unreachable", 429000, "track-9", "429: Too many" },
  { ISSUING_UNTRUSTED, BREVET_IDENTITY_BACKING_OFF, "org.brevet.Error.Untrusted", 0, NULL,
    "Somebody else answers at dps.example.com" IN_USE },
  { ISSUING_REFUSAL, BREVET_IDENTITY_REFUSED, "org.brevet.Error.Rejected", 401002, "track-9", "Unauthorized" },
  { ISSUING_DISABLED, BREVET_IDENTITY_DISABLED, "org.brevet.Error.Rejected", 403001, "request-7", "Switched off" },
  { ISSUING_NOTHING, BREVET_IDENTITY_REFUSED, "org.brevet.Error.Rejected", 0, NULL, "set certificate=none in [identity main]" },
  { ISSUING_OTHER_KEY, BREVET_IDENTITY_BACKING_OFF, "org.brevet.Error.Untrusted", 0, NULL, "is for another key" },
  { ISSUING_OTHER_NAME, BREVET_IDENTITY_BACKING_OFF, "org.brevet.Error.Untrusted", 0, NULL, "is for another device" },
  { ISSUING_EXPIRED, BREVET_IDENTITY_BACKING_OFF, "org.brevet.Error.Untrusted", 0, NULL, "expired at" },
  { ISSUING_FORGED, BREVET_IDENTITY_BACKING_OFF, "org.brevet.Error.Untrusted", 0, NULL, "is not signed by" },
};

/* Whatever the answer is but a good certificate: the identity stays, says what is wrong, and gets well by itself. */
static void
test_renewal_fails (World *world, gconstpointer data)
{
  g_autofree char *sha256 = world_make_due (world);
  const BrevetIdentityMemory *memory;
  const Trouble *trouble = data;

  issuing_service_add_answer (world->service, trouble->answer);
  world_pass_to_next_attempt (world);
  world_assert_state (world, trouble->state, trouble->cause);
  world_assert_state (world, trouble->state, IN_USE);
  memory = brevet_identity_get_memory (world->identity);
  g_assert_cmpuint (memory->failures, ==, 1);
  g_assert_cmpstr (memory->error_name, ==, trouble->error_name);
  g_assert_cmpuint (memory->error_code, ==, trouble->code);
  g_assert_cmpstr (memory->error_tracking_id, ==, trouble->tracking_id);
  g_assert_cmpint (memory->error_time, ==, world_now ());
  g_assert_cmpuint (world->failed, ==, 1);
  world_assert_kept (world, sha256);
  world_assert_state (world, trouble->state, trouble->cause);

  world_start (world);
  world_wait_idle (world);
  world_assert_state (world, trouble->state, trouble->cause);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
  g_assert_null (brevet_identity_get_memory (world->identity)->error_name);
  g_assert_cmpuint (brevet_identity_get_memory (world->identity)->failures, ==, 0);
}

static void
set_up_trouble (World *world, gconstpointer data)
{
  world_set_up (world, NULL);
}

static void
test_first_fails (World *world, gconstpointer data)
{
  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_REFUSED);
  world_assert_state (world, BREVET_IDENTITY_REFUSED, "; there is no identity yet");
  g_assert_null (brevet_identity_get_current (world->identity));
  /* It goes on asking: somebody may be enrolling it just now. */
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), >=, world_now () + 15);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), <=, world_now () + 30);
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  /* A refused key is not asked for again. */
  g_assert_cmpstr (issuing_service_get_key_of_csr (world->service, 0), !=, issuing_service_get_key_of_csr (world->service, 1));
}

/* Trouble on the way is no reason for another key. */
static void
test_key_is_asked_for_again (World *world, gconstpointer data)
{
  issuing_service_add_answer (world->service, ISSUING_BROKEN);
  issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  world_pass_to_next_attempt (world);
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  g_assert_cmpstr (issuing_service_get_csr (world->service, 0), ==, issuing_service_get_csr (world->service, 1));
  g_assert_cmpstr (issuing_service_get_csr (world->service, 0), ==, issuing_service_get_csr (world->service, 2));
}

static void
test_pauses_grow (World *world, gconstpointer data)
{
  gint64 limit = 4;

  for (guint i = 0; i < 12; i++)
    issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  for (guint i = 1; i <= 12; i++)
    {
      g_assert_cmpuint (brevet_identity_get_memory (world->identity)->failures, ==, i);
      g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), <=, world_now () + limit);
      limit = MIN (limit * 2, 60);
      /* None of it is forgotten when the agent is killed. */
      if (i % 4 == 0)
        {
          gint64 next = brevet_identity_get_next_attempt (world->identity);

          world_restart (world);
          world_start (world);
          world_turn (world);
          g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, next);
          g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, i);
        }
      world_pass_to_next_attempt (world);
    }
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
}

static void
test_retry_after (World *world, gconstpointer data)
{
  gint64 next;

  issuing_service_add_answer (world->service, ISSUING_BUSY);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  next = brevet_identity_get_next_attempt (world->identity);
  g_assert_cmpint (next, ==, world_now () + 7200);
  /* Not undercut by a network that comes, nor by a restart. */
  brevet_identity_network_changed (world->identity, TRUE);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, next);
  world_restart (world);
  world_start (world);
  world_turn (world);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, next);
  world_set_clock (world, next - 1);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
}

/* An operator who corrects the configuration need not wait for the pause that the wrong one earned. */
static void
test_corrected_while_off (World *world, gconstpointer data)
{
  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_REFUSED);
  g_free (world->keys);
  world->keys = g_strdup ("transport=other");
  world_restart (world);
  world_provision (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
}

static void
test_credential_is_missing (World *world, gconstpointer data)
{
  g_autofree char *path = g_build_filename (world->directory, "key", NULL);

  world_provision (world);
  g_assert_cmpint (remove (path), ==, 0);
  world_restart (world);
  world_start (world);
  world_wait_idle (world);
  /* What is there is good until its renewal. */
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_BACKING_OFF, IN_USE);
  g_assert_cmpstr (brevet_identity_get_memory (world->identity)->error_name, ==, "org.brevet.Error.NotConfigured");
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  g_assert_true (g_file_set_contents (path, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", -1, NULL));
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
}

static void
test_network (World *world, gconstpointer data)
{
  issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  brevet_identity_network_changed (world->identity, FALSE);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_WAITING_FOR_NETWORK);
  world_assert_state (world, BREVET_IDENTITY_WAITING_FOR_NETWORK, "Nobody answers at dps.example.com; there is no identity yet");
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), >, 0);
  brevet_identity_network_changed (world->identity, TRUE);
  world_wait_idle (world);
  if (brevet_identity_get_state (world->identity) != BREVET_IDENTITY_PROVISIONED)
    {
      g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), <=, world_now () + 3);
      world_set_clock (world, world_now () + 3);
      world_wait_idle (world);
    }
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  /* Nothing to hurry for now. */
  brevet_identity_network_changed (world->identity, FALSE);
  brevet_identity_network_changed (world->identity, TRUE);
  world_set_clock (world, world_now () + 4);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
}

/* Refusals in a row, over restarts: each pause is longer than the one before, and none is a second. */
static void
test_refusals (World *world, gconstpointer data)
{
  gint64 limit = 30;

  issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  for (guint i = 0; i < 9; i++)
    issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  world_pass_to_next_attempt (world);
  world_pass_to_next_attempt (world);
  for (guint i = 0; i < 9; i++)
    {
      world_assert_state (world, BREVET_IDENTITY_REFUSED, "Unauthorized");
      g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), >=, world_now () + limit / 2);
      g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), <=, world_now () + limit);
      limit = MIN (limit * 2, 3600);
      if (i % 3 == 0)
        {
          world_restart (world);
          world_start (world);
          world_turn (world);
        }
      world_pass_to_next_attempt (world);
    }
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
}

/* A CA whose clock is an hour ahead: each certificate is useless for now. */
static void
test_not_valid_yet (World *world, gconstpointer data)
{
  issuing_service_set_backdating (world->service, -3600);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  for (guint i = 1; i < 15; i++)
    {
      world_assert_state (world, BREVET_IDENTITY_BACKING_OFF, "is not valid before");
      g_assert_cmpuint (brevet_identity_get_memory (world->identity)->failures, ==, i);
      g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, i);
      world_pass_to_next_attempt (world);
    }
  g_assert_null (brevet_identity_get_current (world->identity));
  issuing_service_set_backdating (world->service, -200);
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
}

/* What the service asked for holds over a restart with a network that comes, and over a cancelled attempt. */
static void
test_retry_after_is_kept (World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  gint64 next;

  issuing_service_add_answer (world->service, ISSUING_BUSY);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  next = brevet_identity_get_next_attempt (world->identity);
  world_restart (world);
  world_start (world);
  brevet_identity_network_changed (world->identity, TRUE);
  world_turn (world);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, next);

  issuing_service_add_answer (world->service, ISSUING_SILENCE);
  brevet_identity_act_async (world->identity, BREVET_IDENTITY_PROVISION, NULL, NULL, NULL);
  world_wait_for_registrations (world, 2);
  brevet_identity_cancel (world->identity);
  world_wait_idle (world);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, next);
}

/* Routes that change all the time are no reason to ask all the time. */
static void
test_restless_network (World *world, gconstpointer data)
{
  for (guint i = 0; i < 100; i++)
    issuing_service_add_answer (world->service, ISSUING_UNREACHABLE);
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  for (guint i = 0; i < 100; i++)
    {
      brevet_identity_network_changed (world->identity, TRUE);
      world_set_clock (world, world_now () + 3);
      world_wait_idle (world);
    }
  g_assert_cmpuint (issuing_service_get_registrations (world->service), >=, 6);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), <=, 25);
}

#define ADD(name, keys, function) g_test_add ("/identity-failures/" name, World, keys, world_set_up, function, world_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  for (guint i = 0; i < G_N_ELEMENTS (troubles); i++)
    {
      g_autofree char *name = g_strdup_printf ("/identity-failures/renewal-fails/%u", i);

      g_test_add (name, World, &troubles[i], set_up_trouble, test_renewal_fails, world_tear_down);
    }
  ADD ("first-fails", NULL, test_first_fails);
  ADD ("key-is-asked-for-again", NULL, test_key_is_asked_for_again);
  ADD ("pauses-grow", "retry-minimum=4s\nretry-maximum=1min", test_pauses_grow);
  ADD ("retry-after", NULL, test_retry_after);
  ADD ("corrected-while-off", NULL, test_corrected_while_off);
  ADD ("credential-is-missing", NULL, test_credential_is_missing);
  ADD ("network", NULL, test_network);
  ADD ("refusals", NULL, test_refusals);
  ADD ("not-valid-yet", NULL, test_not_valid_yet);
  ADD ("retry-after-is-kept", NULL, test_retry_after_is_kept);
  ADD ("restless-network", NULL, test_restless_network);
  return g_test_run ();
}
