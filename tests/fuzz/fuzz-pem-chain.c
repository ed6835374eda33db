/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include <brevet.h>

/* Text of a stranger: what is read from it can be written and read again without change. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr(GError) chain_error = NULL, bundle_error = NULL;
  g_autoptr(BrevetChain) chain = brevet_chain_new_from_pem (text, &chain_error);
  g_autoptr(BrevetTrustBundle) bundle = brevet_trust_bundle_new_from_pem (text, &bundle_error);

  if (chain != NULL)
    {
      g_autoptr(BrevetChain) rest = brevet_chain_without_root (chain);
      g_autofree char *pem = brevet_chain_to_pem (chain);
      g_autoptr(BrevetChain) again = brevet_chain_new_from_pem (pem, NULL);

      g_assert_cmpuint (brevet_chain_get_length (again), ==, brevet_chain_get_length (chain));
      g_assert_cmpuint (brevet_chain_get_length (rest), >=, 1);
    }
  else
    g_assert_error (chain_error, BREVET_ERROR, BREVET_ERROR_INVALID);

  if (bundle != NULL)
    {
      g_autofree char *pem = brevet_trust_bundle_to_pem (bundle);
      g_autoptr(BrevetTrustBundle) again = brevet_trust_bundle_new_from_pem (pem, NULL);
      g_autoptr(GPtrArray) problems = brevet_trust_bundle_list_problems (bundle, 1790000000);

      g_assert_cmpstr (brevet_trust_bundle_get_etag (again), ==, brevet_trust_bundle_get_etag (bundle));
      for (guint i = 0; i < problems->len; i++)
        g_assert_true (g_utf8_validate (problems->pdata[i], -1, NULL));
    }
  else
    g_assert_error (bundle_error, BREVET_ERROR, BREVET_ERROR_INVALID);
  return 0;
}
