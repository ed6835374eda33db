/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "identity-world.h"

#include <string.h>

#define DAY 86400
#define POLL "trust-bundle-poll=1000s"

static char *
make_root (const char *name, gint64 begin, gint64 end, BrevetCertificateUsage usage)
{
  BrevetCertificateBuilder *builder = brevet_certificate_builder_new (usage);
  g_autoptr(BrevetKey) key = brevet_key_generate (BREVET_KEY_KIND_EC_P256, NULL);
  g_autoptr(BrevetCertificate) certificate = NULL;
  g_autoptr(GError) error = NULL;

  brevet_certificate_builder_set_common_name (builder, name);
  brevet_certificate_builder_set_key (builder, key);
  brevet_certificate_builder_set_validity (builder, begin, end);
  certificate = brevet_certificate_builder_sign (builder, NULL, key, &error);
  g_assert_no_error (error);
  return brevet_certificate_to_pem (certificate);
}

static char *
make_good_root (const char *name)
{
  return make_root (name, WORLD_BEGIN - DAY, WORLD_BEGIN + 3650 * (gint64) DAY, BREVET_CERTIFICATE_USAGE_CA);
}

/* Names of the bundle in use, in its order. */
static char *
list_names (World *world)
{
  BrevetTrustBundle *bundle = brevet_identity_get_current (world->identity)->trust_bundle;
  GString *names = g_string_new (NULL);

  for (guint i = 0; bundle != NULL && i < brevet_trust_bundle_get_length (bundle); i++)
    g_string_append_printf (names, "%s%s", i > 0 ? "," : "",
                            brevet_certificate_get_common_name (brevet_trust_bundle_get (bundle, i)));
  return g_string_free (names, FALSE);
}

static void
assert_names (World *world, const char *expected)
{
  g_autofree char *names = list_names (world);

  g_assert_cmpstr (names, ==, expected);
}

static void
assert_stored_names (World *world, const char *expected)
{
  assert_names (world, expected);
  world_restart (world);
  assert_names (world, expected);
}

/* The bundle of the service: its own root, then these entries. */
static void
offer (World *world, const char *etag, const char *entry, const char *other)
{
  g_autofree char *own = issuing_service_make_entry (issuing_service_get_root (world->service));
  g_autofree char *list = g_strdup_printf ("[%s%s%s%s%s]", own, entry != NULL ? "," : "", entry != NULL ? entry : "",
                                           other != NULL ? "," : "", other != NULL ? other : "");

  issuing_service_set_bundle (world->service, list, etag);
}

static void
offer_root (World *world, const char *etag, const char *name)
{
  g_autofree char *pem = make_good_root (name);
  g_autofree char *entry = issuing_service_make_entry (pem);

  offer (world, etag, entry, NULL);
}

static void
pass_to_poll (World *world)
{
  guint polls = issuing_service_get_polls (world->service);

  world_set_clock (world, world_now () + 1101);
  world_wait_for_polls (world, polls + 1);
  world_wait_idle (world);
}

static void
assert_problem (World *world, guint count, const char *text)
{
  GPtrArray *problems = brevet_identity_get_trust_bundle_problems (world->identity);

  g_assert_cmpuint (problems->len, ==, count);
  for (guint i = 0; i < count; i++)
    if (strstr (g_ptr_array_index (problems, i), text) != NULL)
      return;
  if (count > 0)
    g_error ("“%s” is not said", text);
}

static void
test_poll (World *world, gconstpointer data)
{
  world_provision (world);
  assert_names (world, "Issuing service");
  world_set_clock (world, world_now () + 899);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_polls (world->service), ==, 0);
  pass_to_poll (world);
  g_assert_cmpstr (issuing_service_get_if_none_match (world->service, 0), ==, "\"v1\"");
  g_assert_cmpuint (world->bundle_changed, ==, 0);

  offer_root (world, "v2", "Other root");
  pass_to_poll (world);
  g_assert_cmpuint (world->bundle_changed, ==, 1);
  g_assert_cmpstr (brevet_identity_get_current (world->identity)->trust_bundle_etag, ==, "v2");
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 1);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  pass_to_poll (world);
  g_assert_cmpstr (issuing_service_get_if_none_match (world->service, 2), ==, "\"v2\"");
  g_assert_cmpuint (world->bundle_changed, ==, 1);
  g_assert_cmpuint (issuing_service_get_registrations (world->service), ==, 1);
  assert_stored_names (world, "Issuing service,Other root");
}

static void
test_bundle_goes (World *world, gconstpointer data)
{
  world_provision (world);
  issuing_service_set_bundle (world->service, NULL, NULL);
  pass_to_poll (world);
  g_assert_cmpuint (world->bundle_changed, ==, 1);
  g_assert_null (brevet_identity_get_current (world->identity)->trust_bundle);
  g_assert_null (brevet_identity_get_current (world->identity)->trust_bundle_etag);
  /* Told of once. */
  pass_to_poll (world);
  g_assert_cmpuint (world->bundle_changed, ==, 1);
  assert_stored_names (world, "");
}

static void
test_unsupported (World *world, gconstpointer data)
{
  world_provision (world);
  issuing_service_set_poll (world->service, 404, NULL);
  pass_to_poll (world);
  world_set_clock (world, world_now () + 10000);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_polls (world->service), ==, 1);
  assert_names (world, "Issuing service");
  /* It may have been updated meanwhile. */
  world_set_clock (world, world_now () + DAY);
  world_wait_for_polls (world, 2);
  world_wait_idle (world);
  /* A registration is a reason to try again. */
  issuing_service_set_poll (world->service, 0, NULL);
  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  pass_to_poll (world);
}

/* Failures of the look are nobody's concern. */
static void
test_poll_fails (World *world, gconstpointer data)
{
  gint64 due;

  world_provision (world);
  due = brevet_identity_get_next_attempt (world->identity);
  issuing_service_set_poll (world->service, 500, NULL);
  pass_to_poll (world);
  issuing_service_set_poll (world->service, 401, NULL);
  pass_to_poll (world);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  g_assert_cmpuint (world->failed, ==, 0);
  g_assert_cmpuint (brevet_identity_get_memory (world->identity)->failures, ==, 0);
  g_assert_cmpint (brevet_identity_get_next_attempt (world->identity), ==, due);
  issuing_service_set_poll (world->service, 429, "5000");
  pass_to_poll (world);
  issuing_service_set_poll (world->service, 0, NULL);
  world_set_clock (world, world_now () + 4999);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_polls (world->service), ==, 3);
  world_set_clock (world, world_now () + 1);
  world_wait_for_polls (world, 4);
  world_wait_idle (world);
}

/* A renewal has the right of way, and brings the bundle along. */
static void
test_renewal_ends_poll (World *world, gconstpointer data)
{
  world_provision (world);
  issuing_service_set_poll (world->service, -1, NULL);
  world_set_clock (world, world_now () + 1101);
  world_wait_for_polls (world, 1);
  offer_root (world, "v2", "Other root");
  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  assert_names (world, "Issuing service,Other root");
  world_wait_idle (world);
  g_assert_cmpuint (world->renewed, ==, 2);
}

static void
test_garbage (World *world, gconstpointer data)
{
  g_autofree char *old = make_root ("Old root", WORLD_BEGIN - 300 * DAY, WORLD_BEGIN - DAY, BREVET_CERTIFICATE_USAGE_CA);
  g_autofree char *old_entry = issuing_service_make_entry (old);

  offer (world, "v1", "{\"certificate\":\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\"}", old_entry);
  world_provision (world);
  assert_names (world, "Issuing service,Old root");
  assert_problem (world, 2, "certificates[1] of the trust bundle is left out");
  assert_problem (world, 2, "“CN=Old root” expired at");
  /* The same again by a look. */
  offer (world, "v2", "{\"certificate\":7}", "\"text\"");
  pass_to_poll (world);
  assert_names (world, "Issuing service");
  assert_problem (world, 2, "certificates[1]");
  assert_problem (world, 2, "certificates[2]");
  offer_root (world, "v3", "Other root");
  pass_to_poll (world);
  assert_problem (world, 0, "");
}

/* A bundle without any CA that can be used would leave the device trusting nobody. */
static void
test_useless_bundle (World *world, gconstpointer data)
{
  g_autofree char *leaf = make_root ("No CA", WORLD_BEGIN - DAY, WORLD_BEGIN + DAY, BREVET_CERTIFICATE_USAGE_CLIENT);
  g_autofree char *entry = issuing_service_make_entry (leaf);
  g_autofree char *list = g_strdup_printf ("[%s]", entry);

  world_provision (world);
  issuing_service_set_bundle (world->service, list, "v2");
  pass_to_poll (world);
  assert_names (world, "Issuing service");
  assert_problem (world, 1, "it has no CA certificate");
  g_assert_cmpuint (world->bundle_changed, ==, 0);
  issuing_service_set_bundle (world->service, "[]", "v3");
  pass_to_poll (world);
  assert_names (world, "Issuing service");
  /* With a registration too: the certificate is taken, the bundle is not. */
  g_assert_true (world_act (world, BREVET_IDENTITY_RENEW, NULL));
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
  assert_names (world, "Issuing service");
  assert_problem (world, 1, "it has no CA certificate");
}

static void
test_duplicates (World *world, gconstpointer data)
{
  g_autofree char *pem = make_good_root ("Other root");
  g_autofree char *entry = issuing_service_make_entry (pem);

  offer (world, "v1", entry, entry);
  world_provision (world);
  assert_stored_names (world, "Issuing service,Other root");
}

static void
test_disk_is_full (World *world, gconstpointer data)
{
  world_provision (world);
  offer_root (world, "v2", "Other root");
  unsteady_store_refuse (world->store, "x.");
  pass_to_poll (world);
  assert_names (world, "Issuing service");
  g_assert_cmpuint (world->bundle_changed, ==, 0);
  world_assert_state (world, BREVET_IDENTITY_PROVISIONED, "");
  pass_to_poll (world);
  assert_stored_names (world, "Issuing service,Other root");
}

static void
write_local (World *world, const char *name)
{
  g_autofree char *path = g_build_filename (world->directory, "local.pem", NULL);
  g_autofree char *pem = make_good_root (name);

  g_assert_true (g_file_set_contents (path, pem, -1, NULL));
}

static void
reconfigure (World *world, const char *keys)
{
  g_autoptr(BrevetIdentityConfig) config = world_make_config (world, keys);

  brevet_identity_reconfigure (world->identity, config, BREVET_TRANSPORT (world->service), BREVET_PROVER (world->prover));
  g_free (world->keys);
  world->keys = g_strdup (keys);
}

static void
test_local_trust (World *world, gconstpointer data)
{
  world_provision (world);
  write_local (world, "Local root");
  reconfigure (world, POLL "\nlocal-trust-file=local.pem");
  world_wait_for_polls (world, 1);
  world_wait_idle (world);
  assert_names (world, "Issuing service,Local root");
  offer_root (world, "v2", "Other root");
  pass_to_poll (world);
  assert_names (world, "Issuing service,Other root,Local root");
  issuing_service_set_bundle (world->service, NULL, NULL);
  pass_to_poll (world);
  assert_stored_names (world, "Local root");
}

/* What the owner no longer trusts goes, although the service's part is the same as before. */
static void
test_local_trust_goes (World *world, gconstpointer data)
{
  write_local (world, "Local root");
  reconfigure (world, POLL "\nlocal-trust-file=local.pem");
  world_provision (world);
  assert_names (world, "Issuing service,Local root");
  reconfigure (world, POLL);
  world_wait_for_polls (world, 1);
  world_wait_idle (world);
  assert_names (world, "Issuing service");
  /* Also while the agent was off. */
  reconfigure (world, POLL "\nlocal-trust-file=local.pem");
  world_wait_for_polls (world, 2);
  world_wait_idle (world);
  assert_names (world, "Issuing service,Local root");
  g_free (world->keys);
  world->keys = g_strdup (POLL);
  world_restart (world);
  world_start (world);
  pass_to_poll (world);
  assert_stored_names (world, "Issuing service");
}

static void
test_local_trust_alone (World *world, gconstpointer data)
{
  issuing_service_set_bundle (world->service, NULL, NULL);
  write_local (world, "Local root");
  reconfigure (world, "trust-bundle-poll=never\nlocal-trust-file=local.pem");
  world_provision (world);
  assert_names (world, "Local root");
  world_set_clock (world, world_now () + DAY);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_polls (world->service), ==, 0);
}

/* After the inputs have changed, the service that would be asked is not the one of the bundle. */
static void
test_no_poll_at_another_service (World *world, gconstpointer data)
{
  world_provision (world);
  issuing_service_add_answer (world->service, ISSUING_REFUSAL);
  reconfigure (world, POLL "\ntransport=other\nretry-maximum=1d");
  world_wait_idle (world);
  world_assert_state (world, BREVET_IDENTITY_REFUSED, "");
  world_set_clock (world, world_now () + 5000);
  world_wait_idle (world);
  g_assert_cmpuint (issuing_service_get_polls (world->service), ==, 0);
}

/* The configuration is read again while a renewal with the old one is being stored; nobody polls. */
static void
test_local_trust_during_renewal (World *world, gconstpointer data)
{
  world_provision (world);
  write_local (world, "Local root");
  brevet_identity_act_async (world->identity, BREVET_IDENTITY_RENEW, NULL, NULL, NULL);
  world_wait_for_registrations (world, 2);
  unsteady_store_hold (world->store, TRUE);
  while (unsteady_store_get_held (world->store) == 0)
    g_main_context_iteration (NULL, TRUE);
  reconfigure (world, "trust-bundle-poll=never\nlocal-trust-file=local.pem");
  unsteady_store_hold (world->store, FALSE);
  world_wait_idle (world);
  g_assert_cmpuint (brevet_identity_get_current (world->identity)->number, ==, 2);
  assert_stored_names (world, "Issuing service,Local root");
}

/* A complete certificate that could not be stored was put together with the old bundle. */
static void
test_local_trust_before_storing (World *world, gconstpointer data)
{
  unsteady_store_refuse (world->store, ".x.");
  world_start (world);
  world_wait_state (world, BREVET_IDENTITY_BACKING_OFF);
  write_local (world, "Local root");
  reconfigure (world, "trust-bundle-poll=never\nlocal-trust-file=local.pem");
  world_pass_to_next_attempt (world);
  assert_stored_names (world, "Issuing service,Local root");
}

static void
test_local_trust_on_full_disk (World *world, gconstpointer data)
{
  world_provision (world);
  write_local (world, "Local root");
  unsteady_store_refuse (world->store, "xx.");
  reconfigure (world, "trust-bundle-poll=never\nlocal-trust-file=local.pem");
  world_wait_idle (world);
  assert_names (world, "Issuing service");
  for (guint i = 0; i < 2; i++)
    {
      world_set_clock (world, world_now () + 60);
      world_wait_idle (world);
    }
  assert_stored_names (world, "Issuing service,Local root");
}

static void
test_rename_on_full_disk (World *world, gconstpointer data)
{
  g_autofree char *path = NULL;

  world_provision (world);
  unsteady_store_refuse (world->store, "x.");
  reconfigure (world, "dps_trust_bundle=factory-roots");
  world_wait_idle (world);
  path = brevet_identity_records_locate (brevet_identity_get_records (world->identity), BREVET_IDENTITY_TRUST_BUNDLE_NAME);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  world_set_clock (world, world_now () + 60);
  world_wait_idle (world);
  g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (g_str_has_suffix (path, "factory-roots"));
}

/* A look that never ends is given up, and does not keep the next ones away; nor does a clock that is set back meanwhile. */
static void
test_poll_hangs (World *world, gconstpointer data)
{
  world_provision (world);
  issuing_service_set_poll (world->service, -1, NULL);
  world_set_clock (world, world_now () + 1101);
  world_wait_for_polls (world, 1);
  offer_root (world, "v2", "Other root");
  issuing_service_set_poll (world->service, 0, NULL);
  world_set_clock (world, world_now () - 900);
  world_set_clock (world, world_now () + 599);
  g_assert_nonnull (world->identity->poll);
  world_set_clock (world, world_now () + 1);
  g_assert_null (world->identity->poll);
  pass_to_poll (world);
  assert_names (world, "Issuing service,Other root");
}

#define ADD(name, keys, function) g_test_add ("/identity-bundle/" name, World, keys, world_set_up, function, world_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
  ADD ("poll", POLL, test_poll);
  ADD ("bundle-goes", POLL, test_bundle_goes);
  ADD ("unsupported", POLL, test_unsupported);
  ADD ("poll-fails", POLL, test_poll_fails);
  ADD ("renewal-ends-poll", POLL, test_renewal_ends_poll);
  ADD ("garbage", POLL, test_garbage);
  ADD ("useless-bundle", POLL, test_useless_bundle);
  ADD ("duplicates", POLL, test_duplicates);
  ADD ("disk-is-full", POLL, test_disk_is_full);
  ADD ("local-trust", POLL, test_local_trust);
  ADD ("local-trust-goes", POLL, test_local_trust_goes);
  ADD ("local-trust-alone", POLL, test_local_trust_alone);
  ADD ("no-poll-at-another-service", POLL, test_no_poll_at_another_service);
  ADD ("local-trust-during-renewal", "trust-bundle-poll=never", test_local_trust_during_renewal);
  ADD ("local-trust-before-storing", "trust-bundle-poll=never", test_local_trust_before_storing);
  ADD ("local-trust-on-full-disk", "trust-bundle-poll=never", test_local_trust_on_full_disk);
  ADD ("rename-on-full-disk", NULL, test_rename_on_full_disk);
  ADD ("poll-hangs", POLL, test_poll_hangs);
  return g_test_run ();
}
