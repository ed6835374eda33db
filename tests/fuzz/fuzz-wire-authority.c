/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-authority-document.h"

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) body = g_bytes_new (data, size);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetAuthorityDocument) document = brevet_authority_document_parse (body, "plant-ca", NULL, &error);
  g_autoptr(BrevetAuthorityDocument) loaded = NULL;
  g_autoptr(GBytes) stored = NULL;
  g_autoptr(GBytes) stored_again = NULL;
  g_autoptr(JsonObject) shown = NULL;

  if (document == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      return 0;
    }
  stored = print_and_drop (brevet_authority_document_to_json (document, TRUE));
  loaded = brevet_authority_document_load (stored, &error);
  g_assert_no_error (error);
  stored_again = print_and_drop (brevet_authority_document_to_json (loaded, TRUE));
  g_assert_true (g_bytes_equal (stored, stored_again));

  shown = brevet_authority_document_to_json (loaded, FALSE);
  g_assert_false (json_object_has_member (shown, "apiKey"));
  return 0;
}
