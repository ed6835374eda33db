/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What becomes of a configuration: at the start, and when it changes while the agent runs. */
#include "agent-fixture.h"

#include "brevet-error.h"
#include "brevet-registry.h"

#include <glib/gstdio.h>
#include <string.h>

#define MAIN AGENT_FIXTURE_IDENTITY ("main")
#define SPARE AGENT_FIXTURE_IDENTITY ("spare")

typedef struct {
  GString *text;
} Told;

static void
tell_added (Told *told, BrevetIdentity *identity)
{
  g_string_append_printf (told->text, "+%s ", brevet_identity_get_config (identity)->name);
}

static void
tell_removed (Told *told, BrevetIdentity *identity)
{
  g_string_append_printf (told->text, "-%s ", brevet_identity_get_config (identity)->name);
}

static void
follow (AgentFixture *f, Told *told)
{
  told->text = g_string_new (NULL);
  g_signal_connect_swapped (f->agent, "identity-added", G_CALLBACK (tell_added), told);
  g_signal_connect_swapped (f->agent, "identity-removed", G_CALLBACK (tell_removed), told);
}

static void
assert_told (Told *told, const char *expected)
{
  g_assert_cmpstr (told->text->str, ==, expected);
  g_string_truncate (told->text, 0);
}

/* What the operator was warned of. */
static GPtrArray *warned;

static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  if (!(level & G_LOG_LEVEL_WARNING))
    return g_log_writer_default (level, fields, n_fields, user_data);
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      g_ptr_array_add (warned, g_strdup (fields[i].value));
  return G_LOG_WRITER_HANDLED;
}

static void
set_up (AgentFixture *f, gconstpointer data)
{
  g_ptr_array_set_size (warned, 0);
  agent_fixture_set_up (f, data);
}

static void
assert_warned (guint count, const char *pattern)
{
  g_assert_cmpuint (warned->len, ==, count);
  for (guint i = 0; i < warned->len; i++)
    if (!g_pattern_match_simple (pattern, g_ptr_array_index (warned, i)))
      g_error ("The operator was told: %s", (char *) g_ptr_array_index (warned, i));
  g_ptr_array_set_size (warned, 0);
}

static void
assert_error_mentions (AgentFixture *f, const char *part)
{
  const char *text = brevet_agent_get_configuration_error (f->agent);

  if (text == NULL || strstr (text, part) == NULL)
    g_error ("The error does not mention “%s”: %s", part, text);
}

static void
assert_same_order (AgentFixture *f, const char *first, const char *second)
{
  GPtrArray *identities = brevet_agent_get_identities (f->agent);

  g_assert_cmpuint (identities->len, ==, 2);
  g_assert_true (g_ptr_array_index (identities, 0) == agent_fixture_get (f, first));
  g_assert_true (g_ptr_array_index (identities, 1) == agent_fixture_get (f, second));
}

static void
test_start (AgentFixture *f, gconstpointer data)
{
  BrevetIdentity *identity;

  agent_fixture_load (f);
  identity = agent_fixture_get (f, "main");
  g_assert_cmpstr (brevet_agent_get_configuration_error (f->agent), ==, NULL);
  g_assert_cmpuint (brevet_agent_get_configuration_warnings (f->agent)->len, ==, 0);
  g_assert_cmpuint (scripted_identity_get (identity)->started, ==, 0);
  brevet_agent_start (f->agent);
  g_assert_cmpuint (scripted_identity_get (identity)->started, ==, 1);
}

/* A wrong configuration is no reason to end: it is tried again by itself. */
static void
test_start_with_error (AgentFixture *f, gconstpointer data)
{
  g_object_set (f->agent, "retry-pause", 1, NULL);
  agent_fixture_write (f, "[identity main]\nid-scope\n");
  agent_fixture_load (f);
  assert_error_mentions (f, "agent.conf:2");
  g_assert_cmpuint (brevet_agent_get_identities (f->agent)->len, ==, 0);
  brevet_agent_start (f->agent);

  agent_fixture_configure (f, MAIN);
  agent_fixture_wait_for (brevet_agent_get_configuration_error (f->agent) == NULL);
  g_assert_cmpuint (scripted_identity_get (agent_fixture_get (f, "main"))->started, ==, 1);
}

static void
test_start_with_error_told_once (AgentFixture *f, gconstpointer data)
{
  agent_fixture_write (f, "");
  agent_fixture_load (f);
  g_assert_false (agent_fixture_reload (f, NULL));
  g_assert_false (agent_fixture_reload (f, NULL));
  assert_warned (1, "*tried again*no group [identity NAME]*id-scope=*");
}

static void
test_start_without_file (AgentFixture *f, gconstpointer data)
{
  g_assert_cmpint (g_unlink (f->config_path), ==, 0);
  agent_fixture_load (f);
  assert_error_mentions (f, "agent.conf");
}

static void
test_start_without_parts (AgentFixture *f, gconstpointer data)
{
  static const char *const missing[][2] = {
    { MAIN "[attestation main]\ntype=symmetric-key\n[store device]\ntype=file\ndirectory=store\n", "[transport main]" },
    { MAIN "[transport main]\ntype=https\nhost=a\n[store device]\ntype=file\ndirectory=store\n", "[attestation main]" },
    { MAIN "[transport main]\ntype=https\nhost=a\n[attestation main]\ntype=symmetric-key\nkey=AAECAwQFBgcICQoLDA0ODw==\n",
      "[store device]" },
    { "[agent]\nstore=other\n" MAIN AGENT_FIXTURE_PARTS, "[store other]" },
    { MAIN "transport=other\n" AGENT_FIXTURE_PARTS, "[transport other]" },
    { MAIN AGENT_FIXTURE_PARTS "[transport main]\ntype=pigeon\n", "transport-pigeon" },
    { MAIN AGENT_FIXTURE_PARTS "[attestation main]\ntype=smile\n", "attestation-smile" },
  };

  agent_fixture_load (f);
  for (gsize i = 0; i < G_N_ELEMENTS (missing); i++)
    {
      g_autoptr(GError) error = NULL;

      agent_fixture_write (f, missing[i][0]);
      g_assert_false (agent_fixture_reload (f, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      assert_error_mentions (f, missing[i][1]);
    }
}

/* Another process has the store: the agent waits for it. */
static void
test_start_with_store_in_use (AgentFixture *f, gconstpointer data)
{
  g_autofree char *path = g_build_filename (f->directory, "store", NULL);
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", "device", NULL);
  g_autoptr(BrevetPlugin) other = NULL;
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "directory", path, NULL);
  other = brevet_registry_create (registry, BREVET_TYPE_STORE, "store-file", "device", settings, &error);
  g_assert_no_error (error);
  brevet_store_open (BREVET_STORE (other), &error);
  g_assert_no_error (error);
  agent_fixture_load (f);
  assert_error_mentions (f, path);
  g_assert_null (agent_fixture_get (f, "main"));

  g_clear_object (&other);
  agent_fixture_reload (f, &error);
  g_assert_no_error (error);
  g_assert_nonnull (agent_fixture_get (f, "main"));
}

/* What can be read works, and the rest is tried again. */
static void
test_start_with_unreadable_identity (AgentFixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  scripted_identity_break_loading ("spare");
  agent_fixture_load (f);
  assert_error_mentions (f, "“spare”: The disk does not answer");
  g_assert_nonnull (agent_fixture_get (f, "main"));
  g_assert_null (agent_fixture_get (f, "spare"));

  scripted_identity_break_loading (NULL);
  agent_fixture_reload (f, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_agent_get_configuration_error (f->agent), ==, NULL);
  assert_same_order (f, "main", "spare");
}

/* The rest is tried again every minute, which is no reason to say everything else every minute. */
static void
test_warnings_told_once (AgentFixture *f, gconstpointer data)
{
  agent_fixture_configure (f, MAIN SPARE "colour=blue\n");
  scripted_identity_break_loading ("spare");
  agent_fixture_load (f);
  g_ptr_array_set_size (warned, 0);
  g_assert_false (agent_fixture_reload (f, NULL));
  g_assert_cmpuint (brevet_agent_get_configuration_warnings (f->agent)->len, ==, 1);
  assert_warned (0, "");

  agent_fixture_configure (f, MAIN SPARE "colour=blue\nform=round\n");
  g_assert_false (agent_fixture_reload (f, NULL));
  assert_warned (1, "*form is not known*");
}

static void
test_reload_bad_file (AgentFixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) none = NULL;
  BrevetIdentity *identity;

  agent_fixture_load (f);
  identity = agent_fixture_get (f, "main");
  agent_fixture_configure (f, SPARE "[identity main]\nid-scope=other\nregistration-id=main\nrenew=often\n");
  g_assert_false (agent_fixture_reload (f, &error));
  assert_warned (1, "*nothing has changed*agent.conf:7*often*");
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_cmpstr (error->message, ==, brevet_agent_get_configuration_error (f->agent));
  g_assert_cmpuint (brevet_agent_get_identities (f->agent)->len, ==, 1);
  g_assert_true (agent_fixture_get (f, "main") == identity);
  g_assert_cmpuint (scripted_identity_get (identity)->reconfigured, ==, 0);
  g_assert_cmpstr (brevet_identity_get_config (identity)->id_scope, ==, "0ne000A1B2C");

  agent_fixture_configure (f, MAIN);
  agent_fixture_reload (f, &none);
  g_assert_no_error (none);
  g_assert_cmpstr (brevet_agent_get_configuration_error (f->agent), ==, NULL);
}

static void
test_reload_unreadable_identity (AgentFixture *f, gconstpointer data)
{
  agent_fixture_load (f);
  scripted_identity_break_loading ("spare");
  agent_fixture_configure (f, SPARE MAIN);
  g_assert_false (agent_fixture_reload (f, NULL));
  g_assert_null (agent_fixture_get (f, "spare"));
  g_assert_cmpuint (scripted_identity_get (agent_fixture_get (f, "main"))->reconfigured, ==, 0);
}

static void
test_reload_changes (AgentFixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetIdentity) identity = NULL;
  Told told;

  follow (f, &told);
  agent_fixture_load (f);
  assert_told (&told, "+main ");
  brevet_agent_start (f->agent);
  identity = g_object_ref (agent_fixture_get (f, "main"));

  agent_fixture_configure (f, SPARE "[identity main]\nid-scope=0ne000Other\nregistration-id=main\n");
  agent_fixture_reload (f, &error);
  g_assert_no_error (error);
  assert_told (&told, "+spare ");
  assert_same_order (f, "spare", "main");
  g_assert_true (agent_fixture_get (f, "main") == identity);
  g_assert_cmpuint (scripted_identity_get (identity)->reconfigured, ==, 1);
  g_assert_cmpstr (brevet_identity_get_config (identity)->id_scope, ==, "0ne000Other");
  g_assert_cmpuint (scripted_identity_get (identity)->started, ==, 1);
  g_assert_cmpuint (scripted_identity_get (agent_fixture_get (f, "spare"))->started, ==, 1);

  agent_fixture_configure (f, SPARE);
  agent_fixture_reload (f, &error);
  g_assert_no_error (error);
  assert_told (&told, "-main ");
  g_assert_cmpuint (scripted_identity_get (identity)->stopped, ==, 1);
  g_string_free (told.text, TRUE);
}

/* An identity that comes back while the one of the same name still stops must not share its records with it. */
static void
test_reloads_follow_one_another (AgentFixture *f, gconstpointer data)
{
  g_autoptr(GAsyncResult) first = NULL;
  g_autoptr(GAsyncResult) second = NULL;
  g_autoptr(BrevetIdentity) identity = NULL;

  agent_fixture_load (f);
  identity = g_object_ref (agent_fixture_get (f, "main"));
  scripted_identity_hold_stop (identity);
  agent_fixture_configure (f, SPARE);
  brevet_agent_reload_async (f->agent, agent_fixture_store_result, &first);
  agent_fixture_wait_for (scripted_identity_get (identity)->stopped == 1);
  agent_fixture_configure (f, SPARE MAIN);
  brevet_agent_reload_async (f->agent, agent_fixture_store_result, &second);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  g_assert_null (first);
  g_assert_null (agent_fixture_get (f, "main"));

  scripted_identity_let_stop (identity);
  agent_fixture_wait_for (second != NULL);
  g_assert_nonnull (first);
  g_assert_nonnull (agent_fixture_get (f, "main"));
  g_assert_true (agent_fixture_get (f, "main") != identity);
}

static void
test_shared_parts (AgentFixture *f, gconstpointer data)
{
  ScriptedIdentity *one, *other, *apart;

  agent_fixture_configure (f, MAIN SPARE AGENT_FIXTURE_IDENTITY ("apart") "transport=second\n"
                           "[transport second]\ntype=https\nhost=dps.example.org\n");
  agent_fixture_load (f);
  one = scripted_identity_get (agent_fixture_get (f, "main"));
  other = scripted_identity_get (agent_fixture_get (f, "spare"));
  apart = scripted_identity_get (agent_fixture_get (f, "apart"));
  g_assert_true (one->transport == other->transport);
  g_assert_true (one->prover == other->prover);
  g_assert_true (one->transport != apart->transport);
}

static void
assert_warning (AgentFixture *f, guint index, const char *first, const char *second)
{
  GPtrArray *warnings = brevet_agent_get_configuration_warnings (f->agent);
  const char *text;

  g_assert_cmpuint (warnings->len, >, index);
  text = g_ptr_array_index (warnings, index);
  if (strstr (text, first) == NULL || strstr (text, second) == NULL)
    g_error ("The warning does not mention “%s” and “%s”: %s", first, second, text);
}

static void
test_twins (AgentFixture *f, gconstpointer data)
{
  agent_fixture_configure (f, AGENT_FIXTURE_IDENTITY ("one")
                           "[identity other]\nid-scope=0ne000A1B2C\nregistration-id=ONE\n");
  agent_fixture_load (f);
  assert_warned (1, "*identity one* and *identity other* are the same device*");
  g_assert_cmpuint (brevet_agent_get_configuration_warnings (f->agent)->len, ==, 1);
  assert_warning (f, 0, "[identity one] and [identity other]", "registration-id=one");
}

static void
test_unknown_keys (AgentFixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  agent_fixture_configure (f, MAIN "renewal=50%\n[agent]\nstores=device\n[attestation main]\ncolour=blue\n[nonsense]\na=b\n");
  agent_fixture_load (f);
  assert_warned (4, "*is not known and has no effect*");
  g_assert_cmpstr (brevet_agent_get_configuration_error (f->agent), ==, NULL);
  g_assert_cmpuint (brevet_agent_get_configuration_warnings (f->agent)->len, ==, 4);
  assert_warning (f, 0, "agent.conf:4: [identity main] renewal", "has no effect");
  assert_warning (f, 1, "agent.conf:6: [agent] stores", "has no effect");
  assert_warning (f, 2, "agent.conf:8: [attestation main] colour", "has no effect");
  assert_warning (f, 3, "agent.conf:9: [nonsense]", "has no effect");

  agent_fixture_configure (f, MAIN);
  agent_fixture_reload (f, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (brevet_agent_get_configuration_warnings (f->agent)->len, ==, 0);
}

static void
test_other_store (AgentFixture *f, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  agent_fixture_load (f);
  agent_fixture_configure (f, MAIN "[store other]\ntype=file\ndirectory=elsewhere\n[agent]\nstore=other\n[store device]\n");
  agent_fixture_reload (f, &error);
  g_assert_no_error (error);
  assert_warning (f, brevet_agent_get_configuration_warnings (f->agent)->len - 1, "store", "next start");
}

static void
test_stop_while_loading (AgentFixture *f, gconstpointer data)
{
  g_autoptr(BrevetAgent) agent = g_steal_pointer (&f->agent);
  g_autoptr(GAsyncResult) loaded = NULL;
  g_autoptr(GAsyncResult) reloaded = NULL;
  g_autoptr(GAsyncResult) stopped = NULL;
  g_autoptr(GError) error = NULL;

  brevet_agent_load_async (agent, agent_fixture_store_result, &loaded);
  brevet_agent_reload_async (agent, agent_fixture_store_result, &reloaded);
  brevet_agent_stop_async (agent, agent_fixture_store_result, &stopped);
  agent_fixture_wait_for (stopped != NULL);
  brevet_agent_stop_finish (agent, stopped);
  g_assert_nonnull (loaded);
  g_assert_nonnull (reloaded);
  g_assert_false (brevet_agent_reload_finish (agent, reloaded, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_assert_cmpstr (brevet_agent_get_configuration_error (agent), ==, NULL);
}

/* A change of the network is passed on, once the agent has begun to watch. */
static void
test_network (AgentFixture *f, gconstpointer data)
{
  ScriptedIdentity *asked;

  agent_fixture_load (f);
  asked = scripted_identity_get (agent_fixture_get (f, "main"));
  brevet_agent_start (f->agent);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  asked->network_changed = 0;
  g_signal_emit_by_name (g_network_monitor_get_default (), "network-changed", TRUE);
  g_assert_cmpuint (asked->network_changed, ==, 1);
}

static void
test_stop (AgentFixture *f, gconstpointer data)
{
  g_autoptr(BrevetIdentity) main_identity = NULL;
  g_autoptr(BrevetIdentity) spare = NULL;

  agent_fixture_load (f);
  brevet_agent_start (f->agent);
  main_identity = g_object_ref (agent_fixture_get (f, "main"));
  spare = g_object_ref (agent_fixture_get (f, "spare"));
  agent_fixture_stop (f);
  g_assert_cmpuint (scripted_identity_get (main_identity)->stopped, ==, 1);
  g_assert_cmpuint (scripted_identity_get (spare)->stopped, ==, 1);
}

int
main (int argc, char **argv)
{
  int exit_code;

  g_test_init (&argc, &argv, NULL);
  warned = g_ptr_array_new_with_free_func (g_free);
  g_log_set_writer_func (write_log, NULL, NULL);
#define ADD(path, identities, function) \
  g_test_add ("/agent/" path, AgentFixture, identities, set_up, function, agent_fixture_tear_down)
  ADD ("start", NULL, test_start);
  ADD ("start/error", NULL, test_start_with_error);
  ADD ("start/error-told-once", NULL, test_start_with_error_told_once);
  ADD ("start/no-file", NULL, test_start_without_file);
  ADD ("start/parts", NULL, test_start_without_parts);
  ADD ("start/store-in-use", NULL, test_start_with_store_in_use);
  ADD ("start/unreadable-identity", MAIN SPARE, test_start_with_unreadable_identity);
  ADD ("start/warnings-told-once", NULL, test_warnings_told_once);
  ADD ("reload/bad-file", NULL, test_reload_bad_file);
  ADD ("reload/unreadable-identity", NULL, test_reload_unreadable_identity);
  ADD ("reload/changes", NULL, test_reload_changes);
  ADD ("reload/one-another", NULL, test_reloads_follow_one_another);
  ADD ("reload/other-store", NULL, test_other_store);
  ADD ("network", NULL, test_network);
  ADD ("shared-parts", NULL, test_shared_parts);
  ADD ("unknown-keys", NULL, test_unknown_keys);
  ADD ("twins", NULL, test_twins);
  ADD ("stop", MAIN SPARE, test_stop);
  ADD ("stop/loading", NULL, test_stop_while_loading);
  exit_code = g_test_run ();
  g_ptr_array_unref (warned);
  return exit_code;
}
