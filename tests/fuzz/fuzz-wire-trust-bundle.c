/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-trust-bundle-document.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) body = g_bytes_new (data, size);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetTrustBundleDocument) document = brevet_trust_bundle_document_parse (body, "plant-roots", NULL, &error);
  g_autoptr(BrevetTrustBundleDocument) loaded = NULL;
  g_autoptr(GBytes) stored = NULL;
  g_autoptr(GBytes) stored_again = NULL;

  if (document == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      return 0;
    }
  g_assert_cmpuint (document->pems->len, ==, brevet_trust_bundle_get_length (document->bundle));
  stored = print_and_drop (brevet_trust_bundle_document_to_json (document));
  loaded = brevet_trust_bundle_document_load (stored, &error);
  g_assert_no_error (error);
  stored_again = print_and_drop (brevet_trust_bundle_document_to_json (loaded));
  g_assert_true (g_bytes_equal (stored, stored_again));
  return 0;
}
