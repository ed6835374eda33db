/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-world.h"

#include "test-scratch.h"
#include "test-wait.h"

#include <string.h>

static gint64 clock_seconds;

static gint64
tell_time (gpointer user_data)
{
  return clock_seconds * G_USEC_PER_SEC;
}

gint64
world_now (void)
{
  return clock_seconds;
}

BrevetIdentityConfig *
world_make_config (World *self, const char *keys)
{
  g_autofree char *text = g_strdup_printf ("[transport main]\ntype=https\nhost=dps.example.com\n"
                                           "[transport other]\ntype=https\nhost=dps2.example.com\n"
                                           "[attestation main]\ntype=symmetric-key\nkey-file=key\n"
                                           "[identity main]\nid-scope=0ne0001\nregistration-id=pump-07\n%s\n", keys);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "agent.conf", self->directory, &error);
  BrevetIdentityConfig *made;

  g_assert_no_error (error);
  made = brevet_identity_config_new (config, brevet_config_get_group (config, "identity", "main"), &error);
  g_assert_no_error (error);
  return made;
}

static BrevetStore *
open_store (const char *directory)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", "device", directory);
  g_autoptr(GError) error = NULL;
  BrevetPlugin *store;

  brevet_settings_set (settings, "directory", "store", NULL);
  store = brevet_registry_create (registry, BREVET_TYPE_STORE, "store-file", "device", settings, &error);
  g_assert_no_error (error);
  brevet_store_open (BREVET_STORE (store), &error);
  g_assert_no_error (error);
  return BREVET_STORE (store);
}

static void
note_state (BrevetIdentity *identity, World *self)
{
  const char *state = brevet_identity_state_to_string (brevet_identity_get_state (identity));
  const char *cause = brevet_identity_get_cause (identity);
  g_autofree char *word = g_strconcat (" ", state, NULL);

  g_assert_nonnull (cause);
  if (!g_str_has_suffix (self->states->str, word))
    g_string_append (self->states, word);
  g_string_append_printf (self->causes, "%s: %s\n", state, cause);
}

static void
count (BrevetIdentity *identity, guint *counter)
{
  (*counter)++;
}

static void
on_loaded (GObject *source, GAsyncResult *result, gpointer user_data)
{
  g_autoptr(GError) error = NULL;

  brevet_identity_load_finish (BREVET_IDENTITY (source), result, &error);
  g_assert_no_error (error);
  *(gboolean *) user_data = TRUE;
}

void
world_open (World *self)
{
  g_autoptr(BrevetIdentityConfig) config = world_make_config (self, self->keys);
  gboolean loaded = FALSE;

  self->identity = brevet_identity_new (config, BREVET_STORE (self->store), BREVET_TRANSPORT (self->service),
                                        BREVET_PROVER (self->prover));
  g_signal_connect (self->identity, "changed", G_CALLBACK (note_state), self);
  g_signal_connect (self->identity, "renewed", G_CALLBACK (count), &self->renewed);
  g_signal_connect (self->identity, "failed", G_CALLBACK (count), &self->failed);
  g_signal_connect (self->identity, "trust-bundle-changed", G_CALLBACK (count), &self->bundle_changed);
  brevet_identity_load_async (self->identity, NULL, on_loaded, &loaded);
  while (!loaded)
    g_main_context_iteration (NULL, TRUE);
}

void
world_set_up (World *self, gconstpointer data)
{
  g_autofree char *key_path = NULL;

  clock_seconds = WORLD_BEGIN;
  brevet_clock_set_source (tell_time, NULL);
  self->directory = test_scratch_new ();
  key_path = g_build_filename (self->directory, "key", NULL);
  g_file_set_contents (key_path, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", -1, NULL);
  self->keys = g_strdup (data != NULL ? data : "");
  self->real_store = open_store (self->directory);
  self->store = unsteady_store_new (self->real_store);
  self->service = issuing_service_new ();
  self->prover = scripted_prover_new (FALSE);
  self->states = g_string_new (NULL);
  self->causes = g_string_new (NULL);
  world_open (self);
}

static void
close_identity (World *self)
{
  g_signal_handlers_disconnect_by_data (self->identity, self);
  g_signal_handlers_disconnect_by_data (self->identity, &self->renewed);
  g_signal_handlers_disconnect_by_data (self->identity, &self->failed);
  g_signal_handlers_disconnect_by_data (self->identity, &self->bundle_changed);
  g_assert_finalize_object (g_steal_pointer (&self->identity));
}

/* What was begun holds the store until it has noticed that nobody waits for it. */
static void
wait_for_end (gpointer object)
{
  while (G_OBJECT (object)->ref_count > 1)
    g_main_context_iteration (NULL, TRUE);
  g_assert_finalize_object (object);
}

void
world_tear_down (World *self, gconstpointer data)
{
  close_identity (self);
  unsteady_store_hold (self->store, FALSE);
  wait_for_end (self->service);
  wait_for_end (self->prover);
  wait_for_end (self->store);
  wait_for_end (self->real_store);
  brevet_clock_set_source (NULL, NULL);
  test_scratch_remove (self->directory);
  g_free (self->directory);
  g_free (self->keys);
  g_string_free (self->states, TRUE);
  g_string_free (self->causes, TRUE);
}

void
world_restart (World *self)
{
  close_identity (self);
  while (G_OBJECT (self->store)->ref_count > 1)
    g_main_context_iteration (NULL, TRUE);
  g_string_truncate (self->states, 0);
  g_string_truncate (self->causes, 0);
  world_open (self);
}

void
world_restart_with_store (World *self)
{
  close_identity (self);
  wait_for_end (self->store);
  wait_for_end (self->real_store);
  self->real_store = open_store (self->directory);
  self->store = unsteady_store_new (self->real_store);
  world_open (self);
}

void
world_turn (World *self)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

void
world_start (World *self)
{
  brevet_identity_start (self->identity);
}

void
world_set_clock (World *self, gint64 seconds)
{
  clock_seconds = seconds;
  brevet_wall_timer_clock_changed (self->identity->timer);
  world_turn (self);
}

void
world_wait_state (World *self, BrevetIdentityState state)
{
  while (brevet_identity_get_state (self->identity) != state)
    g_main_context_iteration (NULL, TRUE);
}

void
world_wait_for_registrations (World *self, guint wanted)
{
  while (issuing_service_get_registrations (self->service) < wanted)
    g_main_context_iteration (NULL, TRUE);
}

void
world_wait_for_polls (World *self, guint wanted)
{
  while (issuing_service_get_polls (self->service) < wanted)
    g_main_context_iteration (NULL, TRUE);
}

void
world_wait_idle (World *self)
{
  while (brevet_identity_is_busy (self->identity) || self->identity->poll != NULL)
    g_main_context_iteration (NULL, TRUE);
  world_turn (self);
}

void
world_provision (World *self)
{
  world_start (self);
  world_wait_state (self, BREVET_IDENTITY_PROVISIONED);
  world_wait_idle (self);
}

void
world_pass_to_next_attempt (World *self)
{
  gint64 next = brevet_identity_get_next_attempt (self->identity);

  g_assert_cmpint (next, >, clock_seconds);
  world_set_clock (self, next);
  world_wait_idle (self);
}

gboolean
world_act (World *self, BrevetIdentityAction action, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_identity_act_async (self->identity, action, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_identity_act_finish (self->identity, result, error);
}

const char *
world_get_sha256 (World *self)
{
  BrevetGeneration *current = brevet_identity_get_current (self->identity);

  g_assert_nonnull (current);
  return brevet_certificate_get_sha256 (brevet_chain_get_leaf (current->chain));
}

void
world_assert_state (World *self, BrevetIdentityState state, const char *cause)
{
  g_assert_cmpstr (brevet_identity_state_to_string (brevet_identity_get_state (self->identity)), ==,
                   brevet_identity_state_to_string (state));
  if (strstr (brevet_identity_get_cause (self->identity), cause) == NULL)
    g_error ("“%s” does not say “%s”", brevet_identity_get_cause (self->identity), cause);
}

char *
world_make_due (World *self)
{
  world_provision (self);
  return g_strdup (world_get_sha256 (self));
}

void
world_assert_kept (World *self, const char *sha256)
{
  g_assert_cmpstr (world_get_sha256 (self), ==, sha256);
  g_assert_cmpuint (brevet_identity_get_current (self->identity)->number, ==, 1);
  world_restart (self);
  g_assert_cmpstr (world_get_sha256 (self), ==, sha256);
}
