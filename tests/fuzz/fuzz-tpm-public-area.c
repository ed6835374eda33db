/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "brevet-tpm-blob.h"
#include "brevet-tpm-cipher.h"
#include "brevet-tpm-public-area.h"

/* What is accepted can be encrypted to, and is the bytes that came in. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) bytes = g_bytes_new (data, size);
  g_autoptr(BrevetTpmPublicArea) area = NULL;
  g_autoptr(BrevetSecret) key = NULL;
  g_autoptr(GBytes) blob = NULL;
  g_autoptr(GError) error = NULL;

  if (!brevet_tpm_cipher_init (NULL))
    return 0;
  area = brevet_tpm_public_area_parse (bytes, &error);
  if (area == NULL)
    {
      g_assert_nonnull (error);
      return 0;
    }
  g_assert_true (g_bytes_equal (area->bytes, bytes));
  key = brevet_secret_new (data, 32);
  blob = brevet_tpm_blob_new (area, area, key, NULL, &error);
  g_assert_true (blob != NULL || error != NULL);
  return 0;
}
