/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records-fixture.h"

static void
test_empty (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetStoredIdentity) stored = records_load_whole (self);

  g_assert_null (stored->current);
  g_assert_null (stored->previous);
  g_assert_null (stored->staged);
  g_assert_cmpuint (stored->memory->failures, ==, 0);
  g_assert_null (stored->memory->error_name);
  records_assert_done (records_update (self, NULL, FALSE, FALSE, failure));
}

static void
test_stage (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) staged = records_make_staged (3);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) dropped = NULL;
  g_autofree char *key = NULL;

  records_assert_done (records_stage (self, staged, failure));
  records_assert_list (self, RECORDS_COLLECTION "-staged", "aziot-dps-identity-cert-key csr generation");
  key = records_read_raw (self, RECORDS_COLLECTION "-staged", BREVET_IDENTITY_KEY_NAME);
  g_assert_true (g_str_has_prefix (key, "-----BEGIN PRIVATE KEY-----\n"));
  stored = records_load_whole (self);
  records_assert_same (stored->staged, staged);
  g_assert_null (stored->current);

  records_assert_done (records_stage (self, NULL, failure));
  records_assert_list (self, RECORDS_COLLECTION "-staged", "");
  dropped = records_load_whole (self);
  g_assert_null (dropped->staged);
}

static void
test_switch (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P384);
  g_autoptr(BrevetGeneration) staged = records_make_staged (2);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) later = NULL;

  records_assert_done (records_stage (self, staged, failure));
  records_assert_done (records_switch_to (self, first, NULL, failure));
  records_assert_list (self, RECORDS_COLLECTION, RECORDS_FULL_NOW);
  records_assert_list (self, RECORDS_COLLECTION "-previous", "");
  records_assert_list (self, RECORDS_COLLECTION "-staged", "");

  records_assert_done (records_stage (self, staged, failure));
  records_assert_done (records_switch_to (self, second, first, failure));
  records_assert_list (self, RECORDS_COLLECTION, RECORDS_FULL_NOW);
  records_assert_list (self, RECORDS_COLLECTION "-previous", RECORDS_FULL);
  records_assert_list (self, RECORDS_COLLECTION "-staged", "");
  stored = records_load_whole (self);
  records_assert_same (stored->current, second);
  records_assert_same (stored->previous, first);
  g_assert_null (stored->staged);

  /* The first is no longer needed. */
  second->used = TRUE;
  records_assert_done (records_update (self, second, FALSE, TRUE, failure));
  records_assert_list (self, RECORDS_COLLECTION "-previous", "");
  later = records_load_whole (self);
  records_assert_same (later->current, second);
  g_assert_null (later->previous);
}

/* What a registration without certificate has, and has not. */
static void
test_without_certificate (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = brevet_generation_new (2, "digest");
  g_autoptr(BrevetStoredIdentity) stored = NULL;

  second->assigned_hub = g_strdup ("hub");
  records_assert_done (records_switch_to (self, first, NULL, failure));
  records_assert_done (records_switch_to (self, second, first, failure));
  records_assert_list (self, RECORDS_COLLECTION, "generation memory");
  records_assert_list (self, RECORDS_COLLECTION "-previous", RECORDS_FULL);
  stored = records_load_whole (self);
  records_assert_same (stored->current, second);
  records_assert_same (stored->previous, first);

  records_assert_done (records_switch_to (self, first, second, failure));
  records_assert_list (self, RECORDS_COLLECTION, RECORDS_FULL_NOW);
  records_assert_list (self, RECORDS_COLLECTION "-previous", "generation");
}

static void
test_kinds_of_keys (RecordsFixture *self, gconstpointer data)
{
  const BrevetKeyKind kinds[] = { BREVET_KEY_KIND_EC_P256, BREVET_KEY_KIND_EC_P384, BREVET_KEY_KIND_RSA_2048,
                                  BREVET_KEY_KIND_ED25519 };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr(BrevetGeneration) made = records_make_generation (self, i + 1, kinds[i]);
      g_autoptr(BrevetGeneration) changed = NULL;
      g_autoptr(BrevetStoredIdentity) stored = NULL;
      g_autoptr(BrevetStoredIdentity) later = NULL;
      g_autofree char *before = NULL;
      g_autofree char *after = NULL;

      records_assert_done (records_switch_to (self, made, NULL, failure));
      before = records_read_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_KEY_NAME);
      stored = records_load_whole (self);
      records_assert_same (stored->current, made);

      /* The key that was read is written as it was, whether it is written or not. */
      changed = brevet_generation_copy (stored->current);
      changed->used = TRUE;
      records_assert_done (records_update (self, changed, FALSE, FALSE, failure));
      after = records_read_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_KEY_NAME);
      g_assert_cmpstr (after, ==, before);
      later = records_load_whole (self);
      records_assert_same (later->current, changed);
    }
}

static void
test_memory (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) later = NULL;
  g_autoptr(BrevetIdentityMemory) copy = NULL;
  BrevetIdentityMemory *memory = self->memory;

  memory->failures = G_MAXUINT;
  memory->next_attempt = 1790000001;
  memory->last_success = 1790000002;
  memory->error_name = g_strdup ("org.brevet.Error.Rejected");
  memory->error_code = 401002;
  memory->error_text = g_strdup ("Überhaupt \"nicht\"\n");
  memory->error_tracking_id = g_strdup ("1234");
  memory->error_time = 1790000003;
  memory->refusals = 3;
  memory->asked_until = 77;
  memory->disabled = TRUE;
  copy = brevet_identity_memory_copy (memory);
  records_assert_done (records_update (self, NULL, TRUE, FALSE, failure));
  records_assert_list (self, RECORDS_COLLECTION, "memory");
  stored = records_load_whole (self);
  g_assert_null (stored->current);
  g_assert_cmpuint (stored->memory->failures, ==, G_MAXUINT);
  g_assert_cmpint (stored->memory->next_attempt, ==, 1790000001);
  g_assert_cmpint (stored->memory->last_success, ==, 1790000002);
  g_assert_cmpstr (stored->memory->error_name, ==, copy->error_name);
  g_assert_cmpuint (stored->memory->error_code, ==, 401002);
  g_assert_cmpstr (stored->memory->error_text, ==, copy->error_text);
  g_assert_cmpstr (stored->memory->error_tracking_id, ==, "1234");
  g_assert_cmpint (stored->memory->error_time, ==, 1790000003);
  g_assert_cmpuint (stored->memory->refusals, ==, 3);
  g_assert_cmpint (stored->memory->asked_until, ==, 77);
  g_assert_true (stored->memory->disabled);

  brevet_identity_memory_clear_error (memory);
  records_assert_done (records_update (self, NULL, TRUE, FALSE, failure));
  later = records_load_whole (self);
  g_assert_cmpuint (later->memory->failures, ==, G_MAXUINT);
  g_assert_null (later->memory->error_name);
  g_assert_cmpuint (later->memory->error_code, ==, 0);
  g_assert_false (later->memory->disabled);
}

static void
test_trust_bundle_update (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) changed = brevet_generation_copy (first);
  g_autoptr(BrevetGeneration) without = brevet_generation_copy (first);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) later = NULL;

  brevet_trust_bundle_unref (changed->trust_bundle);
  changed->trust_bundle = x509_make_trust (self->world.root, NULL);
  records_assert_done (records_switch_to (self, first, NULL, failure));
  records_assert_done (records_update (self, changed, TRUE, FALSE, failure));
  stored = records_load_whole (self);
  records_assert_same (stored->current, changed);

  g_clear_pointer (&without->trust_bundle, brevet_trust_bundle_unref);
  g_clear_pointer (&without->trust_bundle_etag, g_free);
  records_assert_done (records_update (self, without, FALSE, FALSE, failure));
  records_assert_list (self, RECORDS_COLLECTION, "aziot-dps-identity-cert aziot-dps-identity-cert-key generation memory");
  later = records_load_whole (self);
  records_assert_same (later->current, without);
}

/* `dps_trust_bundle` was changed while the agent did not run. */
static void
test_renamed_trust_bundle (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) again = NULL;
  g_autoptr(BrevetStoredIdentity) back = NULL;

  records_assert_done (records_switch_to (self, first, second, failure));
  records_reopen (self, "my-roots");
  stored = records_load (self, NULL);
  g_assert_cmpuint (stored->problems->len, ==, 0);
  records_assert_same (stored->current, first);
  records_assert_list (self, RECORDS_COLLECTION, RECORDS_FULL_NOW);

  records_assert_done (records_update (self, NULL, TRUE, FALSE, failure));
  records_assert_list (self, RECORDS_COLLECTION, "aziot-dps-identity-cert aziot-dps-identity-cert-key generation memory my-roots");
  records_assert_list (self, RECORDS_COLLECTION "-previous", RECORDS_FULL);
  again = records_load (self, NULL);
  records_assert_same (again->current, first);
  records_assert_same (again->previous, second);

  records_assert_done (records_switch_to (self, second, first, failure));
  records_assert_list (self, RECORDS_COLLECTION "-previous",
                       "aziot-dps-identity-cert aziot-dps-identity-cert-key generation my-roots");
  back = records_load_afresh (self);
  records_assert_same (back->current, second);
  records_assert_done (records_switch_to (self, first, NULL, failure));
  records_assert_list (self, RECORDS_COLLECTION, RECORDS_FULL_NOW);
  records_assert_list (self, RECORDS_COLLECTION "-previous", "");
}

static void
test_unknown_members (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autofree char *text = NULL;
  g_autofree char *more = NULL;

  records_assert_done (records_switch_to (self, first, NULL, failure));
  text = records_read_raw (self, RECORDS_COLLECTION, "generation");
  more = g_strconcat ("{\"colour\":[\"red\"],", text + 1, NULL);
  records_write_raw (self, RECORDS_COLLECTION, "generation", more);
  records_write_raw (self, RECORDS_COLLECTION, "memory", "{\"format\":1,\"failures\":3,\"mood\":null}");
  stored = records_load_whole (self);
  records_assert_same (stored->current, first);
  g_assert_cmpuint (stored->memory->failures, ==, 3);
}

static void
test_failing_commit (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) changed = brevet_generation_copy (first);
  g_autoptr(BrevetGeneration) staged = records_make_staged (2);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) later = NULL;
  g_autoptr(GError) stage_error = NULL;
  g_autoptr(GError) switch_error = NULL;
  g_autoptr(GError) update_error = NULL;

  records_assert_done (records_switch_to (self, first, NULL, failure));
  failing_store_fail (self->store, TRUE);
  g_assert_false (records_stage (self, staged, &stage_error));
  g_assert_error (stage_error, BREVET_ERROR, BREVET_ERROR_FAILED);
  g_assert_false (records_switch_to (self, second, first, &switch_error));
  g_assert_error (switch_error, BREVET_ERROR, BREVET_ERROR_FAILED);
  changed->used = TRUE;
  g_assert_false (records_update (self, changed, TRUE, TRUE, &update_error));
  g_assert_error (update_error, BREVET_ERROR, BREVET_ERROR_FAILED);

  failing_store_fail (self->store, FALSE);
  stored = records_load_whole (self);
  records_assert_same (stored->current, first);
  g_assert_null (stored->staged);
  g_assert_null (stored->previous);
  records_assert_done (records_switch_to (self, second, first, failure));
  later = records_load_whole (self);
  records_assert_same (later->current, second);
  records_assert_same (later->previous, first);
}

static void
test_cancelled_load (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  g_cancellable_cancel (cancellable);
  brevet_identity_records_load_async (self->records, cancellable, records_take_result, &result);
  records_wait_for (&result);
  g_assert_null (brevet_identity_records_load_finish (self->records, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_two_identities (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetIdentityRecords) mine = g_object_ref (self->records);
  g_autoptr(BrevetStoredIdentity) stored = NULL;

  records_assert_done (records_switch_to (self, first, NULL, failure));
  g_set_object (&self->records, NULL);
  self->records = brevet_identity_records_new (BREVET_STORE (self->store), "main-2", BUNDLE);
  records_assert_done (records_switch_to (self, second, NULL, failure));
  stored = records_load_whole (self);
  records_assert_same (stored->current, first);
}

static void
test_locate (RecordsFixture *self, gconstpointer data)
{
  g_autofree char *certificate = brevet_identity_records_locate (self->records, BREVET_IDENTITY_CERTIFICATE_NAME);
  g_autofree char *bundle = NULL;
  g_autofree char *content = NULL;
  g_autofree char *pem = NULL;
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);

  records_reopen (self, "my-roots");
  bundle = brevet_identity_records_locate (self->records, BREVET_IDENTITY_TRUST_BUNDLE_NAME);
  if (g_str_equal (data, "store-sqlite"))
    {
      g_assert_null (certificate);
      g_assert_null (bundle);
      return;
    }
  g_assert_true (g_str_has_suffix (certificate, "/" BREVET_IDENTITY_CERTIFICATE_NAME));
  g_assert_true (g_str_has_suffix (bundle, "/my-roots"));
  records_assert_done (records_switch_to (self, first, NULL, failure));
  g_assert_true (g_file_get_contents (bundle, &content, NULL, NULL));
  pem = brevet_trust_bundle_to_pem (first->trust_bundle);
  g_assert_cmpstr (content, ==, pem);
}

static const RecordsTest tests[] = {
  { "empty", test_empty },
  { "stage", test_stage },
  { "switch", test_switch },
  { "without-certificate", test_without_certificate },
  { "kinds-of-keys", test_kinds_of_keys },
  { "memory", test_memory },
  { "trust-bundle-update", test_trust_bundle_update },
  { "renamed-trust-bundle", test_renamed_trust_bundle },
  { "unknown-members", test_unknown_members },
  { "failing-commit", test_failing_commit },
  { "cancelled-load", test_cancelled_load },
  { "two-identities", test_two_identities },
  { "locate", test_locate },
};

/* Arguments: the storage plugins to try. */
int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  records_add_tests (argc, argv, tests, G_N_ELEMENTS (tests));
  return g_test_run ();
}
