/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <brevet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

static gint64
fixed_time (gpointer user_data)
{
  return *(gint64 *) user_data;
}

static void
test_format (void)
{
  g_autofree char *plain = brevet_clock_format (G_GINT64_CONSTANT (1927857906123456));
  g_autofree char *epoch = brevet_clock_format (0);
  g_autofree char *before = brevet_clock_format (-1);

  g_assert_cmpstr (plain, ==, "2031-02-03T04:05:06.1234560Z");
  g_assert_cmpstr (epoch, ==, "1970-01-01T00:00:00.0000000Z");
  g_assert_cmpstr (before, ==, "1969-12-31T23:59:59.9999990Z");
}

static void
test_source (void)
{
  gint64 moment = G_GINT64_CONSTANT (1000000000999999);

  brevet_clock_set_source (fixed_time, &moment);
  g_assert_cmpint (brevet_clock_now (), ==, moment);
  g_assert_cmpint (brevet_clock_now_seconds (), ==, 1000000000);
  brevet_clock_set_source (NULL, NULL);
  g_assert_cmpint (ABS (brevet_clock_now () - g_get_real_time ()), <, 10 * G_USEC_PER_SEC);
}

/* A self-signed certificate for the whole of 2001. */
static gnutls_x509_crt_t
make_certificate (gnutls_x509_privkey_t *key)
{
  const guint8 serial[] = { 1 };
  gnutls_x509_crt_t certificate = NULL;

  g_assert_cmpint (gnutls_x509_privkey_init (key), ==, 0);
  g_assert_cmpint (gnutls_x509_privkey_generate (*key, GNUTLS_PK_ECDSA,
                                                 GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_init (&certificate), ==, 0);
  gnutls_x509_crt_set_version (certificate, 3);
  gnutls_x509_crt_set_serial (certificate, serial, sizeof serial);
  gnutls_x509_crt_set_dn (certificate, "CN=clock", NULL);
  gnutls_x509_crt_set_basic_constraints (certificate, 1, -1);
  gnutls_x509_crt_set_activation_time (certificate, 978307200);
  gnutls_x509_crt_set_expiration_time (certificate, 1009843200);
  gnutls_x509_crt_set_key (certificate, *key);
  g_assert_cmpint (gnutls_x509_crt_sign2 (certificate, certificate, *key, GNUTLS_DIG_SHA256, 0), ==, 0);
  return certificate;
}

static guint
verify (gnutls_x509_crt_t certificate)
{
  gnutls_x509_trust_list_t trust = NULL;
  guint status = 0;

  g_assert_cmpint (gnutls_x509_trust_list_init (&trust, 0), ==, 0);
  g_assert_cmpint (gnutls_x509_trust_list_add_cas (trust, &certificate, 1, 0), ==, 1);
  g_assert_cmpint (gnutls_x509_trust_list_verify_crt (trust, &certificate, 1, 0, &status, NULL), ==, 0);
  gnutls_x509_trust_list_deinit (trust, 0);
  return status;
}

/* A test that turns the clock must not see certificates judged by another. */
static void
test_gnutls_follows (void)
{
  gnutls_x509_privkey_t key = NULL;
  gnutls_x509_crt_t certificate = make_certificate (&key);
  gint64 within = G_GINT64_CONSTANT (990000000000000);

  brevet_clock_set_source (fixed_time, &within);
  g_assert_cmpuint (verify (certificate), ==, 0);
  brevet_clock_set_source (NULL, NULL);
  g_assert_cmpuint (verify (certificate) & GNUTLS_CERT_EXPIRED, !=, 0);

  gnutls_x509_crt_deinit (certificate);
  gnutls_x509_privkey_deinit (key);
}

static void
test_monotonic (void)
{
  gint64 moment = 0;
  gint64 before = brevet_clock_monotonic ();

  brevet_clock_set_source (fixed_time, &moment);
  g_assert_cmpint (brevet_clock_monotonic (), >=, before);
  brevet_clock_set_source (NULL, NULL);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/clock/format", test_format);
  g_test_add_func ("/clock/source", test_source);
  g_test_add_func ("/clock/gnutls-follows", test_gnutls_follows);
  g_test_add_func ("/clock/monotonic-is-not-replaced", test_monotonic);
  return g_test_run ();
}
