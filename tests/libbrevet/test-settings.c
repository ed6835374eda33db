/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <brevet.h>
#include <glib/gstdio.h>
#include <string.h>

#define PLACE "/etc/brevet/dps.conf:12"

static BrevetSettings *
make (const char *key, const char *value)
{
  BrevetSettings *settings = brevet_settings_new ("ca", "factory", "/etc/brevet");

  brevet_settings_set (settings, key, value, PLACE);
  return settings;
}

static void
test_durations (void)
{
  static const struct { const char *text; gint64 seconds; } good[] = {
    { "30s", 30 }, { "45", 45 }, { "0", 0 }, { "5min", 300 }, { "5m", 300 }, { "12h", 43200 }, { "90d", 90 * 86400 },
    { "2w", 14 * 86400 }, { "1y", 365 * 86400 }, { "1h 30min", 5400 }, { " 1h30min ", 5400 }, { "1 h", 3600 },
    { "1d 12h 5s", 129605 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr(BrevetSettings) settings = make ("validity", good[i].text);
      g_autoptr(GError) error = NULL;
      gint64 seconds = -1;

      g_assert_true (brevet_settings_get_duration (settings, "validity", 7, 0, G_MAXINT64, &seconds, &error));
      g_assert_no_error (error);
      g_assert_cmpint (seconds, ==, good[i].seconds);
    }
}

static void
test_bad_durations (void)
{
  static const char *const bad[] = {
    "xyz", "", " ", "-5s", "+5s", "5x", "5 30", "1h 30", "1h h", "d", "1.5h", "99999999999999999999s", "9223372036854775807y",
    "1H", NULL,
  };

  for (gsize i = 0; bad[i] != NULL; i++)
    {
      g_autoptr(BrevetSettings) settings = make ("validity", bad[i]);
      g_autofree char *expected = g_strdup_printf (PLACE ": [ca factory] validity: “%s” is not a duration; write for example 90d",
                                                   bad[i]);
      g_autoptr(GError) error = NULL;
      gint64 seconds = 0;

      g_assert_false (brevet_settings_get_duration (settings, "validity", 0, 0, G_MAXINT64, &seconds, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_cmpstr (error->message, ==, expected);
    }
}

static void
test_duration_range (void)
{
  g_autoptr(BrevetSettings) settings = make ("validity", "3y");
  g_autoptr(GError) error = NULL;
  gint64 seconds = 0;

  g_assert_false (brevet_settings_get_duration (settings, "validity", 0, 5400, 730 * 86400, &seconds, &error));
  g_assert_cmpstr (error->message, ==, PLACE ": [ca factory] validity: “3y” is out of range; write a duration from 90min to 2y");
  g_assert_true (brevet_settings_get_duration (settings, "absent", 77, 5400, 730 * 86400, &seconds, NULL));
  g_assert_cmpint (seconds, ==, 77);
}

static void
test_integers (void)
{
  static const char *const bad[] = { "", "x", "0", "65536", "1.5", "0x10", "-1", "8443 x", NULL };
  g_autoptr(BrevetSettings) good = make ("port", " 8443 ");
  gint64 value = 0;

  g_assert_true (brevet_settings_get_int (good, "port", 1, 1, 65535, &value, NULL));
  g_assert_cmpint (value, ==, 8443);
  g_assert_true (brevet_settings_get_int (good, "absent", 443, 1, 65535, &value, NULL));
  g_assert_cmpint (value, ==, 443);

  for (gsize i = 0; bad[i] != NULL; i++)
    {
      g_autoptr(BrevetSettings) settings = make ("port", bad[i]);
      g_autofree char *expected = g_strdup_printf (PLACE ": [ca factory] port: “%s” is not a whole number from 1 to 65535", bad[i]);
      g_autoptr(GError) error = NULL;

      g_assert_false (brevet_settings_get_int (settings, "port", 1, 1, 65535, &value, &error));
      g_assert_cmpstr (error->message, ==, expected);
    }
}

static void
test_booleans (void)
{
  static const struct { const char *text; gboolean value; } good[] = {
    { "true", TRUE }, { "yes", TRUE }, { "on", TRUE }, { "1", TRUE }, { "false", FALSE },
    { "no", FALSE }, { "off", FALSE }, { "0", FALSE },
  };
  g_autoptr(BrevetSettings) bad = make ("strict", "maybe");
  g_autoptr(GError) error = NULL;
  gboolean value = FALSE;

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr(BrevetSettings) settings = make ("strict", good[i].text);

      value = !good[i].value;
      g_assert_true (brevet_settings_get_boolean (settings, "strict", !good[i].value, &value, NULL));
      g_assert_cmpint (value, ==, good[i].value);
    }
  g_assert_true (brevet_settings_get_boolean (bad, "absent", TRUE, &value, NULL));
  g_assert_true (value);
  g_assert_false (brevet_settings_get_boolean (bad, "strict", TRUE, &value, &error));
  g_assert_cmpstr (error->message, ==, PLACE ": [ca factory] strict: “maybe” is neither true nor false; write “true” or “false”");
}

static void
test_texts (void)
{
  g_autoptr(BrevetSettings) settings = make ("hosts", " a; b,,c ;");
  g_auto(GStrv) hosts = brevet_settings_get_strings (settings, "hosts");
  g_auto(GStrv) none = brevet_settings_get_strings (settings, "absent");
  g_autoptr(GError) missing = NULL;
  g_autoptr(GError) empty = NULL;
  static const char *const expected[] = { "a", "b", "c", NULL };

  g_assert_cmpstrv (hosts, (char **) expected);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  g_assert_cmpstr (brevet_settings_get_string (settings, "absent", "fallback"), ==, "fallback");
  g_assert_null (brevet_settings_require_string (settings, "type", &missing));
  g_assert_cmpstr (missing->message, ==, "[ca factory] type: this key is missing; add “type=…”");

  brevet_settings_set (settings, "type", "", PLACE);
  g_assert_null (brevet_settings_require_string (settings, "type", &empty));
  g_assert_cmpstr (empty->message, ==, PLACE ": [ca factory] type: the value is empty; write “type=…”");
}

static void
test_paths (void)
{
  g_autoptr(BrevetSettings) settings = make ("certificate", "ca/../issuing.pem");
  g_autofree char *relative = brevet_settings_get_path (settings, "certificate");
  g_autofree char *absolute = NULL;
  g_autofree char *absent = brevet_settings_get_path (settings, "absent");

  g_assert_cmpstr (relative, ==, "/etc/brevet/issuing.pem");
  g_assert_null (absent);
  brevet_settings_set (settings, "certificate", "/srv/a.pem", NULL);
  absolute = brevet_settings_get_path (settings, "certificate");
  g_assert_cmpstr (absolute, ==, "/srv/a.pem");
}

static void
test_replace (void)
{
  g_autoptr(BrevetSettings) settings = make ("type", "local");
  g_autoptr(GError) error = NULL;

  brevet_settings_set (settings, "type", "digicert", "/etc/brevet/dps.conf.d/10.conf:3");
  g_assert_cmpstr (brevet_settings_get_string (settings, "type", NULL), ==, "digicert");
  error = brevet_settings_error (settings, "type", "there is no “%s”", "digicert");
  g_assert_cmpstr (error->message, ==, "/etc/brevet/dps.conf.d/10.conf:3: [ca factory] type: there is no “digicert”");
}

static void
test_unused (void)
{
  g_autoptr(BrevetSettings) settings = make ("type", "local");
  g_autoptr(GPtrArray) unused = NULL;

  brevet_settings_set (settings, "valdity", "90d", "/etc/brevet/dps.conf:13");
  brevet_settings_set (settings, "key", "x", NULL);
  brevet_settings_set (settings, "mode", "x", NULL);
  brevet_settings_get_string (settings, "type", NULL);
  g_assert_true (brevet_settings_has (settings, "mode"));
  unused = brevet_settings_list_unused (settings);
  g_assert_cmpuint (unused->len, ==, 2);
  g_assert_cmpstr (g_ptr_array_index (unused, 0), ==, "/etc/brevet/dps.conf:13: [ca factory] valdity");
  g_assert_cmpstr (g_ptr_array_index (unused, 1), ==, "[ca factory] key");
}

static void
assert_secret (BrevetSettings *settings, const char *expected)
{
  g_autoptr(BrevetSecret) secret = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (brevet_settings_get_secret (settings, "api-key", &secret, &error));
  g_assert_no_error (error);
  g_assert_cmpstr ((const char *) brevet_secret_get_data (secret, NULL), ==, expected);
}

static void
test_secrets (void)
{
  g_autofree char *directory = g_dir_make_tmp ("brevet-settings-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "cred", NULL);
  g_autoptr(BrevetSettings) settings = make ("api-key", "from the file itself");
  g_autoptr(BrevetSecret) none = NULL;
  BrevetSecret *unset = NULL;
  g_autoptr(GError) error = NULL;

  g_assert_true (brevet_settings_get_secret (settings, "other", &none, &error));
  g_assert_null (none);
  assert_secret (settings, "from the file itself");

  g_assert_true (g_file_set_contents (path, "from a credential\n", -1, NULL));
  brevet_settings_set (settings, "api-key-credential", "cred", PLACE);
  g_unsetenv ("CREDENTIALS_DIRECTORY");
  g_assert_false (brevet_settings_get_secret (settings, "api-key", &unset, &error));
  g_assert_nonnull (strstr (error->message, PLACE ": [ca factory] api-key-credential: there are no credentials"));
  g_setenv ("CREDENTIALS_DIRECTORY", directory, TRUE);
  assert_secret (settings, "from a credential");

  g_assert_true (g_file_set_contents (path, "from a named file", -1, NULL));
  brevet_settings_set (settings, "api-key-file", path, PLACE);
  assert_secret (settings, "from a named file");
  g_unlink (path);
  g_rmdir (directory);
}

static void
test_bad_secrets (void)
{
  g_autoptr(BrevetSettings) settings = make ("pin-file", "missing.pin");
  g_autoptr(BrevetSettings) outside = make ("pin-credential", "../pin");
  BrevetSecret *secret = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) outside_error = NULL;

  brevet_settings_set (settings, "pin", "123456", NULL);
  g_assert_false (brevet_settings_get_secret (settings, "pin", &secret, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_cmpstr (error->message, ==, PLACE ": [ca factory] pin-file: Could not read the secret in /etc/brevet/missing.pin: "
                   "No such file or directory");
  g_setenv ("CREDENTIALS_DIRECTORY", "/etc", TRUE);
  g_assert_false (brevet_settings_get_secret (outside, "pin", &secret, &outside_error));
  g_assert_nonnull (strstr (outside_error->message, "“../pin” is not the name of a credential"));
}

/* Whoever pastes the key itself where its file belongs must not find it in a log. */
static void
test_pasted_secrets (void)
{
  static const char *const keys[] = { "pin-file", "pin-credential" };
  static const char *const values[] = {
    "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw==", "c2Vj/mV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlYw==",
  };

  for (guint i = 0; i < G_N_ELEMENTS (keys) * G_N_ELEMENTS (values); i++)
    {
      const char *value = values[i % 2];
      g_autoptr(BrevetSettings) settings = make (keys[i / 2], value);
      BrevetSecret *secret = NULL;
      g_autoptr(GError) error = NULL;

      g_unsetenv ("CREDENTIALS_DIRECTORY");
      g_assert_false (brevet_settings_get_secret (settings, "pin", &secret, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_null (strstr (error->message, value));
      g_assert_nonnull (strstr (error->message, "looks like a key itself"));
    }
}

static char *
digest_of (BrevetSettings *settings, const char *const *keys)
{
  g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr(GError) error = NULL;

  g_assert_true (brevet_settings_digest (settings, keys, checksum, &error));
  g_assert_no_error (error);
  return g_strdup (g_checksum_get_string (checksum));
}

static void
assert_digests (BrevetSettings *a, BrevetSettings *b, const char *const *keys, gboolean equal)
{
  g_autofree char *mine = digest_of (a, keys);
  g_autofree char *theirs = digest_of (b, keys);

  g_assert_true (g_str_equal (mine, theirs) == equal);
}

static void
test_digest (void)
{
  static const char *const some[] = { "host", "port", NULL };
  g_autoptr(BrevetSettings) a = brevet_settings_new ("ca", "factory", NULL);
  g_autoptr(BrevetSettings) b = brevet_settings_new ("ca", "another", NULL);
  g_autoptr(BrevetSettings) split = brevet_settings_new ("ca", NULL, NULL);
  g_autoptr(BrevetSettings) joined = brevet_settings_new ("ca", NULL, NULL);
  g_autoptr(BrevetSettings) other_kind = brevet_settings_new ("store", "factory", NULL);
  g_autoptr(GPtrArray) unused = NULL;

  brevet_settings_set (a, "host", "h", "one:1");
  brevet_settings_set (a, "user", "u", NULL);
  brevet_settings_set (b, "user", "u", NULL);
  brevet_settings_set (b, "host", "h", "two:2");
  brevet_settings_set (other_kind, "host", "h", NULL);
  assert_digests (a, b, NULL, TRUE);
  assert_digests (a, b, some, TRUE);
  assert_digests (a, other_kind, some, FALSE);

  brevet_settings_set (b, "user", "v", NULL);
  assert_digests (a, b, NULL, FALSE);
  assert_digests (a, b, some, TRUE);
  brevet_settings_set (b, "port", "1", NULL);
  assert_digests (a, b, some, FALSE);
  unused = brevet_settings_list_unused (b);
  g_assert_cmpuint (unused->len, ==, 3);

  brevet_settings_set (split, "a", "b", NULL);
  brevet_settings_set (split, "c", "d", NULL);
  brevet_settings_set (joined, "a", "bcd", NULL);
  assert_digests (split, joined, NULL, FALSE);
}

/* Two groups in one digest: a key that moves from one to the other counts. */
static void
test_digest_of_groups (void)
{
  g_autoptr(BrevetSettings) full = make ("key", "value");
  g_autoptr(BrevetSettings) empty = brevet_settings_new ("ca", NULL, NULL);
  g_autoptr(GChecksum) one = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr(GChecksum) two = g_checksum_new (G_CHECKSUM_SHA256);

  g_assert_true (brevet_settings_digest (full, NULL, one, NULL) && brevet_settings_digest (empty, NULL, one, NULL));
  g_assert_true (brevet_settings_digest (empty, NULL, two, NULL) && brevet_settings_digest (full, NULL, two, NULL));
  g_assert_cmpstr (g_checksum_get_string (one), !=, g_checksum_get_string (two));
}

static void
test_digest_of_content (void)
{
  static const char *const keys[] = { "key-file", "key-credential" };
  g_autofree char *directory = g_dir_make_tmp ("brevet-settings-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "secret", NULL);

  g_setenv ("CREDENTIALS_DIRECTORY", directory, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr(BrevetSettings) settings = brevet_settings_new ("attestation", "main", directory);
      g_autoptr(GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
      g_autofree char *before = NULL;
      g_autofree char *again = NULL;
      g_autofree char *after = NULL;
      g_autoptr(GError) error = NULL;

      brevet_settings_set (settings, keys[i], "secret", PLACE);
      g_assert_true (g_file_set_contents (path, "one", -1, NULL));
      before = digest_of (settings, NULL);
      again = digest_of (settings, NULL);
      g_assert_cmpstr (again, ==, before);
      g_assert_true (g_file_set_contents (path, "two", -1, NULL));
      after = digest_of (settings, NULL);
      g_assert_cmpstr (after, !=, before);

      g_unlink (path);
      g_assert_false (brevet_settings_digest (settings, NULL, checksum, &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_true (g_str_has_prefix (error->message, PLACE ": [attestation main] "));
      g_assert_nonnull (strstr (error->message, path));
    }
  g_rmdir (directory);
}

static void
test_duration_functions (void)
{
  g_autofree char *text = brevet_duration_format (5400);
  gint64 seconds = 7;

  g_assert_cmpstr (text, ==, "90min");
  g_assert_true (brevet_duration_parse ("90min", &seconds));
  g_assert_cmpint (seconds, ==, 5400);
  g_assert_false (brevet_duration_parse ("90x", &seconds));
  g_assert_cmpint (seconds, ==, 5400);
}

/* What is copied keeps its place in the file; what was asked for as a secret is known as one; looking around asks for nothing. */
static void
test_copy (void)
{
  static const char text[] = "[plugin ca-x]\nendpoint=https://x\napi-key=0123456789\n";
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "dps.conf", "/base", &error);
  BrevetSettings *group = brevet_config_get_group (config, "plugin", "ca-x");
  g_autoptr(BrevetSettings) copy = brevet_settings_copy (group, "ca", "plant");
  g_autoptr(GPtrArray) keys = brevet_settings_list_keys (copy);
  g_autoptr(GPtrArray) unused = NULL;
  g_autoptr(BrevetSecret) secret = NULL;
  g_autoptr(GError) complaint = brevet_settings_error (copy, "endpoint", "no");

  g_assert_cmpstr (complaint->message, ==, "dps.conf:2: [ca plant] endpoint: no");
  g_assert_cmpstr (brevet_settings_get_base_directory (copy), ==, "/base");
  g_assert_cmpuint (keys->len, ==, 2);
  g_assert_cmpstr (brevet_settings_peek (copy, "endpoint"), ==, "https://x");
  g_assert_null (brevet_settings_peek (copy, "absent"));
  unused = brevet_settings_list_unused (copy);
  g_assert_cmpuint (unused->len, ==, 2);

  g_assert_false (brevet_settings_is_secret (copy, "api-key"));
  g_assert_true (brevet_settings_get_secret (copy, "api-key", &secret, &error));
  g_assert_true (brevet_settings_is_secret (copy, "api-key"));
  g_assert_false (brevet_settings_is_secret (copy, "endpoint"));
  g_assert_false (brevet_settings_is_secret (group, "api-key"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/settings/durations", test_durations);
  g_test_add_func ("/settings/bad-durations", test_bad_durations);
  g_test_add_func ("/settings/duration-range", test_duration_range);
  g_test_add_func ("/settings/integers", test_integers);
  g_test_add_func ("/settings/booleans", test_booleans);
  g_test_add_func ("/settings/texts", test_texts);
  g_test_add_func ("/settings/paths", test_paths);
  g_test_add_func ("/settings/replace", test_replace);
  g_test_add_func ("/settings/unused", test_unused);
  g_test_add_func ("/settings/secrets", test_secrets);
  g_test_add_func ("/settings/bad-secrets", test_bad_secrets);
  g_test_add_func ("/settings/pasted-secrets", test_pasted_secrets);
  g_test_add_func ("/settings/digest", test_digest);
  g_test_add_func ("/settings/digest-of-groups", test_digest_of_groups);
  g_test_add_func ("/settings/digest-of-content", test_digest_of_content);
  g_test_add_func ("/settings/copy", test_copy);
  g_test_add_func ("/settings/duration-functions", test_duration_functions);
  return g_test_run ();
}
