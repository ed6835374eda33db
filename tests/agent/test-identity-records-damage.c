/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "records-fixture.h"

#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>

static void
test_damaged_current (RecordsFixture *self, gconstpointer data)
{
  static const struct
  {
    const char *name;
    const char *text; /* NULL to remove it, "" for that of the other generation */
    const char *problem;
  } cases[] = {
    { BREVET_IDENTITY_CERTIFICATE_NAME, NULL, "the record “aziot-dps-identity-cert” is missing" },
    { BREVET_IDENTITY_CERTIFICATE_NAME, "x", "the record “aziot-dps-identity-cert” is damaged" },
    { BREVET_IDENTITY_CERTIFICATE_NAME, "", "or is that of another generation" },
    { BREVET_IDENTITY_KEY_NAME, NULL, "the record “aziot-dps-identity-cert-key” is missing" },
    { BREVET_IDENTITY_KEY_NAME, "", "the record “aziot-dps-identity-cert-key” is damaged" },
    { "generation", NULL, "the record “generation” is missing" },
    { "generation", " ", "the member “format” of the record “generation” is missing" },
    { "generation", "{", "is not a JSON object" },
    { "generation", "{\"format\":\"1\"}", "“format” is not a whole number" },
    { "generation", "{\"format\":1}", "lacks “number”" },
    { "generation", "{\"format\":1,\"number\":7}", "lacks “inputDigest”" },
    { "generation", "{\"format\":1,\"number\":-7,\"inputDigest\":\"\"}", "“number” is not a whole number from 1 on" },
    { "generation", "{\"format\":1,\"number\":7,\"inputDigest\":{}}", "“inputDigest” must be" },
    { "generation", "", "is damaged, or is that of another generation" },
  };
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr(BrevetStoredIdentity) stored = NULL;
      g_autoptr(BrevetStoredIdentity) healed = NULL;
      g_autofree char *other = NULL;

      records_assert_done (records_switch_to (self, second, first, failure));
      other = records_read_raw (self, RECORDS_COLLECTION "-previous", cases[i].name);
      records_write_raw (self, RECORDS_COLLECTION, cases[i].name, g_strcmp0 (cases[i].text, "") == 0 ? other : cases[i].text);
      stored = records_load_afresh (self);
      g_assert_cmpuint (stored->problems->len, ==, 2);
      records_assert_problem (stored, 0, "The identity in use cannot be read back: ");
      records_assert_problem (stored, 0, cases[i].problem);
      records_assert_problem (stored, 1, "The previous identity is used again");
      records_assert_same (stored->current, first);
      g_assert_null (stored->previous);

      /* The next commit puts it where it belongs, and must not drop it before. */
      records_assert_done (records_update (self, NULL, TRUE, TRUE, failure));
      healed = records_load_whole (self);
      records_assert_same (healed->current, first);
      g_assert_null (healed->previous);
    }
}

static void
test_damage_without_previous (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) later = NULL;

  records_assert_done (records_switch_to (self, first, NULL, failure));
  records_write_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_KEY_NAME, NULL);
  stored = records_load_afresh (self);
  g_assert_null (stored->current);
  g_assert_cmpuint (stored->problems->len, ==, 1);

  records_assert_done (records_switch_to (self, first, NULL, failure));
  later = records_load_whole (self);
  records_assert_same (later->current, first);
}

/* Each record is whole, and of the same generation; yet they do not belong together. */
static void
test_mismatch (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetStoredIdentity) stored = NULL;

  brevet_key_unref (second->key);
  second->key = x509_make_key ();
  records_assert_done (records_switch_to (self, second, first, failure));
  stored = records_load_afresh (self);
  records_assert_problem (stored, 0, "for another key");
  records_assert_same (stored->current, first);
}

static void
test_damaged_rest (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) staged = records_make_staged (3);
  g_autoptr(BrevetStoredIdentity) stored = NULL;

  records_assert_done (records_switch_to (self, second, first, failure));
  records_assert_done (records_stage (self, staged, failure));
  records_write_raw (self, RECORDS_COLLECTION, BUNDLE, "-----BEGIN");
  records_write_raw (self, RECORDS_COLLECTION, "memory", "[]");
  records_write_raw (self, RECORDS_COLLECTION "-previous", "generation", "{}");
  records_write_raw (self, RECORDS_COLLECTION "-staged", "csr", "x");
  stored = records_load_afresh (self);
  g_assert_cmpuint (stored->problems->len, ==, 4);
  records_assert_problem (stored, 0, "The identity in use is without its trust bundle");
  records_assert_problem (stored, 1, "The previous identity cannot be read back");
  records_assert_problem (stored, 2, "The identity that is being asked for cannot be read back");
  records_assert_problem (stored, 3, "What the identity remembers");
  g_assert_cmpuint (stored->current->number, ==, 2);
  g_assert_null (stored->current->trust_bundle);
  g_assert_null (stored->current->trust_bundle_etag);
  g_assert_null (stored->previous);
  g_assert_null (stored->staged);
  g_assert_cmpuint (stored->memory->failures, ==, 0);
}

static void
damage_file (const char *path)
{
  FILE *file = fopen (path, "r+");

  g_assert_nonnull (file);
  g_assert_cmpint (fputc ('#', file), ==, '#');
  g_assert_cmpint (fclose (file), ==, 0);
}

/* Not through the store, but on its disk. */
static void
test_damaged_file (RecordsFixture *self, gconstpointer data)
{
  static const char *const names[] = { BREVET_IDENTITY_CERTIFICATE_NAME, BREVET_IDENTITY_KEY_NAME, "generation" };
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);

  if (!g_str_equal (data, "store-file"))
    {
      g_test_skip ("there is no file per record");
      return;
    }
  for (guint i = 0; i < 2 * G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = brevet_identity_records_locate (self->records, names[i / 2]);
      g_autoptr(BrevetStoredIdentity) stored = NULL;
      g_autoptr(BrevetStoredIdentity) healed = NULL;

      records_assert_done (records_switch_to (self, second, first, failure));
      if (i % 2 == 0)
        damage_file (path);
      else
        g_assert_cmpint (g_unlink (path), ==, 0);

      stored = records_load_afresh (self);
      records_assert_problem (stored, 0, names[i / 2]);
      records_assert_problem (stored, 1, "The identity in use cannot be read back: ");
      records_assert_same (stored->current, first);
      records_assert_done (records_update (self, NULL, TRUE, TRUE, failure));
      healed = records_load_whole (self);
      records_assert_same (healed->current, first);
    }
}

/* Somebody edits the trust bundle where it lies: that costs the edit, and nothing else. */
static void
test_edited_trust_bundle (RecordsFixture *self, gconstpointer data)
{
  static const char *const names[] = { BUNDLE, "memory" };
  g_autoptr(BrevetGeneration) only = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);

  if (!g_str_equal (data, "store-file"))
    {
      g_test_skip ("there is no file per record");
      return;
    }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = brevet_identity_records_locate (self->records, names[i]);
      g_autoptr(BrevetStoredIdentity) stored = NULL;
      g_autoptr(BrevetStoredIdentity) healed = NULL;

      records_assert_done (records_switch_to (self, only, NULL, failure));
      damage_file (path);
      stored = records_load_afresh (self);
      records_assert_problem (stored, 0, names[i]);
      g_assert_cmpstr (brevet_key_get_spki_sha256 (stored->current->key), ==, brevet_key_get_spki_sha256 (only->key));
      g_assert_true ((stored->current->trust_bundle != NULL) == (i == 1));
      records_assert_done (records_update (self, NULL, TRUE, FALSE, failure));
      healed = records_load_whole (self);
      records_assert_same (healed->current, stored->current);
    }
}

/* A downgrade must not cost a device its identity. */
static void
test_newer_format (RecordsFixture *self, gconstpointer data)
{
  static const char *const places[][2] = {
    { RECORDS_COLLECTION, "generation" }, { RECORDS_COLLECTION, "memory" }, { RECORDS_COLLECTION "-previous", "generation" },
    { RECORDS_COLLECTION "-staged", "generation" },
  };
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);

  for (guint i = 0; i < G_N_ELEMENTS (places); i++)
    {
      g_autoptr(GError) error = NULL;
      g_autoptr(GError) write_error = NULL;
      g_autofree char *kept = NULL;

      records_reopen (self, BUNDLE);
      records_assert_done (records_switch_to (self, first, first, failure));
      records_assert_done (records_stage (self, first, failure));
      records_write_raw (self, places[i][0], places[i][1], "{\"format\":3}");
      records_reopen (self, BUNDLE);
      g_assert_null (records_load (self, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
      g_test_message ("%s", error->message);
      g_assert_nonnull (strstr (error->message, "written by a newer brevet, in format 3"));

      g_assert_false (records_switch_to (self, first, NULL, &write_error));
      g_assert_error (write_error, BREVET_ERROR, BREVET_ERROR_CORRUPT);
      kept = records_read_raw (self, places[i][0], places[i][1]);
      g_assert_cmpstr (kept, ==, "{\"format\":3}");
    }
}

/* A commit that failed has moved nothing, so the next one still has to. */
static void
test_failing_repair (RecordsFixture *self, gconstpointer data)
{
  g_autoptr(BrevetGeneration) first = records_make_generation (self, 1, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) second = records_make_generation (self, 2, BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetGeneration) staged = records_make_staged (3);
  g_autoptr(BrevetStoredIdentity) stored = NULL;
  g_autoptr(BrevetStoredIdentity) healed = NULL;
  g_autoptr(GError) error = NULL;

  records_assert_done (records_switch_to (self, second, first, failure));
  records_write_raw (self, RECORDS_COLLECTION, BREVET_IDENTITY_KEY_NAME, "x");
  stored = records_load_afresh (self);
  records_assert_same (stored->current, first);
  failing_store_fail (self->store, TRUE);
  g_assert_false (records_update (self, NULL, TRUE, TRUE, &error));
  failing_store_fail (self->store, FALSE);
  records_assert_done (records_stage (self, staged, failure));
  healed = records_load_whole (self);
  records_assert_same (healed->current, first);
  records_assert_same (healed->staged, staged);
}

static const RecordsTest tests[] = {
  { "damaged-current", test_damaged_current },
  { "damage-without-previous", test_damage_without_previous },
  { "mismatch", test_mismatch },
  { "damaged-rest", test_damaged_rest },
  { "damaged-file", test_damaged_file },
  { "edited-trust-bundle", test_edited_trust_bundle },
  { "newer-format", test_newer_format },
  { "failing-repair", test_failing_repair },
};

/* Arguments: the storage plugins to try. */
int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  records_add_tests (argc, argv, tests, G_N_ELEMENTS (tests));
  return g_test_run ();
}
