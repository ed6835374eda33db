/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent-fixture.h"

#include "test-authority.h"
#include "test-scratch.h"

#include <glib/gstdio.h>

void
agent_fixture_write (AgentFixture *self, const char *text)
{
  g_autoptr(GError) error = NULL;

  g_file_set_contents (self->config_path, text, -1, &error);
  g_assert_no_error (error);
}

void
agent_fixture_configure (AgentFixture *self, const char *identities)
{
  g_autofree char *text = g_strconcat (identities, AGENT_FIXTURE_PARTS, NULL);

  agent_fixture_write (self, text);
}

void
agent_fixture_set_up (AgentFixture *self, gconstpointer data)
{
  self->directory = test_scratch_new ();
  self->config_path = g_build_filename (self->directory, "agent.conf", NULL);
  agent_fixture_configure (self, data != NULL ? data : AGENT_FIXTURE_IDENTITY ("main"));
  self->agent = brevet_agent_new (self->config_path);
}

void
agent_fixture_tear_down (AgentFixture *self, gconstpointer data)
{
  if (self->agent != NULL)
    agent_fixture_stop (self);
  scripted_identity_break_loading (NULL);
  test_scratch_remove (self->directory);
  g_clear_pointer (&self->directory, g_free);
  g_clear_pointer (&self->config_path, g_free);
}

void
agent_fixture_store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  GAsyncResult **place = user_data;

  *place = g_object_ref (result);
}

void
agent_fixture_load (AgentFixture *self)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_agent_load_async (self->agent, agent_fixture_store_result, &result);
  agent_fixture_wait_for (result != NULL);
  brevet_agent_load_finish (self->agent, result);
}

gboolean
agent_fixture_reload (AgentFixture *self, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_agent_reload_async (self->agent, agent_fixture_store_result, &result);
  agent_fixture_wait_for (result != NULL);
  return brevet_agent_reload_finish (self->agent, result, error);
}

void
agent_fixture_stop (AgentFixture *self)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_agent_stop_async (self->agent, agent_fixture_store_result, &result);
  agent_fixture_wait_for (result != NULL);
  brevet_agent_stop_finish (self->agent, result);
  g_clear_object (&result);
  g_assert_finalize_object (g_steal_pointer (&self->agent));
}

BrevetIdentity *
agent_fixture_get (AgentFixture *self, const char *name)
{
  GPtrArray *identities = brevet_agent_get_identities (self->agent);

  for (guint i = 0; i < identities->len; i++)
    {
      BrevetIdentity *identity = g_ptr_array_index (identities, i);

      if (g_str_equal (brevet_identity_get_config (identity)->name, name))
        return identity;
    }
  return NULL;
}

BrevetGeneration *
agent_fixture_make_generation (AgentFixture *self, guint64 number)
{
  g_autofree char *name = g_strdup_printf ("device %" G_GUINT64_FORMAT, number);
  g_autofree char *directory = g_build_filename (self->directory, name, NULL);
  g_autofree char *pem = g_mkdir (directory, 0700) == 0 ? test_authority_write (directory, name) : NULL;
  BrevetGeneration *generation = brevet_generation_new (number, "digest");
  g_autoptr(GError) error = NULL;

  generation->assigned_hub = g_strdup ("hub.example.net");
  generation->device_id = g_strdup ("device");
  generation->chain = brevet_chain_new_from_pem (pem, &error);
  g_assert_no_error (error);
  generation->trust_bundle = brevet_trust_bundle_new_from_pem (pem, &error);
  g_assert_no_error (error);
  generation->trust_bundle_etag = g_strdup ("etag-1");
  generation->key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, &error);
  g_assert_no_error (error);
  return generation;
}
