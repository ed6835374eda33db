/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tokens that come, or go and come back, while a program runs: it uses them again, and nobody who uses another one is disturbed. */

#include "brevet.h"
#include "test-scratch.h"
#include "test-softhsm.h"
#include "test-wait.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOKEN   "pkcs11:token=devices"
#define OTHER   "pkcs11:token=other"
#define THREADS 4

static BrevetSecret *pin;
static char *directory;

static BrevetKey *
make_key (const char *token, const char *label)
{
  g_autoptr(GError) error = NULL;
  BrevetKey *key = brevet_token_generate_key (token, pin, BREVET_KEY_KIND_EC_P256, label, &error);

  g_assert_no_error (error);
  g_assert_nonnull (key);
  return key;
}

static gboolean
can_sign (BrevetKey *key)
{
  return brevet_key_check (key, NULL);
}

static gboolean
can_list (const char *token)
{
  g_auto(GStrv) labels = brevet_token_list_keys (token, pin, "", NULL);

  return labels != NULL;
}

static gboolean
key_works (gpointer key)
{
  return can_sign (key);
}

static gboolean
token_is_listed (gpointer token)
{
  return can_list (token);
}

static void
move (const char *from, const char *to)
{
  g_autofree char *source = g_build_filename (directory, from, NULL);
  g_autofree char *target = g_build_filename (directory, to, NULL);

  g_assert_cmpint (g_rename (source, target), ==, 0);
}

static void
test_directory_moved_away_and_back (void)
{
  g_autoptr(BrevetKey) key = make_key (TOKEN, "moved");

  g_assert_true (can_sign (key));
  move ("tokens", "elsewhere");
  g_assert_false (can_list (TOKEN));
  g_test_expect_message ("brevet", G_LOG_LEVEL_WARNING, "The key cannot be used: *");
  g_assert_false (can_sign (key));
  g_test_assert_expected_messages ();
  move ("elsewhere", "tokens");
  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "A token that was not there is, *");
  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "The key in the token works again*");
  test_wait_until (key_works, key);
  g_test_assert_expected_messages ();
  g_assert_true (can_list (TOKEN));
}

static void
test_initialised_later (void)
{
  g_assert_false (can_list ("pkcs11:token=late"));
  test_softhsm_add_token ("late");
  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "A token that was not there is, *");
  test_wait_until (token_is_listed, (gpointer) "pkcs11:token=late");
  g_test_assert_expected_messages ();
}

/* What is plugged in is seen at once, and costs no other key its session. */
static void
test_plugged_in (void)
{
  g_autoptr(BrevetKey) key = make_key (TOKEN, "plugged");
  guint starts;

  test_softhsm_order (directory, "unplugged");
  g_assert_false (can_list (TOKEN));
  starts = test_softhsm_count_starts (directory);
  test_softhsm_take_back (directory, "unplugged");
  g_assert_true (can_list (TOKEN));
  g_assert_true (can_sign (key));
  g_assert_cmpuint (test_softhsm_count_starts (directory), ==, starts);
}

/* Whoever uses tokens beside the library. */
static void
test_held (void)
{
  g_autoptr(BrevetKey) key = make_key (TOKEN, "held");
  g_autoptr(GError) error = NULL;
  guint starts;

  g_assert_true (brevet_pkcs11_hold (&error));
  g_assert_no_error (error);
  move ("tokens", "elsewhere");
  starts = test_softhsm_count_starts (directory);
  for (guint i = 0; i < 20; i++)
    g_assert_false (can_list (TOKEN));
  move ("elsewhere", "tokens");
  g_assert_cmpuint (test_softhsm_count_starts (directory), ==, starts);
  brevet_pkcs11_release ();
  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "A token that was not there is, *");
  test_wait_until (token_is_listed, (gpointer) TOKEN);
  g_test_assert_expected_messages ();
  g_assert_true (can_sign (key));
}

static gboolean
has_started_again (gpointer before)
{
  g_assert_false (can_list ("pkcs11:token=nowhere"));
  return test_softhsm_count_starts (directory) > GPOINTER_TO_UINT (before);
}

static void
test_wrong_pin_is_tried_once (void)
{
  g_autoptr(BrevetSecret) wrong = brevet_secret_new ("4321", 4);
  g_autoptr(GError) error = NULL;
  guint logins = test_softhsm_count_logins (directory);

  g_assert_null (brevet_token_list_keys (OTHER, wrong, "", &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  test_wait_until (has_started_again, GUINT_TO_POINTER (test_softhsm_count_starts (directory)));
  g_assert_null (brevet_token_list_keys (OTHER, wrong, "", NULL));
  g_assert_cmpuint (test_softhsm_count_logins (directory), ==, logins + 1);
}

/* Who asks for it again and again is answered, and nothing else is done for it. */
static void
test_missing_for_long (void)
{
  g_autoptr(BrevetKey) key = make_key (OTHER, "quick");
  guint starts = test_softhsm_count_starts (directory);
  guint logins;

  for (guint i = 0; i < 50; i++)
    g_assert_false (can_list ("pkcs11:token=nowhere"));
  g_assert_cmpuint (test_softhsm_count_starts (directory) - starts, <=, 1);
  starts = test_softhsm_count_starts (directory);
  g_assert_true (can_sign (key));
  logins = test_softhsm_count_logins (directory);
  for (guint i = 0; i < 50; i++)
    g_assert_true (can_sign (key));
  g_assert_cmpuint (test_softhsm_count_starts (directory), ==, starts);
  g_assert_cmpuint (test_softhsm_count_logins (directory), ==, logins);
}

static gboolean
has_begun_to_start (gpointer before)
{
  return test_softhsm_count_starts (directory) > GPOINTER_TO_UINT (before);
}

static gpointer
look_until_started (gpointer before)
{
  test_wait_until (has_started_again, before);
  return NULL;
}

/* A module that does not come back from being started anew: nobody waits for it for ever, and a key can be given up at once. */
static void
test_start_hangs (void)
{
  g_autofree char *pipe_path = g_build_filename (directory, "hang-start", NULL);
  g_autoptr(BrevetKey) key = make_key (OTHER, "kept");
  BrevetKey *given_up = make_key (OTHER, "given-up");
  g_autoptr(GError) error = NULL;
  guint starts = test_softhsm_count_starts (directory);
  GThread *starter;
  gint64 begin;
  int fd;

  g_assert_true (can_sign (key));
  g_assert_true (can_sign (given_up));
  g_assert_cmpint (mkfifo (pipe_path, 0600), ==, 0);
  starter = g_thread_new ("starter", look_until_started, GUINT_TO_POINTER (starts));
  test_wait_until (has_begun_to_start, GUINT_TO_POINTER (starts));

  begin = g_get_monotonic_time ();
  brevet_key_unref (given_up);
  g_assert_cmpint (g_get_monotonic_time () - begin, <, 5 * G_TIME_SPAN_SECOND);
  g_test_expect_message ("brevet", G_LOG_LEVEL_WARNING, "The PKCS#11 modules are started anew *");
  g_assert_false (brevet_key_check (key, &error));
  g_test_assert_expected_messages ();
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_UNREACHABLE);
  g_assert_nonnull (strstr (error->message, "has not answered for"));

  fd = open (pipe_path, O_WRONLY | O_CLOEXEC);
  g_assert_cmpint (fd, >=, 0);
  g_assert_cmpint (g_unlink (pipe_path), ==, 0);
  close (fd);
  g_thread_join (starter);
  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "The key in the token works again*");
  g_assert_true (can_sign (key));
  g_test_assert_expected_messages ();
}

typedef struct {
  BrevetKey *key;
  int stop; /* atomic */
} Signers;

static gpointer
sign_in_thread (gpointer data)
{
  Signers *signers = data;
  guint signatures = 0;

  for (; !g_atomic_int_get (&signers->stop); signatures++)
    g_assert_true (can_sign (signers->key));
  return GUINT_TO_POINTER (signatures);
}

static void
test_others_are_not_disturbed (void)
{
  Signers signers = { make_key (OTHER, "busy"), FALSE };
  GThread *threads[THREADS];
  guint logins = test_softhsm_count_logins (directory);
  guint starts = test_softhsm_count_starts (directory);

  for (guint i = 0; i < THREADS; i++)
    threads[i] = g_thread_new ("signer", sign_in_thread, &signers);
  test_wait_until (has_started_again, GUINT_TO_POINTER (starts + 1));
  g_atomic_int_set (&signers.stop, TRUE);
  for (guint i = 0; i < THREADS; i++)
    g_assert_cmpuint (GPOINTER_TO_UINT (g_thread_join (threads[i])), >, 0);
  starts = test_softhsm_count_starts (directory) - starts;
  /* The key was opened once after each start. */
  g_assert_cmpuint (test_softhsm_count_logins (directory) - logins, <=, starts + 1);
  brevet_key_unref (signers.key);
}

int
main (int argc, char *argv[])
{
  int status;

  g_test_init (&argc, &argv, NULL);
  if (!test_softhsm_available ())
    {
      g_print ("1..0 # SKIP SoftHSM is not installed\n");
      return 0;
    }
  directory = test_scratch_new ();
  pin = brevet_secret_new ("1234", 4);
  test_softhsm_set_up (directory, "devices", "other", NULL);

  g_test_add_func ("/token-away/start-hangs", test_start_hangs);
  g_test_add_func ("/token-away/directory-moved-away-and-back", test_directory_moved_away_and_back);
  g_test_add_func ("/token-away/initialised-later", test_initialised_later);
  g_test_add_func ("/token-away/plugged-in", test_plugged_in);
  g_test_add_func ("/token-away/held", test_held);
  g_test_add_func ("/token-away/wrong-pin-is-tried-once", test_wrong_pin_is_tried_once);
  g_test_add_func ("/token-away/missing-for-long", test_missing_for_long);
  g_test_add_func ("/token-away/others-are-not-disturbed", test_others_are_not_disturbed);
  status = g_test_run ();
  brevet_secret_unref (pin);
  test_scratch_remove (directory);
  g_free (directory);
  return status;
}
