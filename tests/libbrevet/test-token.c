/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "brevet.h"
#include "test-scratch.h"
#include "test-softhsm.h"

#include <gnutls/crypto.h>
#include <gnutls/pkcs11.h>
#include <locale.h>
#include <string.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_disable()
#define __lsan_enable()
#endif

#define TOKEN   "pkcs11:token=devices"
#define THREADS 8

static BrevetSecret *pin;
static char *directory;

static BrevetKey *
make_key (const char *label, BrevetKeyKind kind)
{
  g_autoptr(GError) error = NULL;
  BrevetKey *key = brevet_token_generate_key (TOKEN, pin, kind, label, &error);

  g_assert_no_error (error);
  g_assert_nonnull (key);
  return key;
}

static void
delete_key (const char *label)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (brevet_token_delete_key (TOKEN, pin, label, &error));
  g_assert_no_error (error);
}

static char *
list_keys (const char *prefix)
{
  g_autoptr(GError) error = NULL;
  g_auto(GStrv) labels = brevet_token_list_keys (TOKEN, pin, prefix, &error);

  g_assert_no_error (error);
  return g_strjoinv (" ", labels);
}

static void
assert_message (GError **error, int code, const char *part)
{
  g_assert_error (*error, BREVET_ERROR, code);
  if (strstr ((*error)->message, part) == NULL)
    g_error ("“%s” does not say “%s”", (*error)->message, part);
  g_assert_null (strstr ((*error)->message, "1234"));
  g_clear_error (error);
}

static int
sign_and_verify (BrevetKey *key)
{
  gnutls_datum_t data = { (guint8 *) "what is signed", strlen ("what is signed") };
  gnutls_datum_t signature = { NULL, 0 };
  gnutls_pubkey_t pubkey = brevet_key_get_pubkey (key);
  gnutls_digest_algorithm_t digest;
  int algorithm = gnutls_pubkey_get_pk_algorithm (pubkey, NULL);
  int code;

  g_assert_cmpint (gnutls_pubkey_get_preferred_hash_algorithm (pubkey, &digest, NULL), >=, 0);
  code = gnutls_privkey_sign_data (brevet_key_get_privkey (key), digest, 0, &data, &signature);
  if (code < 0)
    return code;
  code = gnutls_pubkey_verify_data2 (pubkey, gnutls_pk_to_sign (algorithm, digest), 0, &data, &signature);
  gnutls_free (signature.data);
  return code;
}

static void
test_life_of_a_key (void)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *uri = brevet_token_key_uri (TOKEN "?pin-value=1234", "first");
  g_autofree char *path = g_build_filename (directory, "copy.key", NULL);
  g_autoptr(BrevetKey) key = make_key ("first", BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetKey) again = NULL;
  g_autoptr(BrevetKeyPolicy) policy = brevet_key_policy_new ();
  g_autoptr(GBytes) request = NULL;
  g_autoptr(BrevetCsr) csr = NULL;
  g_autofree char *one = NULL, *none = NULL;

  g_assert_cmpstr (uri, ==, TOKEN ";object=first;type=private");
  again = brevet_key_load (uri, pin, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_key_get_spki_sha256 (again), ==, brevet_key_get_spki_sha256 (key));
  g_assert_cmpint (sign_and_verify (again), >=, 0);

  request = brevet_key_create_csr (key, "dev-1", &error);
  g_assert_no_error (error);
  csr = brevet_csr_new (request, policy, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (brevet_csr_get_spki_sha256 (csr), ==, brevet_key_get_spki_sha256 (key));

  g_assert_false (brevet_key_save (key, path, &error));
  assert_message (&error, BREVET_ERROR_UNSUPPORTED, "cannot be written");
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));

  one = list_keys ("");
  g_assert_cmpstr (one, ==, "first");
  delete_key ("first");
  none = list_keys ("");
  g_assert_cmpstr (none, ==, "");
  g_assert_null (brevet_key_load (uri, pin, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "has no private key “first”; it has no private key");
  delete_key ("first");
}

/* What an attacker would want to know of the token's attributes, asked by another program's means. */
static void
test_stays_inside (void)
{
  g_autoptr(BrevetKey) key = make_key ("inside", BREVET_KEY_KIND_EC_P256);
  gnutls_pkcs11_obj_t *objects = NULL;
  unsigned int n_objects = 0, flags = 0;

  g_assert_cmpint (gnutls_pkcs11_obj_list_import_url4 (&objects, &n_objects, TOKEN ";object=inside;type=private?pin-value=1234",
                                                       GNUTLS_PKCS11_OBJ_FLAG_LOGIN | GNUTLS_PKCS11_OBJ_FLAG_PRIVKEY), >=, 0);
  g_assert_cmpuint (n_objects, ==, 1);
  gnutls_pkcs11_obj_get_flags (objects[0], &flags);
  g_assert_cmphex (flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_SENSITIVE, !=, 0);
  g_assert_cmphex (flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_PRIVATE, !=, 0);
  g_assert_cmphex (flags & GNUTLS_PKCS11_OBJ_FLAG_NEVER_EXTRACTABLE, !=, 0);
  g_assert_cmphex (flags & GNUTLS_PKCS11_OBJ_FLAG_MARK_EXTRACTABLE, ==, 0);
  gnutls_pkcs11_obj_deinit (objects[0]);
  gnutls_free (objects);
  delete_key ("inside");
}

static void
test_kinds (void)
{
  static const BrevetKeyKind kinds[] = { BREVET_KEY_KIND_EC_P384, BREVET_KEY_KIND_RSA_2048, BREVET_KEY_KIND_RSA_3072 };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_autoptr(BrevetKey) key = make_key ("kind", kinds[i]);

      g_test_message ("kind %u", kinds[i]);
      g_assert_cmpint (sign_and_verify (key), >=, 0);
      delete_key ("kind");
    }
}

/* Ed25519 came late to PKCS#11, and many a token cannot do it. */
static void
test_late_kind (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = brevet_token_generate_key (TOKEN, pin, BREVET_KEY_KIND_ED25519, "late", &error);
  g_autofree char *left = NULL;

  if (key == NULL)
    assert_message (&error, BREVET_ERROR_UNSUPPORTED, "the token “devices” cannot do this with this kind of key");
  else
    g_assert_cmpint (sign_and_verify (key), >=, 0);
  delete_key ("late");
  left = list_keys ("");
  g_assert_cmpstr (left, ==, "");
}

static void
test_labels (void)
{
  g_autoptr(BrevetKey) one = make_key ("agent.7", BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetKey) two = make_key ("agent.71", BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetKey) other = make_key ("other", BREVET_KEY_KIND_EC_P256);
  g_autoptr(GError) error = NULL;
  g_autofree char *listed = list_keys ("agent."), *rest = NULL;

  g_assert_cmpstr (listed, ==, "agent.7 agent.71");
  g_assert_null (brevet_token_generate_key (TOKEN, pin, BREVET_KEY_KIND_EC_P256, "other", &error));
  assert_message (&error, BREVET_ERROR_CONFLICT, "“other” already");
  g_assert_null (brevet_token_generate_key (TOKEN, pin, BREVET_KEY_KIND_EC_P256, "a;b", &error));
  assert_message (&error, BREVET_ERROR_INVALID, "“a;b”");
  g_assert_null (brevet_token_generate_key (TOKEN ";object=x", pin, BREVET_KEY_KIND_EC_P256, "b", &error));
  assert_message (&error, BREVET_ERROR_INVALID, "leave out object");
  g_assert_null (brevet_token_generate_key ("/a/file", pin, BREVET_KEY_KIND_EC_P256, "b", &error));
  assert_message (&error, BREVET_ERROR_INVALID, "pkcs11:token=devices");
  delete_key ("agent.7");
  rest = list_keys ("");
  g_assert_cmpstr (rest, ==, "agent.71 other");
  delete_key ("agent.71");
  delete_key ("other");
}

/* The public half of a key that was lost half-way must not be taken for that of its successor. */
static void
test_left_behind (void)
{
  g_autoptr(BrevetKey) first = make_key ("half", BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetKey) second = NULL;

  g_assert_cmpint (gnutls_pkcs11_delete_url (TOKEN ";object=half;type=private?pin-value=1234", GNUTLS_PKCS11_OBJ_FLAG_LOGIN), ==,
                   1);
  second = make_key ("half", BREVET_KEY_KIND_EC_P256);
  g_assert_cmpstr (brevet_key_get_spki_sha256 (first), !=, brevet_key_get_spki_sha256 (second));
  g_assert_cmpint (sign_and_verify (second), >=, 0);
  delete_key ("half");
}

static void
test_words (void)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetKey) key = make_key ("known", BREVET_KEY_KIND_EC_P256);

  g_clear_pointer (&key, brevet_key_unref);
  g_assert_null (brevet_key_load ("pkcs11:token=device;object=known", pin, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "the token “device” is not there; those that there are: ");
  g_assert_null (brevet_key_load ("pkcs11:token=device;object=known", pin, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "“devices”");
  g_assert_null (brevet_key_load (TOKEN ";object=unknown", pin, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "no private key “unknown”; the private keys that it has: “known”");
  g_assert_null (brevet_key_load (TOKEN, pin, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "append ;object=LABEL");
  g_assert_null (brevet_key_load ("pkcs11:tokn=devices;object=known", pin, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "“tokn” means nothing in a PKCS#11 URI");
  g_assert_null (brevet_key_load ("pkcs11:token=dev%2;object=known", pin, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "the text is no PKCS#11 URI");
  g_assert_null (brevet_key_load (TOKEN ";object=known", NULL, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "needs a PIN and none is given");
  g_assert_null (brevet_key_load (TOKEN ";object=known?pin-source=file:/nonexistent/pin", NULL, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "“/nonexistent/pin” with the PIN");
  key = brevet_key_load ("PKCS11:token=devices;object=known?pin-value=1234", NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (key);
  delete_key ("known");
}

static void
test_wrong_pin (void)
{
  g_autoptr(BrevetSecret) wrong = brevet_secret_new ("4321", 4);
  g_autoptr(GError) error = NULL;
  guint before = test_softhsm_count_logins (directory);

  g_assert_null (brevet_token_list_keys (TOKEN, wrong, "", &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "refuses the PIN; it was tried once");
  g_assert_null (brevet_token_list_keys (TOKEN, wrong, "", &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "has refused this PIN before");
  g_assert_null (brevet_key_load (TOKEN ";object=any", wrong, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "has refused this PIN before");
  g_assert_false (brevet_token_delete_key (TOKEN, wrong, "any", &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "has refused this PIN before");
  g_assert_cmpuint (test_softhsm_count_logins (directory), ==, before + 1);
  brevet_token_forget_refused_pins ();
  g_assert_null (brevet_token_list_keys (TOKEN, wrong, "", &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "refuses the PIN; it was tried once");
}

static void
test_few_tries (void)
{
  g_autoptr(BrevetSecret) wrong = brevet_secret_new ("9999", 4);
  g_autoptr(GError) error = NULL;

  guint before = test_softhsm_count_logins (directory);

  test_softhsm_order (directory, "final-try");
  g_assert_null (brevet_token_list_keys (TOKEN, wrong, "", &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "allows one try of a PIN more before it locks itself");
  g_assert_null (brevet_key_load (TOKEN ";object=any", wrong, &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "allows one try of a PIN more before it locks itself");
  g_assert_cmpuint (test_softhsm_count_logins (directory), ==, before);
  brevet_token_allow_last_try ();
  g_assert_null (brevet_token_list_keys (TOKEN, wrong, "", &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "one try is left");
  test_softhsm_take_back (directory, "final-try");
  test_softhsm_order (directory, "locked");
  g_assert_null (brevet_token_list_keys (TOKEN, pin, "", &error));
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "is locked after too many wrong PINs");
  test_softhsm_take_back (directory, "locked");
}

/* The PIN was changed while the session was lost: each signature would try the old one, and the token would lock itself. */
static void
test_pin_changed (void)
{
  g_autoptr(BrevetKey) key = NULL;
  guint before;

  /* GnuTLS does not free the lock of a key that it could not open again. */
  __lsan_disable ();
  key = make_key ("changed", BREVET_KEY_KIND_EC_P256);
  __lsan_enable ();
  test_softhsm_order (directory, "forget");
  test_softhsm_order (directory, "refuse");
  before = test_softhsm_count_logins (directory);
  g_test_expect_message ("brevet", G_LOG_LEVEL_WARNING, "*refuses the PIN; it was tried once*");
  for (guint i = 0; i < 5; i++)
    g_assert_cmpint (sign_and_verify (key), <, 0);
  g_test_assert_expected_messages ();
  g_assert_cmpuint (test_softhsm_count_logins (directory), ==, before + 1);
  test_softhsm_take_back (directory, "refuse");
  brevet_token_forget_refused_pins ();
  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "The key in the token works again*");
  g_assert_cmpint (sign_and_verify (key), >=, 0);
  g_test_assert_expected_messages ();
  delete_key ("changed");
}

static gpointer
use_in_thread (gpointer data)
{
  for (guint i = 0; i < 20; i++)
    g_assert_cmpint (sign_and_verify (data), >=, 0);
  return NULL;
}

static gpointer
generate_in_thread (gpointer data)
{
  g_autofree char *label = g_strdup_printf ("thread-%u", GPOINTER_TO_UINT (data));
  g_autoptr(BrevetKey) key = make_key (label, BREVET_KEY_KIND_EC_P256);

  g_assert_cmpint (sign_and_verify (key), >=, 0);
  delete_key (label);
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr(BrevetKey) key = make_key ("shared", BREVET_KEY_KIND_EC_P256);
  GThread *threads[THREADS];

  for (guint i = 0; i < THREADS; i++)
    threads[i] = i % 2 == 0 ? g_thread_new ("user", use_in_thread, key)
                            : g_thread_new ("maker", generate_in_thread, GUINT_TO_POINTER (i));
  for (guint i = 0; i < THREADS; i++)
    g_thread_join (threads[i]);
  delete_key ("shared");
}

/* A session that the token has forgotten is what a token that was pulled out and put back leaves behind. */
static void
test_lost_session (void)
{
  g_autoptr(BrevetKey) key = make_key ("lost", BREVET_KEY_KIND_EC_P256);

  g_assert_cmpint (sign_and_verify (key), >=, 0);
  test_softhsm_order (directory, "forget");
  g_assert_cmpint (sign_and_verify (key), >=, 0);
  delete_key ("lost");
}

static void
test_token_gone (void)
{
  g_autoptr(BrevetKey) key = make_key ("gone", BREVET_KEY_KIND_EC_P256);
  g_autoptr(GError) error = NULL;
  int code;

  test_softhsm_order (directory, "gone");
  g_test_expect_message ("brevet", G_LOG_LEVEL_WARNING, "The key cannot be used: *");
  code = sign_and_verify (key);
  g_assert_cmpint (code, <, 0);
  g_assert_cmpint (sign_and_verify (key), <, 0);
  g_test_assert_expected_messages ();
  error = brevet_key_explain (key, code, "Signing failed");
  assert_message (&error, BREVET_ERROR_UNREACHABLE, "Signing failed: The key cannot be used: the token “devices” is not there");
  g_assert_null (brevet_token_list_keys (TOKEN, pin, "", &error));
  assert_message (&error, BREVET_ERROR_UNREACHABLE, "no PKCS#11 module shows any token");
  test_softhsm_take_back (directory, "gone");
  g_test_expect_message ("brevet", G_LOG_LEVEL_MESSAGE, "The key in the token works again*");
  g_assert_cmpint (sign_and_verify (key), >=, 0);
  g_test_assert_expected_messages ();
  delete_key ("gone");
}

/* Another key under the same label is not the one whose certificate we have. */
static void
test_replaced (void)
{
  g_autoptr(BrevetKey) key = make_key ("replaced", BREVET_KEY_KIND_EC_P256);
  g_autoptr(BrevetKey) other = NULL;
  g_autoptr(GError) error = NULL;
  int code;

  delete_key ("replaced");
  other = make_key ("replaced", BREVET_KEY_KIND_EC_P256);
  g_test_expect_message ("brevet", G_LOG_LEVEL_WARNING, "*another key under the same name*");
  code = sign_and_verify (key);
  g_test_assert_expected_messages ();
  g_assert_cmpint (code, <, 0);
  error = brevet_key_explain (key, code, "Signing failed");
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "Signing failed: The key cannot be used: its token has another key");
  g_assert_cmpint (sign_and_verify (other), >=, 0);
  delete_key ("replaced");

  /* Of another kind, it cannot even sign what it is asked to. */
  g_clear_pointer (&other, brevet_key_unref);
  other = make_key ("replaced", BREVET_KEY_KIND_RSA_2048);
  code = sign_and_verify (key);
  error = brevet_key_explain (key, code, "Signing failed");
  assert_message (&error, BREVET_ERROR_NOT_CONFIGURED, "Signing failed: The key cannot be used: its token has another key");
  delete_key ("replaced");
}

int
main (int argc, char *argv[])
{
  int status;

  setlocale (LC_ALL, "");

  g_test_init (&argc, &argv, NULL);
  if (!test_softhsm_available ())
    {
      g_print ("1..0 # SKIP SoftHSM is not installed\n");
      return 0;
    }
  directory = test_scratch_new ();
  pin = brevet_secret_new ("1234", 4);
  test_softhsm_set_up (directory, "devices", "other", NULL);

  /* First: a PIN is looked at only while nobody is logged in. */
  g_test_add_func ("/token/wrong-pin", test_wrong_pin);
  g_test_add_func ("/token/few-tries", test_few_tries);
  g_test_add_func ("/token/life-of-a-key", test_life_of_a_key);
  g_test_add_func ("/token/stays-inside", test_stays_inside);
  g_test_add_func ("/token/kinds", test_kinds);
  g_test_add_func ("/token/late-kind", test_late_kind);
  g_test_add_func ("/token/labels", test_labels);
  g_test_add_func ("/token/left-behind", test_left_behind);
  g_test_add_func ("/token/words", test_words);
  g_test_add_func ("/token/threads", test_threads);
  g_test_add_func ("/token/lost-session", test_lost_session);
  g_test_add_func ("/token/pin-changed", test_pin_changed);
  g_test_add_func ("/token/token-gone", test_token_gone);
  g_test_add_func ("/token/replaced", test_replaced);
  status = g_test_run ();
  brevet_secret_unref (pin);
  test_scratch_remove (directory);
  g_free (directory);
  return status;
}
