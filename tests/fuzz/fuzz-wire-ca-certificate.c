/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-ca-certificate-document.h"

#define NOW G_GINT64_CONSTANT (1800000000)

/* The same bytes as a proof: what signed itself and has the code as its name is one, nothing else is. */
static void
try_proof (BrevetCaCertificateDocument *document, GBytes *body)
{
  const char *name = brevet_certificate_get_common_name (document->certificate);
  gboolean was_verified = document->is_verified;
  g_autoptr(GError) error = NULL;

  brevet_ca_certificate_document_set_code (document, name != NULL ? name : "", NOW);
  if (brevet_ca_certificate_document_verify (document, body, NOW, &error))
    {
      g_assert_true (document->is_verified);
      g_assert_true (brevet_certificate_is_self_issued (document->certificate));
      return;
    }
  g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
  g_assert_true (document->is_verified == was_verified);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) body = g_bytes_new (data, size);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetCaCertificateDocument) document = brevet_ca_certificate_document_parse (body, "plant-root", NULL, NOW, &error);
  g_autoptr(BrevetCaCertificateDocument) loaded = NULL;
  g_autoptr(BrevetCaCertificateDocument) replaced = NULL;
  g_autoptr(GBytes) stored = NULL;
  g_autoptr(GBytes) stored_again = NULL;

  if (document == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      return 0;
    }
  stored = print_and_drop (brevet_ca_certificate_document_to_json (document));
  loaded = brevet_ca_certificate_document_load (stored, &error);
  g_assert_no_error (error);
  stored_again = print_and_drop (brevet_ca_certificate_document_to_json (loaded));
  g_assert_true (g_bytes_equal (stored, stored_again));
  replaced = brevet_ca_certificate_document_parse (stored, "plant-root", document, NOW, &error);
  g_assert_no_error (error);
  g_assert_true (replaced->is_verified == document->is_verified);
  try_proof (document, body);
  return 0;
}
