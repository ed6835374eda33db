/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "issuance-fixture.h"

#include <string.h>

BrevetCaRequest *
issuance_make_request (X509World *world)
{
  guint8 idempotency_key[BREVET_CA_IDEMPOTENCY_KEY_SIZE] = { 1, 2, 3 };

  return brevet_ca_request_new ("operation", "dev-1", world->csr, idempotency_key, world->now);
}

void
issuance_set_dates (gnutls_x509_crt_t crt, gint64 not_before, gint64 not_after)
{
  gnutls_x509_crt_set_activation_time (crt, X509_WORLD_NOW + not_before);
  gnutls_x509_crt_set_expiration_time (crt, X509_WORLD_NOW + not_after);
}

/* A good leaf, made with GnuTLS alone because brevet's builder refuses to make bad ones; @spoil makes it bad. */
BrevetCertificate *
issuance_make_leaf (X509World *world, IssuanceSpoil spoil, BrevetCertificate *issuer, BrevetKey *issuer_key,
                    gnutls_digest_algorithm_t digest)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GBytes) bytes = NULL;
  BrevetCertificate *leaf;
  gnutls_x509_crt_t crt;
  gnutls_datum_t der = { NULL, 0 };
  guint8 id[64];
  gsize size = sizeof id;

  gnutls_x509_crt_init (&crt);
  gnutls_x509_crt_set_version (crt, 3);
  gnutls_x509_crt_set_serial (crt, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
  gnutls_x509_crt_set_pubkey (crt, brevet_csr_get_pubkey (world->csr));
  issuance_set_dates (crt, -60, 90 * X509_DAY);
  gnutls_x509_crt_set_basic_constraints (crt, 0, -1);
  gnutls_x509_crt_set_key_usage (crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
  gnutls_x509_crt_set_key_purpose_oid (crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
  if (gnutls_x509_crt_get_subject_key_id (brevet_certificate_get_crt (issuer), id, &size, NULL) >= 0)
    gnutls_x509_crt_set_authority_key_id (crt, id, size);
  if (spoil != NULL)
    spoil (crt);
  if (gnutls_x509_crt_get_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, NULL, &(gsize){ 0 })
      == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
    gnutls_x509_crt_set_dn_by_oid (crt, GNUTLS_OID_X520_COMMON_NAME, 0, "dev-1", 5);
  g_assert_cmpint (
    gnutls_x509_crt_privkey_sign (crt, brevet_certificate_get_crt (issuer), brevet_key_get_privkey (issuer_key), digest, 0), ==, 0);
  g_assert_cmpint (gnutls_x509_crt_export2 (crt, GNUTLS_X509_FMT_DER, &der), ==, 0);
  gnutls_x509_crt_deinit (crt);
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  leaf = brevet_certificate_new (bytes, &error);
  g_assert_no_error (error);
  return leaf;
}

BrevetChain *
issuance_run_check (BrevetIssuanceCheck *check, BrevetCaRequest *request, BrevetChain *chain, BrevetTrustBundle *trust, gint64 now,
                    GError **error)
{
  g_autoptr(BrevetCaOutcome) outcome = brevet_ca_outcome_new_issued (chain, NULL, NULL);

  return brevet_issuance_check_run (check, request, outcome, trust, now, error);
}

void
issuance_assert_refused (BrevetChain *checked, GError *error, const char *says)
{
  g_assert_null (checked);
  g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, says));
}
