/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-registration-request.h"

/* What was read and is written again is read as the same. */
static void
try_dialect (GBytes *body, BrevetDialect dialect)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetRegistrationRequest) request = brevet_registration_request_parse (body, dialect, &error);
  g_autoptr(BrevetRegistrationRequest) again = NULL;
  g_autoptr(GBytes) printed = NULL;
  g_autoptr(GBytes) printed_again = NULL;

  if (request == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      return;
    }
  printed = brevet_registration_request_print (request, dialect);
  assert_sound (printed);
  again = brevet_registration_request_parse (printed, dialect, &error);
  g_assert_no_error (error);
  printed_again = brevet_registration_request_print (again, dialect);
  g_assert_true (g_bytes_equal (printed, printed_again));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) body = g_bytes_new (data, size);

  try_dialect (body, BREVET_DIALECT_STABLE);
  try_dialect (body, BREVET_DIALECT_2021_11_01_PREVIEW);
  try_dialect (body, BREVET_DIALECT_2025_07_01_PREVIEW);
  return 0;
}
