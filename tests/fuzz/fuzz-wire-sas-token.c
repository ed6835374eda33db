/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-sas-token.h"

#include <string.h>

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const guint8 key_bytes[32] = { 1 };
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr(BrevetSecret) key = brevet_secret_new (key_bytes, sizeof key_bytes);
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetSasToken) token = brevet_sas_token_parse (text, &error);

  if (token == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return 0;
    }
  g_assert_cmpint (token->expiry, >=, 0);
  g_assert_true (g_utf8_validate (token->resource, -1, NULL));
  g_assert_false (brevet_sas_token_verify (token, key));
  g_assert_false (brevet_sas_token_is_expired (token, 0));
  brevet_sas_token_is_for_device (token, "0ne000A1B2C", "pump-07");
  brevet_sas_token_is_for_host (token, "acme.example.net", "/enrollments/pump-07");
  return 0;
}
