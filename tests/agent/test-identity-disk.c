/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an identity does when its store is full, cannot be read, or is damaged. */

#include "identity-world.h"

#include "brevet-log.h"

#include <stdlib.h>
#include <string.h>

#define IN_USE "; the certificate in use is valid until 2031-01-31 00:00:00 UTC"

/* Commits of a renewal: the staging, the switch; of a failure: what is remembered. Each of them on a full disk. */
static void
test_disk_is_full (World *world, gconstpointer data)
{
  const char *pattern = data;
  g_autofree char *sha256 = world_make_due (world);

  unsteady_store_refuse (world->store, pattern);
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_BACKING_OFF, "The identity cannot be stored: No space left on the disk");
  world_assert_state (world, BREVET_IDENTITY_BACKING_OFF, IN_USE);
  g_assert_cmpuint (brevet_identity_get_memory (world->identity)->failures, ==, 1);
  g_assert_cmpuint (world->failed, ==, 1);
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
  /* It goes on in memory while the disk is full … */
  unsteady_store_refuse (world->store, "x");
  world_pass_to_next_attempt (world);
  g_assert_cmpuint (brevet_identity_get_memory (world->identity)->failures, ==, 2);
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
  /* … and gets well with it, without having asked for more certificates than it needs. */
  unsteady_store_refuse (world->store, "");
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
  g_assert_cmpuint (issuing_service_get_issued (world->service), ==, 2);
  sha256 = (g_free (sha256), g_strdup (world_get_sha256 (world)));
  world_restart (world);
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
}

static void
set_up_disk (World *world, gconstpointer data)
{
  world_set_up (world, NULL);
}

static void
test_disk_is_full_after_refusal (World *world, gconstpointer data)
{
  g_autofree char *sha256 = world_make_due (world);

  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  unsteady_store_refuse (world->store, ".xx");
  world_pass_to_next_attempt (world);
  world_assert_state (world, BREVET_IDENTITY_REFUSED, "and this cannot be stored: No space left on the disk");
  unsteady_store_refuse (world->store, "");
  world_assert_kept (world, sha256);
}

static void
test_use_cannot_be_stored (World *world, gconstpointer data)
{
  world_provision (world);
  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  unsteady_store_refuse (world->store, "x.");
  brevet_identity_mark_used (world->identity);
  world_wait_idle (world);
  g_assert_nonnull (brevet_identity_get_previous (world->identity));
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  brevet_identity_mark_used (world->identity);
  world_wait_idle (world);
  g_assert_null (brevet_identity_get_previous (world->identity));
}

static void
on_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  brevet_identity_load_finish (BREVET_IDENTITY (source), result, user_data);
}

static GError *
load (World *world, BrevetIdentity *identity)
{
  GError *error = NULL;

  brevet_identity_load_async (identity, NULL, on_loaded, &error);
  while (error == NULL && !identity->loaded)
    g_main_context_iteration (NULL, TRUE);
  return error;
}

/* A disk that cannot be read now says nothing of what is on it: nothing is asked for, and nothing written. */
static void
test_store_cannot_be_read (World *world, gconstpointer data)
{
  g_autofree char *sha256 = world_make_due (world);
  g_autoptr(BrevetIdentityConfig) config = world_make_config (world, "");
  g_autoptr(BrevetIdentity) identity = NULL;
  g_autoptr(GError) error = NULL;
  BrevetCertificate *leaf;
  guint commits;

  world_restart (world);
  commits = unsteady_store_get_commits (world->store);
  identity = brevet_identity_new (config, BREVET_STORE (world->store), BREVET_TRANSPORT (world->service),
                                  BREVET_PROVER (world->prover));
  unsteady_store_refuse_reading (world->store, TRUE);
  error = load (world, identity);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  brevet_identity_start (identity);
  brevet_identity_network_changed (identity, TRUE);
  brevet_identity_mark_used (identity);
  world_turn (world);
  g_assert_cmpint (brevet_identity_get_state (identity), ==, BREVET_IDENTITY_UNPROVISIONED);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  g_assert_cmpuint (unsteady_store_get_commits (world->store), ==, commits);

  unsteady_store_refuse_reading (world->store, FALSE);
  g_clear_error (&error);
  error = load (world, identity);
  g_assert_no_error (error);
  world_turn (world);
  g_assert_cmpint (brevet_identity_get_state (identity), ==, BREVET_IDENTITY_PROVISIONED);
  leaf = brevet_chain_get_leaf (brevet_identity_get_current (identity)->chain);
  g_assert_cmpstr (brevet_certificate_get_sha256 (leaf), ==, sha256);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
}

static void
damage (World *world, const char *record)
{
  g_autofree char *path = brevet_identity_records_locate (brevet_identity_get_records (world->identity), record);
  g_autofree char *real = realpath (path, NULL);

  g_assert_true (g_file_set_contents (real, "damaged", -1, NULL));
}

static GLogWriterOutput
note_damage (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  guint *count = user_data;

  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE_ID") && g_str_equal (fields[i].value, BREVET_MESSAGE_IDENTITY_DAMAGED))
      (*count)++;
  return G_LOG_WRITER_HANDLED;
}

static guint damages;

/* The store is opened anew, as after a power cut: a store that is open knows what it wrote. */
static void
restart_with_damage (World *world, const char *record)
{
  damage (world, record);
  damages = 0;
  world_restart_with_store (world);
  g_assert_cmpuint (damages, >, 0);
}

static void
test_damaged (World *world, gconstpointer data)
{
  g_autofree char *sha256 = world_make_due (world);

  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  /* The previous one is kept for this. */
  restart_with_damage (world, BREVET_IDENTITY_CERTIFICATE_NAME);
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  world_start (world);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 2);
  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  brevet_identity_mark_used (world->identity);
  world_wait_idle (world);
  g_assert_null (brevet_identity_get_previous (world->identity));

  /* Without it there is nothing left, and a new one comes. */
  restart_with_damage (world, BREVET_IDENTITY_KEY_NAME);
  g_assert_null (brevet_identity_get_current (world->identity));
  world_assert_state (world, BREVET_IDENTITY_UNPROVISIONED, "");
  world_provision (world);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 4);
  damages = 0;
  world_restart_with_store (world);
  g_assert_cmpuint (damages, ==, 0);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
}

/* Asked for while the disk is full: an answer, what there is stays, and it comes when the disk is not. */
static void
test_reprovision_on_full_disk (World *world, gconstpointer data)
{
  g_autofree char *sha256 = world_make_due (world);
  g_autoptr(GError) error = NULL;

  unsteady_store_refuse (world->store, "x");
  g_assert_false (world_act (world, BREVET_IDENTITY_REPROVISION, &error));
  g_assert_nonnull (strstr (error->message, "The identity cannot be stored"));
  g_assert_cmpstr (world_get_sha256 (world), ==, sha256);
  world_assert_state (world, BREVET_IDENTITY_BACKING_OFF, IN_USE);
  unsteady_store_refuse (world->store, "");
  world_pass_to_next_attempt (world);
  g_assert_cmpstr (world_get_sha256 (world), !=, sha256);
}

#define ADD(name, keys, function) g_test_add ("/identity-disk/" name, World, keys, world_set_up, function, world_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  g_log_set_writer_func (note_damage, &damages, NULL);
  g_test_add ("/identity-disk/disk-is-full/staging", World, "x.", set_up_disk, test_disk_is_full, world_tear_down);
  g_test_add ("/identity-disk/disk-is-full/switch", World, ".x.", set_up_disk, test_disk_is_full, world_tear_down);
  g_test_add ("/identity-disk/disk-is-full/switch-and-memory", World, ".xx.", set_up_disk, test_disk_is_full, world_tear_down);
  g_test_add ("/identity-disk/disk-is-full/all", World, "x", set_up_disk, test_disk_is_full, world_tear_down);
  ADD ("disk-is-full-after-refusal", NULL, test_disk_is_full_after_refusal);
  ADD ("use-cannot-be-stored", NULL, test_use_cannot_be_stored);
  ADD ("store-cannot-be-read", NULL, test_store_cannot_be_read);
  ADD ("damaged", NULL, test_damaged);
  ADD ("reprovision-on-full-disk", NULL, test_reprovision_on_full_disk);
  return g_test_run ();
}
