/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "brevet-error.h"

/* Asserts that @error is a refusal whose message holds @needle, and clears it. */
static inline void
assert_refused (GError **error, int code, const char *needle)
{
  g_assert_error (*error, BREVET_ERROR, code);
  if (strstr ((*error)->message, needle) == NULL)
    g_error ("“%s” does not mention “%s”", (*error)->message, needle);
  g_clear_error (error);
}

static inline GBytes *
bytes_of (const char *text)
{
  return g_bytes_new (text, strlen (text));
}

static inline void
assert_bytes (GBytes *bytes, const char *expected)
{
  g_autofree char *text = g_strndup (g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));

  g_assert_cmpstr (text, ==, expected);
}
