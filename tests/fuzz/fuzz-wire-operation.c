/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-wire.h"

#include "brevet-registration-state.h"
#include "brevet-wire-error.h"

static void
try_problem (GBytes *body)
{
  g_autoptr(BrevetReply) reply = brevet_reply_new (500, body);
  g_autoptr(BrevetWireProblem) problem = brevet_wire_problem_parse (reply);

  g_assert_nonnull (problem);
}

static void
try_dialect (const BrevetRegistrationState *state, const char *operation_id, BrevetDialect dialect)
{
  g_autoptr(GError) error = NULL;
  g_autofree char *operation_id_again = NULL;
  g_autoptr(BrevetReply) reply = brevet_operation_reply (operation_id != NULL ? operation_id : "", state, dialect, 3);
  g_autoptr(BrevetRegistrationState) again = brevet_operation_parse (brevet_reply_get_body (reply), &operation_id_again, &error);

  g_assert_no_error (error);
  assert_sound (brevet_reply_get_body (reply));
  g_assert_cmpint (again->status, ==, state->status);
  g_assert_cmpstr (again->registration_id, ==, state->registration_id);
}

/* A device reads what a service of unknown quality sends. */
int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr(GBytes) body = g_bytes_new (data, size);
  g_autoptr(GError) error = NULL;
  g_autofree char *operation_id = NULL;
  g_autoptr(BrevetRegistrationState) state = brevet_operation_parse (body, &operation_id, &error);

  try_problem (body);
  if (state == NULL)
    {
      g_assert_error (error, BREVET_ERROR, BREVET_ERROR_INVALID);
      g_assert_null (operation_id);
      return 0;
    }
  try_dialect (state, operation_id, BREVET_DIALECT_2021_11_01_PREVIEW);
  try_dialect (state, operation_id, BREVET_DIALECT_2025_07_01_PREVIEW);
  return 0;
}
