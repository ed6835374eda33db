/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Secrets at rest: sealed for one place, with a key that is made once, looked after, and never replaced. */

#include "brevet-error.h"
#include "secret-seal.h"
#include "test-scratch.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#define ONE   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OTHER "//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA="

typedef struct {
  char *directory;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer data)
{
  fixture->directory = test_scratch_new ();
  g_setenv ("STATE_DIRECTORY", fixture->directory, TRUE);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  g_unsetenv ("STATE_DIRECTORY");
  test_scratch_remove (fixture->directory);
  g_free (fixture->directory);
}

static BrevetSecretSeal *
make_seal (Fixture *fixture, const char *text, GError **error)
{
  g_autoptr(BrevetConfig) config = brevet_config_new_from_text (text, "dps.conf", fixture->directory, NULL);

  return brevet_secret_seal_new (config, error);
}

static void
write_file (Fixture *fixture, const char *name, const char *text, int mode)
{
  g_autofree char *path = g_build_filename (fixture->directory, name, NULL);

  g_assert_true (g_file_set_contents (path, text, -1, NULL));
  g_assert_cmpint (g_chmod (path, mode), ==, 0);
}

static char *
close_text (BrevetSecretSeal *seal, const char *place, const char *text)
{
  g_autoptr(BrevetSecret) secret = brevet_secret_new (text, strlen (text));
  g_autoptr(GError) error = NULL;
  char *sealed = brevet_secret_seal_close (seal, place, secret, &error);

  g_assert_no_error (error);
  g_assert_true (*text == '\0' || strstr (sealed, text) == NULL);
  return sealed;
}

static void
assert_opens (BrevetSecretSeal *seal, const char *place, const char *sealed, const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetSecret) secret = brevet_secret_seal_open (seal, place, sealed, &error);

  g_assert_no_error (error);
  g_assert_cmpstr ((const char *) brevet_secret_get_data (secret, NULL), ==, text);
}

static void
assert_stays_shut (BrevetSecretSeal *seal, const char *place, const char *sealed, int code)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetSecret) secret = brevet_secret_seal_open (seal, place, sealed, &error);

  g_assert_null (secret);
  g_assert_error (error, BREVET_ERROR, code);
}

/* The key is made at first need, for the owner alone, and found again. */
static void
test_first_need (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->directory, "secrets.key", NULL);
  g_autoptr(BrevetSecretSeal) seal = make_seal (fixture, "", NULL);
  g_autoptr(BrevetSecretSeal) beside = make_seal (fixture, "", NULL);
  g_autoptr(BrevetSecretSeal) later = NULL;
  g_autofree char *sealed = NULL, *again = NULL, *of_beside = NULL;
  struct stat status;
  umask (0);

  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  sealed = close_text (seal, "a/b", "0123456789");
  g_assert_cmpint (g_stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);
  again = close_text (seal, "a/b", "0123456789");
  g_assert_cmpstr (sealed, !=, again);

  /* Another process that found none when it began takes the same. */
  of_beside = close_text (beside, "a/b", "9876543210");
  assert_opens (seal, "a/b", of_beside, "9876543210");
  later = make_seal (fixture, "", NULL);
  assert_opens (later, "a/b", sealed, "0123456789");
  assert_opens (later, "a/b", again, "0123456789");
}

static void
test_place (Fixture *fixture, gconstpointer data)
{
  g_autoptr(BrevetSecretSeal) seal = make_seal (fixture, "", NULL);
  g_autofree char *sealed = close_text (seal, "certificate-authorities/one/apiKey", "0123456789");
  g_autofree char *empty = close_text (seal, "x", "");

  assert_opens (seal, "x", empty, "");
  assert_stays_shut (seal, "certificate-authorities/two/apiKey", sealed, BREVET_ERROR_CORRUPT);
  for (gsize i = 0; i < strlen (sealed); i += 3)
    {
      g_autofree char *damaged = g_strdup (sealed);
      g_autofree char *cut = g_strndup (sealed, i);

      damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
      g_assert_null (brevet_secret_seal_open (seal, "certificate-authorities/one/apiKey", damaged, NULL));
      g_assert_null (brevet_secret_seal_open (seal, "certificate-authorities/one/apiKey", cut, NULL));
    }
  assert_stays_shut (seal, "x", "", BREVET_ERROR_CORRUPT);
  assert_stays_shut (seal, "x", "0123456789", BREVET_ERROR_CORRUPT);
}

/* The first of several keys seals, each opens: so they are exchanged. */
static void
test_rotation (Fixture *fixture, gconstpointer data)
{
  static const char config[] = "[service]\nsecrets-key-file=k\n";
  g_autoptr(BrevetSecretSeal) before = NULL, between = NULL, after = NULL;
  g_autofree char *sealed = NULL, *renewed = NULL;

  write_file (fixture, "k", ONE "\n", 0600);
  before = make_seal (fixture, config, NULL);
  sealed = close_text (before, "p", "0123456789");
  write_file (fixture, "k", OTHER "\r\n\n" ONE, 0640);
  between = make_seal (fixture, config, NULL);
  assert_opens (between, "p", sealed, "0123456789");
  g_assert_false (brevet_secret_seal_is_current (between, sealed));
  renewed = close_text (between, "p", "0123456789");
  g_assert_true (brevet_secret_seal_is_current (between, renewed));

  write_file (fixture, "k", OTHER "\n", 0600);
  after = make_seal (fixture, config, NULL);
  assert_opens (after, "p", renewed, "0123456789");
  g_assert_false (brevet_secret_seal_can_open (after, sealed));
  assert_stays_shut (after, "p", sealed, BREVET_ERROR_NOT_CONFIGURED);
}

static void
test_bad_files (Fixture *fixture, gconstpointer data)
{
  static const struct {
    const char *text;
    int mode;
    const char *words;
  } mistakes[] = {
    { ONE "\n", 0644, "chmod 0600" },
    { ONE "\n", 0620, "chmod 0600" },
    { "", 0600, "" },
    { "\n\n", 0600, "no key" },
    { ONE "\nAAECAwQFBgcICQ==\n", 0600, "line 2" },
    { "no base64 at all\n", 0600, "line 1" },
  };
  g_autoptr(GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    {
      write_file (fixture, "k", mistakes[i].text, mistakes[i].mode);
      g_assert_null (make_seal (fixture, "[service]\nsecrets-key-file=k\n", &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      if (strstr (error->message, mistakes[i].words) == NULL || strstr (error->message, ONE) != NULL)
        g_error ("%s", error->message);
      g_clear_error (&error);
      write_file (fixture, "secrets.key", mistakes[i].text, mistakes[i].mode);
      g_assert_null (make_seal (fixture, "", &error));
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
      g_clear_error (&error);
    }
  g_assert_null (make_seal (fixture, "[service]\nsecrets-key-file=absent\n", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
}

/* Nowhere to keep it, no room, or not allowed: then nothing is sealed, and nothing is left behind. */
static void
test_no_key (Fixture *fixture, gconstpointer data)
{
  g_autofree char *file = g_build_filename (fixture->directory, "file", NULL);
  g_autofree char *below = g_build_filename (file, "directory", NULL);
  g_autoptr(BrevetSecret) secret = brevet_secret_new ("0123456789", 10);
  g_autoptr(BrevetSecretSeal) seal = make_seal (fixture, "", NULL);
  g_autoptr(BrevetSecretSeal) nowhere = NULL, unreachable = NULL, beside_store = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GDir) directory = NULL;
  g_autofree char *sealed = NULL, *made = NULL;

  brevet_secret_seal_forbid_key (seal, "the old one is missed");
  g_assert_null (brevet_secret_seal_close (seal, "p", secret, &error));
  g_assert_nonnull (strstr (error->message, "the old one is missed"));
  g_assert_nonnull (strstr (error->message, "secrets.key"));
  g_clear_error (&error);

  g_setenv ("STATE_DIRECTORY", below, TRUE);
  unreachable = make_seal (fixture, "", NULL);
  g_assert_null (brevet_secret_seal_close (unreachable, "p", secret, &error));
  g_assert_nonnull (strstr (error->message, "secrets.key"));
  g_clear_error (&error);

  g_unsetenv ("STATE_DIRECTORY");
  nowhere = make_seal (fixture, "", NULL);
  g_assert_null (brevet_secret_seal_close (nowhere, "p", secret, &error));
  g_assert_nonnull (strstr (error->message, "secrets-key-file"));
  directory = g_dir_open (fixture->directory, 0, NULL);
  g_assert_null (g_dir_read_name (directory));

  beside_store = make_seal (fixture, "[store main]\nfile=store.db\n", NULL);
  sealed = close_text (beside_store, "p", "0123456789");
  made = g_build_filename (fixture->directory, "secrets.key", NULL);
  g_assert_true (g_file_test (made, G_FILE_TEST_EXISTS));
}

/* A file that a running service misses is written again, with the same keys; nothing that somebody has put there is touched. */
static void
test_looked_after (Fixture *fixture, gconstpointer data)
{
  g_autofree char *path = g_build_filename (fixture->directory, "secrets.key", NULL);
  g_autofree char *named = g_build_filename (fixture->directory, "k", NULL);
  g_autoptr(BrevetSecretSeal) seal = NULL, of_operator = NULL, unused = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree char *again = NULL, *other = NULL;
  gboolean restored = TRUE;
  struct stat status;

  unused = make_seal (fixture, "", NULL);
  g_assert_true (brevet_secret_seal_look_after (unused, &restored, &error));
  g_assert_false (restored || g_file_test (path, G_FILE_TEST_EXISTS));

  write_file (fixture, "secrets.key", ONE "\n" OTHER "\n", 0600);
  seal = make_seal (fixture, "", NULL);
  g_assert_true (brevet_secret_seal_look_after (seal, &restored, &error));
  g_assert_false (restored);
  g_assert_cmpint (g_unlink (path), ==, 0);
  g_assert_true (brevet_secret_seal_look_after (seal, &restored, &error));
  g_assert_true (restored);
  g_assert_true (g_file_get_contents (path, &again, NULL, NULL));
  g_assert_cmpstr (again, ==, ONE "\n" OTHER "\n");
  g_assert_cmpint (g_stat (path, &status), ==, 0);
  g_assert_cmpint (status.st_mode & 0777, ==, 0600);

  write_file (fixture, "secrets.key", OTHER "\n", 0600);
  g_assert_false (brevet_secret_seal_look_after (seal, &restored, &error));
  g_assert_nonnull (strstr (error->message, "put it back"));
  g_clear_error (&error);
  g_assert_true (g_file_get_contents (path, &other, NULL, NULL));
  g_assert_cmpstr (other, ==, OTHER "\n");

  write_file (fixture, "k", ONE "\n", 0600);
  of_operator = make_seal (fixture, "[service]\nsecrets-key-file=k\n", NULL);
  g_assert_cmpint (g_unlink (named), ==, 0);
  g_assert_false (brevet_secret_seal_look_after (of_operator, &restored, &error));
  g_assert_false (restored || g_file_test (named, G_FILE_TEST_EXISTS));
  g_clear_error (&error);
  g_assert_cmpint (g_mkdir (named, 0700), ==, 0);
  g_assert_false (brevet_secret_seal_look_after (of_operator, &restored, &error));
  g_assert_nonnull (strstr (error->message, "is a directory"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/secret-seal/first-need", Fixture, NULL, set_up, test_first_need, tear_down);
  g_test_add ("/secret-seal/place", Fixture, NULL, set_up, test_place, tear_down);
  g_test_add ("/secret-seal/rotation", Fixture, NULL, set_up, test_rotation, tear_down);
  g_test_add ("/secret-seal/bad-files", Fixture, NULL, set_up, test_bad_files, tear_down);
  g_test_add ("/secret-seal/looked-after", Fixture, NULL, set_up, test_looked_after, tear_down);
  g_test_add ("/secret-seal/no-key", Fixture, NULL, set_up, test_no_key, tear_down);
  return g_test_run ();
}
