/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-enrollment.h"

static void
try_dialect (GBytes *body, gboolean is_group, const char *id, BrevetDialect dialect)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(BrevetEnrollment) enrollment = brevet_enrollment_parse (body, is_group, id, dialect, NULL, &error);
  g_autoptr(BrevetEnrollment) loaded = NULL;
  g_autoptr(GBytes) stored = NULL;
  g_autoptr(GBytes) stored_again = NULL;
  g_autoptr(GBytes) shown = NULL;

  if (enrollment == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      return;
    }
  stored = print_and_drop (brevet_enrollment_to_json (enrollment, BREVET_DIALECT_2021_11_01_PREVIEW, NULL));
  loaded = brevet_enrollment_load (stored, is_group, &error);
  g_assert_no_error (error);
  stored_again = print_and_drop (brevet_enrollment_to_json (loaded, BREVET_DIALECT_2021_11_01_PREVIEW, NULL));
  g_assert_true (g_bytes_equal (stored, stored_again));
  shown = print_and_drop (brevet_enrollment_to_json (loaded, BREVET_DIALECT_2025_07_01_PREVIEW, NULL));
  g_assert_nonnull (shown);
}

static void
try_kind (GBytes *body, gboolean is_group, const char *id)
{
  try_dialect (body, is_group, id, BREVET_DIALECT_2021_11_01_PREVIEW);
  try_dialect (body, is_group, id, BREVET_DIALECT_2025_07_01_PREVIEW);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) body = g_bytes_new (data, size);

  try_kind (body, FALSE, "pump-07");
  try_kind (body, TRUE, "line-4");
  return 0;
}
