/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "brevet-etag.h"
#include "brevet-identifier.h"
#include "wire-test.h"

static void
assert_valid (BrevetIdentifierKind kind, const char *identifier)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (brevet_identifier_check (kind, identifier, &error));
  g_assert_no_error (error);
}

static void
assert_invalid (BrevetIdentifierKind kind, const char *identifier)
{
  g_autoptr(GError) error = NULL;

  g_test_message ("%s", identifier);
  g_assert_false (brevet_identifier_check (kind, identifier, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
}

static void
test_registration_id (void)
{
  g_autofree char *longest = g_strnfill (128, 'a');
  g_autofree char *too_long = g_strnfill (129, 'a');
  static const char *const valid[] = { "a", "7", "pump-07", "A.b_c:d-", "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6" };
  static const char *const invalid[]
    = { "", "-a", ".a", ":a", "_a", "a.", "a_", "a:", "a b", "a/b", "a%41", "ä", "a\n", "a+b", "a@b" };

  for (gsize i = 0; i < G_N_ELEMENTS (valid); i++)
    {
      assert_valid (BREVET_IDENTIFIER_REGISTRATION_ID, valid[i]);
      assert_valid (BREVET_IDENTIFIER_ENROLLMENT_GROUP_ID, valid[i]);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (invalid); i++)
    assert_invalid (BREVET_IDENTIFIER_REGISTRATION_ID, invalid[i]);
  assert_valid (BREVET_IDENTIFIER_REGISTRATION_ID, longest);
  assert_invalid (BREVET_IDENTIFIER_REGISTRATION_ID, too_long);
}

static void
test_others (void)
{
  g_autofree char *long_scope = g_strnfill (65, 'a');

  assert_valid (BREVET_IDENTIFIER_NAME, "plant-ca");
  assert_invalid (BREVET_IDENTIFIER_NAME, "plant-");
  assert_invalid (BREVET_IDENTIFIER_NAME, "-plant");
  assert_valid (BREVET_IDENTIFIER_CERTIFICATE_NAME, "-Plant_root.2-");
  assert_invalid (BREVET_IDENTIFIER_CERTIFICATE_NAME, "plant:root");
  assert_invalid (BREVET_IDENTIFIER_CERTIFICATE_NAME, "..");
  assert_valid (BREVET_IDENTIFIER_DEVICE_ID, "$a+b@c'(d)!");
  assert_invalid (BREVET_IDENTIFIER_DEVICE_ID, "a b");
  assert_invalid (BREVET_IDENTIFIER_DEVICE_ID, "a/b");
  assert_valid (BREVET_IDENTIFIER_ID_SCOPE, "0ne000A1B2C");
  assert_invalid (BREVET_IDENTIFIER_ID_SCOPE, "0ne-1");
  assert_invalid (BREVET_IDENTIFIER_ID_SCOPE, long_scope);
}

/* A hostile id must not flood or break a log line. */
static void
test_message (void)
{
  g_autofree char *flood = g_strnfill (5000, 'x');
  g_autoptr(GError) error = NULL;

  g_assert_false (brevet_identifier_check (BREVET_IDENTIFIER_REGISTRATION_ID, flood, &error));
  g_assert_cmpuint (strlen (error->message), <, 400);
  g_clear_error (&error);
  g_assert_false (brevet_identifier_check (BREVET_IDENTIFIER_REGISTRATION_ID, "a\r\nINFO all is well", &error));
  g_assert_null (strchr (error->message, '\n'));
  assert_refused (&error, BREVET_ERROR_INVALID, "registration id");
}

static void
test_fold (void)
{
  g_autofree char *folded = brevet_identifier_fold ("Pump-07:X");

  g_assert_cmpstr (folded, ==, "pump-07:x");
  g_assert_true (brevet_identifier_equal ("PUMP-07", "pump-07"));
  g_assert_false (brevet_identifier_equal ("pump-07", "pump-08"));
}

static void
test_etag (void)
{
  static const char *const spellings[][2] = {
    { "*", "*" }, { "\"*\"", "*" }, { " * ", "*" }, { "0a01", "0a01" }, { "\"0a01\"", "0a01" }, { "\"\"0a01\"\"", "0a01" },
    { "W/\"0a01\"", "0a01" }, { "  W/\"0a01\" ", "0a01" }, { "\"\\\"0a01\\\"\"", "0a01" }, { "", "" }, { "\"", "" }, { "\"\"", "" },
  };
  g_autofree char *quoted = brevet_etag_quote ("0a01");

  g_assert_cmpstr (quoted, ==, "\"0a01\"");
  for (gsize i = 0; i < G_N_ELEMENTS (spellings); i++)
    {
      g_autofree char *bare = brevet_etag_normalise (spellings[i][0]);

      g_assert_cmpstr (bare, ==, spellings[i][1]);
    }
}

static void
test_etag_sendable (void)
{
  static const char *const bad[] = { "", "a b", "a\"b", "a\r\nX-Evil: 1", "\033[31m", "\303\274", "\177" };
  g_autofree char *longest = g_strnfill (256, 'e');
  g_autofree char *endless = g_strnfill (257, 'e');

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_false (brevet_etag_is_sendable (bad[i]));
  g_assert_false (brevet_etag_is_sendable (endless));
  g_assert_true (brevet_etag_is_sendable (longest));
  g_assert_true (brevet_etag_is_sendable ("83cffc296aec9cdc7f7388b5fc9b00c9"));
  g_assert_true (brevet_etag_is_sendable ("*"));
}

static void
test_etag_list (void)
{
  static const char *const matching[] = {
    "*", " * ", "\"0a01\"", "W/\"0a01\"", "0a01", "\"x\", \"0a01\"", "\"x\",W/\"0a01\"  ,\"y\"", ", ,\"0a01\"", "\"a,b\", \"0a01\"",
  };
  static const char *const others[] = { "", " ", ",", "\"x\"", "\"0a0\", \"0a012\"", "\"x,0a01\"", "W/", "\"*\"" };

  for (gsize i = 0; i < G_N_ELEMENTS (matching); i++)
    if (!brevet_etag_is_listed (matching[i], "0a01"))
      g_error ("“%s” does not match", matching[i]);
  for (gsize i = 0; i < G_N_ELEMENTS (others); i++)
    if (brevet_etag_is_listed (others[i], "0a01"))
      g_error ("“%s” matches", others[i]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/wire/identifier/registration-id", test_registration_id);
  g_test_add_func ("/wire/identifier/others", test_others);
  g_test_add_func ("/wire/identifier/message", test_message);
  g_test_add_func ("/wire/identifier/fold", test_fold);
  g_test_add_func ("/wire/identifier/etag", test_etag);
  g_test_add_func ("/wire/identifier/etag-sendable", test_etag_sendable);
  g_test_add_func ("/wire/identifier/etag-list", test_etag_list);
  return g_test_run ();
}
