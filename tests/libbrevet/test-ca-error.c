/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "test-wait.h"

#include <brevet.h>
#include <string.h>

/* A certificate authority that has only what every one must have. */
#define TEST_TYPE_PLAIN_CA (plain_ca_get_type ())
G_DECLARE_FINAL_TYPE (PlainCa, plain_ca, TEST, PLAIN_CA, BrevetPlugin)

struct _PlainCa
{
  BrevetPlugin parent_instance;
};

static void
ca_iface_init (BrevetCaBackendInterface *iface)
{
}

G_DEFINE_FINAL_TYPE_WITH_CODE (PlainCa, plain_ca, BREVET_TYPE_PLUGIN, G_IMPLEMENT_INTERFACE (BREVET_TYPE_CA_BACKEND, ca_iface_init))

static void
plain_ca_class_init (PlainCaClass *class)
{
}

static void
plain_ca_init (PlainCa *self)
{
}

static GError *
make (BrevetCaError code)
{
  return g_error_new (BREVET_CA_ERROR, code, "It did not work");
}

static void
test_classes (void)
{
  static const struct { BrevetCaError code; BrevetCaErrorClass class; } expected[] = {
    { BREVET_CA_ERROR_INTERNAL, BREVET_CA_ERROR_CLASS_PERMANENT },
    { BREVET_CA_ERROR_INVALID_CSR, BREVET_CA_ERROR_CLASS_PERMANENT },
    { BREVET_CA_ERROR_INVALID_REQUEST, BREVET_CA_ERROR_CLASS_PERMANENT },
    { BREVET_CA_ERROR_POLICY, BREVET_CA_ERROR_CLASS_PERMANENT },
    { BREVET_CA_ERROR_REJECTED, BREVET_CA_ERROR_CLASS_PERMANENT },
    { BREVET_CA_ERROR_NEW_KEY_REQUIRED, BREVET_CA_ERROR_CLASS_PERMANENT },
    { BREVET_CA_ERROR_CONFLICT, BREVET_CA_ERROR_CLASS_AMBIGUOUS },
    { BREVET_CA_ERROR_AUTH, BREVET_CA_ERROR_CLASS_OPERATOR },
    { BREVET_CA_ERROR_CONFIG, BREVET_CA_ERROR_CLASS_OPERATOR },
    { BREVET_CA_ERROR_PROFILE, BREVET_CA_ERROR_CLASS_OPERATOR },
    { BREVET_CA_ERROR_QUOTA, BREVET_CA_ERROR_CLASS_OPERATOR },
    { BREVET_CA_ERROR_RATE_LIMITED, BREVET_CA_ERROR_CLASS_RETRYABLE },
    { BREVET_CA_ERROR_UNAVAILABLE, BREVET_CA_ERROR_CLASS_RETRYABLE },
    { BREVET_CA_ERROR_TIMEOUT, BREVET_CA_ERROR_CLASS_RETRYABLE },
    { BREVET_CA_ERROR_AMBIGUOUS, BREVET_CA_ERROR_CLASS_AMBIGUOUS },
    { BREVET_CA_ERROR_PROTOCOL, BREVET_CA_ERROR_CLASS_RETRYABLE },
    { BREVET_CA_ERROR_TICKET_EXPIRED, BREVET_CA_ERROR_CLASS_PERMANENT },
    { BREVET_CA_ERROR_NOT_FOUND, BREVET_CA_ERROR_CLASS_PERMANENT },
    { BREVET_CA_ERROR_UNSUPPORTED, BREVET_CA_ERROR_CLASS_PERMANENT },
  };
  g_autoptr(GError) cancelled = g_error_new (G_IO_ERROR, G_IO_ERROR_CANCELLED, "Cancelled");
  g_autoptr(GError) foreign = g_error_new (G_FILE_ERROR, G_FILE_ERROR_NOENT, "No file");

  for (gsize i = 0; i < G_N_ELEMENTS (expected); i++)
    {
      g_autoptr(GError) error = make (expected[i].code);

      g_assert_cmpint (brevet_ca_error_classify (error), ==, expected[i].class);
    }
  g_assert_cmpint (brevet_ca_error_classify (cancelled), ==, BREVET_CA_ERROR_CLASS_AMBIGUOUS);
  g_assert_cmpint (brevet_ca_error_classify (foreign), ==, BREVET_CA_ERROR_CLASS_PERMANENT);
}

static void
test_details (void)
{
  g_autoptr(GError) error = make (BREVET_CA_ERROR_RATE_LIMITED);
  g_autoptr(GError) foreign = g_error_new (G_FILE_ERROR, G_FILE_ERROR_NOENT, "No file");
  g_autoptr(GError) copy = NULL;
  g_autofree char *endless = g_strnfill (2000, 'x');

  g_assert_cmpint (brevet_ca_error_get_retry_after (error), ==, -1);
  g_assert_null (brevet_ca_error_get_upstream_message (error));
  brevet_ca_error_set_retry_after (error, 30);
  brevet_ca_error_set_upstream (error, 429, "too_many", "Slow\r\n\x1b[31mdown\xff");
  g_prefix_error (&error, "factory: ");
  copy = g_error_copy (error);
  g_assert_cmpint (brevet_ca_error_get_retry_after (copy), ==, 30);
  g_assert_cmpstr (brevet_ca_error_get_upstream_message (copy), ==, "Slow  ?[31mdown\xef\xbf\xbd");

  brevet_ca_error_set_upstream (error, 500, NULL, endless);
  g_assert_cmpuint (strlen (brevet_ca_error_get_upstream_message (error)), ==, 512);
  g_assert_cmpint (brevet_ca_error_get_retry_after (foreign), ==, -1);
  g_assert_null (brevet_ca_error_get_upstream_message (foreign));
}

static GAsyncResult *
wait_for (GAsyncResult **result)
{
  test_wait_for_result (result);
  return *result;
}

static void
test_absent_verb (void)
{
  g_autoptr(BrevetCaBackend) ca = g_object_new (TEST_TYPE_PLAIN_CA, "name", "factory", NULL);
  g_autoptr(GPtrArray) nothing = g_ptr_array_new ();
  g_autoptr(GAsyncResult) result = NULL;
  g_autoptr(GError) error = NULL;

  brevet_ca_backend_get_crl_async (ca, nothing, NULL, test_wait_store_result, &result);
  g_assert_null (result);
  g_assert_null (brevet_ca_backend_get_crl_finish (ca, wait_for (&result), &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED);
  g_assert_cmpstr (error->message, ==, "The certificate authority “factory” cannot publish a revocation list");
}

static void
test_pending (void)
{
  g_autoptr(BrevetCaOutcome) outcome = brevet_ca_outcome_new_pending ("ticket-1", 60, 1000);
  g_autoptr(BrevetCaHealth) health = brevet_ca_health_new (BREVET_CA_HEALTH_DEGRADED, "The issuer expires soon", 99);
  g_autofree char *longest = g_strnfill (BREVET_CA_TICKET_MAX_SIZE + 1, 't');

  g_assert_false (brevet_ca_outcome_is_issued (outcome));
  g_assert_cmpstr (brevet_ca_outcome_get_ticket (outcome), ==, "ticket-1");
  g_assert_cmpuint (brevet_ca_outcome_get_poll_after (outcome), ==, 60);
  g_assert_cmpint (brevet_ca_outcome_get_expires_at (outcome), ==, 1000);
  g_assert_cmpint (brevet_ca_health_get_state (health), ==, BREVET_CA_HEALTH_DEGRADED);
  g_assert_cmpint (brevet_ca_health_get_expires (health), ==, 99);

  g_test_expect_message ("brevet", G_LOG_LEVEL_CRITICAL, "*is_ticket*failed*");
  g_assert_null (brevet_ca_outcome_new_pending (longest, 0, 0));
  g_test_expect_message ("brevet", G_LOG_LEVEL_CRITICAL, "*is_ticket*failed*");
  g_assert_null (brevet_ca_outcome_new_pending ("two\nlines", 0, 0));
  g_test_assert_expected_messages ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ca-error/classes", test_classes);
  g_test_add_func ("/ca-error/details", test_details);
  g_test_add_func ("/ca-error/absent-verb", test_absent_verb);
  g_test_add_func ("/ca-error/pending", test_pending);
  return g_test_run ();
}
