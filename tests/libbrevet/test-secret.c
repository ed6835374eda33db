/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <brevet.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void
assert_secret (BrevetSecret *secret, const char *expected, gsize expected_length)
{
  gsize length = 0;
  const guint8 *data = brevet_secret_get_data (secret, &length);

  g_assert_cmpmem (data, length, expected, expected_length);
  g_assert_cmpuint (data[length], ==, 0);
}

static void
test_base64 (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetSecret) two = brevet_secret_new_from_base64 (" \tAP8=\n", &error);
  g_autoptr(BrevetSecret) one = brevet_secret_new_from_base64 ("/w==", &error);
  g_autoptr(BrevetSecret) three = brevet_secret_new_from_base64 ("YWJj", &error);
  char *text = brevet_secret_to_base64 (two);

  assert_secret (two, "\x00\xff", 2);
  assert_secret (one, "\xff", 1);
  assert_secret (three, "abc", 3);
  g_assert_cmpstr (text, ==, "AP8=");
  brevet_secret_free_text (text);
  brevet_secret_free_text (NULL);
}

static void
test_bad_base64 (void)
{
  static const char *const bad[] = {
    "", "  ", "c2VjcmV0QUJDREVGR0g", "AP8", "A===", "====", "AP8-", "AP_8", "AP 8", "AP8=AP8=", "äAA", NULL,
  };

  for (gsize i = 0; bad[i] != NULL; i++)
    {
      g_autoptr(GError) error = NULL;

      g_assert_null (brevet_secret_new_from_base64 (bad[i], &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      if (strlen (bad[i]) > 4)
        g_assert_null (strstr (error->message, bad[i]));
    }
}

/* Lengths around the size of a slot and a page. */
static void
test_lengths (void)
{
  static const gsize lengths[] = { 0, 1, 32, 254, 255, 256, 257, 4095, 4096, 100000 };

  for (gsize i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      g_autofree char *data = g_strnfill (lengths[i], 'x');
      g_autoptr(BrevetSecret) secret = brevet_secret_new (data, lengths[i]);
      g_autoptr(BrevetSecret) again = brevet_secret_ref (secret);

      assert_secret (again, data, lengths[i]);
    }
}

static void
test_many (void)
{
  g_autoptr(GPtrArray) secrets = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_secret_unref);

  for (guint32 i = 0; i < 1000; i++)
    g_ptr_array_add (secrets, brevet_secret_new (&i, sizeof i));
  for (guint32 i = 0; i < 1000; i++)
    assert_secret (g_ptr_array_index (secrets, i), (const char *) &i, sizeof i);
}

static void
test_wiped (void)
{
  BrevetSecret *secret = brevet_secret_new ("very secret", 11);
  const guint8 *data = brevet_secret_get_data (secret, NULL);

  brevet_secret_unref (secret);
  /* The slot stays mapped; its first bytes link it to other free slots. */
  g_assert_null (strstr ((const char *) data + sizeof (gpointer), "ret"));
}

static void
test_equal (void)
{
  g_autoptr(BrevetSecret) a = brevet_secret_new ("abc", 3);
  g_autoptr(BrevetSecret) b = brevet_secret_new ("abc", 3);
  g_autoptr(BrevetSecret) c = brevet_secret_new ("abd", 3);
  g_autoptr(BrevetSecret) d = brevet_secret_new ("ab", 2);

  g_assert_true (brevet_secret_equal (a, b));
  g_assert_false (brevet_secret_equal (a, c));
  g_assert_false (brevet_secret_equal (a, d));
}

static void
test_random (void)
{
  g_autoptr(BrevetSecret) a = brevet_secret_new_random (32);
  g_autoptr(BrevetSecret) b = brevet_secret_new_random (32);
  gsize length = 0;

  brevet_secret_get_data (a, &length);
  g_assert_cmpuint (length, ==, 32);
  g_assert_false (brevet_secret_equal (a, b));
}

static BrevetSecret *
read_back (const char *contents, gssize length, GError **error)
{
  g_autofree char *directory = g_dir_make_tmp ("brevet-secret-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "key", NULL);
  BrevetSecret *secret = NULL;

  g_assert_true (g_file_set_contents (path, contents, length, NULL));
  secret = brevet_secret_new_from_file (path, error);
  if (secret == NULL)
    {
      g_assert_error (*error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_assert_nonnull (strstr ((*error)->message, path));
    }
  g_unlink (path);
  g_rmdir (directory);
  return secret;
}

static void
test_file (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetSecret) plain = read_back ("abc", -1, &error);
  g_autoptr(BrevetSecret) unix_end = read_back ("abc\n", -1, &error);
  g_autoptr(BrevetSecret) dos_end = read_back ("abc\r\n", -1, &error);
  g_autoptr(BrevetSecret) two_ends = read_back ("abc\n\n", -1, &error);
  g_autoptr(BrevetSecret) binary = read_back ("a\0c", 3, &error);

  assert_secret (plain, "abc", 3);
  assert_secret (unix_end, "abc", 3);
  assert_secret (dos_end, "abc", 3);
  assert_secret (two_ends, "abc\n", 4);
  assert_secret (binary, "a\0c", 3);
}

static void
test_bad_file (void)
{
  g_autofree char *most = g_strnfill (64 * 1024, 'x');
  g_autofree char *too_much = g_strnfill (64 * 1024 + 1, 'x');
  g_autoptr(BrevetSecret) longest = read_back (most, -1, NULL);
  g_autoptr(GError) empty = NULL;
  g_autoptr(GError) too_long = NULL;
  g_autoptr(GError) missing = NULL;
  g_autoptr(GError) directory = NULL;

  g_assert_nonnull (longest);
  g_assert_null (read_back ("\n", -1, &empty));
  g_assert_nonnull (strstr (empty->message, "is empty"));
  g_assert_null (read_back (too_much, -1, &too_long));
  g_assert_nonnull (strstr (too_long->message, "65536"));
  g_assert_null (brevet_secret_new_from_file ("/nonexistent/key", &missing));
  g_assert_error (missing, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_cmpstr (missing->message, ==, "Could not read the secret in /nonexistent/key: No such file or directory");
  g_assert_null (brevet_secret_new_from_file ("/", &directory));
  g_assert_error (directory, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
}

/* Opening it would wait for somebody who writes into it. */
static void
test_pipe (void)
{
  g_autofree char *directory = g_dir_make_tmp ("brevet-secret-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "pipe", NULL);
  g_autoptr(GError) error = NULL;

  g_assert_cmpint (mkfifo (path, 0600), ==, 0);
  g_assert_null (brevet_secret_new_from_file (path, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "it is a pipe; name a file"));
  unlink (path);
  rmdir (directory);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/secret/base64", test_base64);
  g_test_add_func ("/secret/bad-base64", test_bad_base64);
  g_test_add_func ("/secret/lengths", test_lengths);
  g_test_add_func ("/secret/many", test_many);
  g_test_add_func ("/secret/wiped", test_wiped);
  g_test_add_func ("/secret/equal", test_equal);
  g_test_add_func ("/secret/random", test_random);
  g_test_add_func ("/secret/file", test_file);
  g_test_add_func ("/secret/bad-file", test_bad_file);
  g_test_add_func ("/secret/pipe", test_pipe);
  return g_test_run ();
}
