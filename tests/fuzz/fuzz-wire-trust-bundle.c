/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-trust-bundle-document.h"

/* What was shown changes nothing when it is sent back, also by somebody who drops what he does not know. */
static void
assert_sent_back (GBytes *shown, const BrevetTrustBundleDocument *stored)
{
  g_autoptr(JsonObject) object = brevet_wire_parse_object (shown, "what was written", NULL);
  g_autoptr(BrevetTrustBundleDocument) whole = brevet_trust_bundle_document_parse (shown, stored->id, stored, NULL);
  g_autoptr(BrevetTrustBundleDocument) dropped = NULL;
  g_autoptr(GBytes) stripped = NULL;

  brevet_trust_bundle_document_strip (object);
  stripped = brevet_wire_print_object (object);
  dropped = brevet_trust_bundle_document_parse (stripped, stored->id, stored, NULL);
  g_assert_nonnull (whole);
  g_assert_nonnull (dropped);
  for (guint i = 0; i < stored->sources->len; i++)
    {
      g_assert_cmpstr (g_ptr_array_index (whole->sources, i), ==, g_ptr_array_index (stored->sources, i));
      g_assert_cmpstr (g_ptr_array_index (dropped->sources, i), ==, g_ptr_array_index (stored->sources, i));
    }
  g_assert_cmpuint (whole->pems->len, ==, stored->pems->len);
  g_assert_cmpuint (dropped->pems->len, ==, stored->pems->len);
}

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
  assert_sent_back (stored, loaded);
  return 0;
}
