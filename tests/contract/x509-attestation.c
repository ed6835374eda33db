/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "x509-attestation.h"

#include "brevet.h"

#include <string.h>

gint64 x509_now_offset;

static gint64
tell_time (gpointer user_data)
{
  return (X509_PKI_NOW + x509_now_offset) * G_USEC_PER_SEC;
}

void
x509_stop_clock (void)
{
  brevet_clock_set_source (tell_time, NULL);
}

BrevetVerifier *
x509_create_verifier (void)
{
  g_autoptr(BrevetRegistry) registry = brevet_registry_new ();
  g_autoptr(GError) error = NULL;
  BrevetPlugin *plugin = brevet_registry_create (registry, BREVET_TYPE_VERIFIER, X509_MODULE, "test", NULL, &error);

  g_assert_no_error (error);
  return BREVET_VERIFIER (plugin);
}

static JsonObject *
fill_in (const char *json, va_list arguments)
{
  g_autoptr(GString) text = g_string_new (json);
  g_autoptr(JsonNode) node = NULL;
  g_autoptr(GError) error = NULL;
  guint number = 1;

  for (X509Party *party = va_arg (arguments, X509Party *); party != NULL; party = va_arg (arguments, X509Party *))
    {
      GBytes *der = brevet_certificate_get_der (party->certificate);
      g_autofree char *base64 = g_base64_encode (g_bytes_get_data (der, NULL), g_bytes_get_size (der));
      g_autofree char *mark = g_strdup_printf ("@%u", number++);

      g_string_replace (text, mark, base64, 0);
    }
  node = json_from_string (text->str, &error);
  g_assert_no_error (error);
  return json_node_dup_object (node);
}

static BrevetAttestation *
make (gboolean is_group, const char *json, va_list arguments)
{
  g_autoptr(JsonObject) parameters = fill_in (json, arguments);

  return brevet_attestation_new ("x509", is_group, parameters);
}

BrevetAttestation *
x509_attestation (gboolean is_group, const char *json, ...)
{
  BrevetAttestation *attestation;
  va_list arguments;

  va_start (arguments, json);
  attestation = make (is_group, json, arguments);
  va_end (arguments);
  return attestation;
}

BrevetAttestation *
x509_enroll (gboolean is_group, const char *json, ...)
{
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(BrevetAttestation) wanted = NULL;
  va_list arguments;

  va_start (arguments, json);
  wanted = make (is_group, json, arguments);
  va_end (arguments);
  return verifier_suite_prepare (verifier, wanted, NULL);
}

BrevetClaims *
x509_claim (const char *registration_id, BrevetChain *chain)
{
  BrevetClaims *claims = brevet_claims_new ();

  brevet_claims_set_device (claims, X509_SCOPE, registration_id);
  brevet_claims_set_chain (claims, chain);
  return claims;
}

char *
x509_accept (BrevetAttestation *attestation, const char *registration_id, BrevetChain *chain)
{
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(BrevetClaims) claims = x509_claim (registration_id, chain);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = verifier_suite_verify (verifier, attestation, claims, &error);

  g_assert_no_error (error);
  return g_strdup (brevet_verdict_get_credential (verdict));
}

void
x509_refuse (BrevetAttestation *attestation, const char *registration_id, BrevetChain *chain, int code, const char *needle)
{
  g_autoptr(BrevetVerifier) verifier = x509_create_verifier ();
  g_autoptr(BrevetClaims) claims = x509_claim (registration_id, chain);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetVerdict) verdict = verifier_suite_verify (verifier, attestation, claims, &error);

  g_assert_null (verdict);
  g_test_message ("%s", error->message);
  g_assert_error (error, BREVET_ERROR, code);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  g_assert_nonnull (strstr (error->message, needle));
}
