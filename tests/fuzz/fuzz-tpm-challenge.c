/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz.h"

#include "brevet-error.h"
#include "brevet-tpm-challenge.h"

/* What a device is sent by whoever it takes for its service: refused, or a key that is like those that are replaced. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *text = g_strndup ((const char *) data, size);
  g_autoptr(GError) error = NULL;
  BrevetTpmChallenge challenge;

  if (!brevet_tpm_challenge_parse (text, &challenge, &error))
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_REJECTED);
      return 0;
    }
  g_assert_true (brevet_tpm_challenge_is_such_key (&challenge.public_area));
  g_assert_cmpuint (challenge.name.size, ==, 34);
  g_assert_cmpuint (challenge.credential.size, <=, sizeof challenge.credential.credential);
  g_assert_cmpuint (challenge.duplicate.size, <=, sizeof challenge.duplicate.buffer);
  return 0;
}
