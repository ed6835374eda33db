/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The device's half of TPM attestation against a software TPM. What it is asked by a service is made without a TPM. */

#include "brevet-clock.h"
#include "brevet-error.h"
#include "brevet-prover.h"
#include "brevet-registry.h"
#include "brevet-sas-token.h"
#include "brevet-tpm-blob.h"
#include "tpm-emulator.h"
#include "test-scratch.h"
#include "test-wait.h"

#include <glib/gstdio.h>
#include <string.h>

#define MODULE "attestation-tpm"
#define DOMAIN "brevet-attestation-tpm"
#define SCOPE "0ne000A1B2C"
#define DEVICE "pump-07"
#define ENDORSEMENT_SIZE 316
#define STORAGE_SIZE 284

/* What tells standard keys from others, as tpm2-tools say it. */
#define STORAGE_ATTRIBUTES "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt"

typedef struct {
  TpmEmulator *tpm;
  char *directory;
  char *handles_file;
  BrevetSettings *settings;
  BrevetProver *prover;
  BrevetSecret *key;
} Fixture;

static BrevetProver *
create_prover (BrevetSettings *settings)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin = brevet_registry_create (registry, BREVET_TYPE_PROVER, MODULE, "test", settings, &error);

  g_assert_no_error (error);
  return BREVET_PROVER (plugin);
}

/* A program that begins anew: all that it knows is in the file. */
static void
restart (Fixture *fixture)
{
  g_clear_object (&fixture->prover);
  fixture->prover = create_prover (fixture->settings);
}

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->tpm = tpm_emulator_new (GPOINTER_TO_INT (data));
  fixture->directory = test_scratch_new ();
  fixture->handles_file = g_build_filename (fixture->directory, "handles.json", NULL);
  fixture->settings = brevet_settings_new ("attestation", "test", fixture->directory);
  brevet_settings_set (fixture->settings, "tcti", fixture->tpm->tcti, NULL);
  brevet_settings_set (fixture->settings, "handles-path", "handles.json", NULL);
  restart (fixture);
  fixture->key = brevet_secret_new_random (32);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_clear_object (&fixture->prover);
  g_clear_object (&fixture->settings);
  brevet_secret_unref (fixture->key);
  tpm_emulator_free (fixture->tpm);
  test_scratch_remove (fixture->directory);
  g_free (fixture->directory);
  g_free (fixture->handles_file);
}

static BrevetEvidence *
try_prove (Fixture *fixture, JsonObject *challenge, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_prover_prove_async (fixture->prover, SCOPE, DEVICE, challenge, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_prover_prove_finish (fixture->prover, result, error);
}

static BrevetEvidence *
prove (Fixture *fixture, JsonObject *challenge)
{
  g_autoptr(GError) error = NULL;
  BrevetEvidence *evidence = try_prove (fixture, challenge, &error);

  g_assert_no_error (error);
  return evidence;
}

static void
assert_fails (Fixture *fixture, JsonObject *challenge, int code, const char *pattern)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEvidence) evidence = try_prove (fixture, challenge, &error);

  g_assert_null (evidence);
  g_assert_nonnull (error);
  if (!g_error_matches (error, BREVET_ERROR, code) || !g_pattern_match_simple (pattern, error->message))
    g_error ("%d “%s” is not %d “%s”", error->code, error->message, code, pattern);
}

static const char *
get_shown (BrevetEvidence *evidence, const char *member)
{
  JsonObject *parameters = brevet_evidence_get_parameters (evidence);

  return json_object_get_string_member_with_default (json_object_get_object_member (parameters, "tpm"), member, NULL);
}

static JsonObject *
make_challenge (const char *endorsement_key, const char *storage_root_key, BrevetSecret *key)
{
  g_autoptr(BrevetTpmPublicArea) endorsement = NULL;
  g_autoptr(BrevetTpmPublicArea) storage = NULL;
  g_autoptr(GBytes) blob = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *text = NULL;
  JsonObject *challenge = json_object_new ();

  endorsement = brevet_tpm_public_area_parse_base64 (endorsement_key, &error);
  g_assert_no_error (error);
  storage = brevet_tpm_public_area_parse_base64 (storage_root_key, &error);
  g_assert_no_error (error);
  blob = brevet_tpm_blob_new (endorsement, storage, key, "hub.example.net", &error);
  g_assert_no_error (error);
  text = g_base64_encode (g_bytes_get_data (blob, NULL), g_bytes_get_size (blob));
  json_object_set_string_member (challenge, "authenticationKey", text);
  json_object_set_string_member (challenge, "keyName", "registration");
  return challenge;
}

/* What the service would send to this device. */
static JsonObject *
challenge_device (Fixture *fixture, BrevetSecret *key)
{
  g_autoptr(BrevetEvidence) evidence = prove (fixture, NULL);

  return make_challenge (get_shown (evidence, "endorsementKey"), get_shown (evidence, "storageRootKey"), key);
}

static void
assert_token (BrevetEvidence *evidence, BrevetSecret *key)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetSasToken) token = brevet_sas_token_parse (brevet_evidence_get_token (evidence), &error);

  g_assert_no_error (error);
  g_assert_true (brevet_sas_token_verify (token, key));
  g_assert_true (brevet_sas_token_is_for_device (token, SCOPE, DEVICE));
  g_assert_cmpstr (token->raw_resource, ==, SCOPE "%2Fregistrations%2F" DEVICE);
  g_assert_cmpstr (token->key_name, ==, "registration");
}

static void
assert_answers (Fixture *fixture)
{
  g_autoptr(JsonObject) challenge = challenge_device (fixture, fixture->key);
  g_autoptr(BrevetEvidence) evidence = prove (fixture, challenge);

  assert_token (evidence, fixture->key);
}

static JsonObject *
describe (Fixture *fixture)
{
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;
  JsonObject *object;

  brevet_prover_describe_async (fixture->prover, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  object = brevet_prover_describe_finish (fixture->prover, result, &error);
  g_assert_no_error (error);
  return object;
}

static void
assert_described (Fixture *fixture, const char *member, const char *value)
{
  g_autoptr(JsonObject) object = describe (fixture);

  g_assert_cmpstr (json_object_get_string_member_with_default (object, member, NULL), ==, value);
}

static char *
list_persistent (Fixture *fixture)
{
  return tpm_emulator_run (fixture->tpm, "tpm2_getcap", "handles-persistent", NULL);
}

static void
assert_persistent (Fixture *fixture, const char *handles)
{
  g_autofree char *found = list_persistent (fixture);

  g_assert_cmpstr (found, ==, handles);
}

static gsize
count_bytes (const char *base64)
{
  gsize length = 0;
  g_autofree guchar *data = g_base64_decode (base64, &length);

  return length;
}

static void
test_first_proof (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetEvidence) evidence = prove (fixture, NULL);
  GStatBuf status;

  g_assert_null (brevet_evidence_get_token (evidence));
  g_assert_true (g_str_has_prefix (get_shown (evidence, "endorsementKey"), "AToAAQALAAMAsg"));
  g_assert_cmpuint (count_bytes (get_shown (evidence, "endorsementKey")), ==, ENDORSEMENT_SIZE);
  g_assert_cmpuint (count_bytes (get_shown (evidence, "storageRootKey")), ==, STORAGE_SIZE);
  g_assert_null (get_shown (evidence, "endorsementCertificate"));
  assert_persistent (fixture, "- 0x81000001\n- 0x81010001\n");
  g_assert_cmpint (g_stat (fixture->handles_file, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  tpm_emulator_assert_empty (fixture->tpm);
}

static void
test_challenge (Fixture *fixture, gconstpointer data)
{
  g_autoptr(JsonObject) challenge = challenge_device (fixture, fixture->key);
  g_autoptr(BrevetSecret) next_key = brevet_secret_new_random (64);
  g_autoptr(JsonObject) next = challenge_device (fixture, next_key);
  g_autoptr(BrevetEvidence) first = prove (fixture, challenge);
  g_autoptr(BrevetEvidence) again = NULL;
  g_autoptr(BrevetEvidence) second = NULL;

  assert_token (first, fixture->key);
  /* SDKs send their keys with the token, too. */
  g_assert_nonnull (get_shown (first, "endorsementKey"));
  again = prove (fixture, challenge);
  assert_token (again, fixture->key);
  second = prove (fixture, next);
  assert_token (second, next_key);
  assert_persistent (fixture, "- 0x81000001\n- 0x81000100\n- 0x81010001\n");
  tpm_emulator_assert_empty (fixture->tpm);
}

/* While it waits for its result it has to sign once more, and may have been restarted meanwhile. */
static void
test_challenge_after_restart (Fixture *fixture, gconstpointer data)
{
  g_autoptr(JsonObject) challenge = challenge_device (fixture, fixture->key);
  g_autoptr(BrevetEvidence) first = prove (fixture, challenge);
  g_autoptr(BrevetEvidence) second = NULL;

  tpm_emulator_stop (fixture->tpm);
  tpm_emulator_start (fixture->tpm);
  restart (fixture);
  second = prove (fixture, challenge);
  assert_token (second, fixture->key);
}

static void
test_foreign_challenge (Fixture *fixture, gconstpointer data)
{
  TpmEmulator *other = tpm_emulator_new (FALSE);
  g_autoptr(BrevetSettings) settings = brevet_settings_new ("attestation", NULL, fixture->directory);
  g_autoptr(BrevetEvidence) own = prove (fixture, NULL);
  g_autoptr(JsonObject) foreign = NULL;
  g_autoptr(JsonObject) mixed = NULL;
  Fixture stranger = { .tpm = other };
  g_autoptr(BrevetEvidence) shown = NULL;

  brevet_settings_set (settings, "tcti", other->tcti, NULL);
  stranger.prover = create_prover (settings);
  shown = prove (&stranger, NULL);
  foreign = make_challenge (get_shown (shown, "endorsementKey"), get_shown (shown, "storageRootKey"), fixture->key);
  assert_fails (fixture, foreign, BREVET_ERROR_REJECTED, "*challenge is for another TPM*code 0x*");
  mixed = make_challenge (get_shown (own, "endorsementKey"), get_shown (shown, "storageRootKey"), fixture->key);
  assert_fails (fixture, mixed, BREVET_ERROR_REJECTED, "*challenge is for another TPM*code 0x*");
  tpm_emulator_assert_empty (fixture->tpm);
  assert_answers (fixture);
  g_object_unref (stranger.prover);
  tpm_emulator_free (other);
}

static void
test_nonsense (Fixture *fixture, gconstpointer data)
{
  static const char *const blobs[] = { "", "AA==", "no base64", "ADQAIA==" };
  g_autoptr(JsonObject) empty = json_object_new ();

  json_object_set_string_member (empty, "nonce", "1");
  assert_fails (fixture, empty, BREVET_ERROR_REJECTED, "*no authenticationKey*");
  for (gsize i = 0; i < G_N_ELEMENTS (blobs); i++)
    {
      g_autoptr(JsonObject) challenge = json_object_new ();

      json_object_set_string_member (challenge, "authenticationKey", blobs[i]);
      assert_fails (fixture, challenge, BREVET_ERROR_REJECTED, "*not one for a TPM*");
    }
}

/* Whoever came first has made the keys, perhaps with another “unique”: they are what the device is enrolled with. */
static void
test_keys_of_others (Fixture *fixture, gconstpointer data)
{
  g_autofree char *before = list_persistent (fixture);
  g_autofree char *text = NULL;
  g_autofree char *content = NULL;
  g_autoptr(BrevetEvidence) evidence = NULL;
  gsize length = 0;

  g_assert_nonnull (strstr (before, "0x81010001"));
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_readpublic", "-c", "0x81010001", "-f", "tss", "-o", "ek.pub", NULL));
  text = g_build_filename (fixture->tpm->directory, "ek.pub", NULL);
  g_assert_true (g_file_get_contents (text, &content, &length, NULL));
  g_free (text);
  text = g_base64_encode ((const guchar *) content, length);
  evidence = prove (fixture, NULL);
  g_assert_cmpstr (get_shown (evidence, "endorsementKey"), ==, text);
  assert_answers (fixture);

  /* Somebody removes it; it comes back the same, although another one would come first. */
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_evictcontrol", "-C", "o", "-c", "0x81010001", NULL));
  g_clear_pointer (&evidence, brevet_evidence_unref);
  evidence = prove (fixture, NULL);
  g_assert_cmpstr (get_shown (evidence, "endorsementKey"), ==, text);
}

/* What stands at the usual place and is something else stays where it is. */
static void
test_places_taken (Fixture *fixture, gconstpointer data)
{
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;

  g_free (tpm_emulator_run (fixture->tpm, "tpm2_createprimary", "-C", "o", "-G", "ecc", "-c", "other.ctx", NULL));
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_evictcontrol", "-C", "o", "-c", "other.ctx", "0x81000001", NULL));
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_evictcontrol", "-C", "o", "-c", "other.ctx", "0x81000100", NULL));
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_flushcontext", "-t", NULL));
  before = tpm_emulator_run (fixture->tpm, "tpm2_readpublic", "-c", "0x81000001", NULL);
  assert_answers (fixture);
  assert_answers (fixture);
  assert_persistent (fixture, "- 0x81000001\n- 0x81000002\n- 0x81000100\n- 0x81000101\n- 0x81010001\n");
  after = tpm_emulator_run (fixture->tpm, "tpm2_readpublic", "-c", "0x81000001", NULL);
  g_assert_cmpstr (before, ==, after);
  restart (fixture);
  assert_answers (fixture);
  assert_persistent (fixture, "- 0x81000001\n- 0x81000002\n- 0x81000100\n- 0x81000101\n- 0x81010001\n");
}

/* Keys that were moved, and settings that name other places for new ones. */
static void
test_places_named (Fixture *fixture, gconstpointer data)
{
  brevet_settings_set (fixture->settings, "endorsement-key-handle", "0x81010020", NULL);
  brevet_settings_set (fixture->settings, "storage-root-key-handle", "0x81000020", NULL);
  brevet_settings_set (fixture->settings, "identity-key-handle", "0x81000030", NULL);
  restart (fixture);
  assert_answers (fixture);
  assert_persistent (fixture, "- 0x81000020\n- 0x81000030\n- 0x81010020\n");
  assert_described (fixture, "identityKeyHandle", "0x81000030");
}

static void
test_cleared (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetEvidence) before = prove (fixture, NULL);
  g_autoptr(JsonObject) old = NULL;
  g_autoptr(BrevetEvidence) after = NULL;

  assert_answers (fixture);
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_clear", "-c", "p", NULL));
  g_test_expect_message (DOMAIN, G_LOG_LEVEL_MESSAGE, "There was no endorsement key in the TPM*");
  g_test_expect_message (DOMAIN, G_LOG_LEVEL_MESSAGE, "There was no storage root key in the TPM*");
  g_test_expect_message (DOMAIN, G_LOG_LEVEL_WARNING, "*another storage root key than before: its Name was 000b* and is 000b*");
  after = prove (fixture, NULL);
  g_test_assert_expected_messages ();
  g_assert_cmpstr (get_shown (before, "endorsementKey"), ==, get_shown (after, "endorsementKey"));
  g_assert_cmpstr (get_shown (before, "storageRootKey"), !=, get_shown (after, "storageRootKey"));
  old = make_challenge (get_shown (before, "endorsementKey"), get_shown (before, "storageRootKey"), fixture->key);
  assert_fails (fixture, old, BREVET_ERROR_REJECTED, "*challenge is for another TPM*");
  /* It was told once. */
  assert_answers (fixture);
}

static void
test_authorizations (Fixture *fixture, gconstpointer data)
{
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_changeauth", "-c", "o", "landlord", NULL));
  assert_fails (fixture, NULL, BREVET_ERROR_NOT_CONFIGURED, "*code 0x9a2, *owner-authorization is wrong or missing*");
  tpm_emulator_assert_empty (fixture->tpm);
  brevet_settings_set (fixture->settings, "owner-authorization", "landlord", NULL);
  restart (fixture);
  assert_answers (fixture);

  g_free (tpm_emulator_run (fixture->tpm, "tpm2_changeauth", "-c", "e", "keeper", NULL));
  {
    g_autoptr(JsonObject) challenge = NULL;
    g_autoptr(BrevetSecret) other = brevet_secret_new_random (32);

    challenge = challenge_device (fixture, other);
    assert_fails (fixture, challenge, BREVET_ERROR_NOT_CONFIGURED, "*endorsement-authorization is wrong or missing*");
  }
  tpm_emulator_assert_empty (fixture->tpm);
  brevet_settings_set (fixture->settings, "endorsement-authorization", "keeper", NULL);
  restart (fixture);
  assert_answers (fixture);
}

/* Keys by the standard templates do not care about a lock, and the operator is told of it. */
static void
test_locked (Fixture *fixture, gconstpointer data)
{
  assert_answers (fixture);
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_dictionarylockout", "-s", "-n", "1", "-t", "600", "-l", "600", NULL));
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_createprimary", "-C", "o", "-p", "right", "-c", "other.ctx", NULL));
  g_free (tpm_emulator_run (fixture->tpm, "sh", "-c", "tpm2_create -C other.ctx -P wrong -u a -r b || true", NULL));
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_flushcontext", "-t", NULL));
  assert_described (fixture, "lockout", "active");
  assert_answers (fixture);
  g_free (tpm_emulator_run (fixture->tpm, "tpm2_dictionarylockout", "-c", NULL));
  assert_described (fixture, "lockout", NULL);
}

static void
test_gone (Fixture *fixture, gconstpointer data)
{
  assert_answers (fixture);
  tpm_emulator_stop (fixture->tpm);
  assert_fails (fixture, NULL, BREVET_ERROR_UNREACHABLE, "*TPM at swtpm:*code 0x*");
  tpm_emulator_start (fixture->tpm);
  assert_answers (fixture);
}

static void
test_wrong_names (Fixture *fixture, gconstpointer data)
{
  brevet_settings_set (fixture->settings, "tcti", "device:/dev/there-is-no-tpm", NULL);
  restart (fixture);
  assert_fails (fixture, NULL, BREVET_ERROR_UNREACHABLE, "There is no TPM at /dev/there-is-no-tpm: No such file*");
  brevet_settings_set (fixture->settings, "tcti", "nonsense:here", NULL);
  restart (fixture);
  assert_fails (fixture, NULL, BREVET_ERROR_NOT_CONFIGURED, "*“nonsense:here” names no TPM*");
  brevet_settings_set (fixture->settings, "tcti", "", NULL);
  restart (fixture);
  assert_fails (fixture, NULL, BREVET_ERROR_NOT_CONFIGURED, "*“” names no TPM*");
}

/* A TPM that does not answer costs no more than the time that is allowed for it, and the next one to come need not be told. */
static void
test_held (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GSocketConnection) holder = NULL;

  assert_answers (fixture);
  brevet_settings_set (fixture->settings, "time-limit", "1s", NULL);
  restart (fixture);
  holder = tpm_emulator_hold (fixture->tpm);
  assert_fails (fixture, NULL, BREVET_ERROR_BUSY, "*did not do its work in 1 s*");
  assert_fails (fixture, NULL, BREVET_ERROR_BUSY, "*did not do its work in 1 s*");
  g_clear_object (&holder);
  brevet_settings_set (fixture->settings, "time-limit", "60s", NULL);
  restart (fixture);
  assert_answers (fixture);
}

static void
test_cancelled (Fixture *fixture, gconstpointer data)
{
  g_autoptr(GSocketConnection) holder = tpm_emulator_hold (fixture->tpm);
  g_autoptr(GCancellable) cancellable = g_cancellable_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  brevet_prover_prove_async (fixture->prover, SCOPE, DEVICE, NULL, cancellable, test_wait_store_result, &result);
  g_cancellable_cancel (cancellable);
  test_wait_for_result (&result);
  g_assert_null (brevet_prover_prove_finish (fixture->prover, result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_object (&holder);
  assert_answers (fixture);
}

static void
test_accept (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetSecret) hub_key = brevet_secret_new_random (32);
  g_autoptr(JsonObject) gift = NULL;
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  assert_answers (fixture);
  assert_described (fixture, "identityKeyUse", "registration");
  gift = challenge_device (fixture, hub_key);
  brevet_prover_accept_async (fixture->prover, gift, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  g_assert_true (brevet_prover_accept_finish (fixture->prover, result, &error));
  g_assert_no_error (error);
  assert_described (fixture, "identityKeyUse", "hub");
  assert_described (fixture, "identityKeyHandle", "0x81000100");
  assert_persistent (fixture, "- 0x81000001\n- 0x81000100\n- 0x81010001\n");
  assert_answers (fixture);
  assert_described (fixture, "identityKeyUse", "registration");
}

static void
test_describe_changes_nothing (Fixture *fixture, gconstpointer data)
{
  g_autoptr(JsonObject) object = describe (fixture);

  g_assert_false (json_object_has_member (object, "endorsementKey"));
  g_assert_false (json_object_has_member (object, "storageRootKey"));
  g_assert_cmpstr (json_object_get_string_member (object, "manufacturer"), ==, "IBM");
  assert_persistent (fixture, "");
  g_assert_false (g_file_test (fixture->handles_file, G_FILE_TEST_EXISTS));
}

static void
test_describe (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetEvidence) evidence = prove (fixture, NULL);
  g_autoptr(JsonObject) object = describe (fixture);

  g_assert_cmpstr (json_object_get_string_member (object, "endorsementKey"), ==, get_shown (evidence, "endorsementKey"));
  g_assert_cmpstr (json_object_get_string_member (object, "storageRootKey"), ==, get_shown (evidence, "storageRootKey"));
  g_assert_cmpstr (json_object_get_string_member (object, "endorsementKeyHandle"), ==, "0x81010001");
  g_assert_cmpuint (strlen (json_object_get_string_member (object, "registrationId")), ==, 52);
  g_assert_false (json_object_has_member (object, "identityKeyHandle"));
}

/* The file is lost, or nonsense: the keys are found all the same, and none is made in vain. */
static void
test_memory_lost (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetEvidence) before = prove (fixture, NULL);
  g_autoptr(BrevetEvidence) after = NULL;

  assert_answers (fixture);
  g_assert_cmpint (g_unlink (fixture->handles_file), ==, 0);
  restart (fixture);
  after = prove (fixture, NULL);
  g_assert_cmpstr (get_shown (before, "storageRootKey"), ==, get_shown (after, "storageRootKey"));
  assert_answers (fixture);
  g_assert_true (g_file_set_contents (fixture->handles_file, "[1, 2", -1, NULL));
  g_test_expect_message (DOMAIN, G_LOG_LEVEL_WARNING, "What is remembered of the TPM's keys*cannot be read*");
  g_clear_pointer (&after, brevet_evidence_unref);
  after = prove (fixture, NULL);
  g_test_assert_expected_messages ();
  assert_answers (fixture);
  assert_persistent (fixture, "- 0x81000001\n- 0x81000100\n- 0x81010001\n");
}

#define ADD(name, function, manufactured) \
  g_test_add ("/tpm-prover/" name, Fixture, GINT_TO_POINTER (manufactured), set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  if (!tpm_emulator_is_there ())
    {
      g_test_message ("no software TPM");
      g_print ("1..0 # SKIP swtpm and tpm2-tools are not installed\n");
      return 0;
    }
  ADD ("first-proof", test_first_proof, FALSE);
  ADD ("challenge", test_challenge, FALSE);
  ADD ("challenge-after-restart", test_challenge_after_restart, FALSE);
  ADD ("foreign-challenge", test_foreign_challenge, FALSE);
  ADD ("nonsense", test_nonsense, FALSE);
  ADD ("keys-of-others", test_keys_of_others, TRUE);
  ADD ("places-taken", test_places_taken, FALSE);
  ADD ("places-named", test_places_named, FALSE);
  ADD ("cleared", test_cleared, FALSE);
  ADD ("authorizations", test_authorizations, FALSE);
  ADD ("locked", test_locked, FALSE);
  ADD ("gone", test_gone, FALSE);
  ADD ("wrong-names", test_wrong_names, FALSE);
  ADD ("held", test_held, FALSE);
  ADD ("cancelled", test_cancelled, FALSE);
  ADD ("accept", test_accept, FALSE);
  ADD ("describe-changes-nothing", test_describe_changes_nothing, FALSE);
  ADD ("describe", test_describe, FALSE);
  ADD ("memory-lost", test_memory_lost, FALSE);
  return g_test_run ();
}
