/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include <brevet.h>
#include <string.h>

/* The root and issuing CA of the corpus, and the request that its certificates answer: so that the checks of what was issued get
 * past the first one. */
static const char root_pem[] =
  "-----BEGIN CERTIFICATE-----\n"
  "MIIBkDCCATWgAwIBAgIUPO5NWGNf2/6joyzP1QcM6rrJbhkwCgYIKoZIzj0EAwIw\n"
  "FDESMBAGA1UEAwwJRnV6eiBSb290MCAXDTI2MTEyMTIxNDc0M1oYDzIxMjYxMDI4\n"
  "MjE0NzQzWjAUMRIwEAYDVQQDDAlGdXp6IFJvb3QwWTATBgcqhkjOPQIBBggqhkjO\n"
  "PQMBBwNCAAQfi4VI1JyKvRuHZPcIclOxd0Ww+n/7CIL10izC+xK+VGfYzoa178Y/\n"
  "q7VbY/ytdPWqjK6CEhYSkPd9/xR+jQ9Zo2MwYTAdBgNVHQ4EFgQUeIGeD1o3t4fV\n"
  "5+Nmfa72JkyJNLkwHwYDVR0jBBgwFoAUeIGeD1o3t4fV5+Nmfa72JkyJNLkwDwYD\n"
  "VR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwCgYIKoZIzj0EAwIDSQAwRgIh\n"
  "AKlFMDtafm0nVBSwiVf10XbnXOp0x7BktxqhJJplLAhSAiEAj5lAEB/atXud2aZT\n"
  "4axHND/Nj0MAeObZt534HBTOLH8=\n"
  "-----END CERTIFICATE-----\n";
static const char issuing_pem[] =
  "-----BEGIN CERTIFICATE-----\n"
  "MIIBiTCCAS+gAwIBAgIIESIzRFVmd4gwCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJ\n"
  "RnV6eiBSb290MCAXDTI2MTEyMTIxNDc0M1oYDzIxMjYxMDI4MjE0NzQzWjAXMRUw\n"
  "EwYDVQQDDAxGdXp6IElzc3VpbmcwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASh\n"
  "mmWwqmA7VlABz32c++6gGrMYxLZu/w9H41j/ZS7Wecu7uee6fhJ93ickTLqEr0Wd\n"
  "ay/mIoXTFs3qpgtY8fyio2YwZDASBgNVHRMBAf8ECDAGAQH/AgEAMA4GA1UdDwEB\n"
  "/wQEAwICBDAdBgNVHQ4EFgQUs654+vYX89VzMCuYzVXrvmfhdD4wHwYDVR0jBBgw\n"
  "FoAUeIGeD1o3t4fV5+Nmfa72JkyJNLkwCgYIKoZIzj0EAwIDSAAwRQIgZZWTsMfu\n"
  "cEkZFI+lSbU4nssDlhmHcrpuGAp+Jg4HhKcCIQD9IPsgbwRdb1klAGHxqo3OSqTr\n"
  "DJ17lu5CSmasNXZ/fg==\n"
  "-----END CERTIFICATE-----\n";
static const char csr_pem[] =
  "-----BEGIN CERTIFICATE REQUEST-----\n"
  "MIHKMHICAQAwEDEOMAwGA1UEAwwFZGV2LTEwWTATBgcqhkjOPQIBBggqhkjOPQMB\n"
  "BwNCAASI0G67R3maW3ABpk12T6+TnzLougMADD3qTTSK/6kK8VtO3FpyeURmASsq\n"
  "HkESRrSifx2mYMQwIIjps0dmXUcIoAAwCgYIKoZIzj0EAwIDSAAwRQIgSO5ICZ1h\n"
  "8DTYlUSB+uS0/a+jC7nD5puUD/HkQyTnjdMCIQCeKQiU/c+CuXc5aS/yIK4RYTHf\n"
  "FpRemO/tyj8sq1muIg==\n"
  "-----END CERTIFICATE REQUEST-----\n";

static BrevetCaRequest *request;
static BrevetIssuanceCheck *check;
static BrevetTrustBundle *trust;
static BrevetCertificate *issuing;

static GBytes *
decode_csr (void)
{
  gnutls_datum_t pem = { (guint8 *) csr_pem, sizeof csr_pem - 1 };
  gnutls_datum_t der = { NULL, 0 };
  GBytes *bytes;

  g_assert_cmpint (gnutls_pem_base64_decode2 (NULL, &pem, &der), ==, 0);
  bytes = g_bytes_new (der.data, der.size);
  gnutls_free (der.data);
  return bytes;
}

static void
prepare (void)
{
  static const guint8 idempotency_key[BREVET_CA_IDEMPOTENCY_KEY_SIZE];
  g_autoptr(BrevetKeyPolicy) policy = brevet_key_policy_new ();
  g_autoptr(GBytes) der = decode_csr ();
  g_autoptr(BrevetCsr) csr = brevet_csr_new (der, policy, NULL);

  request = brevet_ca_request_new ("operation", "dev-1", csr, idempotency_key, 0);
  brevet_ca_request_set_uri (request, "urn:brevet:dev-1");
  check = brevet_issuance_check_new (NULL, NULL);
  trust = brevet_trust_bundle_new_from_pem (root_pem, NULL);
  issuing = brevet_certificate_new_from_pem (issuing_pem, NULL);
  g_assert_nonnull (issuing);
}

static void
ask_all (BrevetCertificate *certificate)
{
  g_autofree char *pem = brevet_certificate_to_pem (certificate);

  g_assert_true (g_str_has_suffix (pem, "-----END CERTIFICATE-----\n"));
  g_assert_true (g_utf8_validate (brevet_certificate_get_subject (certificate), -1, NULL));
  g_assert_true (g_utf8_validate (brevet_certificate_get_issuer (certificate), -1, NULL));
  g_assert_true (brevet_certificate_get_common_name (certificate) == NULL ||
                 g_utf8_validate (brevet_certificate_get_common_name (certificate), -1, NULL));
  g_assert_cmpuint (strlen (brevet_certificate_get_serial (certificate)), >=, 2);
  g_assert_cmpuint (strlen (brevet_certificate_get_sha256 (certificate)), ==, 64);
  g_assert_cmpuint (strlen (brevet_certificate_get_sha1 (certificate)), ==, 40);
  brevet_certificate_get_spki_sha256 (certificate);
  brevet_certificate_is_ca (certificate);
  brevet_certificate_is_self_issued (certificate);
  brevet_certificate_is_issued_by (certificate, issuing);
}

/* A certificate from a CA that may be broken or hostile. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) der = g_bytes_new (data, size);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCertificate) certificate = brevet_certificate_new (der, &error);
  g_autoptr(GPtrArray) certificates = g_ptr_array_new ();
  g_autoptr(BrevetChain) chain = NULL, checked = NULL;
  g_autoptr(BrevetCaOutcome) outcome = NULL;

  if (request == NULL)
    prepare ();
  if (certificate == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      return 0;
    }
  ask_all (certificate);

  g_ptr_array_add (certificates, certificate);
  g_ptr_array_add (certificates, issuing);
  chain = brevet_chain_new (certificates, NULL);
  outcome = brevet_ca_outcome_new_issued (chain, NULL, NULL);
  checked
    = brevet_issuance_check_run (check, request, outcome, trust, brevet_certificate_get_not_after (certificate) - 3600, &error);
  if (checked == NULL)
    {
      g_assert_error (error, BREVET_CA_ERROR, BREVET_CA_ERROR_PROTOCOL);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
  return 0;
}
