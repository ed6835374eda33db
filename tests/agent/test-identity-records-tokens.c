/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records-fixture.h"

#include <string.h>

/* What is stored of keys that are in tokens: where they are, and never what they are. */

#define TOKEN "pkcs11:token=devices"
#define OTHER "pkcs11:token=others"

/* As if the key of @generation had been made in a token. */
static void
move_key (RecordsFixture *self, BrevetGeneration *generation, const char *token)
{
  generation->key_token = g_strdup (token);
  generation->key_label = brevet_identity_records_make_key_label (self->records, token, generation->number);
  generation->key_spki = g_strdup (brevet_key_get_spki_sha256 (generation->key));
  g_clear_pointer (&generation->key, brevet_key_unref);
}

static BrevetGeneration *
make_in_token (RecordsFixture *self, guint64 number, const char *token)
{
  BrevetGeneration *generation = records_make_generation (self, number, BREVET_KEY_KIND_EC_P256);

  move_key (self, generation, token);
  return generation;
}

static void
assert_same_place (BrevetGeneration *a, BrevetGeneration *b)
{
  records_assert_same (a, b);
  g_assert_cmpstr (a->key_token, ==, b->key_token);
  g_assert_cmpstr (a->key_label, ==, b->key_label);
  g_assert_cmpstr (a->key_spki, ==, b->key_spki);
}

static void
assert_tokens (RecordsFixture *self, const char *expected)
{
  GPtrArray *tokens = brevet_identity_records_get_tokens (self->records);
  g_autofree char *joined = NULL;
  g_autoptr(GPtrArray) texts = g_ptr_array_new ();

  g_ptr_array_extend (texts, tokens, NULL, NULL);
  g_ptr_array_add (texts, NULL);
  joined = g_strjoinv (" ", (char **) texts->pdata);
  g_assert_cmpstr (joined, ==, expected);
}

static void
test_round_trip (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = make_in_token (self, 1, TOKEN);
  g_autoptr(BrevetGeneration) second = make_in_token (self, 2, OTHER);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autofree char *prefix = brevet_identity_records_dup_key_prefix (self->records);
  g_autofree char *later = NULL;
  g_autofree char *uri = brevet_generation_dup_key_uri (first);

  g_assert_true (g_regex_match_simple ("^brevet-main-[0-9a-f]{16}-$", prefix, 0, 0));
  g_assert_true (g_str_has_prefix (first->key_label, prefix) && g_str_has_prefix (second->key_label, prefix));
  g_assert_cmpstr (first->key_label, !=, second->key_label);
  g_assert_true (g_str_has_prefix (uri, TOKEN ";object=brevet-main-"));
  records_assert_done (records_switch_to (self, first, NULL, failure));
  records_assert_list (self, RECORDS_COLLECTION, "aziot-dps-identity-cert aziot-dps-trust-bundle generation memory tokens");
  records_assert_done (records_switch_to (self, second, first, failure));
  records_assert_list (self, RECORDS_COLLECTION "-previous", "aziot-dps-identity-cert aziot-dps-trust-bundle generation");
  records_reopen (self, BUNDLE);
  stored = records_load_whole (self);
  assert_same_place (stored->current, second);
  assert_same_place (stored->previous, first);
  later = brevet_identity_records_dup_key_prefix (self->records);
  g_assert_cmpstr (later, ==, prefix);
  assert_tokens (self, TOKEN " " OTHER);
}

/* The label is there before the key is; and a key in a file takes the place of one in a token, and the other way round. */
static void
test_stages_and_moves (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) in_file = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) planned = brevet_generation_new (2, "digest");
  g_autoptr(BrevetGeneration) in_token = make_in_token (self, 2, TOKEN);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) back = NULL;

  records_assert_done (records_switch_to (self, in_file, NULL, failure));
  planned->key_token = g_strdup (TOKEN);
  planned->key_label = g_strdup (in_token->key_label);
  records_assert_done (records_stage (self, planned, failure));
  stored = records_load_whole (self);
  assert_same_place (stored->staged, planned);
  records_assert_done (records_switch_to (self, in_token, in_file, failure));
  records_assert_list (self, RECORDS_COLLECTION, "aziot-dps-identity-cert aziot-dps-trust-bundle generation memory tokens");
  records_assert_list (self, RECORDS_COLLECTION "-previous", RECORDS_FULL);
  records_assert_done (records_switch_to (self, in_file, in_token, failure));
  records_assert_list (self, RECORDS_COLLECTION, RECORDS_FULL_NOW " tokens");
  back = records_load_whole (self);
  assert_same_place (back->current, in_file);
  assert_same_place (back->previous, in_token);
}

static void
test_tokens_are_forgotten (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = make_in_token (self, 1, TOKEN);
  g_autoptr(BrevetGeneration) second = make_in_token (self, 2, OTHER);
  g_autoptr(BrevetStoredIdentity) stored = NULL;

  records_assert_done (records_switch_to (self, second, NULL, failure));
  brevet_identity_records_forget_token (self->records, TOKEN);
  records_assert_done (records_update (self, NULL, TRUE, FALSE, failure));
  records_reopen (self, BUNDLE);
  stored = records_load_whole (self);
  assert_tokens (self, OTHER);
  g_assert_nonnull (stored->current);
  g_assert_nonnull (first);
}

/* The generations know enough to go on with the same labels. */
static void
test_lost_record (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = make_in_token (self, 1, TOKEN);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autofree char *prefix = brevet_identity_records_dup_key_prefix (self->records);
  g_autofree char *later = NULL;

  records_assert_done (records_switch_to (self, first, NULL, failure));
  records_write_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_TOKENS_NAME, "{\"format\":1,\"installation\":\"../..\"}");
  records_reopen (self, BUNDLE);
  stored = records_load_afresh (self);
  assert_same_place (stored->current, first);
  records_assert_problem (stored, 0, "What is known of tokens cannot be read back: the member “installation”");
  later = brevet_identity_records_dup_key_prefix (self->records);
  g_assert_cmpstr (later, ==, prefix);
  assert_tokens (self, TOKEN);
}

/* An older agent that finds no key would take the identity for damaged. */
static void
test_older_agents_leave_it_alone (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) in_token = make_in_token (self, 1, TOKEN);
  g_autoptr(BrevetGeneration) in_file = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);
  g_autofree char *with_token = NULL;
  g_autofree char *with_file = NULL;

  records_assert_done (records_switch_to (self, in_token, NULL, failure));
  with_token = records_read_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_GENERATION_NAME);
  g_assert_nonnull (strstr (with_token, "\"format\":2"));
  g_assert_null (strstr (with_token, "PRIVATE"));
  records_assert_done (records_switch_to (self, in_file, NULL, failure));
  with_file = records_read_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_GENERATION_NAME);
  g_assert_nonnull (strstr (with_file, "\"format\":1"));
}

static void
test_half_a_place (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = make_in_token (self, 1, TOKEN);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autofree char *text = NULL;
  g_auto(GStrv) parts = NULL;
  g_autofree char *broken = NULL;

  records_assert_done (records_switch_to (self, first, NULL, failure));
  text = records_read_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_GENERATION_NAME);
  parts = g_strsplit (text, "\"keyLabel\"", 2);
  broken = g_strjoinv ("\"otherLabel\"", parts);
  records_write_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_GENERATION_NAME, broken);
  stored = records_load_afresh (self);
  g_assert_null (stored->current);
  records_assert_problem (stored, 0, "says only in part where the key is");
}

static const RecordsTest tests[] = {
  { "round-trip", test_round_trip },
  { "stages-and-moves", test_stages_and_moves },
  { "tokens-are-forgotten", test_tokens_are_forgotten },
  { "lost-record", test_lost_record },
  { "older-agents-leave-it-alone", test_older_agents_leave_it_alone },
  { "half-a-place", test_half_a_place },
};

/* Arguments: the storage plugins to try. */
int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  records_add_tests (argc, argv, tests, G_N_ELEMENTS (tests));
  return g_test_run ();
}
