/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The revocation lists of ca-local, as GnuTLS and OpenSSL read them. */

#include "ca-suite.h"
#include "test-wait.h"
#include "x509-world.h"

#include <gnutls/x509.h>
#include <string.h>

typedef struct gnutls_x509_crl_int Crl;

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Crl, gnutls_x509_crl_deinit)

typedef struct
{
  X509World        x509;
  BrevetSettings  *settings;
  BrevetCaBackend *backend;
  GPtrArray       *revocations;
} World;

static gint64 clock_seconds = X509_WORLD_NOW;

static gint64
tell_time (gpointer data)
{
  return clock_seconds * G_USEC_PER_SEC;
}

static BrevetCaBackend *
create (World *world, GError **error)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();

  return (BrevetCaBackend *) brevet_registry_create (registry, BREVET_TYPE_CA_BACKEND, "ca-local", "laboratory", world->settings,
                                                     error);
}

/* A CA with a key of some kind that issues by itself. */
static void
world_set_up (World *world, gconstpointer data)
{
  g_autoptr(BrevetKey) key = brevet_key_generate (GPOINTER_TO_INT (data), NULL);
  g_autoptr(BrevetCertificate) root = NULL;
  g_autofree char *path = NULL, *pem = NULL;
  g_autoptr(GError) error = NULL;

  clock_seconds = X509_WORLD_NOW;
  x509_world_set_up (&world->x509, NULL);
  root = x509_make_root (key, "Laboratory", -1);
  pem = brevet_certificate_to_pem (root);
  x509_world_write (&world->x509, "ca.pem", pem);
  path = x509_world_path (&world->x509, "ca.key");
  g_assert_true (brevet_key_save (key, path, NULL));
  world->settings = brevet_settings_new ("ca", "laboratory", world->x509.directory);
  brevet_settings_set (world->settings, "certificate", "ca.pem", "dps.conf:3");
  brevet_settings_set (world->settings, "key", "ca.key", "dps.conf:4");
  brevet_settings_set (world->settings, "crl-validity", "2d", "dps.conf:5");
  world->backend = create (world, &error);
  g_assert_no_error (error);
  world->revocations = g_ptr_array_new_with_free_func ((GDestroyNotify) brevet_revocation_unref);
}

static void
world_tear_down (World *world, gconstpointer data)
{
  g_ptr_array_unref (world->revocations);
  g_clear_object (&world->backend);
  g_clear_object (&world->settings);
  x509_world_tear_down (&world->x509, NULL);
}

static GBytes *
get_crl (World *world, GError **error)
{
  g_autoptr(GAsyncResult) result = NULL;

  brevet_ca_backend_get_crl_async (world->backend, world->revocations, NULL, test_wait_store_result, &result);
  test_wait_for_result (&result);
  return brevet_ca_backend_get_crl_finish (world->backend, result, error);
}

/* As GnuTLS reads it, and in the file crl.pem. */
static Crl *
fetch (World *world)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) der = get_crl (world, &error);
  g_autofree char *pem = NULL;
  gnutls_datum_t data, text;
  Crl *crl = NULL;

  g_assert_no_error (error);
  data.data = (unsigned char *) g_bytes_get_data (der, NULL);
  data.size = g_bytes_get_size (der);
  g_assert_cmpint (gnutls_x509_crl_init (&crl), >=, 0);
  g_assert_cmpint (gnutls_x509_crl_import (crl, &data, GNUTLS_X509_FMT_DER), >=, 0);
  g_assert_cmpint (gnutls_x509_crl_export2 (crl, GNUTLS_X509_FMT_PEM, &text), >=, 0);
  pem = g_strndup ((const char *) text.data, text.size);
  gnutls_free (text.data);
  x509_world_write (&world->x509, "crl.pem", pem);
  return crl;
}

/* A device's certificate, in the file NAME.pem. */
static BrevetCertificate *
issue (World *world, const char *name, guint8 number)
{
  g_autoptr(BrevetCaRequest) request = ca_request (name, number);
  g_autoptr(BrevetCaOutcome) outcome = ca_assert_issue (world->backend, request);
  BrevetCertificate *leaf = brevet_chain_get_leaf (brevet_ca_outcome_get_chain (outcome));
  g_autofree char *pem = brevet_certificate_to_pem (leaf);
  g_autofree char *file = g_strconcat (name, ".pem", NULL);

  x509_world_write (&world->x509, file, pem);
  return brevet_certificate_ref (leaf);
}

static void
revoke_for (World *world, BrevetCertificate *certificate, gint64 since, BrevetRevocationReason reason)
{
  g_ptr_array_add (world->revocations, brevet_revocation_new (certificate, since, reason));
}

static void
revoke_since (World *world, BrevetCertificate *certificate, gint64 since)
{
  revoke_for (world, certificate, since, BREVET_REVOCATION_KEY_COMPROMISE);
}

/* What OpenSSL says about NAME.pem with the list, as a hub does. */
static void
assert_openssl (World *world, const char *name, gint64 now, const char *expected)
{
  g_autofree char *command = g_strdup_printf ("openssl verify -crl_check -CRLfile crl.pem -purpose sslclient -CAfile ca.pem "
                                              "-attime %" G_GINT64_FORMAT " %s.pem 2>&1 || true", now, name);
  g_autofree char *text = x509_world_run (&world->x509, command);

  g_test_message ("%s", text);
  g_assert_nonnull (strstr (text, expected));
}

static void
test_list (World *world, gconstpointer data)
{
  g_autoptr(BrevetCertificate) good = issue (world, "good", 1);
  g_autoptr(BrevetCertificate) bad = issue (world, "bad", 2);
  g_autoptr(Crl) crl = NULL;
  g_autofree char *verified = NULL, *text = NULL;
  guint8 serial[64], expected[64];
  gsize size = sizeof serial, expected_size = sizeof expected;
  time_t since;

  revoke_since (world, bad, X509_WORLD_NOW - 60);
  /* Another CA's certificate is nobody's business here. */
  revoke_since (world, world->x509.issuing, X509_WORLD_NOW);
  crl = fetch (world);
  g_assert_cmpint (gnutls_x509_crl_get_version (crl), ==, 2);
  g_assert_cmpint (gnutls_x509_crl_get_this_update (crl), ==, X509_WORLD_NOW - 300);
  g_assert_cmpint (gnutls_x509_crl_get_next_update (crl), ==, X509_WORLD_NOW + 2 * X509_DAY);
  g_assert_cmpint (gnutls_x509_crl_get_crt_count (crl), ==, 1);
  g_assert_cmpint (gnutls_x509_crl_get_crt_serial (crl, 0, serial, &size, &since), >=, 0);
  g_assert_cmpint (gnutls_x509_crt_get_serial (brevet_certificate_get_crt (bad), expected, &expected_size), >=, 0);
  g_assert_cmpmem (serial, size, expected, expected_size);
  g_assert_cmpint (since, ==, X509_WORLD_NOW - 60);

  verified = x509_world_run (&world->x509, "openssl crl -in crl.pem -noout -verify -CAfile ca.pem 2>&1");
  g_assert_nonnull (strstr (verified, "verify OK"));
  text = x509_world_run (&world->x509, "openssl crl -in crl.pem -noout -text");
  g_assert_nonnull (strstr (text, "Authority Key Identifier"));
  g_assert_nonnull (strstr (text, "CRL Number: \n                1790000000000000\n"));
  assert_openssl (world, "good", X509_WORLD_NOW + 60, "good.pem: OK");
  assert_openssl (world, "bad", X509_WORLD_NOW + 60, "certificate revoked");
  assert_openssl (world, "good", X509_WORLD_NOW + 3 * X509_DAY, "CRL has expired");
}

/* Nothing is left of the certificate but what a damaged inventory knows of it. */
static void
test_lost (World *world, gconstpointer data)
{
  g_autoptr(BrevetCertificate) good = issue (world, "good", 1);
  g_autoptr(BrevetCertificate) bad = issue (world, "bad", 2);
  g_autofree char *issuer = g_compute_checksum_for_string (G_CHECKSUM_SHA256, brevet_certificate_get_issuer (bad), -1);
  g_autofree char *other = g_compute_checksum_for_string (G_CHECKSUM_SHA256, "CN=Somebody", -1);
  g_autoptr(Crl) crl = NULL;

  g_ptr_array_add (world->revocations,
                   brevet_revocation_new_for_serial (issuer, brevet_certificate_get_serial (bad), X509_WORLD_NOW - 60,
                                                     BREVET_REVOCATION_CERTIFICATE_HOLD));
  g_ptr_array_add (world->revocations,
                   brevet_revocation_new_for_serial (other, brevet_certificate_get_serial (good), X509_WORLD_NOW - 60,
                                                     BREVET_REVOCATION_CERTIFICATE_HOLD));
  g_ptr_array_add (world->revocations,
                   brevet_revocation_new_for_serial (issuer, "nonsense", X509_WORLD_NOW, BREVET_REVOCATION_UNSPECIFIED));
  crl = fetch (world);
  g_assert_cmpint (gnutls_x509_crl_get_crt_count (crl), ==, 1);
  assert_openssl (world, "good", X509_WORLD_NOW + 60, "good.pem: OK");
  assert_openssl (world, "bad", X509_WORLD_NOW + 60, "certificate revoked");
}

static void
test_empty_list (World *world, gconstpointer data)
{
  g_autoptr(BrevetCertificate) good = issue (world, "good", 1);
  g_autoptr(Crl) crl = fetch (world);

  g_assert_cmpint (gnutls_x509_crl_get_crt_count (crl), ==, 0);
  assert_openssl (world, "good", X509_WORLD_NOW + 60, "good.pem: OK");
}

/* The signature says how it is salted, with the key's own wish for it or without one. */
static void
test_rsa_pss (World *world, gconstpointer data)
{
  static const char *const options[] = { "", "-pkeyopt rsa_pss_keygen_md:sha384 -pkeyopt rsa_pss_keygen_mgf1_md:sha384 "
                                             "-pkeyopt rsa_pss_keygen_saltlen:60" };

  for (guint i = 0; i < G_N_ELEMENTS (options); i++)
    {
      g_autofree char *command = g_strdup_printf ("openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 %s -out ca.key "
                                                  "2>/dev/null; openssl req -x509 -key ca.key -subj /CN=Laboratory -days 3650 "
                                                  "-out ca.pem -addext keyUsage=critical,keyCertSign,cRLSign", options[i]);
      g_autofree char *verified = NULL;
      g_autoptr(GError) error = NULL;
      g_autoptr(Crl) crl = NULL;

      g_free (x509_world_run (&world->x509, command));
      g_clear_object (&world->backend);
      world->backend = create (world, &error);
      g_assert_no_error (error);
      crl = fetch (world);
      g_assert_cmpint (gnutls_x509_crl_get_signature_algorithm (crl), ==,
                       i == 0 ? GNUTLS_SIGN_RSA_PSS_SHA256 : GNUTLS_SIGN_RSA_PSS_SHA384);
      verified = x509_world_run (&world->x509, "openssl crl -in crl.pem -noout -verify -CAfile ca.pem 2>&1");
      g_assert_nonnull (strstr (verified, "verify OK"));
    }
}

/* Each reason as OpenSSL names it; none for “unspecified”. */
static void
test_reasons (World *world, gconstpointer data)
{
  static const struct
  {
    BrevetRevocationReason reason;
    const char            *text;
  } reasons[] = {
    { BREVET_REVOCATION_UNSPECIFIED, NULL },
    { BREVET_REVOCATION_KEY_COMPROMISE, "Key Compromise" },
    { BREVET_REVOCATION_CA_COMPROMISE, "CA Compromise" },
    { BREVET_REVOCATION_AFFILIATION_CHANGED, "Affiliation Changed" },
    { BREVET_REVOCATION_SUPERSEDED, "Superseded" },
    { BREVET_REVOCATION_CESSATION_OF_OPERATION, "Cessation Of Operation" },
    { BREVET_REVOCATION_CERTIFICATE_HOLD, "Certificate Hold" },
    { BREVET_REVOCATION_PRIVILEGE_WITHDRAWN, "Privilege Withdrawn" },
    { BREVET_REVOCATION_AA_COMPROMISE, "AA Compromise" },
  };
  g_autofree char *text = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    {
      g_autofree char *name = g_strdup_printf ("dev-%u", i);
      g_autoptr(BrevetCertificate) certificate = issue (world, name, i + 1);

      revoke_for (world, certificate, X509_WORLD_NOW, reasons[i].reason);
    }
  gnutls_x509_crl_deinit (fetch (world));
  text = x509_world_run (&world->x509, "openssl crl -in crl.pem -noout -text");
  for (guint i = 0; i < G_N_ELEMENTS (reasons); i++)
    {
      g_autoptr(BrevetCertificate) certificate = brevet_revocation_get_certificate (g_ptr_array_index (world->revocations, i));
      g_autofree char *entry = g_strconcat ("Serial Number: ", brevet_certificate_get_serial (certificate), NULL);
      const char *line = strstr (text, entry);
      g_autofree char *own = NULL;

      g_assert_nonnull (line);
      own = g_strndup (line, strcspn (line + strlen (entry), "S") + strlen (entry));
      if (reasons[i].text == NULL)
        g_assert_null (strstr (own, "Reason Code"));
      else
        g_assert_nonnull (strstr (line, reasons[i].text));
    }
}

/* A hold can end, and comes back if there is another one; a serial number never occurs twice. */
static void
test_hold (World *world, gconstpointer data)
{
  g_autoptr(BrevetCertificate) held = issue (world, "held", 1);
  g_autoptr(Crl) on_hold = NULL, released = NULL, revoked = NULL;

  revoke_for (world, held, X509_WORLD_NOW - 300, BREVET_REVOCATION_CERTIFICATE_HOLD);
  on_hold = fetch (world);
  g_assert_cmpint (gnutls_x509_crl_get_crt_count (on_hold), ==, 1);
  assert_openssl (world, "held", X509_WORLD_NOW + 60, "certificate revoked");
  revoke_for (world, held, X509_WORLD_NOW - 200, BREVET_REVOCATION_REMOVE_FROM_CRL);
  released = fetch (world);
  g_assert_cmpint (gnutls_x509_crl_get_crt_count (released), ==, 0);
  assert_openssl (world, "held", X509_WORLD_NOW + 60, "held.pem: OK");
  revoke_for (world, held, X509_WORLD_NOW - 100, BREVET_REVOCATION_SUPERSEDED);
  revoked = fetch (world);
  g_assert_cmpint (gnutls_x509_crl_get_crt_count (revoked), ==, 1);
}

static gint64
get_number (Crl *crl)
{
  guint8 number[16];
  gsize size = sizeof number;
  gint64 value = 0;

  g_assert_cmpint (gnutls_x509_crl_get_number (crl, number, &size, NULL), >=, 0);
  for (gsize i = 0; i < size; i++)
    value = value << 8 | number[i];
  return value;
}

/* Each list has a higher number than the one before: within a moment, after a restart, and when the clock is set back. */
static void
test_numbers (World *world, gconstpointer data)
{
  g_autoptr(Crl) first = fetch (world);
  g_autoptr(Crl) second = fetch (world);
  g_autoptr(Crl) third = NULL, fourth = NULL;

  g_assert_cmpint (get_number (second), >, get_number (first));
  clock_seconds -= 3600;
  third = fetch (world);
  g_assert_cmpint (get_number (third), >, get_number (second));
  clock_seconds += 3601;
  g_clear_object (&world->backend);
  world->backend = create (world, NULL);
  fourth = fetch (world);
  g_assert_cmpint (get_number (fourth), >, get_number (third));
}

/* Lists are valid long after two digits are too few for a year. */
static void
test_far_future (World *world, gconstpointer data)
{
  g_autoptr(Crl) crl = NULL;
  g_autofree char *verified = NULL;

  brevet_settings_set (world->settings, "crl-validity", "12000d", "dps.conf:5");
  g_clear_object (&world->backend);
  world->backend = create (world, NULL);
  crl = fetch (world);
  g_assert_cmpint (gnutls_x509_crl_get_next_update (crl), ==, X509_WORLD_NOW + 12000 * X509_DAY);
  verified = x509_world_run (&world->x509, "openssl crl -in crl.pem -noout -verify -CAfile ca.pem -nextupdate 2>&1");
  g_assert_nonnull (strstr (verified, "verify OK"));
  g_assert_nonnull (strstr (verified, "2059"));
}

/* An expired certificate stays until a list that came after its end has named it. */
static void
test_expired (World *world, gconstpointer data)
{
  g_autoptr(BrevetCertificate) bad = issue (world, "bad", 2);
  g_autoptr(Crl) shortly_after = NULL, long_after = NULL;

  revoke_since (world, bad, X509_WORLD_NOW);
  clock_seconds = brevet_certificate_get_not_after (bad) + X509_DAY;
  shortly_after = fetch (world);
  g_assert_cmpint (gnutls_x509_crl_get_crt_count (shortly_after), ==, 1);
  clock_seconds += 2 * X509_DAY;
  long_after = fetch (world);
  g_assert_cmpint (gnutls_x509_crl_get_crt_count (long_after), ==, 0);
}

/* Nobody may believe a list of a CA that is not allowed to sign one. */
static void
test_not_allowed (World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  g_assert_true (brevet_ca_backend_get_capabilities (world->backend) & BREVET_CA_CAPABILITY_CRL);
  g_free (x509_world_run (&world->x509, "openssl req -x509 -key ca.key -subj /CN=Laboratory -days 3650 -out ca.pem -addext "
                                        "basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"));
  g_clear_object (&world->backend);
  world->backend = create (world, &error);
  g_assert_no_error (error);
  g_assert_false (brevet_ca_backend_get_capabilities (world->backend) & BREVET_CA_CAPABILITY_CRL);
  g_assert_null (get_crl (world, &error));
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "cRLSign"));
}

static void
test_mistake (World *world, gconstpointer data)
{
  g_autoptr(GError) error = NULL;

  brevet_settings_set (world->settings, "crl-validity", "5s", "dps.conf:9");
  g_assert_null (create (world, &error));
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_NOT_CONFIGURED);
  g_assert_nonnull (strstr (error->message, "dps.conf:9"));
}

#define ADD(path, kind, func) g_test_add (path, World, GINT_TO_POINTER (kind), world_set_up, func, world_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  brevet_clock_set_source (tell_time, NULL);
  ADD ("/ca-local-crl/p256", BREVET_KEY_KIND_EC_P256, test_list);
  ADD ("/ca-local-crl/p384", BREVET_KEY_KIND_EC_P384, test_list);
  ADD ("/ca-local-crl/rsa-3072", BREVET_KEY_KIND_RSA_3072, test_list);
  ADD ("/ca-local-crl/ed25519", BREVET_KEY_KIND_ED25519, test_list);
  ADD ("/ca-local-crl/rsa-pss", BREVET_KEY_KIND_EC_P256, test_rsa_pss);
  ADD ("/ca-local-crl/reasons", BREVET_KEY_KIND_EC_P256, test_reasons);
  ADD ("/ca-local-crl/hold", BREVET_KEY_KIND_EC_P256, test_hold);
  ADD ("/ca-local-crl/numbers", BREVET_KEY_KIND_EC_P256, test_numbers);
  ADD ("/ca-local-crl/far-future", BREVET_KEY_KIND_EC_P256, test_far_future);
  ADD ("/ca-local-crl/lost", BREVET_KEY_KIND_EC_P256, test_lost);
  ADD ("/ca-local-crl/empty", BREVET_KEY_KIND_EC_P256, test_empty_list);
  ADD ("/ca-local-crl/expired", BREVET_KEY_KIND_EC_P256, test_expired);
  ADD ("/ca-local-crl/not-allowed", BREVET_KEY_KIND_EC_P256, test_not_allowed);
  ADD ("/ca-local-crl/mistake", BREVET_KEY_KIND_EC_P256, test_mistake);
  return g_test_run ();
}
