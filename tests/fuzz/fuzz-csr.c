/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include <brevet.h>
#include <string.h>

/* A request of a stranger: it is refused with one of the two errors, or all of it can be used. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static BrevetKeyPolicy *policy;
  static BrevetSubjectPolicy *subjects;
  g_autoptr(GBytes) der = g_bytes_new (data, size);
  g_autoptr(BrevetCsr) csr = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GError) refused = NULL;
  g_autofree char *pem = NULL, *common_name = NULL, *uri = NULL;

  if (policy == NULL)
    {
      policy = brevet_key_policy_new ();
      subjects = brevet_subject_policy_new (NULL, NULL);
    }
  csr = brevet_csr_new (der, policy, &error);
  if (csr == NULL)
    {
      g_assert_true (g_error_matches (error, BREVET_ERROR, BREVET_ERROR_INVALID) ||
                     g_error_matches (error, BREVET_ERROR, BREVET_ERROR_REJECTED));
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return 0;
    }
  g_assert_cmpuint (strlen (brevet_csr_get_sha256 (csr)), ==, 64);
  g_assert_cmpuint (strlen (brevet_csr_get_spki_sha256 (csr)), ==, 64);
  pem = brevet_csr_to_pem (csr);
  g_assert_true (g_str_has_prefix (pem, "-----BEGIN CERTIFICATE REQUEST-----\n"));
  if (!brevet_subject_policy_apply (subjects, "dev-1", csr, &common_name, &uri, &refused))
    g_assert_error (refused, BREVET_ERROR, BREVET_ERROR_REJECTED);
  return 0;
}
