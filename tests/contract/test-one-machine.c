/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A machine that is its own provisioning service: one configuration file, a CA plugin, no server. */

#include "brevet-registration-client.h"
#include "brevet-trust-bundle-poll.h"
#include "one-machine.h"

#include <string.h>

typedef struct {
  OneMachine *machine;
  GAsyncResult *result;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->machine = one_machine_new ();
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  one_machine_free (fixture->machine);
}

static void
store_result (GObject *source, GAsyncResult *result, gpointer user_data)
{
  ((Fixture *) user_data)->result = g_object_ref (result);
}

static void
wait_for_result (Fixture *fixture)
{
  while (fixture->result == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static BrevetRegistrationState *
provision (Fixture *fixture, BrevetTransport *transport, BrevetProver *prover, GBytes *csr, GError **error)
{
  g_autoptr(BrevetRegistrationClient) client = brevet_registration_client_new (transport, prover, ONE_MACHINE_SCOPE, "pump-07");
  BrevetRegistrationState *state;

  brevet_registration_client_register_async (client, csr, NULL, 60, NULL, store_result, fixture);
  wait_for_result (fixture);
  state = brevet_registration_client_register_finish (client, fixture->result, error);
  g_clear_object (&fixture->result);
  return state;
}

/* Provisions and says which certificate it got. */
static char *
provision_serial (Fixture *fixture, BrevetTransport *transport, BrevetProver *prover, BrevetKey *key)
{
  g_autoptr(GBytes) csr = brevet_key_create_csr (key, "pump-07", NULL);
  g_autoptr(BrevetTrustBundle) roots = brevet_trust_bundle_new_from_pem (fixture->machine->root_pem, NULL);
  g_autoptr(BrevetChain) chain = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationState) state = provision (fixture, transport, prover, csr, &error);
  BrevetCertificate *leaf;

  g_assert_no_error (error);
  g_assert_cmpstr (state->assigned_hub, ==, "hub2.example.net");
  chain = brevet_chain_new_from_pem (state->certificate_pem, &error);
  g_assert_no_error (error);
  leaf = brevet_chain_get_leaf (chain);
  g_assert_cmpstr (brevet_certificate_get_spki_sha256 (leaf), ==, brevet_key_get_spki_sha256 (key));
  g_assert_cmpstr (brevet_certificate_get_issuer (leaf), ==, brevet_certificate_get_subject (brevet_trust_bundle_get (roots, 0)));
  return g_strdup (brevet_certificate_get_serial (leaf));
}

static BrevetTrustBundlePollKind
poll_bundle (Fixture *fixture, BrevetTransport *transport, BrevetProver *prover, char **etag, guint *certificates)
{
  g_auto(BrevetTrustBundlePoll) poll = { 0 };
  g_autoptr(GError) error = NULL;

  brevet_trust_bundle_poll_async (transport, prover, ONE_MACHINE_SCOPE, "pump-07", *etag, NULL, store_result, fixture);
  wait_for_result (fixture);
  brevet_trust_bundle_poll_finish (fixture->result, &poll, &error);
  g_clear_object (&fixture->result);
  g_assert_no_error (error);
  if (poll.kind != BREVET_TRUST_BUNDLE_CHANGED)
    return poll.kind;
  g_free (*etag);
  *etag = g_steal_pointer (&poll.etag);
  *certificates = json_array_get_length (json_object_get_array_member (poll.document, "certificates"));
  return poll.kind;
}

static void
test_life (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = one_machine_load (fixture->machine);
  g_autoptr(BrevetTransport) transport = one_machine_create (fixture->machine, config);
  g_autoptr(BrevetProver) prover = one_machine_create_prover (fixture->machine, config);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *first = provision_serial (fixture, transport, prover, key);
  g_autofree char *renewed = provision_serial (fixture, transport, prover, key);
  g_autofree char *etag = NULL;
  guint certificates = 0;

  g_assert_cmpstr (first, !=, renewed);
  g_assert_cmpint (poll_bundle (fixture, transport, prover, &etag, &certificates), ==, BREVET_TRUST_BUNDLE_CHANGED);
  g_assert_cmpuint (certificates, ==, 1);
  g_assert_cmpint (poll_bundle (fixture, transport, prover, &etag, &certificates), ==, BREVET_TRUST_BUNDLE_UNCHANGED);
}

static gboolean
is_store_free (OneMachine *machine)
{
  g_autofree char *path = g_build_filename (machine->directory, "store.db", NULL);
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("store", "main", NULL);
  g_autoptr(BrevetStore) store = NULL;

  brevet_settings_set (settings, "file", path, NULL);
  store = (BrevetStore *) brevet_registry_create (machine->registry, BREVET_TYPE_STORE, "store-sqlite", "main", settings, NULL);
  return brevet_store_open (store, NULL);
}

/* The store is for one service; all transports of a process share it, and behind the last one it is given back. */
static void
test_shared (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *first_etag = NULL;
  g_autofree char *second_etag = NULL;
  guint certificates = 0;

  for (guint i = 0; i < 2; i++)
    {
      g_autoptr(BrevetConfig) config = one_machine_load (fixture->machine);
      g_autoptr(BrevetConfig) again = one_machine_load (fixture->machine);
      g_autoptr(BrevetTransport) first = one_machine_create (fixture->machine, config);
      g_autoptr(BrevetTransport) second = one_machine_create (fixture->machine, config);
      g_autoptr(BrevetTransport) third = one_machine_create (fixture->machine, again);
      g_autoptr(BrevetProver) prover = one_machine_create_prover (fixture->machine, config);
      g_autofree char *serial = provision_serial (fixture, first, prover, key);

      g_assert_finalize_object (g_steal_pointer (&first));
      g_free (serial);
      serial = provision_serial (fixture, second, prover, key);
      poll_bundle (fixture, third, prover, i == 0 ? &first_etag : &second_etag, &certificates);
      g_assert_false (is_store_free (fixture->machine));
    }
  while (!is_store_free (fixture->machine))
    g_main_context_iteration (NULL, TRUE);
  /* What was unchanged was not written again, neither by the reload nor by the second start. */
  g_assert_cmpstr (first_etag, ==, second_etag);
}

/* A transport that was made from the new configuration brings it to all as soon as it is used, and not before. */
static void
test_reload (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = one_machine_load (fixture->machine);
  g_autoptr(BrevetTransport) former = one_machine_create (fixture->machine, config);
  g_autoptr(BrevetProver) prover = one_machine_create_prover (fixture->machine, config);
  g_autofree char *two = g_strconcat (fixture->machine->root_pem, fixture->machine->other_pem, NULL);
  g_autoptr(BrevetConfig) changed = NULL;
  g_autoptr(BrevetConfig) disabled = NULL;
  g_autoptr(BrevetTransport) latter = NULL;
  g_autoptr(BrevetTransport) last = NULL;
  g_autoptr(BrevetRegistrationState) state = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *etag = NULL;
  guint certificates = 0;

  poll_bundle (fixture, former, prover, &etag, &certificates);
  one_machine_write (fixture->machine, "bundle.pem", two);
  changed = one_machine_load (fixture->machine);
  latter = one_machine_create (fixture->machine, changed);
  g_assert_cmpint (poll_bundle (fixture, former, prover, &etag, &certificates), ==, BREVET_TRUST_BUNDLE_UNCHANGED);
  g_assert_cmpint (poll_bundle (fixture, latter, prover, &etag, &certificates), ==, BREVET_TRUST_BUNDLE_CHANGED);
  g_assert_cmpuint (certificates, ==, 2);
  g_assert_cmpint (poll_bundle (fixture, former, prover, &etag, &certificates), ==, BREVET_TRUST_BUNDLE_UNCHANGED);

  one_machine_edit (fixture->machine, "[enrollment pump-07]\n", "[enrollment pump-07]\nenabled=no\n");
  disabled = one_machine_load (fixture->machine);
  last = one_machine_create (fixture->machine, disabled);
  for (guint i = 0; i < 2; i++)
    {
      state = provision (fixture, i == 0 ? last : former, prover, NULL, &error);
      g_assert_null (state);
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
      g_clear_error (&error);
    }
}

/* What was only tried has no effect, also where it was right; and a later configuration is not undone by an earlier one. */
static void
test_tried (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = one_machine_load (fixture->machine);
  g_autoptr(BrevetTransport) transport = one_machine_create (fixture->machine, config);
  g_autoptr(BrevetProver) prover = one_machine_create_prover (fixture->machine, config);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *two = g_strconcat (fixture->machine->root_pem, fixture->machine->other_pem, NULL);
  g_autofree char *etag = NULL;
  g_autofree char *serial = NULL;
  g_autoptr(BrevetTransport) early = NULL;
  g_autoptr(BrevetTransport) late = NULL;
  guint certificates = 0;

  one_machine_edit (fixture->machine, "[enrollment pump-07]\n", "[enrollment pump-07]\nenabled=no\n");
  one_machine_write (fixture->machine, "bundle.pem", two);
  {
    g_autoptr(BrevetConfig) tried = one_machine_load (fixture->machine);

    early = one_machine_create (fixture->machine, tried);
    g_assert_finalize_object (one_machine_create (fixture->machine, tried));
  }
  serial = provision_serial (fixture, transport, prover, key);
  poll_bundle (fixture, transport, prover, &etag, &certificates);
  g_assert_cmpuint (certificates, ==, 1);
  one_machine_edit (fixture->machine, "enabled=no\n", "");
  {
    g_autoptr(BrevetConfig) changed = one_machine_load (fixture->machine);

    late = one_machine_create (fixture->machine, changed);
  }
  g_assert_cmpint (poll_bundle (fixture, late, prover, &etag, &certificates), ==, BREVET_TRUST_BUNDLE_CHANGED);
  g_free (serial);
  serial = provision_serial (fixture, early, prover, key);
}

static void
assert_wrong (Fixture *fixture, const char *reason)
{
  g_autoptr(BrevetConfig) config = one_machine_load (fixture->machine);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetTransport) transport = one_machine_try (fixture->machine, config, &error);

  g_assert_null (transport);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  if (strstr (error->message, reason) == NULL || strstr (error->message, fixture->machine->directory) == NULL)
    g_error ("“%s” says not both “%s” and the file", error->message, reason);
}

/* What is wrong in a new configuration changes nothing, and nothing of it: also not what comes before the mistake. */
static void
test_wrong_reload (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = one_machine_load (fixture->machine);
  g_autoptr(BrevetTransport) transport = one_machine_create (fixture->machine, config);
  g_autoptr(BrevetProver) prover = one_machine_create_prover (fixture->machine, config);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autofree char *two = g_strconcat (fixture->machine->root_pem, fixture->machine->other_pem, NULL);
  g_autofree char *serial = NULL;
  g_autofree char *etag = NULL;
  guint certificates = 0;

  one_machine_write (fixture->machine, "bundle.pem", two);
  one_machine_edit (fixture->machine, "[enrollment slow-07]\nprimary-key-file=device.key\nca=slow",
                    "[enrollment slow-07]\nprimary-key-file=device.key\nca=nobody");
  assert_wrong (fixture, "[enrollment slow-07] ca: there is no certificate authority “nobody”");
  serial = provision_serial (fixture, transport, prover, key);
  poll_bundle (fixture, transport, prover, &etag, &certificates);
  g_assert_cmpuint (certificates, ==, 1);
}

typedef struct {
  const char *old, *new, *reason;
} Mistake;

static void
test_wrong_start (Fixture *fixture, gconstpointer data)
{
  static const Mistake mistakes[] = {
    { "id-scope=" ONE_MACHINE_SCOPE, "id-scope=a b", "[service] id-scope" },
    { "[store main]\n", "[store other]\n", "store: there is no group [store main]" },
    { "type=sqlite", "type=nothing", "[store main] type: There is no plugin “store-nothing”" },
    { "host-name=hub1.example.net", "host-name=", "[hub one] host-name" },
    { "[hub one]\nhost-name=hub1.example.net\n[hub two]\nhost-name=hub2.example.net\n", "",
      "[service]: there is no hub that devices could be assigned to; add a group [hub NAME] with host-name=" },
    { "certificate=ca.pem", "certificate=nowhere.pem", "[ca local] certificate" },
    { "hub=hub2.example.net", "hub=hub9.example.net", "[enrollment pump-07]: The hub “hub9.example.net” is not linked" },
    { "primary-key-file=device.key\nca=local", "ca=local", "[enrollment pump-07] primary-key-file: there is no key" },
    { "primary-key-file=device.key\nca=local", "primary-key=%%%\nca=local",
      "[enrollment pump-07] primary-key: the key is not base64" },
    { "ca=local", "mechanism=tpm\nca=local", "[enrollment pump-07] mechanism: “tpm” cannot be configured here" },
    { "trust-bundle-file=bundle.pem", "trust-bundle=roots", "[enrollment pump-07] trust-bundle: there is no trust bundle “roots”" },
    { "trust-bundle-file=bundle.pem", "trust-bundle-file=bundle.pem\ntrust-bundle=roots\n[trust-bundle roots]\nfile=bundle.pem",
      "keep one of the two" },
    { "trust-bundle-file=bundle.pem", "trust-bundle-file=nowhere.pem", "[enrollment pump-07] trust-bundle-file: " },
    { "trust-bundle-file=bundle.pem", "trust-bundle-file=device.key", "[enrollment pump-07]: The entry certificates[0]" },
    { "[enrollment slow-07]", "[enrollment Pump-07]", "already" },
    { "[enrollment slow-07]", "[enrollment]", "needs a name" },
    { "[enrollment slow-07]", "[enrollment slow 07]", "registration id" },
    { "[enrollment slow-07]", "[trust-bundle roots]\n[enrollment slow-07]", "[trust-bundle roots] file: this key is missing" },
    { "type=in-process", "type=in-process\nconfiguration=nowhere.conf", "[transport main] configuration: " },
  };
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (fixture->machine->path, &text, NULL, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      g_test_message ("%s", mistakes[i].new);
      one_machine_edit (fixture->machine, mistakes[i].old, mistakes[i].new);
      assert_wrong (fixture, mistakes[i].reason);
      one_machine_write (fixture->machine, "agent.conf", text);
    }
  {
    g_autoptr(BrevetConfig) config = one_machine_load (fixture->machine);
    g_autoptr(BrevetTransport) transport = one_machine_create (fixture->machine, config);
  }
}

static void
test_without_configuration (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("transport", "main", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetPlugin) plugin = brevet_registry_create (fixture->machine->registry, BREVET_TYPE_TRANSPORT,
                                                           "transport-in-process", "main", settings, &error);

  g_assert_null (plugin);
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "configuration"));
}

/* Who reads the configuration for everybody learns what nobody knows, and only that. */
static void
test_unused (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(BrevetTransport) transport = NULL;
  g_autoptr(BrevetProver) prover = NULL;
  g_autoptr(GPtrArray) unused = NULL;

  one_machine_edit (fixture->machine, NULL, "weight=3\n[listener https]\ntype=https\n");
  config = one_machine_load (fixture->machine);
  transport = one_machine_create (fixture->machine, config);
  prover = one_machine_create_prover (fixture->machine, config);
  unused = brevet_config_list_unused (config);
  g_ptr_array_add (unused, NULL);
  for (guint i = 0; i + 1 < unused->len; i++)
    g_test_message ("%s", (char *) unused->pdata[i]);
  /* The types of prover and transport are read by whoever makes them from a configuration. */
  g_assert_cmpuint (unused->len, ==, 5);
  g_assert_nonnull (strstr (unused->pdata[0], "[transport main] type"));
  g_assert_nonnull (strstr (unused->pdata[1], "[attestation main] type"));
  g_assert_nonnull (strstr (unused->pdata[2], "[enrollment slow-07] weight"));
  g_assert_nonnull (strstr (unused->pdata[3], "[listener https]"));
}

static GMutex log_lock;
static GString *log_text;

static GLogWriterOutput
keep_log (GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
  g_mutex_lock (&log_lock);
  for (gsize i = 0; i < n_fields; i++)
    if (g_str_equal (fields[i].key, "MESSAGE"))
      g_string_append (log_text, fields[i].value);
  g_mutex_unlock (&log_lock);
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return g_log_writer_default (level, fields, n_fields, user_data);
  return G_LOG_WRITER_HANDLED;
}

/* The service may have a file of its own: the very one of a brevet-dps, with listeners that nobody opens here. */
static void
test_own_file (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetConfig) config = NULL;
  g_autoptr(BrevetTransport) first = NULL;
  g_autoptr(BrevetTransport) second = NULL;
  g_autoptr(BrevetProver) prover = NULL;
  g_autofree char *text = NULL;
  g_autofree char *serial = NULL;

  one_machine_edit (fixture->machine, NULL, "nonsense=3\n");
  g_assert_true (g_file_get_contents (fixture->machine->path, &text, NULL, NULL));
  one_machine_write (fixture->machine, "dps.conf", strstr (text, "[service]"));
  one_machine_write (fixture->machine, "agent.conf", "[transport main]\ntype=in-process\nconfiguration=dps.conf\n"
                                                     "[attestation main]\nkey-file=device.key\n");
  config = one_machine_load (fixture->machine);
  g_string_truncate (log_text, 0);
  first = one_machine_create (fixture->machine, config);
  g_assert_nonnull (strstr (log_text->str, "nonsense is not known"));
  second = one_machine_create (fixture->machine, config);
  prover = one_machine_create_prover (fixture->machine, config);
  serial = provision_serial (fixture, second, prover, key);
}

#define ADD(name, function) g_test_add ("/one-machine/" name, Fixture, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  /* A service that tells of a refusal does what it should. */
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  log_text = g_string_new (NULL);
  g_log_set_writer_func (keep_log, NULL, NULL);
  ADD ("life", test_life);
  ADD ("shared", test_shared);
  ADD ("reload", test_reload);
  ADD ("tried", test_tried);
  ADD ("wrong-reload", test_wrong_reload);
  ADD ("wrong-start", test_wrong_start);
  ADD ("without-configuration", test_without_configuration);
  ADD ("unused", test_unused);
  ADD ("own-file", test_own_file);
  return g_test_run ();
}
